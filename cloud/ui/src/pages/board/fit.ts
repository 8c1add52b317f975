/** What fits on a screen that never scrolls: pure. Lengths in rem. */

export interface Room {
  width: number
  height: number
}

const CARD = { width: 22, height: 13.9 }
/** So much larger are cards while there are few: they are read from across the room. */
const BIG = 1.4
/** So small may they be, the largest with which no danger to life is left out. */
const SIZES = [1, 0.8, 0.65, 0.5]
const HEADING = 2.4
/** What is kept for the devices below the cards: a heading and two rows. */
const BELOW = 8
/** A line that says how many more there are. */
const MORE = 1.8

/** How many cards are shown, at the most, of so many of which the first `urgent` are never left out, and their size. */
export function cardsIn({ width, height }: Room, n: number, urgent = 0): { shown: number; size: number } {
  if (n <= Math.floor(width / (CARD.width * BIG)) && height >= CARD.height * BIG + HEADING + BELOW) return { shown: n, size: BIG }
  const within = (size: number, room: number) =>
    Math.max(1, Math.floor(width / (CARD.width * size))) * Math.floor((room - HEADING) / (CARD.height * size))
  // What needs somebody goes before devices that are well.
  const shownAt = (size: number) => (within(size, height - BELOW) >= n ? n : Math.max(1, within(size, height - MORE)))
  const size = SIZES.find((one) => shownAt(one) >= Math.min(urgent, n)) ?? SIZES.at(-1)!
  return { shown: Math.max(shownAt(size), Math.min(urgent, n)), size }
}

const TILE = { widths: [17, 13.5, 10.5], low: 2.1, high: 3.5, gap: 0.25 }

/** How many tiles are shown and how wide they are, the widest with which all fit; `high` says of each whether it has a
 * second line. Where they don't fit, the narrowest, and room for a line that says so. */
export function tilesIn({ width, height }: Room, high: readonly boolean[]): { shown: number; wide: number } {
  const within = (wide: number, room: number) => {
    const columns = Math.max(1, Math.floor((width + TILE.gap) / (wide + TILE.gap)))
    let shown = 0
    for (let left = room; shown < high.length; shown += columns) {
      left -= (high.slice(shown, shown + columns).some(Boolean) ? TILE.high : TILE.low) + TILE.gap
      if (left < 0) break
    }
    return Math.min(shown, high.length)
  }
  const wide = TILE.widths.find((one) => within(one, height) === high.length)
  const narrow = TILE.widths.at(-1)!
  return wide ? { shown: high.length, wide } : { shown: within(narrow, height - MORE), wide: narrow }
}

const DUTY = 10
const VERDICT = 5

/** How many of the last verdicts. */
export const verdictsIn = ({ height }: Room): number => Math.max(3, Math.floor((height - DUTY) / VERDICT))
