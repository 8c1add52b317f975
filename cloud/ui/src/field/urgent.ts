/** What an order waits for and until when, and which comes first: pure, as the server's clock of orders reckons. */
import type { components } from '@/api/schema'
import type { Order } from '@/api/types'

export type OrderKind = components['schemas']['OrderKindView']

export interface Deadline {
  name: string
  from: number
  due: number
}

const WORKED: ReadonlySet<string> = new Set(['done', 'verified'])
const OVER: ReadonlySet<string> = new Set(['closed', 'called_back', 'cancelled'])

/** The limits that still run, with the act that meets each. */
function unmet(order: Order): string[] {
  const acts = new Set((order.body.steps ?? []).map((step) => step.act))
  if (OVER.has(order.state)) return []
  const work = WORKED.has(order.state)
    ? []
    : [
        ...(acts.has('accepted') ? [] : ['accept_within']),
        ...(acts.has('on_site') ? [] : ['arrive_within']),
        'done_within',
      ]
  return [...work, ...(order.body.answers_owed && !order.body.answers?.length ? ['answer_within'] : []), 'close_within']
}

/** A moment moved by the pauses that lie before it. */
function putOff(order: Order, start: number, end: number): number {
  let due = end
  for (const pause of order.body.pauses ?? []) {
    const since = Math.max(pause.from, start)
    if (pause.to != null && since < due) due += Math.max(0, pause.to - since)
  }
  return due
}

export const isPaused = (order: Order): boolean => (order.body.pauses ?? []).some((one) => one.to == null)

/** The limit that ends first; null: none runs, or it is counted in working days, which only the server knows. */
export function deadlineOf(order: Order, kind: OrderKind | undefined): Deadline | null {
  if (isPaused(order)) return null
  const from = order.body.opened_at
  const ends = unmet(order).flatMap((name) => {
    const limit = kind?.limits.find((one) => one.name === name && one.urgency === (order.body.urgency ?? 'normal'))
    const end = name === 'done_within' && order.body.due_at ? order.body.due_at : limit?.ms != null ? from + limit.ms : null
    return end === null ? [] : [{ name, from, due: putOff(order, from, end) }]
  })
  return ends.sort((a, b) => a.due - b.due)[0] ?? null
}

export const isMine = (order: Order, person: string): boolean => Boolean(person) && order.body.assigned === person

/** Whether somebody with these roles may take it. */
export const isOpenTo = (order: Order, roles: readonly string[]): boolean =>
  order.state === 'registered' && !order.body.assigned && (!order.body.role || roles.includes(order.body.role))

/** What needs work first: unfinished, urgent, by limit, by age. */
export function byUrgency(dueOf: (order: Order) => number | null): (a: Order, b: Order) => number {
  const rank = (order: Order) => Number(WORKED.has(order.state)) * 4 + Number(isPaused(order)) * 2
  const urgent = (order: Order) => (order.body.urgency === 'urgent' ? 0 : 1)
  return (a, b) =>
    rank(a) - rank(b) || urgent(a) - urgent(b) || (dueOf(a) ?? Infinity) - (dueOf(b) ?? Infinity) || a.opened_at - b.opened_at
}
