import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Alarm } from '@/api/types'
import { floorOf, type Floor } from './plan.ts'

const FLOORS = [['f1', 'lobby'], ['f2', 'flat'], ['b1', 'parking']].map(([id, zone]) => ({ id, zones: [{ id: zone }] })) as unknown as Floor[]
const alarm = (zone: string, opened_at: number, state = 'unacknowledged', kind = 'fire') => ({ opened_at, state, body: { kind, zone } }) as unknown as Alarm
const shown = (...alarms: Alarm[]) => floorOf(FLOORS, alarms)?.id

test('without a fire the first floor is shown', () => {
  assert.equal(shown(), 'f1')
  assert.equal(shown(alarm('parking', 1, 'unacknowledged', 'link')), 'f1')
  assert.equal(shown(alarm('parking', 1, 'normal')), 'f1')
  assert.equal(floorOf([], []), undefined)
})

test('the newest fire that nobody has seen goes before those that are known', () => {
  assert.equal(shown(alarm('parking', 1), alarm('flat', 2)), 'f2')
  assert.equal(shown(alarm('parking', 1), alarm('flat', 2, 'acknowledged')), 'b1')
})

test('a fire that is on no drawing shows the next one', () => {
  assert.equal(shown(alarm('nowhere', 3), alarm('flat', 2)), 'f2')
})
