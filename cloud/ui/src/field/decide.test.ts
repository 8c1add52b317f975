import assert from 'node:assert/strict'
import { test } from 'node:test'
import { behind, chainOf, counted, decidedOf, nextOf, outcomeOf, uploadOf, type Queued, type State } from './decide.ts'

const ID = '2f6c1d0e-7a54-4f8e-9a47-1c1c1d2e3f40'
const problem = (detail: string) => ({ title: 'x', detail, detail_zh: `zh ${detail}`, id: ID })

const ANSWERS: [string, number, unknown, object][] = [
  ['done', 200, { id: ID, done: true, revision: 4 }, { as: 'sent', revision: 4 }],
  ['done, of nothing that has revisions', 200, { id: ID, done: true, revision: null }, { as: 'sent', revision: null }],
  ['taken', 202, { id: ID }, { as: 'taken' }],
  ['nobody answers', 0, null, { as: 'away', signIn: false, alone: false }],
  ['a hotel answers for us', 200, null, { as: 'away', signIn: false, alone: false }],
  ['a hotel refuses for us', 403, null, { as: 'away', signIn: false, alone: false }],
  ['the answer to another entry', 200, { id: 'other' }, { as: 'away', signIn: false, alone: false }],
  ['a redirect', 302, null, { as: 'away', signIn: false, alone: false }],
  ['the session ended', 401, problem('sign in'), { as: 'away', signIn: true, alone: false }],
  ['too slow', 408, problem('slow'), { as: 'away', signIn: false, alone: false }],
  ['too many', 429, problem('later'), { as: 'away', signIn: false, alone: false }],
  ['the server can not with this one', 500, problem('broken'), { as: 'away', signIn: false, alone: true }],
  ['the proxy has no server', 502, null, { as: 'away', signIn: false, alone: false }],
  ['no broker', 503, problem('no broker'), { as: 'away', signIn: false, alone: true }],
  ['not allowed', 403, problem('no'), { as: 'rejected', status: 403, conflict: false }],
  ['unknown', 404, problem('no order'), { as: 'rejected', status: 404, conflict: false }],
  ['somebody else was first', 409, problem('taken'), { as: 'rejected', status: 409, conflict: true }],
  ['it has changed', 412, problem('changed'), { as: 'rejected', status: 412, conflict: true }],
  ['makes no sense', 422, problem('what?'), { as: 'rejected', status: 422, conflict: false }],
]

for (const [name, status, body, expected] of ANSWERS)
  test(`an answer decides: ${name}`, () => {
    const { said: _said, ...outcome } = outcomeOf({ status, body }, ID) as ReturnType<typeof outcomeOf> & { said?: object }
    assert.deepEqual(outcome, expected)
  })

test('a refusal is said in both languages, with its fields', () => {
  const body = { detail: 'no', detail_zh: 'zh no', errors: [{ field: 'body.at', message: 'too late' }] }
  const outcome = outcomeOf({ status: 422, body }, ID)
  assert.deepEqual(outcome.as === 'rejected' && outcome.said, { zh: 'zh no (body.at: too late)', en: 'no (body.at: too late)' })
})

const RECORDS: [string, number, unknown, object][] = [
  ['not decided yet', 404, problem('none'), { as: 'taken' }],
  ['done', 200, { id: ID, done: true, revision: 2 }, { as: 'sent', revision: 2 }],
  ['refused', 200, { id: ID, done: false, problem: 'conflict', reason: { zh: 'c', en: 'first' } }, { as: 'rejected', status: 409, conflict: true, said: { zh: 'c', en: 'first' } }],
  ['stale', 200, { id: ID, done: false, problem: 'stale', reason: { zh: '', en: 'old' } }, { as: 'rejected', status: 412, conflict: true, said: { zh: 'old', en: 'old' } }],
]

for (const [name, status, body, expected] of RECORDS)
  test(`the record of what was taken decides: ${name}`, () => {
    assert.deepEqual(decidedOf({ status, body }, ID), expected)
  })

test('what was taken waits when nobody answers for it', () => {
  assert.equal(decidedOf({ status: 0, body: null }, ID).as, 'away')
})

const UPLOADS: [string, number, unknown, string | null][] = [
  ['kept', 201, { sha256: 'aa', type: 'image/png', size: 1 }, null],
  ['kept by nobody we know', 200, null, 'away'],
  ['no network', 0, null, 'away'],
  ['session ended', 401, problem('x'), 'away'],
  ['too large', 413, problem('large'), 'rejected'],
  ['too large for a proxy', 413, null, 'rejected'],
  ['no picture', 415, problem('what'), 'rejected'],
]

for (const [name, status, body, expected] of UPLOADS)
  test(`an upload decides: ${name}`, () => assert.equal(uploadOf({ status, body })?.as ?? null, expected))

test('an upload that takes too long keeps only its own order waiting', () => {
  const alone = (late: boolean) => { const outcome = uploadOf({ status: 0, body: null, late }); return outcome?.as === 'away' && outcome.alone }
  assert.deepEqual([alone(true), alone(false)], [true, false])
})

const entries = (...rows: [string, string, State][]): Queued[] =>
  rows.map(([id, order, state], seq) => ({ seq, id, order, state }))

const TURNS: [string, Queued[], string[], string | null][] = [
  ['the oldest first', entries(['a', 'x', 'queued'], ['b', 'x', 'queued']), [], 'a'],
  ['what was sent is over', entries(['a', 'x', 'sent'], ['b', 'x', 'queued']), [], 'b'],
  ['one that was being sent when the page went is sent again', entries(['a', 'x', 'sending'], ['b', 'y', 'queued']), [], 'a'],
  ['behind a rejected one of its order it waits', entries(['a', 'x', 'rejected'], ['b', 'x', 'queued']), [], null],
  ['others go on', entries(['a', 'x', 'rejected'], ['b', 'x', 'queued'], ['c', 'y', 'queued']), [], 'c'],
  ['before a rejected one it goes', entries(['a', 'x', 'queued'], ['b', 'x', 'rejected']), [], 'a'],
  ['what is held this round waits with its order', entries(['a', 'x', 'queued'], ['b', 'x', 'queued'], ['c', 'y', 'queued']), ['x'], 'c'],
  ['a rejected scan holds up no other scan', entries(['a', '', 'rejected'], ['b', '', 'queued']), [], 'b'],
  ['nothing is left', entries(['a', 'x', 'sent']), [], null],
]

for (const [name, rows, held, expected] of TURNS)
  test(`whose turn it is: ${name}`, () => {
    assert.equal(nextOf(rows.toReversed(), new Set(held))?.id ?? null, expected)
  })

test('who waits knows behind whom', () => {
  const rows = entries(['a', 'x', 'rejected'], ['b', 'x', 'queued'], ['c', 'x', 'queued'], ['d', 'y', 'queued'])
  assert.deepEqual([...behind(rows)], [['b', 'a'], ['c', 'a']])
})

test('an entry without an order stands for itself', () => assert.equal(chainOf(entries(['a', '', 'queued'])[0]!), 'a'))

test('what waits and what needs a person is counted', () => {
  const rows = entries(['a', 'x', 'rejected'], ['b', 'x', 'queued'], ['c', '', 'sending'], ['d', '', 'sent'])
  assert.deepEqual(counted(rows), { waiting: 2, rejected: 1 })
})
