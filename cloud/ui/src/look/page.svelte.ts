/** How a page looks and speaks: told to the document, since style sheets and screen readers ask it. */
import { flushSync, onMount } from 'svelte'
import { serverNow } from '@/live/clock.svelte'
import { isNight, preferences } from '@/preferences.svelte'
import { hourOf, language } from '@/words/index.svelte'

/** For what is drawn with colours of its own, such as curves. Paper is white, whatever the hour. */
export const dress = $state({ night: false })

const HOUR_AFTER_MS = 1_500
const HOUR_EVERY_MS = 60_000

/** Called once by the root of each page, while it is made. The first hour is that of this device: to ask for the site's costs a
 * slow tablet a tenth of a second, which the page has better uses for while it is loaded. */
export function dressed(): void {
  let hour = $state(new Date().getHours())
  let printing = $state(false)
  onMount(() => {
    const look = () => (hour = hourOf(serverNow()))
    const first = setTimeout(look, HOUR_AFTER_MS)
    const timer = setInterval(look, HOUR_EVERY_MS)
    // At once: what is printed is what stands there when this returns.
    const paper = () => flushSync(() => (printing = true))
    const screen = () => (printing = false)
    addEventListener('beforeprint', paper)
    addEventListener('afterprint', screen)
    return () => {
      removeEventListener('beforeprint', paper)
      removeEventListener('afterprint', screen)
      clearTimeout(first)
      clearInterval(timer)
    }
  })
  $effect(() => {
    dress.night = !printing && isNight(preferences.theme, hour)
    document.documentElement.dataset['theme'] = dress.night ? 'night' : 'day'
  })
  $effect(() => { document.documentElement.lang = language() === 'zh' ? 'zh-CN' : 'en' })
}

/** Keeps the pages for when there is no network. */
export function kept(): void {
  if ('serviceWorker' in navigator && import.meta.env.PROD) void navigator.serviceWorker.register('/sw.js')
}
