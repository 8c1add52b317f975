/** What a scanned code names: pure. Codes are `/t/<site>/<id>` (as a full address too), `SW1:<site>:<id>`, a plain id. */
import type { Words } from '@/api/types'

export interface Tag {
  /** Empty: the code does not say. */
  site: string
  id: string
}

/** A code taken apart; null: it is none of ours. */
export function tagOf(text: string): Tag | null {
  const plain = text.trim()
  const path = /(?:^|^https?:\/\/[^/]+)\/t\/([^/?#]+)\/([^/?#]+)\/?(?:[?#].*)?$/i.exec(plain)
  if (path) return { site: decoded(path[1]!), id: decoded(path[2]!) }
  const short = /^SW1:([^:]+):(.+)$/.exec(plain)
  if (short) return { site: short[1]!, id: short[2]! }
  return /^[^\s/]{1,64}$/.test(plain) ? { site: '', id: plain } : null
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export interface Known {
  site: string
  devices: ReadonlyMap<string, { id: string; zone: string | null; name: Words }>
  zones: ReadonlyMap<string, { id: string; name: Words }>
}

export type Place =
  | { is: 'device'; id: string; zone: string | null; name: Words }
  | { is: 'zone'; id: string; zone: string; name: Words }
  | { is: 'elsewhere'; site: string }
  | { is: 'unknown'; text: string }

/** Where a code stands, as far as this tablet knows the site. */
export function placeOf(text: string, known: Known): Place {
  const tag = tagOf(text)
  if (!tag) return { is: 'unknown', text }
  if (tag.site && tag.site !== known.site) return { is: 'elsewhere', site: tag.site }
  const device = known.devices.get(tag.id)
  if (device) return { is: 'device', id: device.id, zone: device.zone, name: device.name }
  const zone = known.zones.get(tag.id)
  if (zone) return { is: 'zone', id: zone.id, zone: zone.id, name: zone.name }
  return { is: 'unknown', text }
}
