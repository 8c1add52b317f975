/** What an incident needs now: pure, of the incident, what is known of its site, and the time. */
import type { Episode, Incident, Rule, Verdict, Words } from '@/api/types'

/** How it stands, in the order in which it needs a person. */
export const STATUSES = ['unseen', 'overdue', 'waiting', 'breached', 'unknown', 'toclose', 'unwatched', 'link'] as const
export type Status = (typeof STATUSES)[number]

/** Colour and form of each, never one without the other: the level is a priority of `Priority.svelte`. */
export const MARKS: Readonly<Record<Status, string>> = {
  unseen: '▲', unwatched: '▲', overdue: '▲', waiting: '●', breached: '✖', unknown: '?', toclose: '○', link: '◆',
}

/** What must be known of the site. */
export interface Known {
  rules: ReadonlyMap<string, Rule>
  verdictOf(episode: Episode): Verdict | undefined
  hasEvent(type: string): boolean
}

/** The obligation that needs somebody first: the pending one that is due next, else one that went wrong. */
export function foremost(episodes: readonly Episode[]): Episode | null {
  const pending = episodes.filter((one) => one.outcome === 'pending').sort((a, b) => a.due_at - b.due_at)
  const wrong = episodes.filter((one) => one.outcome !== 'met')
  return [...pending, ...wrong, ...episodes][0] ?? null
}

/** The priority of what is about life. */
const LIFE = 1

/** The steps by which somebody at a desk has taken notice; that a guard arrived is none of them. */
const SEEN: ReadonlySet<string> = new Set(['acknowledged', 'dispatched', 'verified', 'handled', 'closed'])

/** Whether nobody has acknowledged an emergency, though somebody may be on site already. */
export const isUnseen = (incident: Incident): boolean =>
  Boolean(incident.life.emergency) && !(incident.life.steps ?? []).some((step) => SEEN.has(step.phase))

/** Whether it is a real danger to life that nobody has acknowledged: never below anything, and never left out. */
export const isUrgent = (incident: Incident): boolean =>
  isUnseen(incident) && !incident.life.drill && (incident.life.priority ?? LIFE) <= LIFE

export function statusOf(incident: Incident, now: number): Status {
  const episode = foremost(incident.episodes)
  if (incident.kind === 'unwatched') return 'unwatched'
  if (!episode) return incident.life.emergency ? settled(incident) : 'link'
  if (episode.outcome === 'pending') return episode.overdue || now > episode.due_at ? 'overdue' : 'waiting'
  if (incident.life.emergency) return settled(incident)
  return episode.outcome === 'breached' || episode.outcome === 'unknown' ? episode.outcome : 'toclose'
}

/** An emergency of which nothing is pending any more is closed by people, once somebody has acknowledged it. */
const settled = (incident: Incident): Status => (isUnseen(incident) ? 'unseen' : 'toclose')

/** The event type that set it off: its cause where that is told, else the one that all its rules begin with; else
 * null, since a page never guesses. */
export function triggerOf(incident: Incident, known: Known): string | null {
  if (known.hasEvent(incident.cause)) return incident.cause
  const begins = incident.episodes.map((one) => known.rules.get(one.rule)?.on ?? [])
  const common = (begins[0] ?? []).filter((type) => begins.every((types) => types.includes(type)))
  const only = common.length === 1 ? common[0]! : ''
  return known.hasEvent(only) ? only : null
}

/** Who is dealing with it: those who were sent, else whoever did the last step. */
export function comingOf(incident: Incident): string[] {
  const { people = [], steps = [] } = incident.life
  if (people.length) return people
  return [...new Set(steps.map((step) => step.person).filter((name): name is string => Boolean(name)))].slice(-1)
}

/** How many obligations are known to be missed, or can't be known. */
export const unmetOf = (incident: Incident): number =>
  incident.episodes.filter((one) => one.outcome === 'breached' || one.outcome === 'unknown').length

/** The sentence on what is missing, as the rules wrote it; null where they have not spoken. */
export function missingOf(incident: Incident, known: Known): Words | null {
  const episode = foremost(incident.episodes)
  return (episode && known.verdictOf(episode)?.explain) ?? null
}

/** Those that need a person now come first: dangers to life that nobody has acknowledged, real ones before drills, by status, then by the limit, then by age. */
export function byNeed(now: number): (a: Incident, b: Incident) => number {
  const urgent = (one: Incident) => (isUrgent(one) ? 0 : 1)
  const drill = (one: Incident) => (one.life.drill ? 1 : 0)
  const rank = (one: Incident) => STATUSES.indexOf(statusOf(one, now))
  const due = (one: Incident) => foremost(one.episodes)?.due_at ?? Infinity
  return (a, b) => urgent(a) - urgent(b) || drill(a) - drill(b) || rank(a) - rank(b) || due(a) - due(b) || a.opened_at - b.opened_at || (a.id < b.id ? -1 : 1)
}
