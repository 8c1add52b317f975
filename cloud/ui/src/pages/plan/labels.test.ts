import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asMarks, namePlace, peoplePlace, wordsWidth } from './labels.ts'

const ROOM = [[0, 0], [20, 0], [20, 10], [0, 10]]

test('a name stands at the top of its zone where nothing is', () => {
  assert.deepEqual(namePlace(ROOM, 10, 'Lobby', [[3, 8]], 1), [10, 0.75])
})

test('a name gives way to devices: to the bottom, then out of the zone', () => {
  assert.deepEqual(namePlace(ROOM, 10, 'Lobby', [[10, 1]], 1), [10, 9.25])
  assert.deepEqual(namePlace(ROOM, 10, 'Lobby', [[10, 1], [11, 9]], 1), [10, 10.65])
})

test('people do not hide what is in the middle', () => {
  assert.deepEqual(peoplePlace([10, 5], 1, [], 1), [10, 6.3])
  assert.deepEqual(peoplePlace([10, 5], 1, [[10, 6.3]], 1), [10, 3.7])
  assert.deepEqual(peoplePlace([10, 5], 1, asMarks([10, 6], 'Lobby', 1), 1), [10, 3.7])
})

test('Chinese is as wide as it is high', () => {
  assert.ok(wordsWidth('\u5317\u95e8\u5c97') > wordsWidth('abc'))
})
