// SPDX-License-Identifier: AGPL-3.0-or-later
// Messages of the open conversation, and of those lately open so that going back is instant. An answer
// shows at once as "sending" under a negative id; the server's message takes its place.
// Of a long thread only a part is held, around what is being read; its end is kept beside it and goes on.
import { api, ApiError, newKey, query } from '../api/client'
import type { Collaborator, Happening, Message, MessageDraft, Page } from '../api/shapes'
import { session } from './session.svelte'

const waiting = () => import('./offline.svelte').then((m) => m.offline)

export interface Shown extends Message {
  /** Only on answers of our own that the server has not confirmed. */
  local?: { key: string; draft: MessageDraft; failed: string | null; waits?: boolean }
}

/** Rows that are held at once: some screens above and below what is read. */
const HELD = 200
const STEP = 50

export class Thread {
  readonly id: number
  /** What is shown: one stretch without gaps. */
  messages = $state.raw<Shown[]>([])
  happenings = $state.raw<Happening[]>([])
  /** There is more before the first, behind the last. */
  older = $state(false)
  newer = $state(false)
  /** Came from customers behind what is held. */
  missed = $state(0)
  /** Colleagues who were asked in. */
  asked = $state.raw<Collaborator[]>([])
  loading = $state(false)
  loaded = $state(false)
  error = $state.raw<ApiError | null>(null)
  stale = false
  #turn = 0
  #end = $state.raw<Shown[]>([]) // the newest, while they are not among the messages
  #newest = 0
  /** What came while a page was on its way: newer than the page, whatever the order of the answers. */
  #meanwhile = new Map<number, Shown>()

  constructor(id: number) {
    this.id = id
  }

  /** The newest messages, also while others are shown. */
  get end(): Shown[] {
    return this.newer ? this.#end : this.messages
  }
  #page(rest: Record<string, string | number>): Promise<Page<Message>> {
    return api.get<Page<Message>>(`/conversations/${this.id}/messages${query({ limit: STEP, ...rest })}`)
  }

  async load(): Promise<void> {
    const turn = ++this.#turn
    this.loading = true
    this.error = null
    this.#meanwhile.clear()
    try {
      const [page, happenings] = await Promise.all([
        this.#page({}),
        api.get<Page<Happening>>(`/conversations/${this.id}/happenings?limit=100`).catch(() => ({ items: [], next: null })),
      ])
      if (turn !== this.#turn) return
      // Whoever reads further up stays there; what is shown is asked for again.
      const stretch = this.newer ? await this.#again() : undefined
      if (turn !== this.#turn) return
      let end: Shown[] = page.items
      for (const message of this.#meanwhile.values()) end = placed(end, message)
      for (const message of this.end) if (message.local) end = placed(end, message)
      this.#meanwhile.clear()
      this.#seen(end)
      if (stretch) {
        this.messages = stretch
        this.#end = end
      } else {
        this.messages = end
        this.older = page.next !== null
      }
      this.happenings = happenings.items
      this.loaded = true
      this.stale = false
      void waiting().then((o) => o.show(this.id), () => {})
    } catch (error) {
      if (turn === this.#turn) this.error = error instanceof ApiError ? error : new ApiError(0, String(error))
    } finally {
      if (turn === this.#turn) this.loading = false
    }
  }

  async #again(): Promise<Shown[]> {
    const found = new Map<number, Shown>()
    for (let from = this.messages[0]?.id ?? 0; found.size < this.messages.length; ) {
      const page = await this.#page({ from, limit: 100 })
      for (const m of page.items) found.set(m.id, m)
      from = page.items.at(-1)?.id ?? 0
      if (!page.next) break
    }
    return [...found.values()].slice(0, this.messages.length)
  }

  async loadHappenings(): Promise<void> {
    const page = await api.get<Page<Happening>>(`/conversations/${this.id}/happenings?limit=100`)
    this.happenings = page.items
  }

  async loadAsked(): Promise<void> {
    this.asked = (await api.get<Page<Collaborator>>(`/conversations/${this.id}/collaborators`)).items
  }

  async #fetch(rest: Record<string, number>, take: (page: Page<Message>) => void): Promise<void> {
    if (this.loading) return
    const turn = ++this.#turn
    this.loading = true
    this.#meanwhile.clear()
    try {
      const page = await this.#page(rest)
      if (turn !== this.#turn) return
      take(page)
      for (const m of this.#meanwhile.values()) if (this.messages.some((x) => x.id === m.id)) this.messages = placed(this.messages, m)
    } finally {
      if (turn === this.#turn) this.loading = false
    }
  }
  async loadOlder(): Promise<void> {
    const first = this.messages[0]
    if (!this.older || !first) return
    await this.#fetch({ before: first.id }, (page) => {
      const known = new Set(this.messages.map((m) => m.id))
      this.#hold([...page.items.filter((m) => !known.has(m.id)), ...this.messages], 'first')
      this.older = page.next !== null
    })
  }
  async loadNewer(): Promise<void> {
    const last = this.messages.at(-1)
    if (!this.newer || !last) return
    await this.#fetch({ from: last.id }, (page) => {
      const fresh = new Map(page.items.map((m) => [m.id, m]))
      this.#hold([...this.messages.filter((m) => !fresh.has(m.id)), ...page.items], 'last')
      if (!page.next) this.#join()
    })
  }
  /** The first messages of all. */
  async toStart(): Promise<void> {
    if (!this.older) return
    await this.#fetch({ from: 0 }, (page) => {
      if (!this.newer) this.#end = this.messages.slice(-HELD)
      this.messages = page.items
      this.older = false
      this.newer = true
      if (!page.next) this.#join()
    })
  }
  /** The newest again: they are here already. */
  toEnd(): void {
    if (!this.newer) {
      // A long shift of messages coming in at the end does not pile up, either.
      if (this.messages.length > HELD + STEP) {
        this.messages = this.messages.slice(-HELD)
        this.older = true
      }
      return
    }
    this.messages = this.#end
    this.#end = []
    this.older = true
    this.newer = false
    this.missed = 0
  }
  /** The stretch has reached the end: what came there meanwhile, and own ones that wait, are part of it now. */
  #join(): void {
    let list = this.messages
    for (const m of this.#end) list = placed(list, m)
    this.newer = false
    this.missed = 0
    this.#end = []
    this.messages = list
  }
  #hold(list: Shown[], keep: 'first' | 'last'): void {
    if (list.length <= HELD) this.messages = list
    else if (keep === 'last') {
      this.messages = list.slice(-HELD)
      this.older = true
    } else {
      if (!this.newer) this.#end = list.slice(-STEP)
      this.newer = true
      this.messages = list.slice(0, HELD)
    }
  }

  put(message: Message): void {
    if (this.loading) this.#meanwhile.set(message.id, message)
    this.#seen([message])
    if (this.end.some((m) => m.id === message.id)) {
      this.#place(message)
      return
    }
    // Our own answer may come over the live feed before the POST is answered.
    const twin = this.end.find(
      (m) => m.local && !m.local.failed && message.author.id === session.me?.id && m.text === message.text && m.kind === message.kind,
    )
    if (twin) this.change((list) => list.filter((m) => m !== twin))
    this.#place(message)
  }
  #seen(messages: Shown[]): void {
    for (const m of messages) if (m.id > this.#newest) this.#newest = m.id
  }

  /** The same to what is shown and to the end, if that is elsewhere. */
  change(to: (list: Shown[]) => Shown[]): void {
    this.messages = to(this.messages)
    if (this.newer) this.#end = to(this.#end)
  }
  #place(message: Shown): void {
    const oldest = this.messages[0]
    // What belongs before what is here comes with the page it is on.
    if (this.older && oldest && before(message, oldest) && !message.local) return
    if (!this.newer) {
      this.messages = placed(this.messages, message)
      return
    }
    const last = this.messages.at(-1)
    const there = this.messages.some((m) => m.id === message.id)
    if (there || (last && before(message, last))) this.messages = placed(this.messages, message)
    else if (!this.#end.some((m) => m.id === message.id) && message.direction === 'in') this.missed++
    const first = this.#end[0]
    if (message.local || !first || !before(message, first)) this.#end = placed(this.#end, message)
  }
  /** One's own that waits on this device: it is the last. */
  local(shown: Shown): void {
    const key = shown.local?.key
    const put = (list: Shown[]) => {
      const at = list.findIndex((m) => m.local?.key === key)
      return at >= 0 ? list.with(at, shown) : [...list, shown]
    }
    if (this.newer) this.#end = put(this.#end)
    else this.messages = put(this.messages)
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
    this.toEnd()
    this.#place(local)
    return this.#post(local)
  }

  async retry(message: Shown): Promise<void> {
    if (!message.local) return
    if (message.local.waits) return (await waiting()).again(message.local.key)
    const again: Shown = { ...message, send_state: message.kind === 'note' ? null : 'sending', local: { ...message.local, failed: null } }
    this.change((list) => list.map((m) => (m === message ? again : m)))
    await this.#post(again)
  }

  async #post(local: Shown): Promise<Message | undefined> {
    const { key, draft } = local.local as NonNullable<Shown['local']>
    try {
      const stored = await api.post<Message>(`/conversations/${this.id}/messages`, draft, { key })
      this.change((list) => list.filter((m) => m.id !== local.id))
      // The feed may have been quicker, and further: "sent" already. Then the answer to the POST is old.
      if (!this.end.some((m) => m.id === stored.id)) this.put(stored)
      return stored
    } catch (error) {
      if (error instanceof ApiError && error.status === 0) {
        // No network: it waits on this device and goes out once, under the same key.
        const kept = await waiting().then((o) => o.message(this.id, draft, key, local).then(() => o.show(this.id)).then(() => true)).catch(() => false)
        if (kept) return undefined
      }
      const reason = error instanceof ApiError ? error.message : String(error)
      this.change((list) => list.map((m) => (m.id === local.id ? { ...m, send_state: 'failed', local: { key, draft, failed: reason } } : m)))
      throw error
    }
  }

  discard(message: Shown): void {
    if (message.local?.waits) return void waiting().then((o) => o.discard(message.local?.key ?? ''))
    this.change((list) => list.filter((m) => m !== message))
  }
  /** An answer that was refused because somebody else answers: it goes back into the composer. */
  discardLocal(text: string): void {
    this.change((list) => list.filter((m) => !(m.local?.failed && m.text === text)))
  }
  /** The newest message the server has told of. */
  get newest(): number {
    return this.#newest
  }
}

const before = (a: Shown, b: Shown) => a.created_at < b.created_at || (a.created_at === b.created_at && a.id < b.id)

/** Each where its time is; own ones that the server does not know yet are the last. */
function placed(list: Shown[], message: Shown): Shown[] {
  const known = list.findIndex((m) => m.id === message.id)
  if (known >= 0) return list.with(known, message)
  let at = list.length
  if (!message.local) for (let m = list[at - 1]; m && !before(m, message); m = list[--at - 1]);
  return list.toSpliced(at, 0, message)
}

const KEEP = 40

class Threads {
  #known = new Map<number, Thread>()
  #made = $state(0) // so that who asked before it was there hears of it
  #heard = new Map<number, number>()

  get(id: number): Thread {
    let thread = this.#known.get(id)
    if (thread) this.#known.delete(id)
    else {
      thread = new Thread(id)
      this.#made++
    }
    this.#known.set(id, thread)
    for (const [old, kept] of this.#known) {
      if (this.#known.size <= KEEP) break
      if (!kept.end.some((m) => m.local)) this.#known.delete(old)
      else break
    }
    return thread
  }
  peek(id: number): Thread | undefined {
    void this.#made
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
