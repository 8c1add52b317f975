/** The address bar as state. Links are plain links; a click on one of ours changes the page without loading it anew, but for
 * those from the control room to the tablet and back, which are two pages. */

export const route = $state({ path: location.pathname, search: location.search })

const follow = () => {
  route.path = location.pathname
  route.search = location.search
}

export function go(to: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, '', to)
  else history.pushState(null, '', to)
  follow()
  if (!replace) scrollTo(0, 0)
}

/** A value of the address' query. */
export const query = (name: string): string => new URLSearchParams(route.search).get(name) ?? ''

/** Sets values of the query in place, so that the address can be sent to somebody; empty ones are left out. */
export function setQuery(values: Record<string, string>): void {
  const search = new URLSearchParams(route.search)
  for (const [name, value] of Object.entries(values)) {
    if (value) search.set(name, value)
    else search.delete(name)
  }
  const text = search.toString()
  go(route.path + (text ? `?${text}` : ''), { replace: true })
}

const isTablet = (path: string): boolean => /^\/(field|t)(\/|$)/.test(path)

addEventListener('popstate', follow)
addEventListener('click', (event) => {
  const link = (event.target as Element | null)?.closest?.('a[href]') as HTMLAnchorElement | null
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey
  if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute('download')) return
  if (link.origin !== location.origin || /^\/(api|docs)\//.test(link.pathname)) return
  if (isTablet(link.pathname) !== isTablet(location.pathname)) return
  event.preventDefault()
  go(link.pathname + link.search + link.hash)
})
