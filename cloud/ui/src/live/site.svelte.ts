/** What is known of the site on screen: lists loaded once, then kept up to date by the stream's changes. */
import { SvelteMap } from 'svelte/reactivity'
import { api, ApiError } from '@/api/client'
import type {
  Agent, Alarm, Change, ChangeKind, Check, Device, Drill, Episode, EventRow, Incident, Order, Rule, Screen, Shift, SiteDetail,
  Verdict, Words,
} from '@/api/types'
import { serverNow, serverSays } from './clock.svelte'
import { Proof } from './proof'
import { Stream } from './stream'

const KEPT_VERDICTS = 300
const REFRESH_MS = 15_000
const RETRY_MS = 1_000
/** So long the stream may be silent before the page says that it is not live; heartbeats come every 5 s. */
const SILENT_MS = 7_500
const KINDS: readonly ChangeKind[] = [
  'incident', 'verdict', 'alarm', 'order', 'drill', 'duty', 'check', 'escalation', 'screen', 'event', 'device', 'agent',
]

export type Liveness = 'starting' | 'live' | 'cut' | 'store'
type Listener = (change: Change) => void

export const episodeKey = (row: { rule: string; key: string; opened_at: number }): string =>
  `${row.rule}|${row.key}|${row.opened_at}`

export class SiteStore {
  readonly incidents = new SvelteMap<string, Incident>()
  /** Alarms that are not normal. */
  readonly alarms = new SvelteMap<string, Alarm>()
  readonly orders = new SvelteMap<string, Order>()
  readonly verdicts = new SvelteMap<string, Verdict>()
  readonly checks = new SvelteMap<string, Check>()
  readonly drills = new SvelteMap<string, Drill>()
  readonly shifts = new SvelteMap<string, Shift>()
  readonly screens = new SvelteMap<string, Screen>()
  readonly devices = new SvelteMap<string, Device>()
  readonly agents = new SvelteMap<string, Agent>()
  rules = $state.raw(new Map<string, Rule>())
  loaded = $state(false)
  liveness = $state<Liveness>('starting')
  /** When the newest data of any agent came, ms of the server's time; 0: none ever. */
  newestData = $state(0)
  /** When the screen was last known to be right, ms of the server's time. */
  lastLive = $state(serverNow())
  readonly #names: ReadonlyMap<string, Words>
  readonly #listeners = new Set<Listener>()
  readonly #stream: Stream
  readonly #timers: ReturnType<typeof setInterval>[]
  #waiting: Change[] = []
  #loading = true
  #scheduled = false
  #storeLive = true
  #wanted = 0
  #heardAt = performance.now()
  readonly #proof: Proof | null

  constructor(
    readonly site: SiteDetail,
    /** The screen's id, where this page is one that proves itself. */
    readonly screen = '',
  ) {
    const named = [site.people, site.agents, site.groups, site.devices, site.zones].flat()
    this.#names = new Map(named.map((one) => [one.id, one.name]))
    this.#proof = screen ? new Proof(site.id, screen) : null
    this.#stream = new Stream(
      site.id,
      KINDS,
      {
        hello: (message) => {
          this.#heard(message)
          if (!message.resumed || !this.loaded) void this.#loadUntilDone()
        },
        heartbeat: (message) => this.#heard(message),
        change: (change) => this.#queue(change),
      },
      screen,
    )
    this.#timers = [
      setInterval(() => this.#watch(), 500),
      setInterval(() => void this.#refresh().catch(() => undefined), REFRESH_MS),
    ]
  }

  close(): void {
    this.#wanted++
    this.#stream.close()
    this.#proof?.close()
    this.#timers.forEach(clearInterval)
  }

  get id(): string {
    return this.site.id
  }

  /** The name of a zone, device, group, person or agent, in both languages; its id where it has none. */
  name(id: string): Words {
    const name = this.#names.get(id)
    return name && (name.zh || name.en) ? name : { zh: id, en: id }
  }

  /** Hears every change as it comes, after the maps have it; gives the way to stop. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  verdictOf(episode: Episode): Verdict | undefined {
    return this.verdicts.get(episodeKey(episode))
  }

  async #loadUntilDone(): Promise<void> {
    const wanted = ++this.#wanted
    while (wanted === this.#wanted) {
      try {
        return await this.#load(wanted)
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }

  /** Loads every list anew. Changes that arrive meanwhile are applied after them. */
  async #load(wanted: number): Promise<void> {
    this.#loading = true
    const path = { site: this.site.id }
    const day = serverNow() - 86_400_000
    const [incidents, alarms, orders, pending, decided, checks, drills, shifts, screens, rules] = await Promise.all([
      api.GET('/api/v1/sites/{site}/incidents', { params: { path, query: { state: 'open', limit: 1000 } } }),
      api.GET('/api/v1/sites/{site}/alarms', { params: { path, query: { state: LIVE_ALARMS, limit: 1000 } } }),
      api.GET('/api/v1/sites/{site}/orders', { params: { path, query: { state: OPEN_ORDERS, limit: 1000 } } }),
      api.GET('/api/v1/sites/{site}/verdicts', { params: { path, query: { outcome: ['pending'], limit: 500 } } }),
      api.GET('/api/v1/sites/{site}/verdicts', {
        params: { path, query: { outcome: ['met', 'breached', 'unknown'], limit: 50 } },
      }),
      api.GET('/api/v1/sites/{site}/checks', { params: { path, query: { since: day, limit: 100 } } }),
      api.GET('/api/v1/sites/{site}/drills', { params: { path, query: { limit: 50 } } }),
      api.GET('/api/v1/sites/{site}/shifts', { params: { path, query: { state: ['running'], limit: 50 } } }),
      api.GET('/api/v1/sites/{site}/screens', { params: { path, query: { limit: 1000 } } }),
      api.GET('/api/v1/sites/{site}/rules', { params: { path } }),
      this.#refresh(),
    ])
    // The stream was cut meanwhile: another load is on its way, and these lists are older than what it brings.
    if (wanted !== this.#wanted) return
    refill(this.incidents, incidents.data!.items as unknown as Incident[])
    refill(this.alarms, alarms.data!.items as unknown as Alarm[])
    refill(this.orders, orders.data!.items as unknown as Order[])
    refill(this.checks, checks.data!.items as unknown as Check[])
    refill(this.drills, drills.data!.items as unknown as Drill[])
    refill(this.shifts, shifts.data!.items as unknown as Shift[])
    refill(this.screens, screens.data!.items as unknown as Screen[])
    this.verdicts.clear()
    for (const row of [...pending.data!.items, ...decided.data!.items]) this.verdicts.set(episodeKey(row), row)
    this.rules = new Map(rules.data!.items.map((rule) => [rule.id, rule]))
    this.#loading = false
    this.loaded = true
    this.#flush()
  }

  /** The health of devices depends on the time too, so it is asked for again and again. */
  async #refresh(): Promise<void> {
    const path = { site: this.site.id }
    const [devices, agents] = await Promise.all([
      api.GET('/api/v1/sites/{site}/devices', { params: { path } }),
      api.GET('/api/v1/sites/{site}/agents', { params: { path } }),
    ])
    for (const row of devices.data!.items) if (!same(this.devices.get(row.id), row)) this.devices.set(row.id, row)
    for (const row of agents.data!.items) this.#agentSeen(row)
  }

  #agentSeen(row: Agent): void {
    if (!same(this.agents.get(row.id), row)) this.agents.set(row.id, row)
    this.newestData = Math.max(this.newestData, row.last_seen ?? 0)
  }

  #heard(message: { now: number; live: boolean; nonce?: string | null }): void {
    const heard = this.#heardAt
    this.#heardAt = performance.now()
    serverSays(message.now)
    this.#storeLive = message.live
    void this.#proof?.answer({ nonce: message.nonce ?? '', dataAge: performance.now() - heard })
    this.#watch()
  }

  #watch(): void {
    const silent = performance.now() - this.#stream.heardAt > SILENT_MS
    if (silent) this.liveness = 'cut'
    else if (!this.#storeLive) this.liveness = 'store'
    else if (this.loaded) this.liveness = 'live'
    if (this.liveness === 'live') this.lastLive = serverNow()
  }

  /** Changes that come together are drawn together, with the next frame. A hidden page has no frames, and its timers may come
   * a minute late, but its alarms are to be heard. */
  #queue(change: Change): void {
    this.#waiting.push(change)
    if (this.#loading) return
    if (document.hidden) return this.#flush()
    if (this.#scheduled) return
    this.#scheduled = true
    requestAnimationFrame(() => this.#flush())
  }

  #flush(): void {
    this.#scheduled = false
    const changes = this.#waiting
    this.#waiting = []
    for (const change of changes) {
      this.#apply(change)
      for (const listener of this.#listeners) listener(change)
    }
  }

  #apply({ kind, row }: Change): void {
    switch (kind) {
      case 'incident': return newer(this.incidents, row as unknown as Incident, (one) => one.state === 'open')
      case 'alarm': return newer(this.alarms, row as unknown as Alarm, (one) => one.state !== 'normal')
      case 'order': return newer(this.orders, row as unknown as Order, (one) => OPEN_ORDERS.includes(one.state))
      case 'check': return newer(this.checks, row as unknown as Check, () => true)
      case 'drill': return newer(this.drills, row as unknown as Drill, () => true)
      case 'duty': return newer(this.shifts, row as unknown as Shift, (one) => one.state === 'running')
      case 'screen': return newer(this.screens, row as unknown as Screen, () => true)
      case 'verdict': return this.#verdict(row as Verdict)
      case 'agent': return this.#agentChanged(row as { agent: string; last_seen: number })
      case 'event': return this.#dataAt((row as EventRow).received_at)
      default: return
    }
  }

  #dataAt(at: number): void {
    if (at > this.newestData) this.newestData = at
  }

  #agentChanged(row: { agent: string; last_seen: number }): void {
    const known = this.agents.get(row.agent)
    if (known) this.#agentSeen({ ...known, last_seen: row.last_seen, silent: false })
  }

  #verdict(row: Verdict): void {
    if ((this.verdicts.get(episodeKey(row))?.revision ?? 0) > row.revision) return
    this.verdicts.set(episodeKey(row), row)
    if (this.verdicts.size > 2 * KEPT_VERDICTS) this.#forgetOldVerdicts()
  }

  #forgetOldVerdicts(): void {
    const needed = new Set([...this.incidents.values()].flatMap((row) => row.episodes.map(episodeKey)))
    const newestFirst = [...this.verdicts].sort((a, b) => b[1].decided_at - a[1].decided_at)
    newestFirst.slice(KEPT_VERDICTS).forEach(([key]) => needed.has(key) || this.verdicts.delete(key))
  }
}

const LIVE_ALARMS = [
  'unacknowledged', 'acknowledged', 'returned_unacknowledged', 'shelved', 'suppressed', 'out_of_service',
]
const OPEN_ORDERS = ['registered', 'accepted', 'on_site', 'done', 'verified']

function refill<T extends { id: string }>(map: SvelteMap<string, T>, rows: T[]): void {
  const kept = new Set(rows.map((row) => row.id))
  for (const id of [...map.keys()]) if (!kept.has(id)) map.delete(id)
  for (const row of rows) map.set(row.id, row)
}

function newer<T extends { id: string; revision: number }>(
  map: SvelteMap<string, T>, row: T, keep: (row: T) => boolean,
): void {
  if ((map.get(row.id)?.revision ?? -1) > row.revision) return
  if (keep(row)) map.set(row.id, row)
  else map.delete(row.id)
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
