/** What a tablet takes along of a site, and where it is asked for. What a server does not have (404) is left out. */
import { api, ApiError } from '@/api/client'
import type { components } from '@/api/schema'
import type { Device, Order, Rule, SiteDetail } from '@/api/types'
import { db } from './db.ts'
import type { Checklist } from './items.ts'
import type { OrderKind } from './urgent.ts'

type Schemas = components['schemas']
export type Person = Schemas['PersonView']
export type Reading = Schemas['ValueView']
export type Point = Schemas['PointView']
export type Plan = Schemas['PlanView']
export type Floor = Schemas['FloorView']

/** A reading that telemetry proposes for an item of an order. */
export type Proposal = Schemas['ProposalView']

/** A checkpoint of today's rounds. */
export type Checkpoint = Schemas['PostView']

export interface Kept {
  site: SiteDetail | null
  people: Person[]
  orders: Order[]
  plans: Plan[]
  floors: Floor[]
  values: Reading[]
  points: Point[]
  devices: Device[]
  rules: Rule[]
  checklists: Checklist[]
  kinds: OrderKind[]
  checkpoints: Checkpoint[]
  /** By order. */
  sheets: Record<string, Proposal[]>
}

export const NOTHING: Kept = {
  site: null, people: [], orders: [], plans: [], floors: [], values: [], points: [], devices: [], rules: [], checklists: [], kinds: [],
  checkpoints: [], sheets: {},
}

export const OPEN_ORDERS = ['registered', 'accepted', 'on_site', 'done', 'verified']

/** In the order in which they are fetched: what one can least do without comes first. */
const PATHS: readonly (readonly [Exclude<keyof Kept, 'sheets'>, string])[] = [
  ['site', ''],
  ['orders', `/orders?limit=1000&${OPEN_ORDERS.map((state) => `state=${state}`).join('&')}`],
  ['kinds', '/order-kinds'],
  ['checklists', '/checklists'],
  ['people', '/people'],
  ['devices', '/devices'],
  ['values', '/values'],
  ['points', '/points'],
  ['plans', '/plans'],
  ['floors', '/floors'],
  ['rules', '/rules'],
  ['checkpoints', '/patrol'],
]

/** Asks for something that may not be there on this server. */
type Loose = (path: string) => Promise<{ data?: unknown }>

async function got(path: string): Promise<Record<string, unknown> | null> {
  try {
    const { data } = await (api.GET as unknown as Loose)(path)
    return (data ?? null) as Record<string, unknown> | null
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null
    throw error
  }
}

const base = (site: string) => `/api/v1/sites/${encodeURIComponent(site)}`

async function keep(site: string, name: keyof Kept, data: unknown, savedAt: number): Promise<void> {
  await db.parts.put({ site, name, data, savedAt })
}

/** So many of them are enough to begin with. */
const FIRST = 5

/** Fetches every part and keeps it; `begun` is called once it can be worked with, `told` hears how far it is. Gives the
 * parts that this server does not have.
 *
 * @throws ApiError nobody answered, or nobody is signed in: what was kept before stays. */
export async function fetchAll(site: string, now: () => number, begun: () => Promise<void>, told: (share: number) => void): Promise<string[]> {
  const missing: string[] = []
  let done = 0
  const take = async ([name, path]: (typeof PATHS)[number]) => {
    const data = await got(base(site) + path)
    if (data) await keep(site, name, name === 'site' ? data : (data['items'] ?? data[name] ?? data), Number(data['now'] ?? now()))
    else missing.push(name)
    told((done += 1) / (PATHS.length + 1))
  }
  await Promise.all(PATHS.slice(0, FIRST).map(take))
  if (missing.includes('site')) return missing
  await begun()
  await Promise.all(PATHS.slice(FIRST).map(take))
  await fetchSheets(site, now)
  told(1)
  return missing
}

/** What telemetry proposes for the checklists of open orders. */
async function fetchSheets(site: string, now: () => number): Promise<void> {
  const orders = ((await db.parts.get([site, 'orders']))?.data ?? []) as Order[]
  const sheets: Kept['sheets'] = {}
  const lists = ((await db.parts.get([site, 'checklists']))?.data ?? []) as Checklist[]
  const measured = new Set(lists.filter((one) => one.items.some((item) => item.measured)).map((one) => one.id))
  for (const order of orders.filter((one) => one.body.device && measured.has(one.body.checklist ?? ''))) {
    const data = await got(`${base(site)}/orders/${encodeURIComponent(order.id)}/sheet`)
    if (data) sheets[order.id] = data['items'] as Proposal[]
  }
  await keep(site, 'sheets', sheets, now())
}

/** The orders, last values and test sheets only, which change all the time. */
export async function fetchOften(site: string, now: () => number): Promise<void> {
  for (const [name, path] of PATHS.filter(([one]) => one === 'orders' || one === 'values')) {
    const data = await got(base(site) + path)
    if (data) await keep(site, name, data['items'], Number(data['now'] ?? now()))
  }
  await fetchSheets(site, now)
}

export async function keptOf(site: string): Promise<{ kept: Kept; savedAt: Record<string, number> }> {
  const rows = await db.parts.where('site').equals(site).toArray()
  const kept = { ...NOTHING, ...Object.fromEntries(rows.map((row) => [row.name, row.data])) } as Kept
  return { kept, savedAt: Object.fromEntries(rows.map((row) => [row.name, row.savedAt])) }
}
