/** Why a device, a value or a while can't be relied on, in the reader's language. */
import type { Words } from '@/api/types'
import { age, hasWord, said, t, type Word } from './index.svelte'
import { pointsOf, reasonsOf, type Data, type Reason } from './reasons'

const NOBODY: ReadonlyMap<string, Words> = new Map()
const textOf = ({ word, gaps, text }: Reason): string => {
  const filled = word ? t(word as Word, gaps) : text
  // A profile may have a word of its own that is a code here, and tells nothing for its gaps.
  return /\{\w+\}/.test(filled) ? text : filled
}

/** The reasons that data give, with the points they are about by their `names`; empty where there are none. */
export function whyWords(data: Data | null | undefined, names: ReadonlyMap<string, Words> = NOBODY): string {
  if (!data) return ''
  const why = reasonsOf(data, hasWord).map(textOf).join('; ')
  const { names: own, count } = pointsOf(data)
  const called = own.map((name) => said(names.get(name), name)).join(', ')
  const points = count > own.length ? `${called} ${t('why.points.more', { n: count })}` : called
  const whole = points && why ? t('why.points', { points, why }) : why || points
  const blind = data['blind_ms']
  return [whole, typeof blind === 'number' && blind > 0 ? t('why.blind_for', { age: age(blind) }) : ''].filter(Boolean).join(' · ')
}
