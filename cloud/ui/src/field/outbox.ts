/** The outbox at work: entries go out in order and once; what a person must decide is kept until they do. */
import { db, orderIdOf, type Entry, type FileRef } from './db.ts'
import { chainOf, decidedOf, nextOf, outcomeOf, uploadOf, type Outcome, type Reply } from './decide.ts'
import { correctedAt, doubtOf, errorOf, stampOf, type DeviceClock } from './time.ts'

const LOCK = 'sitewarden-outbox'
const TIMEOUT_MS = 15_000
const UPLOAD_TIMEOUT_MS = 120_000

export interface Doing {
  site: string
  person: string
  action: Record<string, unknown> & { do: string }
  files?: readonly FileRef[]
  expects?: number | undefined
  /** When it was done by the device's clock, where that was earlier than now. */
  deviceAt?: number
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

async function orderOf(action: Doing['action'], id: string): Promise<string> {
  if (action.do === 'open_order') return orderIdOf(id)
  const about = action['matter'] === 'order' ? action['id'] : action['order']
  return textOf(about)
}

/** Writes something down to be sent; it is safe once this is done. Gives the order that it is about. */
export async function write(doing: Doing, clock: DeviceClock): Promise<Entry> {
  const id = crypto.randomUUID()
  const entry: Omit<Entry, 'seq'> = {
    ...stampOf(clock, doing.deviceAt ?? Date.now()),
    id,
    site: doing.site,
    person: doing.person,
    action: doing.action,
    order: await orderOf(doing.action, id),
    clockErrorMs: errorOf(clock),
    files: [...(doing.files ?? [])],
    state: 'queued',
    attempts: 0,
    taken: false,
    ...(doing.expects === undefined ? {} : { expects: doing.expects }),
  }
  const seq = await db.outbox.add(entry as Entry)
  return { ...entry, seq }
}

async function ask(path: string, init: RequestInit, timeout = TIMEOUT_MS): Promise<Reply> {
  try {
    const response = await fetch(path, { ...init, signal: AbortSignal.timeout(timeout) })
    const isJson = (response.headers.get('content-type') ?? '').includes('json')
    return { status: response.status, body: isJson ? await response.json() : null }
  } catch (error) {
    return { status: 0, body: null, late: error instanceof DOMException && error.name === 'TimeoutError' }
  }
}

/** Uploads what an entry names; null: all of it is on the server. */
async function upload(entry: Entry): Promise<Outcome | null> {
  for (const file of entry.files) {
    const photo = await db.photos.get(file.sha256)
    if (!photo || photo.uploaded) continue
    const init = { method: 'POST', body: photo.content, headers: { 'Content-Type': photo.type } }
    const outcome = uploadOf(await ask(`/api/v1/sites/${encodeURIComponent(entry.site)}/files`, init, UPLOAD_TIMEOUT_MS))
    if (outcome) return outcome
    await db.photos.update(file.sha256, { uploaded: true })
  }
  return null
}

/** When an entry was done, never before what was done to the same order before it. */
async function atOf(entry: Entry, clock: DeviceClock): Promise<number> {
  const before = entry.order ? await db.outbox.filter((one) => one.order === entry.order && one.seq < entry.seq).toArray() : []
  return Math.max(correctedAt(entry, clock), ...before.map((one) => one.at ?? 0))
}

/** A scan says how far its time may be off, which is known best when it is sent. */
function sent(entry: Entry, clock: DeviceClock): Entry['action'] {
  return entry.action.do === 'scan' ? { ...entry.action, error_ms: doubtOf(entry, clock) } : entry.action
}

async function post(entry: Entry, clock: DeviceClock): Promise<Outcome> {
  const path = `/api/v1/sites/${encodeURIComponent(entry.site)}/actions`
  if (entry.taken) {
    const decided = decidedOf(await ask(`${path}/${entry.id}`, {}), entry.id)
    if (decided.as !== 'taken') return decided
  }
  const headers: Record<string, string> = { 'Content-Type': 'application/json', 'Idempotency-Key': entry.id }
  if (entry.expects !== undefined) headers['If-Match'] = `"${entry.expects}"`
  const at = await atOf(entry, clock)
  await db.outbox.update(entry.seq, { at })
  const body = JSON.stringify({ person: entry.person, action: sent(entry, clock), at })
  return outcomeOf(await ask(path, { method: 'POST', headers, body }), entry.id)
}

async function settle(entry: Entry, outcome: Outcome, now: number): Promise<void> {
  switch (outcome.as) {
    case 'sent':
      await db.outbox.update(entry.seq, { state: 'sent', taken: false, revision: outcome.revision, answeredAt: now })
      return
    case 'taken':
      await db.outbox.update(entry.seq, { state: 'queued', taken: true })
      return
    case 'away':
      await db.outbox.update(entry.seq, { state: 'queued', said: outcome.said })
      return
    case 'rejected': {
      const { said, status, conflict } = outcome
      await db.outbox.update(entry.seq, { state: 'rejected', taken: false, said, status, conflict, answeredAt: now })
    }
  }
}

export interface Round {
  sent: number
  rejected: number
  /** Nobody can be reached; what was left waits. */
  away: boolean
  signIn: boolean
}

/** Sends what can be sent, one after the other; null: another tab is at it. `clock` is asked before each. */
export async function flush(clock: () => DeviceClock): Promise<Round | null> {
  const alone = async (lock: Lock | null) => (lock ? await round(clock) : null)
  return navigator.locks.request(LOCK, { ifAvailable: true }, alone)
}

async function round(clock: () => DeviceClock): Promise<Round> {
  const done: Round = { sent: 0, rejected: 0, away: false, signIn: false }
  const held = new Set<string>()
  for (;;) {
    const entry = nextOf(await db.outbox.where('state').notEqual('sent').toArray(), held)
    if (!entry) return done
    await db.outbox.update(entry.seq, { state: 'sending', attempts: entry.attempts + 1 })
    const outcome = (await upload(entry)) ?? (await post(entry, clock()))
    await settle(entry, outcome, correctedAt(stampOf(clock(), Date.now()), clock()))
    if (outcome.as === 'sent') done.sent++
    else if (outcome.as === 'rejected') done.rejected++
    else if (outcome.as === 'taken' || outcome.alone) held.add(chainOf(entry))
    else return { ...done, away: true, signIn: outcome.signIn }
  }
}

/** A rejected entry is tried once more, as a new act: the server keeps what it answered to the old one for ever. An
 * order that is opened anew has a new id; what was done to it goes with it. */
export async function again(entry: Entry, expects?: number): Promise<void> {
  const { said: _said, status: _status, conflict: _conflict, answeredAt: _at, expects: before, ...rest } = entry
  const id = crypto.randomUUID()
  const order = entry.action.do === 'open_order' ? await orderIdOf(id) : entry.order
  const renewed: Entry = { ...rest, id, order, state: 'queued', attempts: 0, taken: false }
  if (before !== undefined && expects !== undefined) renewed.expects = expects
  await db.transaction('rw', db.outbox, async () => {
    const others = await db.outbox.filter((one) => Boolean(one.order) && one.order === entry.order && one.seq !== entry.seq).toArray()
    await db.outbox.put(renewed)
    if (order !== entry.order) await db.outbox.bulkPut(others.map((one) => movedTo(one, order)))
  })
}

function movedTo(entry: Entry, order: string): Entry {
  const field = entry.action['matter'] === 'order' ? 'id' : 'order'
  return { ...entry, order, action: { ...entry.action, [field]: order } }
}

/** A person gives an entry up; it is kept with the reason. */
export async function discard(entry: Entry, reason: string, now: number): Promise<void> {
  await db.transaction('rw', db.outbox, db.discarded, async () => {
    await db.discarded.put({ id: entry.id, at: now, reason, entry })
    await db.outbox.delete(entry.seq)
  })
}
