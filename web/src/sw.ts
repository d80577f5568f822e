// SPDX-License-Identifier: AGPL-3.0-or-later
// The service worker: keeps the page's own files so that it opens without a network, and shows pushes. It
// never keeps an answer of the API: what was read lies in IndexedDB, where signing out clears it.
// Built by vite.config.ts, which fills in the version, the files and the words of pushes.
declare const VERSION: string
declare const FILES: string[]
declare const WORDS: Record<string, Record<string, string>>

interface Extendable extends Event {
  waitUntil(done: Promise<unknown>): void
}
interface Fetched extends Extendable {
  request: Request
  respondWith(answer: Promise<Response> | Response): void
}
interface Pushed extends Extendable {
  data: { json(): unknown } | null
}
interface Clicked extends Extendable {
  notification: Notification
}
interface Told extends Extendable {
  data: unknown
}
interface Window_ {
  url: string
  focused: boolean
  focus(): Promise<Window_>
  postMessage(message: unknown): void
}
interface Worker_ {
  addEventListener(kind: 'install' | 'activate', fn: (event: Extendable) => void): void
  addEventListener(kind: 'fetch', fn: (event: Fetched) => void): void
  addEventListener(kind: 'push', fn: (event: Pushed) => void): void
  addEventListener(kind: 'notificationclick', fn: (event: Clicked) => void): void
  addEventListener(kind: 'message', fn: (event: Told) => void): void
  skipWaiting(): Promise<void>
  clients: { claim(): Promise<void>; matchAll(options: object): Promise<Window_[]>; openWindow(url: string): Promise<unknown> }
  registration: ServiceWorkerRegistration
  location: Location
  navigator: { language: string }
}
interface Letter {
  kind: string
  ping: number
  conversation: number
  n: number
  language: string
  sound: boolean
  name?: string
  text?: string
  by?: string
}

// `push_said.${kind}` of the texts.
const worker = self as unknown as Worker_
const CACHE = `heed-${VERSION}`

worker.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES.map((file) => new Request(file, { cache: 'reload' })))))
})

worker.addEventListener('activate', (event) => {
  const clear = async () => {
    for (const name of await caches.keys()) if (name.startsWith('heed-') && name !== CACHE) await caches.delete(name)
    await worker.clients.claim()
  }
  event.waitUntil(clear())
})

/** The page itself: from the network while there is one, so that a new version is met at once. */
async function shell(request: Request): Promise<Response> {
  const kept = () => caches.match('/index.html', { cacheName: CACHE })
  try {
    const answer = await Promise.race([fetch(request), new Promise<never>((_, no) => setTimeout(no, 4000))])
    return answer.status >= 500 ? ((await kept()) ?? answer) : answer
  } catch {
    return (await kept()) ?? Response.error()
  }
}

worker.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== worker.location.origin || /^\/(api|hooks)\//.test(url.pathname)) return
  if (request.mode === 'navigate') event.respondWith(shell(request))
  else if (FILES.includes(url.pathname)) event.respondWith(caches.match(url.pathname, { cacheName: CACHE }).then((kept) => kept ?? fetch(request)))
})

worker.addEventListener('push', (event) => {
  const show = async () => {
    let letter: Letter
    try {
      letter = event.data?.json() as Letter
    } catch {
      return
    }
    const words = WORDS[letter.language || worker.navigator.language.slice(0, 2)] ?? WORDS.en ?? {}
    const what = words[letter.kind] ?? 'Heed'
    await worker.registration.showNotification(letter.name ?? what, {
      body: letter.name ? `${what}\n${letter.text ?? ''}`.trim() : '',
      tag: letter.conversation ? `c${letter.conversation}` : letter.kind,
      icon: '/icon-192.png',
      badge: '/badge-96.png',
      lang: letter.language || 'en',
      dir: 'auto',
      data: { conversation: letter.conversation },
    })
    const nav = navigator as Navigator & { setAppBadge?: () => Promise<void> }
    await nav.setAppBadge?.().catch(() => {})
  }
  event.waitUntil(show())
})

worker.addEventListener('notificationclick', (event) => {
  event.notification.close()
  const { conversation } = event.notification.data as { conversation: number }
  const path = conversation ? `/conversations/${conversation}` : '/settings/pings'
  const open = async () => {
    const windows = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true })
    const first = windows.find((w) => w.focused) ?? windows[0]
    if (!first) return worker.clients.openWindow(path)
    first.postMessage({ open: path })
    return first.focus()
  }
  event.waitUntil(open())
})

worker.addEventListener('message', (event) => {
  if (event.data === 'now') event.waitUntil(worker.skipWaiting())
})

export {}
