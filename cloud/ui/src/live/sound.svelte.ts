/** Sound by priority that repeats until it is acknowledged, made here so that no file can be missing.
 *
 * It also proves itself: a tone of 40 Hz at -66 dB runs all the time through an analyser in front of the output. While
 * its samples move, the browser renders sound. What the loudspeaker makes of it only a person can confirm.
 */

interface Tone { hz: number; at: number; length: number }
interface Pattern { tones: Tone[]; every: number }

/** Three patterns that nobody mistakes for one another; seconds. Priority 4 makes no sound. */
const PATTERNS: Readonly<Record<number, Pattern>> = {
  1: { every: 2, tones: [0, 0.25, 0.5, 0.75, 1].map((at, i) => ({ hz: i % 2 ? 1_400 : 980, at, length: 0.22 })) },
  2: { every: 5, tones: [0, 0.45].map((at) => ({ hz: 780, at, length: 0.35 })) },
  3: { every: 15, tones: [{ hz: 520, at: 0, length: 0.5 }] },
}
const PROOF_HZ = 40
const PROOF_GAIN = 0.0005
const LOUD = 0.35

export type SoundState = 'off' | 'blocked' | 'on'
export const sound = $state({
  state: 'off' as SoundState,
  /** The samples in front of the output moved when they were looked at last. */
  renders: false,
  /** Who said that the test was heard, and when (ms of the server's time). */
  heardBy: '',
  heardAt: 0,
})

let context: AudioContext | null = null
let analyser: AnalyserNode | null = null
let playing: { level: number; next: number } | null = null
let timer: ReturnType<typeof setInterval> | undefined

/** Begins to sound; a browser that wants a touch first stays `blocked` until it has one. */
export function switchOn(): void {
  context ??= begin()
  void context.resume().then(look, look)
  timer ??= setInterval(beat, 250)
  look()
}

export function switchOff(): void {
  clearInterval(timer)
  timer = undefined
  void context?.suspend()
  playing = null
  sound.state = 'off'
  sound.renders = false
}

/** What should sound from now on: a priority, or 0 for silence. */
export function call(level: number): void {
  if (playing?.level === level) return
  playing = PATTERNS[level] ? { level, next: 0 } : null
}

/** Plays the most urgent pattern once, for a person to confirm. */
export function test(): void {
  switchOn()
  if (context) sing(context, PATTERNS[1]!)
}

function begin(): AudioContext {
  const made = new AudioContext()
  analyser = made.createAnalyser()
  analyser.connect(made.destination)
  const proof = made.createOscillator()
  const quiet = made.createGain()
  proof.frequency.value = PROOF_HZ
  quiet.gain.value = PROOF_GAIN
  proof.connect(quiet).connect(analyser)
  proof.start()
  made.addEventListener('statechange', look)
  for (const touch of ['pointerdown', 'keydown']) addEventListener(touch, () => sound.state !== 'off' && void made.resume())
  return made
}

function look(): void {
  if (!context || timer === undefined) return
  sound.state = context.state === 'running' ? 'on' : 'blocked'
  const samples = new Float32Array(256)
  analyser?.getFloatTimeDomainData(samples)
  sound.renders = sound.state === 'on' && samples.some((sample) => Math.abs(sample) > PROOF_GAIN / 10)
}

function beat(): void {
  look()
  if (!context || !playing || sound.state !== 'on' || context.currentTime < playing.next) return
  const pattern = PATTERNS[playing.level]!
  playing.next = context.currentTime + pattern.every
  sing(context, pattern)
}

function sing(where: AudioContext, { tones }: Pattern): void {
  for (const { hz, at, length } of tones) {
    const from = where.currentTime + at
    const voice = where.createOscillator()
    const loud = where.createGain()
    voice.type = 'square'
    voice.frequency.value = hz
    loud.gain.setValueAtTime(0, from)
    loud.gain.linearRampToValueAtTime(LOUD, from + 0.01)
    loud.gain.setValueAtTime(LOUD, from + length - 0.02)
    loud.gain.linearRampToValueAtTime(0, from + length)
    voice.connect(loud).connect(analyser!)
    voice.start(from)
    voice.stop(from + length)
  }
}
