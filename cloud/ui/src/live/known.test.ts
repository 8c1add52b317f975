import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOld, standsTo } from './known.ts'

const NOW = 1_764_547_200_000
const HOUR = 3_600_000
const device = (ago: number, quiet_ms: number) => ({ complete_to: NOW - ago, quiet_ms })

test('a value stands up to when its device is known, never beyond now', () => {
  assert.equal(standsTo(NOW - HOUR, device(5_000, 0), NOW), NOW - 5_000)
  assert.equal(standsTo(NOW - HOUR, device(-5_000, 0), NOW), NOW)
  assert.equal(standsTo(NOW - HOUR, undefined, NOW), NOW - HOUR)
})

for (const [name, at, known, old] of [
  ['of a device that was just read', NOW - HOUR, device(2_000, 2_000), false],
  ['of a device that was not read for two minutes', NOW - HOUR, device(120_000, 2_000), true],
  ['of a sensor that speaks twice an hour', NOW - HOUR / 2, device(HOUR / 2, HOUR), false],
  ['of a sensor that missed its word', NOW - 2 * HOUR, device(2 * HOUR, HOUR), true],
  ['of a device that nobody knows', NOW - 90_000, undefined, true],
] as const) test(`a value ${name} is ${old ? '' : 'not '}old`, () => assert.equal(isOld(at, known, NOW), old))
