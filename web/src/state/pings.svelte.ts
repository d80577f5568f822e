// SPDX-License-Identifier: AGPL-3.0-or-later
// One's pings: the list behind the bell, and what happens when a new one comes. Loaded behind the first paint.
import { api } from '../api/client'
import type { Page, Ping } from '../api/shapes'
import { conversationUrl } from '../routes'
import { t, text, type Key } from '../text/text.svelte'
import { inbox } from './inbox.svelte'
import { router } from './router.svelte'
import { toasts } from './toasts.svelte'
import { ui } from './ui.svelte'

const MANY = 3

/** "Mai gave you Kim". */
export function said(ping: Ping): string {
  const params = { name: ping.contact_name || t('contact.unknown'), by: ping.by?.name ?? t('happening.heed'), from: ping.from?.name ?? '' }
  return t(`ping_said.${ping.kind}` as Key, params)
}

class Pings {
  items = $state.raw<Ping[]>([])
  failed = $state(false)
  loaded = $state(false)
  #newest = ''
  #sound: AudioContext | undefined

  waiting = $derived(this.items.filter((p) => p.page && !p.seen_at))

  /** A frame of the feed, or the start of the page: the list is fetched, what is new is told. */
  async hear(unseen: number): Promise<void> {
    ui.pings = unseen
    badge(unseen)
    await this.load()
  }

  async load(): Promise<void> {
    let items: Ping[]
    try {
      items = (await api.get<Page<Ping>>('/pings?limit=50')).items
      this.failed = false
    } catch {
      this.failed = true
      return
    }
    // What came while the page itself was still coming is news too.
    const before = this.loaded ? this.#newest : new Date(performance.timeOrigin).toISOString()
    const fresh = items.filter((p) => p.page && !p.seen_at && p.updated_at > before)
    this.items = items
    this.loaded = true
    ui.pings = this.waiting.length
    badge(this.waiting.length)
    for (const p of items) if (p.updated_at > this.#newest) this.#newest = p.updated_at
    void this.#tell(fresh)
  }

  #looking(): boolean {
    return document.visibilityState === 'visible' && document.hasFocus()
  }

  async #tell(fresh: Ping[]): Promise<void> {
    await text.whole() // words said once do not mend themselves when the rest of the language comes
    const here = this.#looking() ? fresh.filter((p) => p.conversation_id === inbox.currentId) : []
    if (here.length) void this.see({ conversation_id: inbox.currentId })
    const rest = fresh.filter((p) => !here.includes(p))
    if (!rest.length) return
    if (rest.some((p) => p.sound)) void this.#play(rest[0] as Ping)
    if (rest.length > MANY) toasts.show(t('ping.bell_n', { n: rest.length }), { go: () => (ui.bell = true), label: t('ping.open') })
    else for (const p of rest) toasts.show(said(p), { go: () => this.open(p), label: t('ping.open') })
    this.shown()
  }

  /** Somebody looks at the page: what is on it needs no push. */
  shown(): void {
    const ids = this.#looking() ? this.waiting.map((p) => p.id) : []
    if (ids.length) void api.post('/pings/shown', { ids: ids.slice(0, 100) }).catch(() => {})
  }

  open(ping: Ping): void {
    ui.bell = false
    router.go(conversationUrl(ping.conversation_id))
    void this.see({ conversation_id: ping.conversation_id })
  }

  async see(what: { ids: number[] } | { conversation_id: number } | { all: true }): Promise<void> {
    const at = new Date().toISOString()
    const hit = (p: Ping) => 'all' in what || ('ids' in what ? what.ids.includes(p.id) : what.conversation_id === p.conversation_id)
    if (!this.items.some((p) => !p.seen_at && hit(p))) return
    this.items = this.items.map((p) => (!p.seen_at && hit(p) ? { ...p, seen_at: at } : p))
    ui.pings = this.waiting.length
    badge(ui.pings)
    await api.post('/pings/seen', what).catch(() => void this.load())
  }

  /** Two soft tones, in one tab only. */
  async #play(ping: Ping): Promise<void> {
    const ring = () => {
      try {
        const audio = (this.#sound ??= new AudioContext())
        if (audio.state === 'suspended') void audio.resume()
        for (const [i, pitch] of [660, 880].entries()) {
          const tone = audio.createOscillator()
          const loud = audio.createGain()
          const from = audio.currentTime + i * 0.12
          tone.frequency.value = pitch
          loud.gain.setValueAtTime(0, from)
          loud.gain.linearRampToValueAtTime(0.08, from + 0.02)
          loud.gain.exponentialRampToValueAtTime(0.0001, from + 0.3)
          tone.connect(loud).connect(audio.destination)
          tone.start(from)
          tone.stop(from + 0.32)
        }
        document.documentElement.dataset.rang = String(ping.id)
      } catch {
        // No sound here: the ping is on the page all the same.
      }
    }
    if (!navigator.locks) return ring()
    await navigator.locks.request(`heed.ring.${ping.id}.${ping.updated_at}`, { ifAvailable: true }, async (lock) => {
      if (!lock) return
      ring()
      await new Promise((done) => setTimeout(done, 1500))
    })
  }
}
export const pings = new Pings()

/** The number on the installed app's icon, and a dot on the tab's. */
function badge(n: number): void {
  const nav = navigator as Navigator & { setAppBadge?: (n: number) => Promise<void>; clearAppBadge?: () => Promise<void> }
  if (n) void nav.setAppBadge?.(n).catch(() => {})
  else void nav.clearAppBadge?.().catch(() => {})
  const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]')
  const wanted = n ? '/favicon-dot.svg' : '/favicon.svg'
  if (icon && icon.getAttribute('href') !== wanted) icon.href = wanted
}

/** Called once the page stands. */
export function startPings(): void {
  ui.pinging = true
  void pings.load()
  addEventListener('focus', () => pings.shown())
  document.addEventListener('visibilitychange', () => pings.shown())
}
