/** What a reading is shown as: the words that its value has, else the number that it is. Pure. */
import type { components } from '../api/schema'

export type Shown = components['schemas']['ShownView']
export type Words = components['schemas']['Words']
export type Language = 'zh' | 'en'

/** The words of exactly this value; null: it has none, whatever its neighbours have. */
export const wordsOf = (value: number | null | undefined, display: readonly Shown[]): Words | null =>
  display.find((one) => one.value === value)?.words ?? null

/** A name that comes in both languages; the other one where one is missing, nothing where both are. */
export const inLanguage = (words: Partial<Words> | null | undefined, language: Language): string =>
  (language === 'zh' ? words?.zh || words?.en : words?.en || words?.zh) || ''

const numbers = new Map<string, Intl.NumberFormat>()

function number(language: Language, digits: number): Intl.NumberFormat {
  const locale = language === 'zh' ? 'zh-CN' : 'en-GB'
  let known = numbers.get(locale + digits)
  if (!known) numbers.set(locale + digits, (known = new Intl.NumberFormat(locale, { maximumFractionDigits: digits })))
  return known
}

/** A number with as many digits as it deserves, and its unit. */
export function figureIn(language: Language, value: number | null | undefined, unit = ''): string {
  if (value === null || value === undefined) return '–'
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  const text = number(language, digits).format(value)
  return unit ? `${text} ${unit}` : text
}

/** A value by its words where it has some, else as a number with its unit. */
export const valueIn = (language: Language, value: number | null | undefined, unit = '', words: Partial<Words> | null = null): string =>
  inLanguage(words, language) || figureIn(language, value, unit)

/** All that a value was within a while, such as 0 to 1 of a switch that moved. */
export function spanIn(language: Language, low: number, high: number, unit: string, display: readonly Shown[]): string {
  const texts = [low, high].map((value) => valueIn(language, value, unit, wordsOf(value, display)))
  return low === high ? texts[0]! : texts.join(' – ')
}
