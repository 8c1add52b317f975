/** Half-filled forms: kept as they are typed, so that neither a reload nor an empty battery loses them. */
import { db } from './db.ts'

export class Draft<T extends object> {
  value = $state() as T
  ready = $state(false)
  #written = ''

  /** Made while a component is set up: it keeps what changes for as long as that lives. */
  constructor(readonly key: string, readonly blank: T) {
    this.value = { ...blank }
    void this.#load()
    $effect(() => {
      const copy = $state.snapshot(this.value)
      if (this.ready) void this.#keep(copy)
    })
  }

  async #load(): Promise<void> {
    const kept = await db.drafts.get(this.key)
    if (kept) this.value = { ...this.blank, ...(kept.value as T) }
    this.#written = JSON.stringify(this.value)
    this.ready = true
  }

  async #keep(copy: unknown): Promise<void> {
    const text = JSON.stringify(copy)
    if (text === this.#written) return
    this.#written = text
    await db.drafts.put({ key: this.key, value: copy })
  }

  /** It was handed in: the form is blank again. */
  async clear(): Promise<void> {
    this.value = { ...this.blank }
    this.#written = JSON.stringify(this.value)
    await db.drafts.delete(this.key)
  }
}
