/** A stored order with what this tablet did to it since: pure. The server decides; until it has, this is what is seen. */
import type { components } from '@/api/schema'
import type { Order } from '@/api/types'
import type { State } from './decide.ts'

type Schemas = components['schemas']
type Body = Schemas['Order']
export type Act = Schemas['Act']

/** An entry as it concerns an order. `revision`: of the order after the server did it. */
export interface Done {
  id: string
  person: string
  action: Record<string, unknown> & { do: string }
  at: number
  order: string
  state: State
  revision?: number | null
}

export interface Merged {
  order: Order
  /** Entries that are in it and not in what the server told. */
  unsynced: string[]
  /** Items of the checklist that only this tablet knows. */
  items: ReadonlySet<string>
  /** Files that only this tablet knows. */
  files: ReadonlySet<string>
}

const STATE_AFTER: Partial<Record<string, string>> = {
  accept_order: 'accepted', arrive_at_order: 'on_site', finish_order: 'done', close_order: 'closed', cancel_order: 'cancelled',
}
const ACT: Partial<Record<string, Act>> = {
  accept_order: 'accepted', arrive_at_order: 'on_site', finish_order: 'done', close_order: 'closed', cancel_order: 'cancelled',
}
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const sorted = <T extends { at: number }>(rows: readonly T[]): T[] => [...rows].sort((a, b) => a.at - b.at)

function stepped(body: Body, act: Act, done: Done, note = ''): Body {
  const step = { act, at: done.at, person: done.person, how: 'declared', note } as const
  return { ...body, steps: sorted([...(body.steps ?? []), step]) }
}

function filled(body: Body, done: Done): Body {
  const item = textOf(done.action['item'])
  const value = done.action['value'] as string | number | boolean
  const found = { item, value, at: done.at, person: done.person, note: textOf(done.action['note']) }
  return { ...body, items: [...(body.items ?? []).filter((one) => one.item !== item), found] }
}

function paused(body: Body, done: Done): Body {
  const pause = { from: done.at, by: done.person, reason: textOf(done.action['reason']) }
  return { ...body, pauses: [...(body.pauses ?? []), pause] }
}

function resumed(body: Body, done: Done): Body {
  return { ...body, pauses: (body.pauses ?? []).map((one) => (one.to == null ? { ...one, to: done.at } : one)) }
}

function attached(body: Body, done: Done): Body {
  const { action } = done
  const file = {
    at: done.at, person: done.person, sha256: textOf(action['sha256']), name: textOf(action['name']),
    type: textOf(action['type']), size: Number(action['size'] ?? 0),
  }
  return { ...body, files: [...(body.files ?? []), file] }
}

const noted = (body: Body, done: Done): Body =>
  ({ ...body, notes: sorted([...(body.notes ?? []), { at: done.at, person: done.person, text: textOf(done.action['text']) }]) })

function took(body: Body, done: Done): Body {
  const { action } = done
  const part = textOf(action['part']).trim()
  const quantity = Number(action['quantity'] ?? 0)
  const used = { part, quantity, unit: textOf(action['unit']).trim(), at: done.at, person: done.person }
  const others = (body.parts ?? []).filter((one) => one.part !== part)
  return { ...body, parts: quantity ? [...others, used].sort((a, b) => (a.part < b.part ? -1 : 1)) : others }
}

const answered = (body: Body, done: Done): Body =>
  ({ ...body, answers: sorted([...(body.answers ?? []), { at: done.at, person: done.person, text: textOf(done.action['text']) }]) })

/** The order after one more act; the same where the act does not change it. */
function after(order: Order, done: Done): Order {
  const { action } = done
  const body = order.body
  switch (action.do) {
    case 'fill_item': return { ...order, body: filled(body, done) }
    case 'use_part': return { ...order, body: took(body, done) }
    case 'pause_order': return { ...order, body: paused(body, done) }
    case 'resume_order': return { ...order, body: resumed(body, done) }
    case 'attach': return { ...order, body: attached(body, done) }
    case 'note': return { ...order, body: noted(body, done) }
    case 'answer_order': return { ...order, body: answered(body, done) }
    case 'verify_order': {
      const good = action['good'] === true
      const next = stepped(body, good ? 'verified' : 'rejected', done, textOf(action['note']))
      return { ...order, state: good ? 'verified' : 'accepted', body: next }
    }
    default: return moved(order, done)
  }
}

function moved(order: Order, done: Done): Order {
  const act = ACT[done.action.do]
  if (!act) return order
  const note = textOf(done.action['note']) || textOf(done.action['tag']) || textOf(done.action['override'])
  const body = stepped(order.body, act, done, note)
  const ended = act === 'done' || act === 'cancelled' ? resumed(body, done) : body
  const held = act === 'accepted' ? { ...ended, assigned: done.person } : ended
  return { ...order, state: STATE_AFTER[done.action.do] ?? order.state, body: held }
}

/** Whether an entry is not in the stored order yet: not sent, or sent and the stored one is older than its answer. */
function isNews(done: Done, stored: Order): boolean {
  if (done.state === 'rejected') return false
  if (done.state !== 'sent') return true
  return done.revision != null && done.revision > stored.revision
}

/** The order as this tablet knows it. Entries are taken in the order of writing; rejected ones are not in it. */
export function merged(stored: Order, entries: readonly Done[]): Merged {
  const news = entries.filter((one) => one.order === stored.id && one.action.do !== 'open_order' && isNews(one, stored))
  const named = (verb: string, field: string) =>
    new Set(news.filter((one) => one.action.do === verb).map((one) => textOf(one.action[field])))
  return {
    order: news.reduce(after, stored),
    unsynced: news.filter((one) => one.state !== 'sent').map((one) => one.id),
    items: named('fill_item', 'item'),
    files: named('attach', 'sha256'),
  }
}

export interface Kind {
  id: string
  role: string
  checklist?: string | null
  needs_verification: boolean
  call_back: boolean
}

/** The order that an entry opens, as it will be once the server has it. */
export function drafted(done: Done, site: string, kind: Kind | undefined): Order {
  const { action } = done
  const body: Body = {
    id: done.order, kind: textOf(action['kind']), title: textOf(action['title']), opened_at: done.at,
    zone: textOf(action['zone']) || null, device: textOf(action['device']) || null,
    urgency: textOf(action['urgency']) || 'normal', text: textOf(action['text']), assigned: textOf(action['assigned']),
    role: kind?.role ?? '', checklist: textOf(action['checklist']) || (kind?.checklist ?? ''),
    verifies: kind?.needs_verification ?? false, calls_back: kind?.call_back ?? false,
    steps: [{ act: 'registered', at: done.at, person: done.person, how: 'declared' }],
  }
  return {
    id: done.order, kind: 'order', site, state: 'registered', opened_at: done.at, changed_at: done.at, revision: 0, body,
  }
}
