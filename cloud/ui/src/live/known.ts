/** How old a value is: pure. */
import type { Device } from '../api/types'

type Known = Pick<Device, 'complete_to' | 'quiet_ms'> | undefined

const SOON_MS = 60_000

/** Up to when a value stands: one that does not move is not sent again as long as its device is known. */
export const standsTo = (at: number, device: Known, now: number): number => Math.max(at, Math.min(device?.complete_to ?? 0, now))

/** Whether a value is older than its device, as often as it speaks, explains. */
export const isOld = (at: number, device: Known, now: number): boolean =>
  now - standsTo(at, device, now) > SOON_MS + (device?.quiet_ms ?? 0)
