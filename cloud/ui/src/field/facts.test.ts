import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Order } from '../api/types.ts'
import { fit } from './fit.ts'
import { gist } from './gist.ts'
import { holes, isBad, itemsOf, readingOf, type Item, type Value } from './items.ts'
import { placeOf, tagOf } from './tags.ts'
import { byUrgency, deadlineOf, isOpenTo, type OrderKind } from './urgent.ts'

const item = (more: Partial<Item>): Item => ({
  id: 'i', name: { zh: '', en: 'i' }, kind: 'reading', unit: '', least: null, most: null, choices: [], good: true,
  required: true, opens: null, measured: false, ...more,
})
const BLACK = { id: 'black', name: { zh: '', en: 'Black' }, bad: true }

const JUDGED: [string, Item, Value, boolean][] = [
  ['within', item({ least: 50, most: 100 }), 50, false],
  ['below', item({ least: 50 }), 49.9, true],
  ['above', item({ most: 100 }), 101, true],
  ['without limits', item({}), -1e9, false],
  ['yes where yes is good', item({ kind: 'yes_no' }), true, false],
  ['yes where no is good', item({ kind: 'yes_no', good: false }), true, true],
  ['a bad choice', item({ kind: 'choice', choices: [BLACK] }), 'black', true],
  ['a choice that is fine', item({ kind: 'choice', choices: [{ ...BLACK, bad: false }] }), 'black', false],
  ['words', item({ kind: 'text' }), 'anything', false],
]
for (const [name, one, value, bad] of JUDGED) test(`a value is judged: ${name}`, () => assert.equal(isBad(one, value), bad))

const TYPED: [string, number | null][] = [
  ['12.5', 12.5], ['12,5', 12.5], [' 12 ', 12], ['-3', -3], ['\u22123', -3], ['\uff11\uff12\uff0e\uff15', 12.5], ['.5', 0.5], ['0', 0],
  ['', null], ['abc', null], ['12.', 12], ['1.2.3', null], ['1e9', null], ['Infinity', null], ['12 V', null],
]
for (const [text, number] of TYPED) test(`a reading as typed: ${JSON.stringify(text)}`, () => assert.equal(readingOf(text), number))

test('a signed order ends with a signature, once', () => {
  const signed = { id: 'c', name: { zh: '', en: '' }, signature: true, items: [item({ id: 'a' })] }
  assert.deepEqual(itemsOf(signed, true).map((one) => one.id), ['a', 'signature'])
  assert.deepEqual(itemsOf({ ...signed, items: [item({ id: 's', kind: 'signature' })] }, true).map((one) => one.id), ['s'])
  assert.deepEqual(itemsOf(undefined, false), [])
})

test('what is required and not filled is a hole', () => {
  const items = [item({ id: 'a' }), item({ id: 'b' }), item({ id: 'c', required: false })]
  assert.deepEqual(holes(items, [{ item: 'b' }]).map((one) => one.id), ['a'])
})

const TAGS: [string, [string, string] | null][] = [
  ['/t/demo/cp-b1', ['demo', 'cp-b1']],
  ['https://watch.example/t/demo/cp-b1', ['demo', 'cp-b1']],
  ['https://watch.example/t/demo/cp%20b1/?x=1', ['demo', 'cp b1']],
  ['SW1:demo:cp-b1', ['demo', 'cp-b1']],
  [' cp-b1 ', ['', 'cp-b1']],
  ['https://shop.example/offer', null],
  ['two words', null],
  ['', null],
]
for (const [text, expected] of TAGS)
  test(`a code is read: ${JSON.stringify(text)}`, () => {
    const tag = tagOf(text)
    assert.deepEqual(tag && [tag.site, tag.id], expected)
  })

test('a code names a place of this site, of another, or none', () => {
  const name = { zh: '', en: 'x' }
  const known = {
    site: 'demo', devices: new Map([['cp', { id: 'cp', zone: 'b1', name }]]), zones: new Map([['b1', { id: 'b1', name }]]),
  }
  const is = (text: string) => placeOf(text, known).is
  assert.deepEqual(['SW1:demo:cp', 'b1', '/t/far/cp', 'zz'].map(is), ['device', 'zone', 'elsewhere', 'unknown'])
})

const MIN = 60_000
const limit = (name: string, ms: number | null) => ({ name, urgency: 'normal', text: '', ms })
const KIND: OrderKind = {
  id: 'repair', name: { zh: '', en: '' }, role: 'engineer', urgencies: ['normal'], checklist: null, needs_verification: false,
  call_back: false, requested: true,
  limits: [limit('accept_within', 5 * MIN), limit('arrive_within', 15 * MIN), limit('done_within', 60 * MIN), limit('answer_within', null)],
}
const order = (body: Partial<Order['body']> = {}, more: Partial<Order> = {}): Order => ({
  id: 'o', kind: 'order', site: 's', state: 'registered', opened_at: 0, changed_at: 0, revision: 1,
  body: { id: 'o', kind: 'repair', title: '', opened_at: 0, ...body }, ...more,
})
const ACCEPTED = { act: 'accepted', at: MIN } as const
const DUE: [string, Order, [string, number] | null][] = [
  ['nobody has it', order(), ['accept_within', 5 * MIN]],
  ['somebody comes', order({ steps: [ACCEPTED] }, { state: 'accepted' }), ['arrive_within', 15 * MIN]],
  ['somebody works', order({ steps: [ACCEPTED, { act: 'on_site', at: 2 * MIN }] }, { state: 'on_site' }), ['done_within', 60 * MIN]],
  ['a plan wants it sooner', order({ steps: [ACCEPTED, { act: 'on_site', at: 1 }], due_at: 30 * MIN }), ['done_within', 30 * MIN]],
  ['a pause puts it off', order({ pauses: [{ from: MIN, to: 3 * MIN, by: 'p', reason: 'r' }] }), ['accept_within', 7 * MIN]],
  ['it is paused', order({ pauses: [{ from: MIN, by: 'p', reason: 'r' }] }), null],
  ['the work is done', order({}, { state: 'done' }), null],
  ['only working days count', order({ answers_owed: true }, { state: 'done' }), null],
]
for (const [name, one, expected] of DUE)
  test(`an order's next limit: ${name}`, () => {
    const deadline = deadlineOf(one, KIND)
    assert.deepEqual(deadline && [deadline.name, deadline.due], expected)
  })

test('urgent, due and old orders come first; done and paused ones last', () => {
  const rows = [
    order({}, { id: 'done', state: 'done' }), order({ pauses: [{ from: 0, by: 'p', reason: 'r' }] }, { id: 'paused' }),
    order({}, { id: 'late', opened_at: 9 }), order({}, { id: 'soon' }), order({ urgency: 'urgent' }, { id: 'urgent', opened_at: 50 }),
  ]
  const due = (one: Order) => ({ late: 99, soon: 5 })[one.id] ?? null
  assert.deepEqual(rows.toSorted(byUrgency(due)).map((one) => one.id), ['urgent', 'soon', 'late', 'paused', 'done'])
})

test('an order that nobody has is open to those with its role', () => {
  assert.ok(isOpenTo(order({ role: 'engineer' }), ['engineer']))
  assert.ok(!isOpenTo(order({ role: 'engineer' }), ['guard']))
  assert.ok(!isOpenTo(order({ role: 'engineer', assigned: 'p-2' }), ['engineer']))
})

test('a photo is made smaller in proportion, never larger', () => {
  assert.deepEqual(fit(4000, 3000), { width: 2048, height: 1536 })
  assert.deepEqual(fit(640, 480), { width: 640, height: 480 })
  assert.deepEqual(fit(9000, 1), { width: 2048, height: 1 })
})

test('an act is told in few words, without hashes', () => {
  assert.equal(gist({ do: 'fill_item', item: 'oil', value: true }), 'oil \u00b7 \u2713')
  assert.equal(gist({ do: 'attach', name: 'a.jpg', sha256: 'a'.repeat(64) }), 'a.jpg')
})
