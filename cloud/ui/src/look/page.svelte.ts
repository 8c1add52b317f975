/** How a page looks and speaks: told to the document, since style sheets and screen readers ask it. */
import { clock } from '@/live/clock.svelte'
import { isNight, preferences } from '@/preferences.svelte'
import { hourOf, language } from '@/words/index.svelte'

/** Called once by the root of each page, while it is made. */
export function dressed(): void {
  const night = $derived(isNight(preferences.theme, hourOf(clock.now)))
  $effect(() => { document.documentElement.dataset['theme'] = night ? 'night' : 'day' })
  $effect(() => { document.documentElement.lang = language() === 'zh' ? 'zh-CN' : 'en' })
}

/** Keeps the pages for when there is no network. */
export function kept(): void {
  if ('serviceWorker' in navigator && import.meta.env.PROD) void navigator.serviceWorker.register('/sw.js')
}
