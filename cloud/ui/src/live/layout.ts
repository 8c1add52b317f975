/** What a screen on the wall shows: kept on the server with the screen, read here with care since anybody may set it. */

export const PANES = ['board', 'plan', 'alarms', 'patrol', 'power'] as const
export type Pane = (typeof PANES)[number]

export interface Layout {
  panes: Pane[]
  theme: '' | 'auto' | 'day' | 'night'
  language: '' | 'zh' | 'en'
}

export const MOST_PANES = 4
const BLANK: Layout = { panes: ['board'], theme: '', language: '' }

const isPane = (value: unknown): value is Pane => PANES.includes(value as Pane)

/** The layout that a screen's record holds; what it does not say, or says wrongly, is as on a new screen. */
export function layoutOf(kept: Record<string, unknown> | undefined): Layout {
  const panes = Array.isArray(kept?.['panes']) ? kept['panes'].filter(isPane).slice(0, MOST_PANES) : []
  const theme = kept?.['theme']
  const language = kept?.['language']
  return {
    panes: panes.length ? panes : BLANK.panes,
    theme: theme === 'auto' || theme === 'day' || theme === 'night' ? theme : BLANK.theme,
    language: language === 'zh' || language === 'en' ? language : BLANK.language,
  }
}
