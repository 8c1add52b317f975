/** Where words stand on a drawing so that they hide no device: pure. Lengths as the drawing's, `unit` is a mark's radius or so. */

type Point = readonly [number, number]
type Outline = readonly (readonly number[])[]

const LETTER = { wide: 0.85, narrow: 0.5 }
const MARK = 0.95

/** About how wide words are, in units: Chinese letters are as wide as high. */
export const wordsWidth = (text: string): number =>
  [...text].reduce((sum, letter) => sum + (letter > '\u2e80' ? LETTER.wide : LETTER.narrow), 0)

/** The place with the fewest marks under a box of so much to each side; the first of those that are alike. */
export function clearest(places: readonly Point[], [wide, high]: Point, marks: readonly (readonly number[])[], unit: number): Point {
  const reach = unit * MARK
  const hits = ([x, y]: Point) =>
    marks.filter(([a, b]) => Math.abs((a ?? 0) - x) < wide + reach && Math.abs((b ?? 0) - y) < high + reach).length
  return places.toSorted((a, b) => hits(a) - hits(b))[0]!
}

/** Where a zone's name stands: within it at the top or the bottom, else below or above it. The middle of the words. */
export function namePlace(outline: Outline, middle: number, text: string, marks: readonly (readonly number[])[], unit: number): Point {
  const heights = outline.map(([, y]) => y ?? 0)
  const [top, bottom] = [Math.min(...heights), Math.max(...heights)]
  const places = [top + unit * 0.75, bottom - unit * 0.75, bottom + unit * 0.65, top - unit * 0.65].map((y): Point => [middle, y])
  return clearest(places, [(wordsWidth(text) * unit) / 2, unit * 0.35], marks, unit)
}

/** Words as marks, so that nothing else is put on top of them. */
export function asMarks([x, y]: Point, text: string, unit: number): Point[] {
  const half = (wordsWidth(text) * unit) / 2
  return [[x - half, y], [x, y], [x + half, y]]
}

/** Where the people of a zone stand, `n` side by side: below its middle, or near that. */
export function peoplePlace(middle: Point, n: number, marks: readonly (readonly number[])[], unit: number): Point {
  const places = [1.3, -1.3, 0, 2.6, -2.6, 3.9, -3.9].map((up): Point => [middle[0], middle[1] + up * unit])
  return clearest(places, [n * unit * 1.5, unit * 0.6], marks, unit)
}
