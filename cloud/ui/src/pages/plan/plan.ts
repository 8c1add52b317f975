/** What a floor plan shows now: pure, of the drawing, the states of its devices, alarms and people's last places. */
import type { components } from '@/api/schema'
import type { Alarm, Device, EventRow } from '@/api/types'
import {
  mdiAccessPoint, mdiAlarmLight, mdiBoomGate, mdiBoomGateUp, mdiDesktopClassic, mdiDoor, mdiDoorOpen, mdiEngine, mdiGauge,
  mdiHelpRhombus, mdiMapMarkerCheck, mdiPhoneAlert, mdiSerialPort, mdiSmokeDetector, mdiThermometer,
} from '@mdi/js'

export type Floor = components['schemas']['FloorView']
export type FloorDevice = Floor['devices'][number]
export type State = components['schemas']['StateView']
export type Person = components['schemas']['PersonView']

const ICONS: Readonly<Record<string, string>> = {
  gate: mdiBoomGate, door: mdiDoor, panel: mdiAlarmLight, detector: mdiSmokeDetector, checkpoint: mdiMapMarkerCheck,
  generator: mdiEngine, climate: mdiThermometer, meter: mdiGauge, reader: mdiAccessPoint, io: mdiSerialPort,
  call: mdiPhoneAlert, desk: mdiDesktopClassic,
}
const OPEN_ICONS: Readonly<Record<string, string>> = { gate: mdiBoomGateUp, door: mdiDoorOpen }
const OPENED = new Set(['gate.released', 'door.opened'])
const SHUT = new Set(['gate.locked', 'door.closed'])

/** Whether what opens is open; null: it does not open, or nothing is known of it. A lock that let go counts as open. */
export function isOpen(device: string, states: ReadonlyMap<string, State>): boolean | null {
  const found = [...OPENED, ...SHUT].map((type) => states.get(stateKey({ device, type }))).filter((one) => one !== undefined)
  if (!found.length) return null
  return found.some((one) => OPENED.has(one.type))
}

/** What opens and shuts is a pair, of which the newest replaces the other; a gate and a door on one device are two. */
export function stateKey({ device, type, part }: { device: string; type: string; part?: string | null }): string {
  const line = OPENED.has(type) || SHUT.has(type) ? type.split('.')[0] : type
  return `${device}|${line}|${part ?? ''}`
}

export function iconOf(kind: string, open: boolean | null): string {
  return (open && OPEN_ICONS[kind]) || ICONS[kind] || mdiHelpRhombus
}

/** The states after an event, or the same map where the event says nothing lasting. */
export function stateAfter(states: ReadonlyMap<string, State>, row: EventRow): ReadonlyMap<string, State> {
  if (!OPENED.has(row.type) && !SHUT.has(row.type)) return states
  const key = stateKey({ device: row.device, type: row.type })
  if ((states.get(key)?.at ?? -1) > row.at) return states
  const after = new Map(states)
  if (row.ended) after.delete(key)
  else after.set(key, { device: row.device, zone: row.zone, type: row.type, at: row.at })
  return after
}

/** Alarms that stand, by the zone and by the device they are at; the most urgent of each. */
export function alarmsAt(alarms: Iterable<Alarm>): { zones: Map<string, Alarm>; devices: Map<string, Alarm> } {
  const zones = new Map<string, Alarm>()
  const devices = new Map<string, Alarm>()
  const keep = (map: Map<string, Alarm>, key: string, alarm: Alarm) => {
    const known = map.get(key)
    if (!known || alarm.body.priority < known.body.priority) map.set(key, alarm)
  }
  for (const alarm of alarms) {
    if (alarm.state !== 'unacknowledged' && alarm.state !== 'acknowledged') continue
    if (alarm.body.zone) keep(zones, alarm.body.zone, alarm)
    keep(devices, alarm.body.source, alarm)
    if (alarm.body.part) keep(devices, `${alarm.body.source}/${alarm.body.part}`, alarm)
  }
  return { zones, devices }
}

export type Concern = 'none' | 'odd' | 'shut' | 1 | 2 | 3 | 4

/** Why a device needs looking at: a priority of its alarm, a way out that is shut in a fire (`shut`), or that it can't
 * be believed (`odd`). */
export function concernOf(
  device: FloorDevice, health: Device | undefined, alarms: Map<string, Alarm>, open: boolean | null, onFireWay: boolean,
): Concern {
  const alarm = alarms.get(device.id)
  if (alarm) return alarm.body.priority
  if (onFireWay && open === false) return 'shut'
  return health && health.state !== 'ok' && health.state !== 'never' ? 'odd' : 'none'
}

/** The devices that must let people out of the zones that burn. */
export function waysOnFire(floor: Floor, burning: ReadonlySet<string>): Set<string> {
  return new Set(floor.ways.filter((way) => burning.has(way.zone)).flatMap((way) => way.devices))
}

/** Zones with a fire alarm that stands. */
export function burningZones(alarms: Iterable<Alarm>): Set<string> {
  const found = [...alarms].filter((one) => one.body.kind === 'fire' && (one.body.active ?? true) && one.body.zone)
  return new Set(found.map((one) => one.body.zone!))
}

/** The floor to look at where nobody chose one: that of the fire that nobody has seen yet, the newest first; else the first. */
export function floorOf(floors: readonly Floor[], alarms: Iterable<Alarm>): Floor | undefined {
  const unseen = (one: Alarm) => Number(one.state === 'unacknowledged')
  const fires = [...alarms].filter((one) => one.body.kind === 'fire' && ['unacknowledged', 'acknowledged'].includes(one.state))
  const newest = fires.toSorted((a, b) => unseen(b) - unseen(a) || b.opened_at - a.opened_at)
  const found = newest.flatMap((fire) => floors.filter((one) => one.zones.some((zone) => zone.id === fire.body.zone)))
  return found[0] ?? floors[0]
}

export const points = (line: readonly (readonly number[])[]): string => line.map(([x, y]) => `${x},${y}`).join(' ')
