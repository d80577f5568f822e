// SPDX-License-Identifier: AGPL-3.0-or-later
// Messages of the open conversation, and of those lately open so that going back is instant. An answer
// shows at once as "sending" under a negative id; the server's message takes its place.
import { api, ApiError, newKey, query } from '../api/client'
import type { Happening, Message, MessageDraft, Page } from '../api/shapes'
import { session } from './session.svelte'

const waiting = () => import('./offline.svelte').then((m) => m.offline)

export interface Shown extends Message {
  /** Only on answers of our own that the server has not confirmed. */
  local?: { key: string; draft: MessageDraft; failed: string | null; waits?: boolean }
}

export class Thread {
  readonly id: number
  messages = $state.raw<Shown[]>([])
  happenings = $state.raw<Happening[]>([])
  older = $state.raw<string | null>(null)
  loading = $state(false)
  loaded = $state(false)
  error = $state.raw<ApiError | null>(null)
  stale = false
  #turn = 0
  /** What came while a page was on its way: newer than the page, whatever the order of the answers. */
  #meanwhile = new Map<number, Shown>()

  constructor(id: number) {
    this.id = id
  }

  async load(): Promise<void> {
    const turn = ++this.#turn
    this.loading = true
    this.error = null
    this.#meanwhile.clear()
    try {
      const [page, happenings] = await Promise.all([
        api.get<Page<Message>>(`/conversations/${this.id}/messages?limit=50`),
        api.get<Page<Happening>>(`/conversations/${this.id}/happenings?limit=100`).catch(() => ({ items: [], next: null })),
      ])
      if (turn !== this.#turn) return
      const mine = this.messages.filter((m) => m.local)
      this.messages = page.items
      for (const message of this.#meanwhile.values()) this.#place(message)
      for (const message of mine) this.#place(message)
      this.#meanwhile.clear()
      this.happenings = happenings.items
      this.older = page.next
      this.loaded = true
      this.stale = false
      void waiting().then((o) => o.show(this.id), () => {})
    } catch (error) {
      if (turn === this.#turn) this.error = error instanceof ApiError ? error : new ApiError(0, String(error))
    } finally {
      if (turn === this.#turn) this.loading = false
    }
  }

  async loadHappenings(): Promise<void> {
    const page = await api.get<Page<Happening>>(`/conversations/${this.id}/happenings?limit=100`)
    this.happenings = page.items
  }

  async loadOlder(): Promise<void> {
    if (!this.older || this.loading) return
    this.loading = true
    try {
      const page = await api.get<Page<Message>>(`/conversations/${this.id}/messages${query({ limit: 50, cursor: this.older })}`)
      const known = new Set(this.messages.map((m) => m.id))
      this.messages = [...page.items.filter((m) => !known.has(m.id)), ...this.messages]
      this.older = page.next
    } finally {
      this.loading = false
    }
  }

  put(message: Message): void {
    if (this.loading) this.#meanwhile.set(message.id, message)
    if (this.messages.some((m) => m.id === message.id)) {
      this.#place(message)
      return
    }
    // Our own answer may come over the live feed before the POST is answered.
    const twin = this.messages.find(
      (m) => m.local && !m.local.failed && message.author.id === session.me?.id && m.text === message.text && m.kind === message.kind,
    )
    if (twin) this.messages = this.messages.filter((m) => m !== twin)
    this.#place(message)
  }

  #place(message: Shown): void {
    const known = this.messages.findIndex((m) => m.id === message.id)
    if (known >= 0) {
      this.messages = this.messages.with(known, message)
      return
    }
    let at = this.messages.length
    for (; at > 0; at--) {
      const before = this.messages[at - 1]
      if (!before || before.created_at < message.created_at || (before.created_at === message.created_at && before.id < message.id)) break
    }
    if (message.local) at = this.messages.length
    this.messages = this.messages.toSpliced(at, 0, message)
  }

  async send(draft: MessageDraft, visibility: Message['visibility'], channel: number, pictures: Message['attachments']): Promise<Message | undefined> {
    const me = session.me
    if (!me) return
    const local: Shown = {
      id: -Date.now(),
      conversation_id: this.id,
      channel_id: channel,
      external_id: null,
      direction: 'out',
      kind: draft.kind === 'note' ? 'note' : 'message',
      visibility,
      origin: 'agent',
      language: '',
      reply_to: null,
      text: draft.text ?? '',
      author: { id: me.id, name: me.name, handle: '', kind: 'agent' },
      attachments: pictures,
      created_at: new Date().toISOString(),
      received_at: new Date().toISOString(),
      edited_at: null,
      deleted_at: null,
      call: null,
      liked_at: null,
      late: false,
      send_state: draft.kind === 'note' ? null : 'sending',
      error: null,
      mail: null,
      forward_of: null,
      route_id: draft.route_id ?? 0,
      undo_until: null,
      mentions: draft.mentions ?? [],
      local: { key: newKey(), draft, failed: null },
    }
    this.#place(local)
    return this.#post(local)
  }

  async retry(message: Shown): Promise<void> {
    if (!message.local) return
    if (message.local.waits) return (await waiting()).again(message.local.key)
    const again: Shown = { ...message, send_state: message.kind === 'note' ? null : 'sending', local: { ...message.local, failed: null } }
    this.messages = this.messages.map((m) => (m === message ? again : m))
    await this.#post(again)
  }

  async #post(local: Shown): Promise<Message | undefined> {
    const { key, draft } = local.local as NonNullable<Shown['local']>
    try {
      const stored = await api.post<Message>(`/conversations/${this.id}/messages`, draft, { key })
      this.messages = this.messages.filter((m) => m.id !== local.id)
      // The feed may have been quicker, and further: "sent" already. Then the answer to the POST is old.
      if (!this.messages.some((m) => m.id === stored.id)) this.put(stored)
      return stored
    } catch (error) {
      if (error instanceof ApiError && error.status === 0) {
        // No network: it waits on this device and goes out once, under the same key.
        const kept = await waiting().then((o) => o.message(this.id, draft, key, local).then(() => o.show(this.id)).then(() => true)).catch(() => false)
        if (kept) return undefined
      }
      const reason = error instanceof ApiError ? error.message : String(error)
      this.messages = this.messages.map((m) =>
        m.id === local.id ? { ...m, send_state: 'failed', local: { key, draft, failed: reason } } : m,
      )
      throw error
    }
  }

  discard(message: Shown): void {
    if (message.local?.waits) return void waiting().then((o) => o.discard(message.local?.key ?? ''))
    this.messages = this.messages.filter((m) => m !== message)
  }
  /** An answer that was refused because somebody else answers: it goes back into the composer. */
  discardLocal(text: string): void {
    this.messages = this.messages.filter((m) => !(m.local?.failed && m.text === text))
  }
  /** The newest message the server has told of. */
  get newest(): number {
    return this.messages.reduce((most, m) => (m.id > most ? m.id : most), 0)
  }
}

const KEEP = 40

class Threads {
  #known = new Map<number, Thread>()
  #heard = new Map<number, number>()

  get(id: number): Thread {
    let thread = this.#known.get(id)
    if (thread) this.#known.delete(id)
    else thread = new Thread(id)
    this.#known.set(id, thread)
    for (const [old, kept] of this.#known) {
      if (this.#known.size <= KEEP) break
      if (!kept.messages.some((m) => m.local)) this.#known.delete(old)
      else break
    }
    return thread
  }
  peek(id: number): Thread | undefined {
    return this.#known.get(id)
  }
  /** Loads what J will show next, when nothing else is going on. */
  prefetch(id: number): void {
    const thread = this.get(id)
    if (!thread.loaded && !thread.loading) void thread.load()
  }
  put(message: Message): void {
    this.#known.get(message.conversation_id)?.put(message)
  }
  /** From the live feed, which is always in order. */
  hear(message: Message): void {
    this.#heard.set(message.id, this.heard(message.id) + 1)
    this.put(message)
  }
  /** How often the feed told of a message: an answer to a request that it overtook is old news. */
  heard(id: number): number {
    return this.#heard.get(id) ?? 0
  }
  /** The feed lost its place: whatever is kept may be old. */
  stale(): void {
    for (const thread of this.#known.values()) thread.stale = true
  }
}
export const threads = new Threads()
