/** The server's time. Countdowns hang on it, never on the clock of this screen, which may be wrong or be set. */

let said = Date.now()
let heardAt = performance.now()
/** A slow answer is told later than it was said: the smallest delay known gives the best offset. */
const TICK_MS = 250

export function serverSays(now: number): void {
  const drawn = said + (performance.now() - heardAt)
  if (Math.abs(now - drawn) < 50) return
  said = now
  heardAt = performance.now()
}

export const serverNow = (): number => Math.round(said + (performance.now() - heardAt))

/** How far this device's own clock is off, ms: positive when it is ahead of the server. */
export const clockError = (): number => Date.now() - serverNow()

/** The one clock of the page, for everything that counts: it moves four times a second while the page is seen. */
export const clock = $state({ now: serverNow() })

setInterval(() => {
  if (!document.hidden) clock.now = serverNow()
}, TICK_MS)
document.addEventListener('visibilitychange', () => (clock.now = serverNow()))
