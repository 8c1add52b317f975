import assert from 'node:assert/strict'
import { test } from 'node:test'
import { correctedAt, doubtOf, errorOf, heard, isWrong, opened, stampOf, ticked, type DeviceClock } from './time.ts'

const NOON = 1_764_547_200_000
const HOUR = 3_600_000
/** A clock that was heard to be an hour behind at noon of the server's time. */
const behind: DeviceClock = heard(opened(null, NOON - HOUR, 0, 'a'), NOON, NOON - HOUR, 0)

test('a clock that is off is corrected by what the server said', () => {
  assert.equal(correctedAt(stampOf(behind, NOON - HOUR + 5_000), behind), NOON + 5_000)
  assert.equal(errorOf(behind), -HOUR)
  assert.ok(isWrong(behind))
})

test('a clock that nobody has compared is taken as it is', () => {
  const clock = opened(null, NOON, 0, 'a')
  assert.equal(correctedAt(stampOf(clock, NOON), clock), NOON)
  assert.ok(!clock.known)
})

test("the line's delay does not move a clock that is right", () => {
  assert.equal(heard(behind, NOON + 800, NOON - HOUR, 10).offset, HOUR)
  assert.equal(heard(behind, NOON + 1_800, NOON - HOUR, 10).offset, HOUR + 1_800)
})

test('a minute that passes changes nothing', () => {
  const later = ticked(behind, NOON - HOUR + 60_000, 60_000, 'b')
  assert.deepEqual([later.era, later.offset, later.set], ['a', HOUR, 0])
})

test('set back while the page is open: the jump is known, and times go on as if nothing had happened', () => {
  const later = ticked(behind, NOON - 3 * HOUR, 1_000, 'b')
  assert.equal(later.era, 'b')
  assert.equal(later.set, -2 * HOUR - 1_000)
  assert.equal(correctedAt(stampOf(later, NOON - 3 * HOUR), later), NOON + 1_000)
})

test('what was written before it was set back keeps its time', () => {
  const stamp = stampOf(behind, NOON - HOUR)
  assert.equal(correctedAt(stamp, ticked(behind, NOON - 3 * HOUR, 1_000, 'b')), NOON)
})

test('ahead, the device may have slept: the server tells, and what was written meanwhile is corrected then', () => {
  const later = ticked(behind, NOON + HOUR, 1_000, 'b')
  assert.ok(!later.known)
  const stamp = stampOf(later, NOON + HOUR)
  assert.equal(correctedAt(stamp, later), NOON + 2 * HOUR)
  const slept = heard(later, NOON + 2 * HOUR, NOON + HOUR, 1_000)
  assert.deepEqual([correctedAt(stamp, slept), slept.set], [NOON + 2 * HOUR, 0])
  const setAhead = heard(later, NOON + 1_000, NOON + HOUR, 1_000)
  assert.deepEqual([correctedAt(stamp, setAhead), setAhead.set], [NOON + 1_000, 2 * HOUR - 1_000])
})

test('set back while no page was open: times never run backwards', () => {
  const kept = { ...behind, wall: NOON }
  const clock = opened(kept, NOON - 5 * HOUR, 0, 'b')
  assert.deepEqual([clock.era, clock.known, clock.set], ['b', false, -5 * HOUR])
  assert.equal(correctedAt(stampOf(clock, NOON - 5 * HOUR), clock), NOON + HOUR)
})

test('a page that opens later goes on with the clock as it was', () => {
  const clock = opened(behind, NOON, 7, 'b')
  assert.deepEqual([clock.era, clock.offset, clock.known], ['a', HOUR, true])
})

test('a time that was measured is little in doubt; one after a jump that nobody saw is, until the server is heard', () => {
  assert.equal(doubtOf(stampOf(behind, NOON), behind), 1_000)
  const later = ticked(behind, NOON + HOUR, 1_000, 'b')
  const stamp = stampOf(later, NOON + HOUR)
  assert.equal(doubtOf(stamp, later), HOUR)
  assert.equal(doubtOf(stamp, heard(later, NOON + 1_000, NOON + HOUR, 1_000)), 1_000)
  assert.equal(doubtOf(stamp, { ...later, era: 'c', known: true }), HOUR)
})
