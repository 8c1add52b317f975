/** The pages of the control room, in the order of the navigation. Each is loaded when it is first wanted. */
import type { Component } from 'svelte'
import type { Word } from '@/words/index.svelte'

/** `rest`: what follows the page's name in the address, such as the id of an incident. */
export type Page = Component<{ rest: string }>

interface Entry {
  name: string
  word: Word
  load: () => Promise<{ default: Page }>
}

export const PAGES: readonly Entry[] = [
  { name: 'board', word: 'nav.board', load: () => import('@/pages/board/Board.svelte') },
  { name: 'plan', word: 'nav.plan', load: () => import('@/pages/plan/Plan.svelte') },
  { name: 'alarms', word: 'nav.alarms', load: () => import('@/pages/alarms/Alarms.svelte') },
  { name: 'incidents', word: 'nav.incidents', load: () => import('@/pages/incidents/Incidents.svelte') },
  { name: 'patrol', word: 'nav.patrol', load: () => import('@/pages/patrol/Patrol.svelte') },
  { name: 'power', word: 'nav.power', load: () => import('@/pages/power/Power.svelte') },
  { name: 'orders', word: 'nav.orders', load: () => import('@/pages/orders/Orders.svelte') },
  { name: 'screens', word: 'nav.screens', load: () => import('@/pages/screens/Screens.svelte') },
]

/** Pages that no navigation names. */
export const OTHERS: Readonly<Record<string, Entry['load']>> = {
  wall: () => import('@/pages/wall/Wall.svelte'),
  devices: () => import('@/pages/device/Device.svelte'),
  search: () => import('@/pages/search/Search.svelte'),
  labels: () => import('@/pages/labels/Labels.svelte'),
}

export const loaderOf = (name: string): Entry['load'] | undefined =>
  PAGES.find((page) => page.name === name)?.load ?? OTHERS[name]
