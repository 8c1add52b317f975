import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Alarm } from '../../api/types.ts'
import { byNeed, chatters, isIn, rowsOf, TABS, unseenOf } from './list.ts'

const alarm = (id: string, state: string, body: Partial<Alarm['body']> = {}, opened_at = 0): Alarm =>
  ({ id, state, opened_at, body: { kind: 'fire', priority: 1, group: '', zone: 'b1', ...body } }) as Alarm
const ids = (alarms: readonly Alarm[]): string[] => alarms.map((one) => one.id)
const all = { tab: 'standing', priority: '', zone: '', text: '' } as const

test('what nobody has acknowledged comes first, then what has gone unseen, then what is known', () => {
  const order = [alarm('new', 'unacknowledged'), alarm('gone', 'returned_unacknowledged'), alarm('seen', 'acknowledged')]
  assert.deepEqual(ids([...order].reverse().sort(byNeed)), ['new', 'gone', 'seen'])
})

test('within a state the graver comes first, then the later, then the one of the smaller id', () => {
  const order = [
    alarm('grave', 'unacknowledged', { priority: 1 }), alarm('late', 'unacknowledged', { priority: 2 }, 9),
    alarm('a', 'unacknowledged', { priority: 2 }, 3), alarm('b', 'unacknowledged', { priority: 2 }, 3),
  ]
  assert.deepEqual(ids([...order].reverse().sort(byNeed)), ['grave', 'late', 'a', 'b'])
})

test('a real alarm comes before one of a drill, however grave that is', () => {
  const order = [alarm('real', 'unacknowledged', { priority: 3 }), alarm('drill', 'unacknowledged', { priority: 1, drill: 'd1' })]
  assert.deepEqual(ids([...order].reverse().sort(byNeed)), ['real', 'drill'])
})

test('every state stands in one part of the list', () => {
  const states = ['unacknowledged', 'returned_unacknowledged', 'acknowledged', 'shelved', 'suppressed', 'out_of_service', 'normal']
  for (const state of states) assert.equal(TABS.filter((tab) => isIn(alarm('a', state), tab)).length, 1, state)
})

test('the alarms of a group are one row, told by the one that came first, but not those of another state', () => {
  const group = { group: 'g' }
  const rows = rowsOf(
    [alarm('one', 'unacknowledged', group, 9), alarm('two', 'unacknowledged', { ...group, first_out: true }, 1), alarm('three', 'acknowledged', group, 5)],
    all, () => '',
  )
  assert.deepEqual(rows.map((row) => [row.alarm.id, ids(row.others)]), [['two', ['one']], ['three', []]])
})

test('a row is found by its priority, its zone and every word of its text', () => {
  const alarms = [alarm('a', 'unacknowledged', { priority: 1, zone: 'b1' }), alarm('b', 'unacknowledged', { priority: 2, zone: 'b2' })]
  const found = (wanted: object): string[] => rowsOf(alarms, { ...all, ...wanted }, (one) => `Fire ${one.id} lobby`).map((row) => row.alarm.id)
  assert.deepEqual(found({ priority: '2' }), ['b'])
  assert.deepEqual(found({ zone: 'b1' }), ['a'])
  assert.deepEqual(found({ text: 'LOBBY a' }), ['a'])
  assert.deepEqual(found({ text: 'lobby cellar' }), [])
})

test('what is still to be acknowledged is every alarm of a row that nobody has seen', () => {
  const rows = [{ alarm: alarm('a', 'acknowledged'), others: [alarm('b', 'unacknowledged'), alarm('c', 'returned_unacknowledged')] }]
  assert.deepEqual(unseenOf(rows), ['b', 'c'])
})

test('three times within a minute is chatter, twice is not', () => {
  assert.equal(chatters(alarm('a', 'unacknowledged', { times: [1, 2] })), false)
  assert.equal(chatters(alarm('a', 'unacknowledged', { times: [1, 2, 3] })), true)
})
