/** How a page looks and speaks: told to the document, since style sheets and screen readers ask it. */
import { onMount } from 'svelte'
import { serverNow } from '@/live/clock.svelte'
import { isNight, preferences } from '@/preferences.svelte'
import { hourOf, language } from '@/words/index.svelte'

const HOUR_AFTER_MS = 1_500
const HOUR_EVERY_MS = 60_000

/** Called once by the root of each page, while it is made. The first hour is that of this device: to ask for the site's costs a
 * slow tablet a tenth of a second, which the page has better uses for while it is loaded. */
export function dressed(): void {
  let hour = $state(new Date().getHours())
  const night = $derived(isNight(preferences.theme, hour))
  onMount(() => {
    const look = () => (hour = hourOf(serverNow()))
    const first = setTimeout(look, HOUR_AFTER_MS)
    const timer = setInterval(look, HOUR_EVERY_MS)
    return () => {
      clearTimeout(first)
      clearInterval(timer)
    }
  })
  $effect(() => { document.documentElement.dataset['theme'] = night ? 'night' : 'day' })
  $effect(() => { document.documentElement.lang = language() === 'zh' ? 'zh-CN' : 'en' })
}

/** Keeps the pages for when there is no network. */
export function kept(): void {
  if ('serviceWorker' in navigator && import.meta.env.PROD) void navigator.serviceWorker.register('/sw.js')
}
