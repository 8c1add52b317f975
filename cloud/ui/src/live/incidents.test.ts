import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Episode, Incident } from '../api/types.ts'
import { byNeed, foremost, statusOf, unmetOf } from './incidents.ts'

const episode = (outcome: string, due_at: number, more: Partial<Episode> = {}): Episode =>
  ({ rule: `R-${due_at}`, key: 'b1', opened_at: 0, due_at, outcome, final: outcome !== 'pending', reason: '', overdue: false, ...more }) as Episode
const incident = (episodes: Episode[], more: Partial<Incident> = {}, emergency: string | null = null): Incident =>
  ({ id: 'i1', kind: 'alarm', opened_at: 0, cause: '', episodes, life: { emergency }, ...more }) as Incident

type Steps = NonNullable<Incident['life']['steps']>
const steps = (...phases: string[]): Steps => phases.map((phase) => ({ phase, at: 1 })) as Steps

const FOREMOST: [string, Episode[], number | null][] = [
  ['none', [], null],
  ['the only one', [episode('met', 5)], 5],
  ['what is pending goes before what went wrong', [episode('breached', 1), episode('pending', 9)], 9],
  ['of those pending, the one that is due next', [episode('pending', 9), episode('pending', 3)], 3],
  ['what went wrong goes before what was met', [episode('met', 1), episode('unknown', 9)], 9],
]
for (const [name, episodes, due] of FOREMOST)
  test(`the obligation that needs somebody first: ${name}`, () => assert.equal(foremost(episodes)?.due_at ?? null, due))

test('finding the foremost leaves the order of the obligations alone', () => {
  const episodes = [episode('pending', 9), episode('pending', 3)]
  foremost(episodes)
  assert.deepEqual(episodes.map((one) => one.due_at), [9, 3])
})

const STATUS: [string, Incident, number, string][] = [
  ['nobody watches', incident([], { kind: 'unwatched' } as Partial<Incident>), 0, 'unwatched'],
  ['a link is down', incident([]), 0, 'link'],
  ['an emergency that owes nothing is for people to close once somebody has seen it', incident([], { life: { emergency: 'fire', steps: steps('acknowledged') } } as Partial<Incident>), 0, 'toclose'],
  ['in time', incident([episode('pending', 100)]), 99, 'waiting'],
  ['exactly at the limit it is still in time', incident([episode('pending', 100)]), 100, 'waiting'],
  ['a millisecond over the limit', incident([episode('pending', 100)]), 101, 'overdue'],
  ['the server says that it is overdue', incident([episode('pending', 100, { overdue: true })]), 1, 'overdue'],
  ['missed', incident([episode('breached', 100)]), 1, 'breached'],
  ['not to be known', incident([episode('unknown', 100)]), 1, 'unknown'],
  ['met', incident([episode('met', 100)]), 1, 'toclose'],
  ['void', incident([episode('void', 100)]), 1, 'toclose'],
  ['a missed one of an emergency is for people to close', incident([episode('breached', 100)], { life: { emergency: 'fire', steps: steps('acknowledged') } } as Partial<Incident>), 1, 'toclose'],
  ['a pending one of an emergency counts all the same', incident([episode('pending', 100)], {}, 'fire'), 101, 'overdue'],
]
for (const [name, one, now, expected] of STATUS) test(`how it stands: ${name}`, () => assert.equal(statusOf(one, now), expected))

test('what needs a person now comes first', () => {
  const named = (id: string, one: Incident): Incident => ({ ...one, id })
  const all = [
    named('link', incident([])),
    named('close', incident([episode('met', 1)])),
    named('unknown', incident([episode('unknown', 1)])),
    named('breached', incident([episode('breached', 1)])),
    named('later', incident([episode('pending', 900)])),
    named('sooner', incident([episode('pending', 800)])),
    named('overdue', incident([episode('pending', 10)])),
    named('unwatched', incident([], { kind: 'unwatched' } as Partial<Incident>)),
  ]
  const order = ['overdue', 'sooner', 'later', 'breached', 'unknown', 'close', 'unwatched', 'link']
  assert.deepEqual([...all].sort(byNeed(500)).map((one) => one.id), order)
  assert.deepEqual([...all].reverse().sort(byNeed(500)).map((one) => one.id), order)
})

const fire = (id: string, episodes: Episode[], more: Partial<Incident['life']> = {}): Incident =>
  ({ ...incident(episodes), id, life: { emergency: 'fire', priority: 1, ...more } }) as Incident
test('a fire that nobody has acknowledged is first whatever has become of it, and calls until somebody has', () => {
  const late = { ...incident([episode('pending', 10)]), id: 'late' }
  const lost = fire('lost', [episode('breached', 100)])
  assert.equal(statusOf(lost, 500), 'unseen')
  assert.equal(statusOf(fire('seen', [episode('breached', 100)], { steps: steps('detected', 'acknowledged') }), 500), 'toclose')
  const reached = fire('reached', [episode('met', 100)], { steps: steps('detected', 'arrived') })
  assert.equal(statusOf(reached, 500), 'unseen', 'a guard on site is no acknowledgement')
  assert.deepEqual([late, lost].sort(byNeed(500)).map((one) => one.id), ['lost', 'late'])
})

test('a drill never stands before what is real', () => {
  const drill = fire('drill', [episode('pending', 10)], { drill: 'd1' })
  const repair = { ...incident([episode('breached', 100)]), id: 'repair' }
  const real = fire('real', [episode('pending', 900)])
  assert.deepEqual([drill, repair, real].sort(byNeed(500)).map((one) => one.id), ['real', 'repair', 'drill'])
})

test('of two that are alike the older comes first, then the one of the smaller id', () => {
  const at = (id: string, opened_at: number): Incident => ({ ...incident([episode('pending', 100)]), id, opened_at })
  assert.deepEqual([at('b', 5), at('a', 5), at('c', 4)].sort(byNeed(0)).map((one) => one.id), ['c', 'a', 'b'])
})

test('what is missed and what can not be known are counted, what is open and what was met are not', () =>
  assert.equal(unmetOf(incident(['met', 'pending', 'void', 'breached', 'unknown'].map((outcome) => episode(outcome, 1)))), 2))
