/** Why a link is down, in the reader's language. */
import { t, tOf } from './index.svelte'
import { sentenceOf } from './sentences'

/** The cause in words; itself where it is none of the cloud's sentences, such as the name of a device. */
export function causeWords(cause: string): string {
  const found = sentenceOf(cause)
  if (!found) return cause
  const { word, gaps } = found
  return t(word, gaps['event'] ? { ...gaps, event: tOf('event', gaps['event']) } : gaps)
}
