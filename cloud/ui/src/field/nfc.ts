/** Tags that are touched, where the browser can read them: Web NFC, W3C Community Group, Chrome on Android. */

interface Message extends Event {
  message: { records: { recordType: string; encoding?: string; data?: DataView }[] }
}
interface Reader extends EventTarget {
  scan(options: { signal: AbortSignal }): Promise<void>
}
const Known = (globalThis as { NDEFReader?: new () => Reader }).NDEFReader

export const canTouch = Known !== undefined

/** The first text or address that a tag holds; empty: it holds none. */
function textOf(event: Message): string {
  const record = event.message.records.find((one) => ['text', 'url', 'absolute-url'].includes(one.recordType))
  return record?.data ? new TextDecoder(record.encoding ?? 'utf-8').decode(record.data) : ''
}

/** Tells each tag that is touched until the way that it gives is taken.
 *
 * @throws DOMException there is no reader, or it may not be used. */
export async function touched(found: (text: string) => void): Promise<() => void> {
  const ended = new AbortController()
  const reader = new Known!()
  reader.addEventListener('reading', (event) => {
    const text = textOf(event as Message)
    if (text) found(text)
  })
  await reader.scan({ signal: ended.signal })
  return () => ended.abort()
}
