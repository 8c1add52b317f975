import 'fake-indexeddb/auto'
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { db, keepPhoto, type Entry } from './db.ts'
import { again, discard, flush, write, type Doing } from './outbox.ts'
import { opened } from './time.ts'

/** The server's part: what it was asked, and what it answers to each in turn (the last answer again and again). */
interface Asked { path: string; method: string; key: string; body: Record<string, unknown> }
type Answer = (asked: Asked) => Response | Promise<Response>
let asked: Asked[] = []
const PHOTO = 'the hash of the photo'
let answers: Answer[] = []

const done: Answer = ({ key }) => Response.json({ id: key, done: true, revision: 1 })
const taken: Answer = ({ key }) => Response.json({ id: key }, { status: 202 })
const conflict: Answer = ({ key }) => Response.json({ id: key, detail: 'somebody was first', detail_zh: 'zh somebody was first' }, { status: 409 })
const broken: Answer = () => Response.json({ detail: 'broken' }, { status: 500 })
const nobody: Answer = () => Promise.reject(new TypeError('no network'))

globalThis.fetch = (async (path: string, init: RequestInit = {}) => {
  const headers = new Headers(init.headers)
  const body = typeof init.body === 'string' ? (JSON.parse(init.body) as Record<string, unknown>) : {}
  const one: Asked = { path, method: init.method ?? 'GET', key: headers.get('Idempotency-Key') ?? path.split('/').at(-1)!, body }
  asked.push(one)
  if (path.endsWith('/files')) return Response.json({ sha256: PHOTO }, { status: 201 })
  const answer = answers.length > 1 ? answers.shift()! : answers[0]!
  return answer(one)
}) as typeof fetch
let locked = false
Object.defineProperty(globalThis, 'navigator', {
  value: {
    locks: {
      request: async (_name: string, _how: object, work: (lock: object | null) => Promise<unknown>) => work(locked ? null : {}),
    },
  },
})

const CLOCK = { ...opened(null, 0, 0, 'era'), known: true, ever: true }
const doing = (action: Doing['action'], more: Partial<Doing> = {}): Doing => ({ site: 's', person: 'p-1', action, ...more })
const stored = async (entry: Entry): Promise<Entry> => (await db.outbox.get(entry.seq))!
const sentKeys = (): string[] => asked.filter((one) => one.method === 'POST').map((one) => one.key)

beforeEach(async () => {
  await Promise.all([db.outbox.clear(), db.discarded.clear(), db.photos.clear()])
  asked = []
  answers = [done]
  locked = false
})

test('entries go out once, in the order in which they were done', async () => {
  const entries = [await write(doing({ do: 'note', text: '1' }), CLOCK), await write(doing({ do: 'note', text: '2' }), CLOCK)]
  assert.deepEqual(await flush(() => CLOCK), { sent: 2, rejected: 0, away: false, signIn: false })
  assert.deepEqual(sentKeys(), entries.map((one) => one.id))
  assert.deepEqual(await flush(() => CLOCK), { sent: 0, rejected: 0, away: false, signIn: false })
})

test('while nobody answers everything waits, and goes out later under the same id', async () => {
  const entry = await write(doing({ do: 'note', text: '1' }), CLOCK)
  answers = [nobody]
  assert.equal((await flush(() => CLOCK))?.away, true)
  assert.equal((await stored(entry)).state, 'queued')
  answers = [done]
  await flush(() => CLOCK)
  assert.deepEqual(sentKeys(), [entry.id, entry.id])
  assert.equal((await stored(entry)).state, 'sent')
})

test('what the server can not do yet holds its own order back, and no other', async () => {
  const first = await write(doing({ do: 'accept_order', order: 'o1' }), CLOCK)
  const second = await write(doing({ do: 'finish_order', order: 'o1' }), CLOCK)
  const other = await write(doing({ do: 'accept_order', order: 'o2' }), CLOCK)
  answers = [broken, done]
  assert.deepEqual(await flush(() => CLOCK), { sent: 1, rejected: 0, away: false, signIn: false })
  assert.deepEqual(sentKeys(), [first.id, other.id])
  assert.equal((await stored(second)).attempts, 0)
})

test('what was taken and is not decided is asked about, not sent again', async () => {
  const entry = await write(doing({ do: 'accept_order', order: 'o1' }), CLOCK)
  answers = [taken]
  await flush(() => CLOCK)
  assert.equal((await stored(entry)).taken, true)
  answers = [done]
  await flush(() => CLOCK)
  assert.deepEqual(asked.map((one) => one.method), ['POST', 'GET'])
  assert.equal((await stored(entry)).state, 'sent')
})

test('an act is never said to be before what was done to the same order before it', async () => {
  await write(doing({ do: 'accept_order', order: 'o1' }, { deviceAt: 2_000 }), CLOCK)
  await write(doing({ do: 'finish_order', order: 'o1' }, { deviceAt: 1_000 }), CLOCK)
  await write(doing({ do: 'accept_order', order: 'o2' }, { deviceAt: 1_000 }), CLOCK)
  await flush(() => CLOCK)
  const [accepted, finished, other] = asked.map((one) => one.body['at'] as number)
  assert.ok(finished! >= accepted!)
  assert.ok(other! < accepted!)
})

test('a refused act stays with the reason, and is tried again as a new act with a new id', async () => {
  const entry = await write(doing({ do: 'accept_order', order: 'o1' }, { expects: 3 }), CLOCK)
  answers = [conflict]
  assert.equal((await flush(() => CLOCK))?.rejected, 1)
  const refused = await stored(entry)
  assert.deepEqual([refused.state, refused.status, refused.said], ['rejected', 409, { zh: 'zh somebody was first', en: 'somebody was first' }])
  answers = [done]
  await again(refused, 4)
  const renewed = await stored(entry)
  assert.notEqual(renewed.id, entry.id)
  assert.deepEqual([renewed.state, renewed.expects, renewed.status, renewed.said], ['queued', 4, undefined, undefined])
  await flush(() => CLOCK)
  assert.deepEqual(sentKeys(), [entry.id, renewed.id])
})

test('an order that is opened anew takes along what was done to it', async () => {
  const begun = await write(doing({ do: 'open_order', kind: 'repair' }), CLOCK)
  const noted = await write(doing({ do: 'note', matter: 'order', id: begun.order, text: 'x' }), CLOCK)
  const accepted = await write(doing({ do: 'accept_order', order: begun.order }), CLOCK)
  await again(begun)
  const order = (await stored(begun)).order
  assert.notEqual(order, begun.order)
  assert.deepEqual([(await stored(noted)).order, (await stored(noted)).action['id']], [order, order])
  assert.equal((await stored(accepted)).action['order'], order)
})

test('a photo goes before the act that names it, and once', async () => {
  const file = await keepPhoto(new Blob(['picture'], { type: 'image/png' }), 'a.png')
  await write(doing({ do: 'note', text: '1' }, { files: [file] }), CLOCK)
  await write(doing({ do: 'note', text: '2' }, { files: [file] }), CLOCK)
  await flush(() => CLOCK)
  assert.deepEqual(asked.map((one) => one.path.split('/').at(-1)), ['files', 'actions', 'actions'])
})

test('what a person gives up is kept with the reason', async () => {
  const entry = await write(doing({ do: 'note', text: '1' }), CLOCK)
  await discard(entry, 'typed twice', 5)
  assert.equal(await db.outbox.count(), 0)
  assert.deepEqual((await db.discarded.get(entry.id))?.reason, 'typed twice')
})

test('while another tab is at it nothing is sent', async () => {
  await write(doing({ do: 'note', text: '1' }), CLOCK)
  locked = true
  assert.equal(await flush(() => CLOCK), null)
  assert.deepEqual(asked, [])
})
