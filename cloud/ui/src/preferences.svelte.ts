/** What this browser remembers of its user: language, theme, who is at it, which site and screen it is. */

export type Language = 'zh' | 'en'
export type Theme = 'auto' | 'day' | 'night'

interface Kept {
  language: Language | ''
  theme: Theme
  /** Who acts at this screen, by site. */
  people: Record<string, string>
  site: string
  /** Whether this browser sounds alarms. */
  sound: boolean
}

const KEY = 'sitewarden'
const BLANK: Kept = { language: '', theme: 'auto', people: {}, site: '', sound: true }

function kept(): Kept {
  try {
    return { ...BLANK, ...JSON.parse(localStorage.getItem(KEY) ?? '{}') }
  } catch {
    return BLANK
  }
}

/** A screen on the wall is told by its address what to show; what is said there goes before what was kept. */
const asked = new URLSearchParams(location.search)
const start = kept()
if (asked.get('lang') === 'zh' || asked.get('lang') === 'en') start.language = asked.get('lang') as Language
if (['auto', 'day', 'night'].includes(asked.get('theme') ?? '')) start.theme = asked.get('theme') as Theme

export const preferences = $state<Kept>(start)

export function keepPreferences(): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences))
  } catch {
    // A browser that keeps nothing still works until it is closed.
  }
}
addEventListener('storage', (event) => {
  if (event.key === KEY) Object.assign(preferences, kept())
})

/** Hours of the day theme where the theme follows the time, by the clock of the site. */
const DAY_FROM = 7
const DAY_TO = 19

export function isNight(theme: Theme, hour: number): boolean {
  return theme === 'night' || (theme === 'auto' && (hour < DAY_FROM || hour >= DAY_TO))
}
