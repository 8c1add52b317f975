// The shell from the cache, at once and without a network; the API always from the network. `VERSION` and `FILES` are
// put in front by the build. A new build waits until a page asks for it, so that no page changes under anybody's hands.
const CACHE = `shell-${VERSION}`

self.addEventListener('install', (event) => {
  const fresh = FILES.map((file) => new Request(file, { cache: 'reload' }))
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(fresh)))
})

self.addEventListener('activate', (event) => {
  const forget = async () => {
    const names = await caches.keys()
    await Promise.all(names.filter((name) => name.startsWith('shell-') && name !== CACHE).map((name) => caches.delete(name)))
    await self.clients.claim()
  }
  event.waitUntil(forget())
})

self.addEventListener('message', (event) => {
  if (event.data === 'activate') self.skipWaiting()
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== location.origin || /^\/(api|metrics|healthz|readyz)/.test(url.pathname)) return
  const shell = /^\/(field|t)(\/|$)/.test(url.pathname) ? '/field' : '/'
  const key = request.mode === 'navigate' ? shell : url.pathname
  const answer = async () => (await (await caches.open(CACHE)).match(key)) ?? fetch(request)
  event.respondWith(answer())
})
