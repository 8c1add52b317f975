/** Checklists on the spot: pure. What an item takes and when it is bad, as the server judges it. */
import type { components } from '@/api/schema'

export type Checklist = components['schemas']['ChecklistView']
export type Item = components['schemas']['ChecklistItemView']
export type Value = string | number | boolean

/** The item that every signed order ends with; the page names it. */
const SIGNED: Item = {
  id: 'signature', name: { zh: '', en: '' }, kind: 'signature', unit: '', least: null, most: null,
  choices: [], good: true, required: true, opens: null, measured: false,
}

/** What is to be filled; a signed order ends with a signature even where its checklist has none. */
export function itemsOf(checklist: Checklist | undefined, signed: boolean): Item[] {
  const items = checklist?.items ?? []
  return signed && !items.some((item) => item.kind === 'signature') ? [...items, SIGNED] : [...items]
}

/** Whether something must be done about what was found. */
export function isBad(item: Item, value: Value): boolean {
  switch (item.kind) {
    case 'reading': {
      const number = Number(value)
      return (item.least !== null && number < item.least) || (item.most !== null && number > item.most)
    }
    case 'yes_no': return value !== item.good
    case 'choice': return item.choices.some((one) => one.id === value && one.bad)
    default: return false
  }
}

/** The number that somebody typed, with a comma or a point or full-width digits; null: it is none. */
export function readingOf(text: string): number | null {
  const plain = text.normalize('NFKC').trim().replace(/[,\u3002\u3001]/g, '.').replace(/^\u2212/, '-')
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : null
}

/** Required items that nobody filled. */
export function holes(items: readonly Item[], filled: readonly { item: string }[]): Item[] {
  const known = new Set(filled.map((one) => one.item))
  return items.filter((item) => item.required && !known.has(item.id))
}
