/** The camera as a reader of codes: by the browser's own detector where it has one, else by one of ours, loaded then. */

const LOOK_MS = 150

interface Detector {
  detect(source: CanvasImageSource): Promise<{ rawValue: string }[]>
}
type DetectorClass = { new (options: { formats: string[] }): Detector; getSupportedFormats?: () => Promise<string[]> }

type Look = (video: HTMLVideoElement) => Promise<string>

async function native(): Promise<Look | null> {
  const Known = (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector
  const formats = await Known?.getSupportedFormats?.().catch((): string[] => [])
  if (!Known || !formats?.includes('qr_code')) return null
  const detector = new Known({ formats: ['qr_code'] })
  return async (video) => (await detector.detect(video))[0]?.rawValue ?? ''
}

async function own(): Promise<Look> {
  const { default: decode } = await import('qr/decode.js')
  const canvas = document.createElement('canvas')
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  return async (video) => {
    canvas.width = video.videoWidth
    canvas.height = video.videoHeight
    context.drawImage(video, 0, 0)
    try {
      return decode(context.getImageData(0, 0, canvas.width, canvas.height))
    } catch {
      // No code in this picture.
      return ''
    }
  }
}

/** Opens the camera in `video` and tells each new code; gives the way to let the camera go.
 *
 * @throws DOMException there is no camera, or it may not be used. */
export async function reader(video: () => HTMLVideoElement, found: (text: string) => void): Promise<() => void> {
  if (!navigator.mediaDevices) throw new DOMException('no camera', 'NotFoundError')
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' }, audio: false })
  const let_go = () => stream.getTracks().forEach((track) => track.stop())
  const element = video()
  if (!element) {
    let_go()
    return () => {}
  }
  element.srcObject = stream
  await element.play()
  const look = (await native()) ?? (await own())
  let last = ''
  let busy = false
  const timer = setInterval(async () => {
    if (busy || !element.videoWidth) return
    busy = true
    const text = await look(element).catch(() => '')
    busy = false
    if (text && text !== last) found((last = text))
  }, LOOK_MS)
  return () => {
    clearInterval(timer)
    let_go()
  }
}
