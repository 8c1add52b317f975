/** The alarm list: which alarms are shown, in which order, what is one and what is many. Pure. */
import type { Alarm } from '@/api/types'

/** The parts of the list, by the states of IEC 62682. */
export const TABS = ['standing', 'shelved', 'suppressed', 'out_of_service', 'past'] as const
export type Tab = (typeof TABS)[number]

const STATES: Readonly<Record<Tab, readonly string[]>> = {
  standing: ['unacknowledged', 'returned_unacknowledged', 'acknowledged'],
  shelved: ['shelved'],
  suppressed: ['suppressed'],
  out_of_service: ['out_of_service'],
  past: ['normal'],
}

export interface Wanted {
  tab: Tab
  priority: string
  zone: string
  text: string
}

/** A row: an alarm, and the others of its group and kind that came with it (forty detectors of one fire). */
export interface Row {
  alarm: Alarm
  others: Alarm[]
}

export const isIn = (alarm: Alarm, tab: Tab): boolean => STATES[tab].includes(alarm.state)

/** Those that need a person first, real ones before those of a drill: unacknowledged, returned, acknowledged; then by priority; the latest first. */
export function byNeed(a: Alarm, b: Alarm): number {
  const rank = (one: Alarm) => STATES.standing.indexOf(one.state)
  const drill = (one: Alarm) => (one.body.drill ? 1 : 0)
  return rank(a) - rank(b) || drill(a) - drill(b) || a.body.priority - b.body.priority || b.opened_at - a.opened_at || (a.id < b.id ? -1 : 1)
}

export function rowsOf(alarms: Iterable<Alarm>, wanted: Wanted, textOf: (alarm: Alarm) => string): Row[] {
  const words = wanted.text.toLowerCase().split(/\s+/).filter(Boolean)
  const found = [...alarms].filter(
    (one) =>
      isIn(one, wanted.tab) &&
      (!wanted.priority || String(one.body.priority) === wanted.priority) &&
      (!wanted.zone || one.body.zone === wanted.zone) &&
      words.every((word) => textOf(one).toLowerCase().includes(word)),
  )
  const groups = new Map<string, Alarm[]>()
  for (const one of found.sort(byNeed)) {
    const key = `${one.body.group || one.id}|${one.body.kind}|${one.state}`
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  return [...groups.values()].map((members) => {
    const first = members.find((one) => one.body.first_out) ?? members[0]!
    return { alarm: first, others: members.filter((one) => one !== first) }
  })
}

/** Every alarm of some rows that is not acknowledged yet. */
export const unseenOf = (rows: readonly Row[]): string[] =>
  rows.flatMap(({ alarm, others }) => [alarm, ...others])
    .filter((one) => one.state === 'unacknowledged' || one.state === 'returned_unacknowledged')
    .map((one) => one.id)

/** A chattering alarm: so often within a minute that it is noise (ISA-18.2, 16.5). */
export const chatters = (alarm: Alarm): boolean => (alarm.body.times?.length ?? 0) >= 3
