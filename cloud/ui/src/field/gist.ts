/** What an act was about, in few words, as it was typed: for lists of what is not sent. */

const SHOWN = ['title', 'part', 'quantity', 'unit', 'item', 'value', 'reason', 'note', 'text', 'tag', 'name', 'device', 'override'] as const
const LONGEST = 60

export function gist(action: Record<string, unknown>): string {
  const parts = SHOWN.map((name) => action[name])
    .filter((value) => (typeof value === 'string' && value !== '') || typeof value === 'number' || typeof value === 'boolean')
    .map((value) => (value === true ? '✓' : value === false ? '✗' : String(value)))
    .filter((text) => !/^[0-9a-f]{64}$/.test(text))
  const text = [...new Set(parts)].join(' · ')
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}
