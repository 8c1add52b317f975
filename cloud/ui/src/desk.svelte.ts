/** The page's desk: which site is on screen, who is at it, and how an act is done and answered there. */
import { ApiError } from '@/api/client'
import { send, type Doing } from '@/api/act'
import type { Action, Answer, SiteView } from '@/api/types'
import type { SiteStore } from '@/live/site.svelte'
import { tell } from '@/parts/toasts.svelte'
import { keepPreferences, preferences } from '@/preferences.svelte'
import { said, t } from '@/words/index.svelte'

interface Desk {
  sites: SiteView[]
  store: SiteStore | null
  /** Somebody must say who they are before an act can go on. */
  asking: ((person: string) => void) | null
}

export const desk = $state<Desk>({ sites: [], store: null, asking: null })

/** The site on screen. Pages are drawn only while there is one. */
export function site(): SiteStore {
  if (!desk.store) throw new Error('a page is drawn without a site')
  return desk.store
}

/** Who is at this screen; empty: nobody said. */
export const me = (): string => preferences.people[desk.store?.id ?? ''] ?? ''

export function beMe(person: string): void {
  if (!desk.store) return
  preferences.people[desk.store.id] = person
  keepPreferences()
  desk.asking?.(person)
  desk.asking = null
}

/** Who is at this screen, asked for where nobody said yet; empty: they would not say. */
export function whoActs(): Promise<string> {
  if (me()) return Promise.resolve(me())
  return new Promise((resolve) => (desk.asking = resolve))
}

interface How extends Partial<Pick<Doing, 'expects' | 'at' | 'id'>> {
  /** What is told when it is done; nothing by default, since the screen itself shows it. */
  done?: string
  undo?: Action
  /** Throw a refusal instead of telling it, for forms that show it themselves. */
  throws?: boolean
}

/** Does something in the name of who is at the screen. Gives the answer; null: it was refused, or nobody would say who. */
export async function act(action: Action, how: How = {}): Promise<Answer | null> {
  const { done = '', undo, throws = false, ...rest } = how
  const person = await whoActs()
  if (!person) return null
  try {
    const answer = await send(site().id, { person, action, ...rest })
    if (!answer) tell(t('taken'))
    else if (done) tell(done, undo ? { undo: () => void act(undo) } : {})
    return answer
  } catch (error) {
    if (throws || !(error instanceof ApiError)) throw error
    tell(said(error.said), { bad: true })
    return null
  }
}
