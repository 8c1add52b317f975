/** How large a photo may be: pure. */

/** What the server keeps. */
export const SENDS = ['image/jpeg', 'image/png', 'image/webp', 'application/pdf']
/** Larger ones are made smaller before they are kept: a basement's line is thin. */
export const MOST_BYTES = 2 * 1024 * 1024
const MOST_PIXELS = 2_048

/** Its size in pixels with the longer side within bounds, in proportion. */
export function fit(width: number, height: number, most = MOST_PIXELS): { width: number; height: number } {
  const share = Math.min(1, most / Math.max(width, height, 1))
  return { width: Math.max(1, Math.round(width * share)), height: Math.max(1, Math.round(height * share)) }
}
