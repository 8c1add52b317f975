/** Short words on what an act came to, read out politely; refusals stay until they are taken away. */

export interface Toast {
  id: number
  text: string
  bad: boolean
  /** Takes the act back, where that can be done. */
  undo?: (() => void) | undefined
}

const SHOWN_MS = 6_000
let last = 0
export const toasts = $state<Toast[]>([])

export function tell(text: string, { bad = false, undo }: { bad?: boolean; undo?: () => void } = {}): void {
  const toast = { id: ++last, text, bad, undo }
  toasts.push(toast)
  if (!bad) setTimeout(() => dismiss(toast.id), SHOWN_MS)
}

export function dismiss(id: number): void {
  const place = toasts.findIndex((toast) => toast.id === id)
  if (place >= 0) toasts.splice(place, 1)
}
