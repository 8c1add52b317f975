/** Time without a network: pure. A tablet's clock may be wrong and may be set while nobody can be asked.
 *
 * Each act keeps what the device's own clock said and in which era it was: an era ends when that clock jumps. Once the
 * server is heard again, the era's offset is known for certain and acts of that era are corrected by it. */

export interface DeviceClock {
  /** Changes whenever the device's clock jumped. */
  era: string
  /** Server's time less the device's, ms. */
  offset: number
  /** Whether the offset was measured since the clock jumped last, or follows from it for certain. */
  known: boolean
  /** Whether it was ever measured. */
  ever: boolean
  /** What the device's clock and the page's stopwatch showed last. */
  wall: number
  mono: number
  /** By how much the clock was found to have been set, ms; 0: it was not. */
  set: number
}

export interface Stamp {
  /** By the device's own clock. */
  deviceAt: number
  era: string
  /** As it was thought to be then, and whether that was measured. */
  offset: number
  known: boolean
}

/** A stopwatch and a clock that drift apart by less are as they should be. */
export const SLACK_MS = 2_000
const STEADY_MS = 1_000
/** Off by more, it is said plainly. */
export const WRONG_MS = 60_000

/** The clock of a page that opens: as the last one left it, unless it was set back while no page was open. */
export function opened(kept: DeviceClock | null, wall: number, mono: number, era: string): DeviceClock {
  if (!kept) return { era, offset: 0, known: false, ever: false, wall, mono, set: 0 }
  const back = kept.wall - wall
  if (back <= SLACK_MS) return { ...kept, wall, mono, set: 0 }
  return { ...kept, era, offset: kept.offset + back, known: false, wall, mono, set: -back }
}

/** A moment later. Set back, the jump is known exactly; ahead, the device may as well have slept, so the offset stays
 * until the server is heard. */
export function ticked(clock: DeviceClock, wall: number, mono: number, era: string): DeviceClock {
  const jump = wall - clock.wall - (mono - clock.mono)
  if (Math.abs(jump) < SLACK_MS) return { ...clock, wall, mono }
  if (jump < 0) return { ...clock, era, offset: clock.offset - jump, wall, mono, set: jump }
  return { ...clock, era, known: false, wall, mono }
}

/** The server said its time. Where the device's clock went ahead meanwhile, it is known now whether it was set. */
export function heard(clock: DeviceClock, server: number, wall: number, mono: number): DeviceClock {
  const measured = server - wall
  // The line's delay is not the clock's error: what was measured before stands while it fits.
  const offset = clock.known && Math.abs(measured - clock.offset) < STEADY_MS ? clock.offset : measured
  const ahead = clock.offset - offset
  const set = clock.ever && !clock.known && Math.abs(ahead) > WRONG_MS ? ahead : clock.set
  return { ...clock, offset, known: true, ever: true, wall, mono, set }
}

export const stampOf = (clock: DeviceClock, wall: number): Stamp => ({
  deviceAt: wall, era: clock.era, offset: clock.offset, known: clock.known,
})

/** When it was done by the server's time, as well as that is known now. */
export function correctedAt(stamp: Stamp, clock: DeviceClock): number {
  const offset = clock.era === stamp.era && clock.known ? clock.offset : stamp.offset
  return Math.max(0, Math.round(stamp.deviceAt + offset))
}

/** The most that is said of a time that nobody can vouch for. */
const MOST_DOUBT_MS = 3_600_000

/** By how much a corrected time may still be off, ms. */
export function doubtOf(stamp: Stamp, clock: DeviceClock): number {
  if (stamp.known || (clock.era === stamp.era && clock.known)) return STEADY_MS
  return Math.round(Math.min(MOST_DOUBT_MS, Math.max(WRONG_MS, Math.abs(stamp.offset))))
}

/** How far the device's clock is off, ms: positive when it is ahead. */
export const errorOf = (clock: DeviceClock): number => Math.round(-clock.offset)

export const isWrong = (clock: DeviceClock): boolean => Math.abs(clock.offset) > WRONG_MS
