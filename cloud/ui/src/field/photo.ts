/** Photos as the camera gives them, made fit to be kept and sent; what can't be used is said before anything is lost. */
import { fit, MOST_BYTES, SENDS } from './fit.ts'

export type Unfit = 'type' | 'size'

export class PhotoError extends Error {
  constructor(readonly why: Unfit) {
    super(why)
  }
}

const QUALITY = 0.85

/** The photo as it is kept: itself when it is small, else smaller in pixels.
 *
 * @throws PhotoError it is no picture that this browser can read, or it stays too large. */
export async function prepared(file: File): Promise<Blob> {
  if (SENDS.includes(file.type) && file.size <= MOST_BYTES) return file
  if (!file.type.startsWith('image/')) throw new PhotoError(SENDS.includes(file.type) ? 'size' : 'type')
  const picture = await createImageBitmap(file).catch(() => null)
  if (!picture) throw new PhotoError('type')
  const { width, height } = fit(picture.width, picture.height)
  const canvas = new OffscreenCanvas(width, height)
  canvas.getContext('2d')!.drawImage(picture, 0, 0, width, height)
  picture.close()
  const small = await canvas.convertToBlob({ type: 'image/jpeg', quality: QUALITY })
  if (small.size > MOST_BYTES) throw new PhotoError('size')
  return small
}
