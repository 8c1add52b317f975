/** The tablet as it stands: what it keeps of the site, its outbox, whether anybody can be reached, its clock. */
import { liveQuery } from 'dexie'
import { api, ApiError } from '@/api/client'
import type { Order, Words } from '@/api/types'
import { serverSays } from '@/live/clock.svelte'
import { keepPreferences, preferences } from '@/preferences.svelte'
import { tell } from '@/parts/toasts.svelte'
import { said, speakAt, t } from '@/words/index.svelte'
import { db, keepClock, keptClock, prune, type Entry, type FileRef } from './db.ts'
import { counted } from './decide.ts'
import { drafted, merged, type Done, type Merged } from './merge.ts'
import { flush, write } from './outbox.ts'
import { fetchAll, fetchOften, keptOf, NOTHING, type Kept } from './parts.ts'
import { correctedAt, heard, opened, stampOf, ticked, type DeviceClock } from './time.ts'

const FLUSH_MS = 5_000
const OFTEN_MS = 30_000
const ALL_MS = 10 * 60_000
const TICK_MS = 1_000

const era = () => crypto.randomUUID()
const still = (clock: DeviceClock): DeviceClock => ({ ...clock, wall: 0, mono: 0 })

export class Tablet {
  kept = $state.raw<Kept>(NOTHING)
  savedAt = $state.raw<Record<string, number>>({})
  entries = $state.raw<Entry[]>([])
  /** What was kept has been read. */
  ready = $state(false)
  online = $state(false)
  signIn = $state(false)
  /** The server has no such site. */
  unknown = $state(false)
  /** How far a load of everything is, 0 to 1; null: none runs. */
  progress = $state<number | null>(null)
  failed = $state<unknown>(null)
  /** What is known of the device's clock; its hands stand still here, so that nothing is drawn anew each second. */
  known = $state.raw<DeviceClock>(still(opened(null, 0, 0, era())))
  #clock: DeviceClock = opened(null, Date.now(), performance.now(), era())
  readonly #stops: (() => void)[] = []
  #oftenAt = 0
  #allAt = 0
  #busy = false

  constructor(readonly site: string) {
    void this.#start()
  }

  async #start(): Promise<void> {
    this.#clockIs(opened(await keptClock(), Date.now(), performance.now(), era()))
    await this.reread()
    const watching = liveQuery(() => db.outbox.where('site').equals(this.site).sortBy('seq')).subscribe((rows) => {
      this.entries = rows
      this.ready = true
    })
    const now = () => void this.sync()
    const seen = () => document.hidden || now()
    addEventListener('online', now)
    const gone = () => (this.online = false)
    addEventListener('offline', gone)
    document.addEventListener('visibilitychange', seen)
    const timers = [setInterval(now, FLUSH_MS), setInterval(() => this.#tick(), TICK_MS)]
    this.#stops.push(
      () => watching.unsubscribe(), () => timers.forEach(clearInterval), () => removeEventListener('online', now),
      () => removeEventListener('offline', gone), () => document.removeEventListener('visibilitychange', seen),
    )
    void navigator.storage?.persist?.()
    now()
  }

  close(): void {
    this.#stops.forEach((stop) => stop())
  }

  /** Server's time, as well as it is known. */
  get now(): number {
    return correctedAt(stampOf(this.#clock, Date.now()), this.#clock)
  }

  #tick(): void {
    const next = ticked(this.#clock, Date.now(), performance.now(), era())
    const jumped = next.era !== this.#clock.era
    this.#clockIs(next)
    if (jumped) void keepClock(next)
  }

  #clockIs(clock: DeviceClock): void {
    this.#clock = clock
    if (JSON.stringify(still(clock)) !== JSON.stringify(this.known)) this.known = still(clock)
    serverSays(Date.now() + clock.offset)
  }

  /** Asks the server for its time: that is what tells whether anybody can be reached. */
  async #hear(): Promise<void> {
    const before = performance.now()
    const { data } = await api.GET('/api/v1/sites')
    if (typeof data?.now !== 'number') throw new SyntaxError('an answer that is not ours')
    this.#tick()
    const delay = performance.now() - before
    this.#clockIs(heard(this.#clock, data.now + delay / 2, Date.now(), performance.now()))
    await keepClock(this.#clock)
    this.online = true
    this.signIn = false
    this.unknown = !data.items.some((one) => one.id === this.site)
  }

  async reread(): Promise<void> {
    const { kept, savedAt } = await keptOf(this.site)
    this.kept = kept
    this.savedAt = savedAt
    if (kept.site) speakAt(kept.site.timezone, kept.site.language)
  }

  /** Sends what waits and asks for what is new; one round at a time. */
  async sync(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    try {
      await keepClock(this.#clock)
      // The very first time there is nothing to send: what is needed is fetched beside the question for the time.
      await Promise.all([this.#hear(), this.kept.site ? null : this.#all()])
      const round = await flush(() => this.#clock)
      if (round?.signIn) this.signIn = true
      const changed = Boolean(round && round.sent + round.rejected)
      await this.#refresh(changed)
    } catch (error) {
      // A hotel's sign-in page is no answer of ours, and no JSON.
      if (!(error instanceof ApiError) && !(error instanceof SyntaxError)) this.failed = error
      this.signIn = this.online = error instanceof ApiError && error.status === 401
    } finally {
      this.#busy = false
    }
  }

  async #refresh(changed: boolean): Promise<void> {
    const now = performance.now()
    if (!this.kept.site || !this.#allAt || now - this.#allAt > ALL_MS) return this.#all()
    if (!changed && now - this.#oftenAt < OFTEN_MS) return
    await fetchOften(this.site, () => this.now)
    this.#oftenAt = now
    await this.reread()
  }

  async #all(): Promise<void> {
    this.progress = 0
    try {
      await fetchAll(this.site, () => this.now, () => this.reread(), (share) => (this.progress = share))
      this.#allAt = this.#oftenAt = performance.now()
      await prune()
    } finally {
      this.progress = null
      await this.reread()
    }
  }

  /** Takes everything along anew, because somebody asked for it. */
  async prepare(): Promise<void> {
    this.failed = null
    try {
      await this.#hear()
      await this.#all()
    } catch (error) {
      this.failed = error
    }
  }

  // --- what people do

  get me(): string {
    return preferences.people[this.site] ?? ''
  }

  beMe(person: string): void {
    preferences.people[this.site] = person
    keepPreferences()
  }

  get roles(): readonly string[] {
    return this.kept.people.find((one) => one.id === this.me)?.roles ?? []
  }

  /** Writes an act down as of now; it is safe when this is done, and is sent as soon as that can be. */
  async do(action: Entry['action'], more: { files?: FileRef[]; expects?: number } = {}): Promise<Entry> {
    try {
      const entry = await write({ site: this.site, person: this.me, action, ...more }, this.#clock)
      void this.sync()
      return entry
    } catch (error) {
      tell(t('tablet.full'), { bad: true })
      throw error
    }
  }

  // --- what is seen

  name(id: string | null | undefined): string {
    return said(this.#names.get(id ?? ''), id ?? '')
  }
  readonly #names = $derived.by(() => {
    const site = this.kept.site
    const rows = site ? [site.zones, site.devices, site.people, site.groups, site.agents].flat() : []
    return new Map<string, Words>(rows.map((one) => [one.id, one.name]))
  })

  readonly devices = $derived(new Map(this.kept.devices.map((one) => [one.id, one])))
  readonly zones = $derived(new Map((this.kept.site?.zones ?? []).map((one) => [one.id, one])))
  readonly kinds = $derived(new Map(this.kept.kinds.map((one) => [one.id, one])))
  readonly checklists = $derived(new Map(this.kept.checklists.map((one) => [one.id, one])))
  readonly counts = $derived(counted(this.entries))
  readonly #done = $derived(this.entries.map((entry): Done => ({ ...entry, at: entry.at ?? correctedAt(entry, this.known) })))
  /** Open orders as the server told them, with what was done here since; those opened here too. */
  readonly orders = $derived.by((): Merged[] => {
    const stored = this.kept.orders
    const known = new Set(stored.map((one) => one.id))
    const own = this.#done
      .filter((one) => one.action.do === 'open_order' && !known.has(one.order) && one.state !== 'rejected')
      .filter((one) => one.state !== 'sent' || one.at > (this.savedAt['orders'] ?? 0))
      .map((one): Order => drafted(one, this.site, this.kinds.get(String(one.action['kind']))))
    return [...stored, ...own].map((order) => {
      const one = merged(order, this.#done)
      return order.revision ? one : { ...one, unsynced: [...this.#opening(order.id), ...one.unsynced] }
    })
  })

  #opening(order: string): string[] {
    return this.#done.filter((one) => one.order === order && one.action.do === 'open_order' && one.state !== 'sent').map((one) => one.id)
  }

  order(id: string): Merged | undefined {
    return this.orders.find((one) => one.order.id === id)
  }

  /** What the server refused of an order, which a person must look at. */
  refused(order: string): Entry[] {
    return this.entries.filter((one) => one.order === order && one.state === 'rejected')
  }
}

let current: Tablet | null = $state.raw(null)

/** The tablet's state, for the parts of its pages. They are drawn only while there is one. */
export function tablet(): Tablet {
  if (!current) throw new Error('a part of the tablet is drawn without one')
  return current
}

export function useTablet(site: string): Tablet {
  if (current?.site !== site) {
    current?.close()
    current = new Tablet(site)
  }
  return current
}
