/** A screen proves itself: it answers each nonce of the stream with what it can tell of itself. */
import { api, ApiError } from '@/api/client'
import { sound } from './sound.svelte'

const PAINT_MS = 1_000

export interface Told {
  nonce: string
  /** ms since the stream was heard last. */
  dataAge: number
}

export class Proof {
  #painted = performance.now()
  #answered = ''
  #timer: ReturnType<typeof setInterval>

  constructor(
    readonly site: string,
    readonly screen: string,
  ) {
    // A timer still runs in a page that is frozen for its viewer; a frame is only asked for where one is painted.
    this.#timer = setInterval(() => requestAnimationFrame(() => (this.#painted = performance.now())), PAINT_MS)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Answers a nonce once. Whether the answer came through is the server's business: without answers it raises an
   * incident, and the screen itself says NOT LIVE when it hears nothing. */
  async answer({ nonce, dataAge }: Told): Promise<void> {
    if (!nonce || nonce === this.#answered) return
    this.#answered = nonce
    const body = {
      nonce,
      audible: sound.state === 'on' && sound.renders,
      visible: document.visibilityState === 'visible',
      drawn_ms: Math.round(performance.now() - this.#painted),
      data_age_ms: Math.round(dataAge),
      heard_by: sound.heardBy,
    }
    const path = { site: this.site, screen: this.screen }
    try {
      await api.POST('/api/v1/sites/{site}/screens/{screen}/answers', { params: { path }, body })
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
    }
  }
}
