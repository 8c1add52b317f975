import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cardsIn, tilesIn, verdictsIn } from './fit.ts'

const WALL = { width: 66, height: 62 }

test('few cards are large, many are not', () => {
  assert.deepEqual(cardsIn(WALL, 2), { shown: 2, size: 1.4 })
  assert.deepEqual(cardsIn(WALL, 9), { shown: 9, size: 1 })
  assert.deepEqual(cardsIn(WALL, 30), { shown: 12, size: 1 })
})

test('no danger to life is left out: cards shrink first', () => {
  assert.deepEqual(cardsIn(WALL, 30, 12), { shown: 12, size: 1 })
  assert.deepEqual(cardsIn(WALL, 30, 13), { shown: 15, size: 0.8 })
  for (const urgent of [1, 5, 13, 29, 30]) for (const room of [WALL, { width: 30, height: 12 }]) {
    assert.ok(cardsIn(room, 30, urgent).shown >= urgent, `${urgent} in ${room.height}`)
  }
})

test('a low pane shows a row, rather than devices', () => {
  assert.deepEqual(cardsIn({ width: 50, height: 20 }, 5), { shown: 2, size: 1 })
  assert.deepEqual(cardsIn({ width: 30, height: 12 }, 5), { shown: 1, size: 1 })
})

test('all tiles are shown where there is room, and as wide as they can be', () => {
  assert.deepEqual(tilesIn({ width: 66, height: 30 }, Array(28).fill(false)), { shown: 28, wide: 17 })
  assert.deepEqual(tilesIn({ width: 66, height: 17 }, Array(28).fill(false)), { shown: 28, wide: 13.5 })
})

test('tiles that do not fit leave a line to say so, and high ones take more', () => {
  const shown = (height: number, high: boolean) => tilesIn({ width: 21.25, height }, Array(500).fill(high)).shown
  assert.deepEqual([shown(10, false), shown(10, true), shown(0, true)], [6, 4, 0])
})

test('the last verdicts fill what is left', () => {
  assert.equal(verdictsIn(WALL), 10)
  assert.equal(verdictsIn({ width: 66, height: 10 }), 3)
})
