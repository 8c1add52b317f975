/** Words of the page in Chinese and English, and numbers and times as people of the site read them. */
import type { Words } from '@/api/types'
import { type Language, preferences } from '@/preferences.svelte'
import { figureIn, inLanguage, spanIn, valueIn, type Shown } from './value'
import alarms from './alarms.json'
import board from './board.json'
import cause from './cause.json'
import field from './field.json'
import incident from './incident.json'
import orders from './orders.json'
import patrol from './patrol.json'
import plan from './plan.json'
import power from './power.json'
import search from './search.json'
import shell from './shell.json'
import tablet from './tablet.json'
import why from './why.json'

const dictionary = {
  ...field, ...shell, ...board, ...cause, ...alarms, ...incident, ...orders, ...patrol, ...plan, ...power, ...search, ...tablet, ...why,
}
export type Word = keyof typeof dictionary
type Gaps = Record<string, string | number>

const place = $state({ timezone: 'UTC', language: 'zh' as Language })

/** Where people read this: the site's own time zone, and its language where nobody chose one. */
export function speakAt(timezone: string, language: string): void {
  place.timezone = timezone
  place.language = language === 'en' ? 'en' : 'zh'
}

export const language = (): Language => preferences.language || place.language
export const timezone = (): string => place.timezone

const filled = (text: string, gaps: Gaps): string =>
  text.replace(/\{(\w+)\}/g, (whole, key: string) => String(gaps[key] ?? whole))

/** A word by its name, with its gaps filled. */
export function t(word: Word, gaps: Gaps = {}): string {
  const [zh, en] = dictionary[word] as [string, string]
  return filled(language() === 'zh' ? zh : en, gaps)
}

export const hasWord = (name: string): name is Word => name in dictionary

/** A word whose name is made of data, such as `event.fire.alarm`; the data itself where there is no such word. */
export const tOf = (group: string, name: string): string => {
  const key = `${group}.${name}`
  return hasWord(key) ? t(key) : name
}

/** What happened, in a word; the end of it where the event tells of that. */
export const eventName = (event: { type: string; ended: boolean }): string =>
  event.ended ? t('event_over', { event: tOf('event', event.type) }) : tOf('event', event.type)

/** A name that comes in both languages; the other one where one is missing, `otherwise` where both are. */
export function said(words: Partial<Words> | null | undefined, otherwise = ''): string {
  return inLanguage(words, language()) || otherwise
}

const formats = new Map<string, Intl.DateTimeFormat>()

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const locale = language() === 'zh' ? 'zh-CN' : 'en-GB'
  const key = locale + timezone() + JSON.stringify(options)
  let known = formats.get(key)
  if (!known) {
    known = new Intl.DateTimeFormat(locale, { timeZone: timezone(), hourCycle: 'h23', ...options })
    formats.set(key, known)
  }
  return known
}

const DATE = { year: 'numeric', month: '2-digit', day: '2-digit' } as const
const SHORT_DATE = { month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' } as const
const TIME = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const

export const wallClock = (ms: number): string => format({ ...DATE, weekday: 'short', ...TIME }).format(ms)
export const date = (ms: number): string => format(DATE).format(ms)
export const timeOfDay = (ms: number): string => format(TIME).format(ms)
export const hourMinute = (ms: number): string => format({ hour: '2-digit', minute: '2-digit' }).format(ms)
export const dateTime = (ms: number): string => format({ ...DATE, ...TIME }).format(ms)
export const hourOf = (ms: number): number => Number(format({ hour: 'numeric' }).format(ms).replace(/\D/g, ''))

/** The time of day, with the date when that is not today. */
export function moment(ms: number, now: number): string {
  return date(ms) === date(now) ? timeOfDay(ms) : format(SHORT_DATE).format(ms)
}

/** The site's day of a moment as `YYYY-MM-DD`. */
export function dayOf(ms: number): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone: timezone(), ...DATE }).format(ms)
}

const LONG_HOURS = 48

/** A length of time to the second: 1:02:03 or 02:03; beyond two days in days and hours. */
export function countdown(ms: number): string {
  const total = Math.floor(Math.abs(ms) / 1000)
  const hours = Math.floor(total / 3600)
  if (hours >= LONG_HOURS) return t('age.dh', { d: Math.floor(hours / 24), h: hours % 24 })
  const two = (value: number) => String(value).padStart(2, '0')
  const rest = `${two(Math.floor(total / 60) % 60)}:${two(total % 60)}`
  return hours ? `${hours}:${rest}` : rest
}

/** How long, as coarse as one needs it: 8 s, 5 min, 3 h, 2 d. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 100) return t('age.s', { n: seconds })
  if (seconds < 6_000) return t('age.min', { n: Math.round(seconds / 60) })
  if (seconds < 172_800) return t('age.h', { n: Math.round(seconds / 3600) })
  return t('age.d', { n: Math.round(seconds / 86_400) })
}

/** A reading with as many digits as it deserves. */
export const figure = (value: number | null | undefined, unit = ''): string => figureIn(language(), value, unit)

/** A reading by the words that its value has, else as a figure. */
export const shown = (value: number | null | undefined, unit = '', words: Partial<Words> | null = null): string =>
  valueIn(language(), value, unit, words)

/** All that a reading was within a while, by its words where it has some. */
export const span = (low: number, high: number, unit: string, display: readonly Shown[]): string =>
  spanIn(language(), low, high, unit, display)
