/** What the tablet keeps in the browser's own database: the site as it was told last, the outbox, drafts, photos. */
import Dexie, { type EntityTable, type Table } from 'dexie'
import type { Words } from '@/api/types'
import type { State } from './decide.ts'
import type { DeviceClock, Stamp } from './time.ts'

/** A part of the site, such as its orders, as the server told it at `savedAt` (its own time). */
export interface Part {
  site: string
  name: string
  savedAt: number
  data: unknown
}

export interface FileRef {
  sha256: string
  name: string
  type: string
  size: number
}

export interface Photo extends FileRef {
  content: Blob
  /** The server has it. */
  uploaded: boolean
  keptAt: number
}

/** Something that a person did, waiting to be sent or sent. */
export interface Entry extends Stamp {
  seq: number
  /** The Idempotency-Key: the server does it once, however often it is sent. */
  id: string
  site: string
  person: string
  action: Record<string, unknown> & { do: string }
  /** The order that it is about, or opens; empty: none. */
  order: string
  clockErrorMs: number
  expects?: number
  files: FileRef[]
  state: State
  attempts: number
  /** When it was done, ms of the server's time, as it was sent. */
  at?: number
  /** The server has it and has not decided yet. */
  taken: boolean
  /** What was said last: why it waits, or why it was refused. */
  said?: Words
  status?: number
  conflict?: boolean
  /** Of the matter, after the server did it. */
  revision?: number | null
  /** When it was answered, ms of the server's time. */
  answeredAt?: number
}

/** An entry that a person gave up, with the reason: nothing goes without a trace. */
export interface Discarded {
  id: string
  at: number
  reason: string
  entry: Entry
}

interface Draft {
  key: string
  value: unknown
}

interface Meta {
  name: string
  value: unknown
}

class FieldDb extends Dexie {
  declare parts: Table<Part, [string, string]>
  declare outbox: EntityTable<Entry, 'seq'>
  declare discarded: EntityTable<Discarded, 'id'>
  declare photos: EntityTable<Photo, 'sha256'>
  declare drafts: EntityTable<Draft, 'key'>
  declare meta: EntityTable<Meta, 'name'>

  constructor() {
    super('sitewarden-field')
    this.version(1).stores({
      parts: '[site+name], site',
      outbox: '++seq, &id, site, state',
      discarded: 'id, at',
      photos: 'sha256',
      drafts: 'key',
      meta: 'name',
    })
  }
}

export const db = new FieldDb()

export async function keptClock(): Promise<DeviceClock | null> {
  return ((await db.meta.get('clock'))?.value as DeviceClock | undefined) ?? null
}

export const keepClock = (clock: DeviceClock): Promise<unknown> => db.meta.put({ name: 'clock', value: { ...clock } })

/** Keeps a file under the hash of its content, and says how it is named. */
export async function keepPhoto(content: Blob, name: string): Promise<FileRef> {
  const digest = await crypto.subtle.digest('SHA-256', await content.arrayBuffer())
  const sha256 = hex(digest)
  const ref: FileRef = { sha256, name, type: content.type, size: content.size }
  if (!(await db.photos.get(sha256))) await db.photos.put({ ...ref, content, uploaded: false, keptAt: Date.now() })
  return ref
}

export const hex = (digest: ArrayBuffer): string =>
  [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')

/** The id of the order that an action opens, as the server derives it from the action's own id. */
export async function orderIdOf(action: string): Promise<string> {
  const text = new TextEncoder().encode(`command\u001f${action}`)
  return hex(await crypto.subtle.digest('SHA-256', text)).slice(0, 16)
}

const KEEP_SENT_MS = 2 * 86_400_000

/** Forgets what was sent days ago, and photos that nothing needs any more. Unsent entries stay for ever. */
export async function prune(): Promise<void> {
  const old = Date.now() - KEEP_SENT_MS
  await db.outbox.where('state').equals('sent').filter((entry) => entry.deviceAt < old).delete()
  const drafts = JSON.stringify(await db.drafts.toArray())
  const needed = new Set((await db.outbox.toArray()).flatMap((entry) => entry.files.map((file) => file.sha256)))
  const lost = (await db.discarded.toArray()).flatMap((one) => one.entry.files.map((file) => file.sha256))
  lost.forEach((sha256) => needed.add(sha256))
  await db.photos.filter((photo) => photo.keptAt < old && !needed.has(photo.sha256) && !drafts.includes(photo.sha256)).delete()
}
