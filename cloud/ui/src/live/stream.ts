/** The live stream of one site: opened again whenever it ends or goes quiet, from the last id that was seen. */
import type { components } from '@/api/schema'
import type { Change, ChangeKind } from '@/api/types'

const QUIET_MS = 9_000
const RETRY_MS = 2_000
const WATCH_MS = 1_000

export interface Hears {
  hello(message: components['schemas']['Hello'] & { nonce?: string | null }): void
  heartbeat(message: components['schemas']['Heartbeat'] & { nonce?: string | null }): void
  change(message: Change): void
}

export class Stream {
  /** When anything was heard last, by `performance.now()`. */
  heardAt = performance.now()
  #source: EventSource | null = null
  #lastId: string | null = null
  #openedAt = 0
  #timer: ReturnType<typeof setInterval>

  constructor(
    readonly site: string,
    readonly kinds: readonly ChangeKind[],
    readonly hears: Hears,
    readonly screen: string = '',
  ) {
    this.#open()
    this.#timer = setInterval(() => this.#watch(), WATCH_MS)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#source?.close()
  }

  #open(): void {
    const query = new URLSearchParams({ site: this.site })
    for (const kind of this.kinds) query.append('kind', kind)
    if (this.screen) query.set('screen', this.screen)
    if (this.#lastId !== null) query.set('after', this.#lastId)
    this.#openedAt = performance.now()
    const source = new EventSource(`/api/v1/stream?${query}`)
    source.addEventListener('hello', (m) => this.#take(m, (data) => this.hears.hello(data)))
    source.addEventListener('heartbeat', (m) => this.#take(m, (data) => this.hears.heartbeat(data)))
    source.addEventListener('goodbye', (m) => this.#take(m, () => undefined))
    for (const kind of this.kinds) source.addEventListener(kind, (m) => this.#take(m, (data) => this.hears.change(data)))
    this.#source = source
  }

  #take(message: MessageEvent<string>, hear: (data: never) => void): void {
    this.heardAt = performance.now()
    this.#lastId = message.lastEventId
    hear(JSON.parse(message.data) as never)
  }

  /** A browser gives up for good on an error answer, and never notices a connection that is only silent. */
  #watch(): void {
    const now = performance.now()
    const ended = this.#source?.readyState === EventSource.CLOSED && now - this.#openedAt > RETRY_MS
    const quiet = now - Math.max(this.heardAt, this.#openedAt) > QUIET_MS
    if (ended || quiet) {
      this.#source?.close()
      this.#open()
    }
  }
}
