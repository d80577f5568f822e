// SPDX-License-Identifier: AGPL-3.0-or-later
// Frames of the live feed, each to whom it concerns.
import { Feed } from '../api/events'
import { api } from '../api/client'
import type { Channel, Conversation, Counts, Message, Presence } from '../api/shapes'
import { t } from '../text/text.svelte'
import { conversationUrl } from '../routes'
import { clock } from './clock.svelte'
import { router } from './router.svelte'
import { inbox } from './inbox.svelte'
import { session } from './session.svelte'
import { threads } from './threads.svelte'
import { toasts } from './toasts.svelte'
import { ui } from './ui.svelte'

class Live {
  connected = $state(true)
  since = $state(0)
  /** What the device says; a stream that stands may not have noticed yet. */
  online = $state(navigator.onLine)
  /** Colleagues at a conversation, by its id. */
  presence = $state.raw<Record<number, Presence['agents']>>({})
  /** How often drafts and answers for later of a conversation changed. */
  writing = $state.raw<Record<number, [number, number]>>({})
  customers = $state.raw<Record<number, boolean>>({}) // those who are writing
  #feed: Feed | undefined
  #lostTimer = 0
  #statusTimer = 0

  constructor() {
    addEventListener('offline', () => {
      this.since = Date.now()
      this.online = false
    })
    addEventListener('online', () => (this.online = true))
  }

  start(me: number): void {
    if (this.#feed) return
    this.#feed = new Feed(String(me), { frame: this.#frame, state: this.#state, fresh: this.#fresh })
    this.#feed.start()
    this.#statusTimer = window.setInterval(() => {
      if (document.visibilityState === 'visible') void session.refreshStatus().catch(() => {})
    }, 30_000)
  }
  stop(): void {
    this.#feed?.stop()
    this.#feed = undefined
    clearInterval(this.#statusTimer)
  }
  tryNow(): void {
    this.#feed?.tryNow()
  }

  #state = (live: boolean, since: number): void => {
    clearTimeout(this.#lostTimer)
    if (live) {
      this.connected = true
      // What waits from an earlier visit can wait for the painted list.
      setTimeout(() => void import('./offline.svelte').then((m) => m.offline.flush()).catch(() => {}), performance.now() < 5000 ? 800 : 0)
      return
    }
    // A blink of the network is not worth a banner.
    this.#lostTimer = window.setTimeout(() => {
      this.connected = false
      this.since = since
    }, 2500)
  }

  #fresh = (): void => {
    threads.stale()
    void session.refresh()
    void inbox.reload()
    if (inbox.currentId) {
      void threads.get(inbox.currentId).load()
      void api.get<Conversation>(`/conversations/${inbox.currentId}`).then((c) => inbox.put(c), () => {})
    }
  }

  #frame = (event: string, data: unknown): void => {
    switch (event) {
      case 'conversation':
        this.#conversation(data as Conversation)
        break
      case 'message':
        threads.hear(data as Message)
        break
      case 'gone':
        inbox.gone((data as { id: number }).id)
        break
      case 'draft':
      case 'scheduled': {
        const { conversation_id } = data as { conversation_id: number }
        this.writing = { ...this.writing, [conversation_id]: [(this.writing[conversation_id]?.[0] ?? 0) + Number(event === 'draft'), (this.writing[conversation_id]?.[1] ?? 0) + Number(event === 'scheduled')] }
        break
      }
      case 'counts':
        session.takeCounts(data as Counts)
        break
      case 'folders': {
        const { of_agent } = data as { of_agent: number }
        if (!of_agent || of_agent === session.me?.id) void inbox.foldersChanged()
        break
      }
      case 'pings':
        ui.pings = (data as { unseen: number }).unseen
        // Before they are started they need not hear: they fetch what waits when they are.
        if (ui.pinging) void import('./pings.svelte').then(({ pings }) => pings.hear(ui.pings))
        break
      case 'channel':
        session.takeChannel(data as Channel)
        break
      case 'presence': {
        const { conversation_id, agents, customer_typing } = data as Presence
        this.customers = { ...this.customers, [conversation_id]: customer_typing }
        this.presence = { ...this.presence, [conversation_id]: agents.filter((a) => a.id !== session.me?.id) }
        break
      }
    }
  }

  #conversation(c: Conversation): void {
    const before = inbox.known(c.id)
    clock.tick()
    inbox.put(c)
    if (before && c.message_count < before.message_count) void threads.peek(c.id)?.load() // some moved to another one
    if (c.merged_into && c.id === inbox.currentId) router.go(conversationUrl(c.merged_into), true)
    if (c.id === inbox.currentId) {
      const thread = threads.peek(c.id)
      const told = (x: Conversation | undefined) => x && [x.status, x.assignee?.id, x.team?.id, x.priority, x.spam, x.callback_at, ...x.tags].join()
      // Whoever was asked over may come at any moment; nothing of the row changes then.
      const steered = thread?.happenings.some((h) => h.kind === 'conversation.steered')
      // What changes nothing of the conversation itself is a happening alone: somebody was asked in.
      if (thread?.loaded && (steered || told(before) !== told(c) || before?.version === c.version)) void thread.loadHappenings().catch(() => {})
    } else if (c.unread > (before?.unread ?? 0)) {
      toasts.say(t('live.new_from', { name: c.contact?.name || t('contact.unknown') }))
    }
  }
}
export const live = new Live()
inbox.onMerged = (id) => router.go(conversationUrl(id), true)
