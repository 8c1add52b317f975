/** What may be half filled on an order's page, and how a proposal is taken. */
import type { Proposal } from '../parts'

export interface Form {
  note: string
  part: string
  quantity: string
  unit: string
  /** By item, as typed. */
  items: Record<string, string>
  remarks: Record<string, string>
  pause: string
  finish: string
  verify: string
  override: string
  answer: string
  /** Which of the acts that need words is open; empty: none. */
  asks: '' | 'arrive' | 'pause' | 'finish' | 'verify' | 'close' | 'answer'
}

export const BLANK: Form = {
  note: '', part: '', quantity: '', unit: '', items: {}, remarks: {}, pause: '', finish: '', verify: '', override: '', answer: '', asks: '',
}

/** The act that takes a reading from telemetry; where it comes from goes on record with it. */
export function taking(order: string, one: Proposal): { do: string } & Record<string, unknown> {
  const at = one.at === null ? '' : ` ${new Date(one.at).toISOString()}`
  return { do: 'fill_item', order, item: one.item, value: one.value, note: `telemetry: ${one.point || 'run'}${at}` }
}
