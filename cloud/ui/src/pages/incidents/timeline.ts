/** Everything that is known of an incident, in the order in which it happened. Pure. */
import type { components } from '@/api/schema'
import type { EventRow, Incident, Verdict } from '@/api/types'

export type Notice = components['schemas']['NoticeView']

/** One line. `at`: when it happened; the other times are those of an event only. */
export type Entry = { at: number; key: string } & (
  | { kind: 'event'; event: EventRow; role: 'trigger' | 'evidence' | 'context' }
  | { kind: 'step'; phase: string; person: string; how: string; note: string; toldAt: number }
  | { kind: 'walked'; step: string; person: string; skipped: string }
  | { kind: 'note'; person: string; text: string }
  | { kind: 'file'; person: string; sha256: string; name: string }
  | { kind: 'notice'; notice: Notice }
  | { kind: 'verdict'; verdict: Verdict }
)

const idOf = (one: { device: string; seq: string }): string => `${one.device}/${one.seq}`

/** The events that set it off or decided something of it. */
export function evidenceOf(incident: Incident, verdicts: readonly Verdict[]): Set<string> {
  const found = verdicts.flatMap((one) => [...one.evidence, ...one.joined]).map(idOf)
  return new Set(incident.trigger ? [idOf(incident.trigger), ...found] : found)
}

/** Events of the incident's own zones, and evidence wherever it was. */
function events(incident: Incident, verdicts: readonly Verdict[], rows: readonly EventRow[]): Entry[] {
  const proof = evidenceOf(incident, verdicts)
  const zones = new Set([incident.subject, ...(incident.life.zones ?? [])])
  const trigger = incident.trigger ? idOf(incident.trigger) : ''
  return rows
    .filter((row) => proof.has(idOf(row)) || (row.zone !== null && zones.has(row.zone)))
    .map((event) => {
      const id = idOf(event)
      const role = id === trigger ? 'trigger' : proof.has(id) ? 'evidence' : 'context'
      return { at: event.at, key: `e${id}`, kind: 'event', event, role }
    })
}

export function timeline(
  incident: Incident, verdicts: readonly Verdict[], rows: readonly EventRow[], notices: readonly Notice[],
): Entry[] {
  const { steps = [], plan = [], notes = [], files = [] } = incident.life
  const entries: Entry[] = [
    ...events(incident, verdicts, rows),
    ...steps.map((one): Entry => ({ at: one.at, key: `s${one.phase}`, kind: 'step', phase: one.phase, person: one.person ?? '', how: one.how ?? 'declared', note: one.note ?? '', toldAt: one.told_at ?? 0 })),
    ...plan.map((one): Entry => ({ at: one.at, key: `w${one.step}${one.at}`, kind: 'walked', step: one.step, person: one.person, skipped: one.skipped ?? '' })),
    ...notes.map((one, i): Entry => ({ at: one.at, key: `n${i}`, kind: 'note', person: one.person, text: one.text })),
    ...files.map((one): Entry => ({ at: one.at, key: `f${one.sha256}`, kind: 'file', person: one.person, sha256: one.sha256, name: one.name })),
    ...notices.map((notice): Entry => ({ at: notice.made_at, key: `t${notice.id}`, kind: 'notice', notice })),
    ...verdicts.map((verdict): Entry => ({ at: verdict.decided_at, key: `v${verdict.rule}${verdict.key}${verdict.opened_at}${verdict.revision}`, kind: 'verdict', verdict })),
  ]
  return entries.sort((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1))
}

/** What a person can do next, in the order of the plan. */
export const PHASES = ['detected', 'acknowledged', 'dispatched', 'arrived', 'verified', 'handled', 'closed', 'reviewed'] as const
export const reached = (incident: Incident, phase: string): boolean => (incident.life.steps ?? []).some((one) => one.phase === phase)
