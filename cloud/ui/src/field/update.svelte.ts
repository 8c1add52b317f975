/** A new version waits until the user agrees, so that nothing changes under anybody's hands. */

export const update = $state({ ready: false })
let waiting: ServiceWorker | null = null

function offer(worker: ServiceWorker | null): void {
  // The first worker ever has nobody to replace.
  if (!worker || !navigator.serviceWorker.controller) return
  waiting = worker
  update.ready = true
}

export async function watchUpdates(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration()
  if (!registration) return
  offer(registration.waiting)
  registration.addEventListener('updatefound', () => {
    const fresh = registration.installing
    fresh?.addEventListener('statechange', () => { if (fresh.state === 'installed') offer(fresh) })
  })
}

/** Looks for a new version; without a network nothing happens. */
export async function lookForUpdate(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration()
  await registration?.update().catch(() => undefined)
}

export function takeUpdate(): void {
  navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true })
  waiting?.postMessage('activate')
}
