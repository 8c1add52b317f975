/** The tablet's pages besides the first; the service worker keeps them all, so they come without a network too. */
import type { Component } from 'svelte'

export type Page = Component<{ id: string }>
type Load = () => Promise<{ default: Page }>
/** A page that needs nothing of the address. */
const alone = (load: () => Promise<{ default: Component<Record<string, never>> }>): Load => load as unknown as Load

const PAGES: Readonly<Record<string, Load>> = {
  orders: () => import('./order/OrderPage.svelte'),
  report: alone(() => import('./Report.svelte')),
  patrol: alone(() => import('./Patrol.svelte')),
  outbox: alone(() => import('./Outbox.svelte')),
  plans: alone(() => import('./Plans.svelte')),
  tag: () => import('./Tag.svelte'),
  settings: alone(() => import('./Settings.svelte')),
}

export const pageOf = (name: string): Load | undefined => PAGES[name]
