/** Why a device, a value or a while can't be relied on, as events tell it in codes: pure. */

export type Data = Readonly<Record<string, unknown>>
/** `word`: the name of its words, with what fills their gaps; null: nobody has words for it. `text`: the code, or all that was told. */
export interface Reason { word: string | null; gaps: Record<string, string | number>; text: string }

const CODES = /^[a-z0-9_]+(, [a-z0-9_]+)*$/
const EXCEPTION = /^exception_(\d+)$/
const gapsOf = (data: Data): Record<string, string | number> =>
  Object.fromEntries(Object.entries(data).filter((one): one is [string, string | number] => typeof one[1] === 'string' || typeof one[1] === 'number'))

function reasonOf(code: string, data: Data, has: (word: string) => boolean): Reason {
  const exception = EXCEPTION.exec(code)
  const word = exception ? 'why.exception' : `why.${code}`
  const gaps = exception ? { code: exception[1]! } : gapsOf(data)
  const text = code.replaceAll('_', ' ')
  return has(word) ? { word, gaps, text } : { word: null, gaps: {}, text }
}

/** The reasons that an event's data give, in their order; those told as a sentence, by an agent of earlier days, as they are. */
export function reasonsOf(data: Data, has: (word: string) => boolean): Reason[] {
  const found: Reason[] = []
  const codes = [data['cause'], data['causes'], data['why']].find((one) => typeof one === 'string' && one !== '') as string | undefined
  if (codes && CODES.test(codes)) found.push(...codes.split(', ').map((code) => reasonOf(code, data, has)))
  else if (codes) found.push({ word: null, gaps: {}, text: codes })
  for (const [field, group] of [['what', 'why.agent'], ['clock', 'why.mark']] as const) {
    const word = `${group}.${String(data[field])}`
    if (has(word)) found.push({ word, gaps: gapsOf(data), text: '' })
  }
  return found
}

/** The names of the points that a reason is about, and how many there are. */
export function pointsOf(data: Data): { names: string[]; count: number } {
  const text = data['point'] ?? data['points']
  const names = typeof text === 'string' && text ? text.split(', ') : []
  return { names, count: typeof data['count'] === 'number' && data['points'] ? data['count'] : names.length }
}
