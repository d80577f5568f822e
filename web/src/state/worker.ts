// SPDX-License-Identifier: AGPL-3.0-or-later
// The page and its service worker: registers it, says when a new version lies ready, follows the pushes that
// were tapped, subscribes this browser. Loaded behind the first paint.
import { api } from '../api/client'
import { t } from '../text/text.svelte'
import { router } from './router.svelte'
import { toasts } from './toasts.svelte'
import type { PushDevice, PushState } from '../api/shapes'

export const mayWork = (): boolean => 'serviceWorker' in navigator && window.isSecureContext
export const mayPush = (): boolean => mayWork() && 'PushManager' in window && 'Notification' in window

/** A version that waits is told; it takes over when the person says so. */
function offer(registration: ServiceWorkerRegistration): void {
  const waiting = registration.waiting
  if (!waiting || !navigator.serviceWorker.controller) return
  toasts.show(t('offline.new_version'), {
    label: t('offline.reload'),
    go: () => {
      navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true })
      waiting.postMessage('now')
    },
  })
}

export async function startWorker(): Promise<void> {
  if (!mayWork() || import.meta.env.DEV) return
  navigator.serviceWorker.addEventListener('message', (event) => {
    const { open } = event.data as { open?: string }
    if (open?.startsWith('/')) router.go(open)
  })
  try {
    const registration = await navigator.serviceWorker.register('/sw.js')
    offer(registration)
    registration.addEventListener('updatefound', () => {
      const coming = registration.installing
      coming?.addEventListener('statechange', () => coming.state === 'installed' && offer(registration))
    })
    setInterval(() => void registration.update().catch(() => {}), 3_600_000)
  } catch {
    // Without it the page works as before, only not without a network.
  }
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))

/** Asks the person, then the browser, then tells the server. */
export async function subscribe(state: PushState): Promise<PushDevice | 'denied'> {
  if ((await Notification.requestPermission()) !== 'granted') return 'denied'
  const registration = await navigator.serviceWorker.ready
  const before = await registration.pushManager.getSubscription()
  await before?.unsubscribe()
  const made = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(state.public_key) })
  const { endpoint, keys } = made.toJSON()
  return api.post<PushDevice>('/push/devices', { endpoint, keys: { p256dh: keys?.p256dh, auth: keys?.auth } })
}
/** Nobody is signed in here any more: no pushes for them. */
export async function unsubscribe(): Promise<void> {
  if (!mayPush()) return
  const registration = await navigator.serviceWorker.getRegistration()
  await (await registration?.pushManager.getSubscription())?.unsubscribe()
}
