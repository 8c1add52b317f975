import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Order } from '../api/types.ts'
import { drafted, merged, type Done } from './merge.ts'

const order = (more: Partial<Order> = {}, body: Partial<Order['body']> = {}): Order => ({
  id: 'o1', kind: 'order', site: 'demo', state: 'registered', opened_at: 100, changed_at: 100, revision: 1,
  body: { id: 'o1', kind: 'repair', title: 'Lamp', opened_at: 100, ...body }, ...more,
})
let count = 0
const done = (action: Done['action'], more: Partial<Done> = {}): Done =>
  ({ id: `e${++count}`, person: 'p-1', at: 200 + count, order: 'o1', state: 'queued', action, ...more })
const ACCEPT = { do: 'accept_order', order: 'o1' }

const STATES: [string, Done['action'][], string][] = [
  ['nothing was done', [], 'registered'],
  ['accepted', [ACCEPT], 'accepted'],
  ['arrived', [ACCEPT, { do: 'arrive_at_order' }], 'on_site'],
  ['finished', [ACCEPT, { do: 'arrive_at_order' }, { do: 'finish_order' }], 'done'],
  ['found good', [{ do: 'verify_order', good: true }], 'verified'],
  ['found not good', [{ do: 'verify_order', good: false, note: 'again' }], 'accepted'],
  ['closed', [{ do: 'close_order' }], 'closed'],
  ['cancelled', [{ do: 'cancel_order' }], 'cancelled'],
  ['only noted', [{ do: 'note', text: 'x' }], 'registered'],
  ['something of another kind', [{ do: 'scan', device: 'd' }], 'registered'],
]

for (const [name, actions, state] of STATES)
  test(`own work is seen at once: ${name}`, () => {
    const seen = merged(order(), actions.map((action) => done(action)))
    assert.equal(seen.order.state, state)
    assert.equal(seen.unsynced.length, actions.length)
  })

test('whoever accepts has it', () => assert.equal(merged(order(), [done(ACCEPT)]).order.body.assigned, 'p-1'))

test('an item that is filled again has its last value, and is marked', () => {
  const stored = order({}, { items: [{ item: 'fuel', value: 1, at: 1, person: 'p-2' }, { item: 'oil', value: true, at: 1, person: 'p-2' }] })
  const fill = (value: number) => done({ do: 'fill_item', item: 'fuel', value })
  const seen = merged(stored, [fill(2), fill(3)])
  assert.deepEqual(seen.order.body.items?.map((one) => [one.item, one.value]), [['oil', true], ['fuel', 3]])
  assert.deepEqual([...seen.items], ['fuel'])
})

test('a pause runs until it ends, at the latest with the work', () => {
  const pause = done({ do: 'pause_order', reason: 'parts' })
  assert.equal(merged(order(), [pause]).order.body.pauses?.[0]?.to, undefined)
  assert.equal(merged(order(), [pause, done({ do: 'resume_order' }, { at: 900 })]).order.body.pauses?.[0]?.to, 900)
  assert.equal(merged(order(), [pause, done({ do: 'finish_order' }, { at: 950 })]).order.body.pauses?.[0]?.to, 950)
})

test('the last word on a part counts, and nothing of it takes it out', () => {
  const use = (part: string, quantity: number) => done({ do: 'use_part', part, quantity })
  const parts = (...entries: Done[]) => merged(order(), entries).order.body.parts?.map((one) => [one.part, one.quantity])
  assert.deepEqual(parts(use('oil', 4), use('filter', 1), use('oil', 5)), [['filter', 1], ['oil', 5]])
  assert.deepEqual(parts(use('oil', 4), use('oil', 0)), [])
})

test('a photo is there and marked', () => {
  const seen = merged(order(), [done({ do: 'attach', sha256: 'aa', name: 'a.jpg', type: 'image/jpeg', size: 3 })])
  assert.deepEqual([seen.order.body.files?.[0]?.sha256, [...seen.files]], ['aa', ['aa']])
})

test('what was refused is not in it', () => {
  const seen = merged(order(), [done(ACCEPT, { state: 'rejected' })])
  assert.deepEqual([seen.order.state, seen.unsynced], ['registered', []])
})

test('what was sent stays until the server tells of it, and is not called unsynced', () => {
  const sent = done(ACCEPT, { state: 'sent', revision: 2 })
  assert.deepEqual([merged(order(), [sent]).order.state, merged(order(), [sent]).unsynced], ['accepted', []])
  const told = order({ revision: 2, state: 'accepted' }, { steps: [{ act: 'accepted', at: 201, person: 'p-1' }] })
  assert.equal(merged(told, [sent]).order.body.steps?.length, 1)
})

test('what belongs to another order is left alone', () =>
  assert.equal(merged(order(), [done(ACCEPT, { order: 'o2' })]).order.state, 'registered'))

test('what is stored is not changed', () => {
  const stored = order()
  const before = JSON.stringify(stored)
  merged(stored, [done(ACCEPT), done({ do: 'note', text: 'x' })])
  assert.equal(JSON.stringify(stored), before)
})

test('an order that is opened here can be worked on here', () => {
  const opening = done({ do: 'open_order', kind: 'repair', title: 'Pipe', zone: 'b1', device: null }, { order: 'o9' })
  const kind = { id: 'repair', role: 'engineer', checklist: 'home', needs_verification: true, call_back: false }
  const drawn = drafted(opening, 'demo', kind)
  const seen = merged(drawn, [opening, done(ACCEPT, { order: 'o9' })])
  assert.deepEqual([seen.order.state, seen.order.body.checklist, seen.order.body.role], ['accepted', 'home', 'engineer'])
})
