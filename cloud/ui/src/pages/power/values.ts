/** Measured values by device, and which of them are beyond a limit. Pure. */
import type { components } from '@/api/schema'
import type { Device } from '@/api/types'

export type Value = components['schemas']['ValueView']
export type Limit = components['schemas']['LimitView']

/** Devices with their values: those that measure more come last, so that plant rooms are seen first. */
export function deviceGroups(values: readonly Value[], devices: ReadonlyMap<string, Device>): [string, Value[]][] {
  const found = new Map<string, Value[]>()
  for (const one of values) if (devices.has(one.device)) found.set(one.device, [...(found.get(one.device) ?? []), one])
  return [...found].sort(([a, x], [b, y]) => x.length - y.length || (a < b ? -1 : 1))
}

/** The limit that a value is beyond at this moment; whether it has lasted too long its rule judges. */
export const beyond = (one: Value, limits: readonly Limit[]): Limit | undefined =>
  limits.find(({ above, below }) => one.value !== null && ((above != null && one.value > above) || (below != null && one.value < below)))

/** Values that say in words how things stand first, then numbers, each in their order. */
export const telling = (values: readonly Value[]): Value[] => values.toSorted((a, b) => Number(a.words === null) - Number(b.words === null))
