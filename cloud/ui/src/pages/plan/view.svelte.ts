/** The part of a drawing that is seen: moved and enlarged by mouse, touch, keys or buttons, never beyond the drawing. */

const MOST = 12
const STEP = 1.4

export class View {
  x = $state(0)
  y = $state(0)
  scale = $state(1)
  #touches = new Map<number, { x: number; y: number }>()
  #moved = 0

  constructor(readonly size: () => { width: number; height: number }) {}

  get box(): string {
    const { width, height } = this.size()
    return `${this.x} ${this.y} ${width / this.scale} ${height / this.scale}`
  }

  /** Whether the last press moved the drawing, so that it is no click. */
  get dragged(): boolean {
    return this.#moved > 6
  }

  whole(): void {
    this.scale = 1
    this.x = this.y = 0
  }

  zoom(factor: number, at?: { x: number; y: number }): void {
    const { width, height } = this.size()
    const scale = Math.min(MOST, Math.max(1, this.scale * factor))
    const [px, py] = at ? [at.x, at.y] : [0.5, 0.5]
    this.x += (width * px) / this.scale - (width * px) / scale
    this.y += (height * py) / this.scale - (height * py) / scale
    this.scale = scale
    this.#keep()
  }

  move(dx: number, dy: number): void {
    const { width, height } = this.size()
    this.x += (dx * width) / this.scale
    this.y += (dy * height) / this.scale
    this.#keep()
  }

  key(event: KeyboardEvent): void {
    const moves: Record<string, [number, number]> = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, -0.15], ArrowDown: [0, 0.15] }
    const by = moves[event.key]
    if (by && this.scale > 1) this.move(...by)
    else if (event.key === '+' || event.key === '=') this.zoom(STEP)
    else if (event.key === '-') this.zoom(1 / STEP)
    else if (event.key === '0') this.whole()
    else return
    event.preventDefault()
  }

  wheel(event: WheelEvent, element: Element): void {
    event.preventDefault()
    this.zoom(event.deltaY < 0 ? STEP : 1 / STEP, this.#place(event, element))
  }

  down(event: PointerEvent): void {
    this.#touches.set(event.pointerId, { x: event.clientX, y: event.clientY })
    this.#moved = 0
  }

  drag(event: PointerEvent, element: Element): void {
    const before = this.#touches.get(event.pointerId)
    if (!before) return
    const rect = element.getBoundingClientRect()
    const others = [...this.#touches].filter(([id]) => id !== event.pointerId).map(([, touch]) => touch)
    if (others[0]) {
      const far = (a: { x: number; y: number }, b: { x: number; y: number }) => Math.hypot(a.x - b.x, a.y - b.y) || 1
      this.zoom(far({ x: event.clientX, y: event.clientY }, others[0]) / far(before, others[0]), this.#place(event, element))
    } else {
      this.move((before.x - event.clientX) / rect.width, (before.y - event.clientY) / rect.height)
    }
    this.#moved += Math.hypot(before.x - event.clientX, before.y - event.clientY)
    this.#touches.set(event.pointerId, { x: event.clientX, y: event.clientY })
  }

  up(event: PointerEvent): void {
    this.#touches.delete(event.pointerId)
  }

  #place(event: MouseEvent, element: Element): { x: number; y: number } {
    const rect = element.getBoundingClientRect()
    return { x: (event.clientX - rect.left) / rect.width, y: (event.clientY - rect.top) / rect.height }
  }

  #keep(): void {
    const { width, height } = this.size()
    this.x = Math.min(width - width / this.scale, Math.max(0, this.x))
    this.y = Math.min(height - height / this.scale, Math.max(0, this.y))
  }
}
