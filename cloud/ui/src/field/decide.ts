/** What becomes of an entry of the outbox: pure. Which is sent next, and what an answer means for it. */
import type { Words } from '@/api/types'

export type State = 'queued' | 'sending' | 'sent' | 'rejected'

/** What must be known of an entry to send it in its turn. */
export interface Queued {
  seq: number
  id: string
  /** The order that it is about; empty: it stands for itself. */
  order: string
  state: State
}

/** What came back. Status 0: nobody answered; body null: not JSON; `late`: it was given up waiting. */
export interface Reply {
  status: number
  body: unknown
  late?: boolean
}

export type Outcome =
  | { as: 'sent'; revision: number | null }
  /** The server has it and has not decided yet. */
  | { as: 'taken' }
  /** It stays. `alone`: only this entry is in trouble, others can be tried. */
  | { as: 'away'; signIn: boolean; alone: boolean; said: Words }
  /** It needs a person. `conflict`: somebody else was first, or what it was about has changed. */
  | { as: 'rejected'; status: number; conflict: boolean; said: Words }

const WAITS: ReadonlySet<number> = new Set([401, 408, 429])
/** A proxy says this of a photo in its own words, and will say it for ever. */
const TOO_LARGE = 413
const CONFLICTS: ReadonlySet<number> = new Set([409, 412])

const isObject = (body: unknown): body is Record<string, unknown> => typeof body === 'object' && body !== null
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** What an answer says, with the fields that could not be used. */
export function wordsOf(reply: Reply): Words {
  const body = isObject(reply.body) ? reply.body : {}
  const fields = (Array.isArray(body['errors']) ? body['errors'] : [])
    .filter(isObject)
    .map((one) => `${textOf(one['field'])}: ${textOf(one['message'])}`)
    .join('; ')
  const more = fields ? ` (${fields})` : ''
  const en = textOf(body['detail']) || textOf(body['title']) || String(reply.status || '')
  return { zh: (textOf(body['detail_zh']) || en) + more, en: en + more }
}

/** What the answer to an entry means. What does not come from our server (a hotel's sign-in page, say) decides nothing. */
export function outcomeOf(reply: Reply, id: string): Outcome {
  const { status } = reply
  const body = isObject(reply.body) ? reply.body : null
  const said = wordsOf(reply)
  if (status === 202 && body) return { as: 'taken' }
  if (status >= 200 && status < 300) {
    if (body?.['id'] !== id) return { as: 'away', signIn: false, alone: false, said }
    const revision = body['revision']
    return { as: 'sent', revision: typeof revision === 'number' ? revision : null }
  }
  if (status < 400 || status >= 500 || WAITS.has(status) || (!body && status !== TOO_LARGE))
    return { as: 'away', signIn: status === 401, alone: status >= 500 && body !== null, said }
  return { as: 'rejected', status, conflict: CONFLICTS.has(status), said }
}

/** What the record of an action (`GET /actions/{id}`) means for the entry that was taken. 404: not decided yet. */
export function decidedOf(reply: Reply, id: string): Outcome {
  const body = isObject(reply.body) ? reply.body : null
  if (reply.status === 404) return { as: 'taken' }
  if (reply.status !== 200 || body?.['id'] !== id)
    return { as: 'away', signIn: reply.status === 401, alone: reply.status >= 500, said: wordsOf(reply) }
  if (body['done'] !== false) return outcomeOf(reply, id)
  const reason = isObject(body['reason']) ? body['reason'] : {}
  const problem = textOf(body['problem'])
  const en = textOf(reason['en']) || problem
  const said = { zh: textOf(reason['zh']) || en, en }
  const status = { unknown: 404, conflict: 409, stale: 412, not_allowed: 403, unusable: 422 }[problem] ?? 409
  return { as: 'rejected', status, conflict: CONFLICTS.has(status), said }
}

/** What the answer to an upload means; null: the file is there. A file that takes too long keeps only its own order waiting. */
export function uploadOf(reply: Reply): Exclude<Outcome, { as: 'sent' } | { as: 'taken' }> | null {
  const sha256 = isObject(reply.body) ? reply.body['sha256'] : null
  if (reply.status >= 200 && reply.status < 300 && typeof sha256 === 'string') return null
  const outcome = outcomeOf({ ...reply, status: reply.status < 400 ? 0 : reply.status }, '')
  if (outcome.as === 'sent' || outcome.as === 'taken') throw new Error('a refused upload is no success')
  return outcome.as === 'away' && reply.late ? { ...outcome, alone: true } : outcome
}

/** Entries of one chain go strictly one after the other. */
export const chainOf = (entry: Queued): string => entry.order || entry.id

/** The next to send: in the order of writing; what follows a rejected or held one of the same order waits behind it. */
export function nextOf<T extends Queued>(entries: readonly T[], held: ReadonlySet<string> = new Set()): T | null {
  const waiting = new Set(held)
  for (const entry of [...entries].sort((a, b) => a.seq - b.seq)) {
    if (entry.state === 'sent') continue
    const chain = chainOf(entry)
    if (entry.state !== 'rejected' && !waiting.has(chain)) return entry
    waiting.add(chain)
  }
  return null
}

/** Those that wait behind a rejected one, by the id of that one. */
export function behind(entries: readonly Queued[]): Map<string, string> {
  const rejected = new Map<string, string>()
  const found = new Map<string, string>()
  for (const entry of [...entries].sort((a, b) => a.seq - b.seq)) {
    const first = rejected.get(chainOf(entry))
    if (entry.state === 'rejected') rejected.set(chainOf(entry), first ?? entry.id)
    else if (entry.state !== 'sent' && first) found.set(entry.id, first)
  }
  return found
}

export type Counts = Record<'waiting' | 'rejected', number>

export function counted(entries: readonly Queued[]): Counts {
  const rejected = entries.filter((one) => one.state === 'rejected').length
  const sent = entries.filter((one) => one.state === 'sent').length
  return { rejected, waiting: entries.length - sent - rejected }
}
