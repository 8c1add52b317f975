/** What may be half filled on an order's page. */

export interface Form {
  note: string
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
  note: '', items: {}, remarks: {}, pause: '', finish: '', verify: '', override: '', answer: '', asks: '',
}
