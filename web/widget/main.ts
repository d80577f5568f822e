// SPDX-License-Identifier: AGPL-3.0-or-later
// Live chat on somebody's page:   <script async src="https://HEED/chat.js" data-channel="KEY"></script>
// Also data-lang, data-dir, data-identity. The page may call window.HeedChat: open, close, identify, logout.
// Until a visitor writes, nothing is kept and nobody is counted; then a token in this page's localStorage.
import { Api, Refused, type Config, type File_, type Message } from './api'
import type { Asked } from './form'
import { alone, Store, type Queued } from './store'
import { View, type State } from './view'
import { pick, say } from './words'

const PAGE = 30
const SLOWEST = 30_000
const PATIENCE = 20_000 // for the page to say who its customer is

class Chat {
  private readonly api: Api
  private readonly store: Store
  private readonly view: View
  private config: Config | null = null
  private language = 'en'
  private next: string | null = null
  private readonly last = { id: '' }
  private streaming: AbortController | null = null
  private heard = 0
  private failures = 0
  private draining = false
  private wake: (() => void) | null = null
  private typedAt = 0
  private typingTimer = 0
  private waiting = new Map<string, 'delivered' | 'read'>()
  private receiptTimer = 0
  private vouched = '' // the customer this page vouches for
  private asking = 0 // the newest identify() or logout() counts
  private turn = 0 // whose thread it is: what was asked for another's is thrown away
  private readonly state: State = { messages: [], queue: [], more: false, seen: false, online: false, opensAt: null, connected: true, typing: '', unread: 0, fresh: true, known: false, closed: '', uploads: [], trouble: '' }

  constructor(
    server: string,
    key: string,
    private readonly script: HTMLScriptElement,
  ) {
    this.api = new Api(`${server}/api/chat/v1/${encodeURIComponent(key)}`)
    this.store = new Store(`heed-chat:${key}`)
    this.view = new View(document.createElement('div'), {
      open: () => void this.opened(),
      close: () => this.render(),
      send: (text) => this.send({ text }),
      first: (asked) => this.send(asked),
      typing: (on) => this.typing(on),
      attach: (files) => void this.attach(files),
      earlier: () => void this.earlier(),
      retry: (id) => this.retry(id),
      bytes: async (file: File_) => (await this.api.call('GET', `/files/${file.id}`)).blob(),
    })
  }

  async begin() {
    const identity = this.script.dataset.identity
    for (let pause = 2000; !this.config; pause = Math.min(pause * 2, 300_000)) {
      try {
        this.config = await this.api.json<Config>('GET', '/config')
      } catch (error) {
        if (error instanceof Refused && [403, 404].includes(error.status)) return console.warn(`Heed chat: ${error.message}`)
        await new Promise((done) => setTimeout(done, pause))
      }
    }
    this.language = pick([this.config.language === 'auto' ? null : this.config.language, this.script.dataset.lang, document.documentElement.lang, ...navigator.languages])
    this.state.online = this.config.online
    this.state.opensAt = this.config.opens_at
    this.look()
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.look())
    document.body.append(this.view.root.host)
    if (!this.waits) this.view.draft = this.store.get().draft
    addEventListener('online', () => this.hurry())
    addEventListener('storage', (event) => event.key === this.store.key && this.changedElsewhere())
    document.addEventListener('visibilitychange', () => !document.hidden && (this.hurry(), this.readAll()))
    setInterval(() => this.pulse(), 5000)
    if (identity) await this.identify(identity)
    else if (this.waits) setTimeout(() => this.waits && (this.forget(), this.render()), PATIENCE)
    else if (this.store.get().token) this.resume()
    this.render()
    void this.drain()
  }
  private look() {
    if (!this.config) return
    this.view.look(this.config, this.language, this.script.dataset.dir ?? getComputedStyle(document.documentElement).direction)
    this.render()
  }
  private t: (word: Parameters<typeof say>[1], fill?: Record<string, string | number>) => string = (word, fill) => say(this.language, word, fill)

  private render() {
    const kept = this.store.get()
    const state = this.state
    const here = new Set(state.messages.map((m) => m.id))
    const queue = this.waits ? [] : kept.queue.filter((q) => !here.has(`c${q.id}`))
    if (!this.waits && queue.length !== kept.queue.length) this.store.set({ queue })
    state.queue = queue
    state.fresh = state.messages.length === 0 && queue.length === 0
    state.known = kept.subject !== '' && !this.waits
    state.closed = this.config?.require_identity && !state.known ? 'signIn' : state.closed === 'gone' ? 'gone' : ''
    state.unread = this.view.isOpen ? 0 : state.messages.filter((m) => m.from === 'team' && !m.deleted_at && m.created_at > kept.readAt).length
    if (state.connected) state.trouble = state.trouble === this.t('lost') ? '' : state.trouble
    const hidden = !state.online && this.config?.offline === 'hide' && state.fresh && !this.view.isOpen
    ;(this.view.root.host as HTMLElement).hidden = hidden
    this.view.show(state)
  }

  // ---- Who it is ----
  private subject(identity: string): string {
    try {
      const claims = JSON.parse(atob((identity.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/'))) as { sub?: unknown }
      return typeof claims.sub === 'string' ? claims.sub : ''
    } catch {
      return ''
    }
  }
  /** What is kept belongs to a customer for whom the page does not vouch (yet): nothing of it is shown or used. */
  private get waits() {
    const { subject } = this.store.get()
    return subject !== '' && subject !== this.vouched
  }
  // The page renews its signature with each load; the session it began goes on as long as it is the same customer.
  async identify(identity: string) {
    const kept = this.store.get()
    const subject = this.subject(identity)
    if (kept.token && kept.subject && kept.subject === subject) {
      this.vouched = subject
      this.view.draft ||= kept.draft
      this.resume()
      return this.render()
    }
    if (kept.subject && kept.subject !== subject) {
      this.forget()
      this.view.draft = ''
    }
    const asking = ++this.asking
    try {
      const session = await this.api.json<{ token: string }>('POST', '/session', { identity, language: this.language })
      if (asking !== this.asking) return // signed out, or somebody else meanwhile
      this.forget()
      this.vouched = subject
      this.store.set({ token: session.token, subject })
      this.resume()
    } catch (error) {
      console.warn(`Heed chat: ${error instanceof Error ? error.message : ''}`)
    }
    this.render()
  }
  async logout() {
    this.asking++
    this.api.token ||= this.store.get().token
    if (this.api.token) await this.api.call('DELETE', '/session').catch(() => {})
    this.forget()
    this.view.draft = ''
    this.render()
  }
  private forget() {
    this.drop()
    this.vouched = ''
    this.store.set({ token: '', subject: '', queue: [], readAt: '', draft: '' })
  }
  /** The thread leaves this page; what is kept is another matter. */
  private drop() {
    this.turn++
    this.waiting.clear()
    this.streaming?.abort()
    this.streaming = null
    this.api.token = ''
    this.last.id = ''
    this.next = null
    Object.assign(this.state, { messages: [], more: false, seen: false, typing: '', connected: true })
  }
  private resume() {
    this.api.token = this.store.get().token
    if (!this.streaming) void this.listen()
  }
  private async session() {
    if (this.store.get().token) return this.resume()
    const session = await this.api.json<{ token: string }>('POST', '/session', { language: this.language })
    if (!this.store.get().token) this.store.set({ token: session.token, subject: '' })
    this.resume()
  }

  // ---- The stream: reconnects by itself, at first soon, then seldom ----
  private async listen() {
    const control = new AbortController()
    this.streaming = control
    while (!control.signal.aborted) {
      let alive = false
      this.heard = Date.now()
      try {
        const one = new AbortController()
        control.signal.addEventListener('abort', () => one.abort())
        this.cut = one
        await this.api.stream(
          this.last,
          one.signal,
          (event, data) => this.take(event, data),
          () => {
            this.heard = Date.now()
            if (!alive) this.connection((alive = true))
          },
        )
      } catch (error) {
        if (control.signal.aborted) return
        if (error instanceof Refused && error.status === 401) return this.over()
        if (error instanceof Refused && [403, 404].includes(error.status)) {
          this.state.closed = 'gone'
          this.render()
        }
      }
      if (control.signal.aborted) return
      this.failures = alive ? 0 : this.failures + 1
      if (this.failures > 0) this.connection(false)
      const pause = Math.min(SLOWEST, 500 * 2 ** this.failures) * (0.7 + Math.random() * 0.6)
      await this.sleep(pause)
    }
  }
  private cut: AbortController | null = null
  private sleep(ms: number) {
    return new Promise<void>((done) => {
      const timer = setTimeout(done, ms)
      this.wake = () => {
        clearTimeout(timer)
        done()
      }
    })
  }
  private hurry() {
    this.failures = 0
    this.wake?.()
    void this.drain()
  }
  // The server speaks each 15 s; a line that is silent for longer is dead whatever the browser thinks.
  private pulse() {
    if (this.streaming && Date.now() - this.heard > 40_000) this.cut?.abort()
    void this.drain()
  }
  private connection(up: boolean) {
    if (this.state.connected !== up) {
      this.state.connected = up
      this.render()
    }
    if (up) {
      if (this.state.closed === 'gone') this.state.closed = ''
      void this.drain()
    }
  }
  // The session is over (too long away, signed out elsewhere): what is not sent yet begins a new one.
  private over() {
    const { queue } = this.store.get()
    this.forget()
    this.store.set({ queue })
    this.render()
    void this.drain()
  }
  private take(event: string, data: unknown) {
    const told = data as { online?: boolean; opens_at?: string | null; seen?: boolean; resumed?: boolean; typing?: boolean; name?: string }
    if (event === 'hello') {
      this.state.online = told.online === true
      this.state.opensAt = told.opens_at ?? null
      this.state.seen = told.seen === true
      if (!told.resumed) void this.history()
    } else if (event === 'resync') void this.history()
    else if (event === 'message') this.merge([data as Message])
    else if (event === 'seen') this.state.seen = true
    else if (event === 'online') {
      this.state.online = told.online === true
      this.state.opensAt = told.opens_at ?? null
    }
    else if (event === 'typing') {
      clearTimeout(this.typingTimer)
      this.state.typing = told.typing ? (told.name ?? '') : ''
      if (told.typing) this.typingTimer = window.setTimeout(() => ((this.state.typing = ''), this.render()), 30_000)
    }
    this.render()
  }

  // ---- Messages ----
  private merge(fresh: Message[]) {
    const byId = new Map(this.state.messages.map((m) => [m.id, m]))
    for (const m of fresh) {
      if (!byId.has(m.id) && m.from === 'visitor') this.state.seen = false
      if (!byId.has(m.id) && m.from === 'team') this.state.typing = ''
      byId.set(m.id, m)
    }
    this.state.messages = [...byId.values()].sort((a, b) => (a.created_at < b.created_at ? -1 : a.created_at > b.created_at ? 1 : 0))
    this.acknowledge(fresh)
  }
  private async history() {
    const turn = this.turn
    const page = await this.page('').catch(() => null)
    if (!page || turn !== this.turn) return
    const newest = page.items.filter((m) => m.from === 'team').map((m) => m.created_at).sort()
    if (!this.store.get().readAt && !newest.length) this.store.set({ readAt: new Date(0).toISOString() })
    const seen = this.state.seen
    this.merge(page.items)
    this.state.seen = seen
    this.next = page.next
    this.state.more = page.next !== null
    this.readAll()
    this.render()
  }
  private async earlier() {
    if (!this.next) return
    const turn = this.turn
    const page = await this.page(this.next).catch(() => null)
    if (!page || turn !== this.turn) return
    const seen = this.state.seen
    this.merge(page.items)
    this.state.seen = seen
    this.next = page.next
    this.state.more = page.next !== null
    this.render()
  }
  private page(cursor: string) {
    return this.api.json<{ items: Message[]; next: string | null }>('GET', `/messages?limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`)
  }

  // ---- What was received and read ----
  private get looking() {
    return this.view.isOpen && !document.hidden
  }
  private acknowledge(messages: Message[]) {
    const { readAt } = this.store.get()
    for (const m of messages) if (m.from === 'team' && m.created_at > readAt) this.waiting.set(m.id, this.looking ? 'read' : 'delivered')
    this.readAll()
  }
  private readAll() {
    const newest = this.state.messages.filter((m) => m.from === 'team').at(-1)
    const { readAt } = this.store.get()
    if (this.looking && newest && newest.created_at > readAt) {
      for (const m of this.state.messages) if (m.from === 'team' && m.created_at > readAt) this.waiting.set(m.id, 'read')
      this.store.set({ readAt: newest.created_at })
    }
    if (this.waiting.size && !this.receiptTimer) this.receiptTimer = window.setTimeout(() => void this.receipts(), 300)
  }
  private async receipts() {
    this.receiptTimer = 0
    const all = [...this.waiting]
    this.waiting.clear()
    for (const state of ['delivered', 'read'] as const) {
      const ids = all.filter(([, s]) => s === state).map(([id]) => id)
      for (let i = 0; i < ids.length; i += 100) await this.api.call('POST', '/receipts', { state, ids: ids.slice(i, i + 100) }).catch(() => {})
    }
  }
  private async opened() {
    this.readAll()
    this.render()
    if (!this.api.token) {
      const fresh = await this.api.json<Config>('GET', '/config').catch(() => null)
      if (fresh && fresh.online !== this.state.online) {
        this.state.online = fresh.online
        this.state.opensAt = fresh.opens_at
        this.render()
      }
    }
  }

  // ---- Sending: into the queue first, which survives a reload; out of it one by one ----
  private send(what: Asked & { files?: Queued['files'] }) {
    if (this.waits) this.forget() // nobody vouched: a visitor like any other
    const item: Queued = { ...what, id: [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, '0')).join(''), at: Date.now(), ...(what.files ? { files: what.files } : {}) } as Queued
    const { queue } = this.store.get()
    this.store.set({ queue: [...queue, item], draft: '' })
    this.state.trouble = ''
    this.render()
    void this.drain()
  }
  private retry(id: string) {
    this.store.set({
      queue: this.store.get().queue.map((q) => {
        const { failed: _, ...rest } = q
        return q.id === id ? rest : q
      }),
    })
    this.render()
    void this.drain()
  }
  private async drain() {
    if (this.draining || this.waits || !this.store.get().queue.some((q) => !q.failed)) return
    this.draining = true
    try {
      await alone(this.store.key, async () => {
        await this.session()
        for (let q = this.first(); q; q = this.first()) await this.post(q)
      })
    } catch (error) {
      if (error instanceof Refused && error.status === 401 && this.api.token) this.over()
      else if (error instanceof Refused && [403, 404].includes(error.status)) this.state.closed = 'gone'
      else if (error instanceof Refused && error.status === 0) this.state.connected = false
      // Anything else: the pulse tries again.
    }
    this.draining = false
    this.render()
  }
  private first() {
    return this.store.get().queue.find((q) => !q.failed && !this.state.messages.some((m) => m.id === `c${q.id}`) && !this.posted.has(q.id))
  }
  private readonly posted = new Set<string>()
  private async post(q: Queued) {
    const { id, text, files, name, email, answers } = q
    try {
      await this.api.call('POST', '/messages', { id, ...(text ? { text } : {}), ...(name ? { name } : {}), ...(email ? { email } : {}), ...(answers ? { answers } : {}), ...(files ? { files: files.map((f) => ({ sha256: f.sha256 })) } : {}) })
      // Accepted is on disk; it leaves the queue when it comes back in the thread.
      this.posted.add(id)
      this.state.connected = true
      setTimeout(() => this.late(id), 10_000)
    } catch (error) {
      if (!(error instanceof Refused) || ![400, 413, 422].includes(error.status)) throw error
      this.store.set({ queue: this.store.get().queue.map((x) => (x.id === id ? { ...x, failed: error.message } : x)) })
    }
    this.render()
  }
  private late(id: string) {
    this.posted.delete(id)
    if (this.store.get().queue.some((q) => q.id === id)) void this.history().then(() => this.drain())
  }
  private changedElsewhere() {
    const { token } = this.store.get()
    if (this.api.token && token !== this.api.token) this.drop()
    if (token && !this.api.token && !this.waits) this.resume()
    this.render()
  }
  private async attach(files: Iterable<File>) {
    const most = this.config?.max_file_bytes ?? 0
    if (this.waits) this.forget()
    this.state.trouble = ''
    for (const file of files) {
      if (file.size > most) {
        this.state.trouble = this.t('big', { n: Math.floor(most / 1048576) })
        continue
      }
      this.state.uploads.push(file.name)
      this.render()
      try {
        await this.session()
        const kept = await (await this.api.call('PUT', `/files?name=${encodeURIComponent(file.name)}`, file)).json()
        this.send({ text: '', files: [{ sha256: (kept as { sha256: string }).sha256, name: file.name }] })
      } catch {
        this.state.trouble = this.t('uploadFailed', { name: file.name })
      }
      this.state.uploads.shift()
      this.render()
    }
    this.render()
  }
  private typing(on: boolean) {
    if (!this.waits) this.store.set({ draft: this.view.draft })
    if (!this.api.token || (on && Date.now() - this.typedAt < 5000) || (!on && !this.typedAt)) return
    this.typedAt = on ? Date.now() : 0
    void this.api.call('POST', '/typing', { typing: on }).catch(() => {})
  }
  open() {
    this.view.open()
  }
  close() {
    this.view.close()
  }
}

const script = document.currentScript
if (script instanceof HTMLScriptElement && script.dataset.channel && !('HeedChat' in window)) {
  const chat = new Chat(script.dataset.server ?? new URL(script.src).origin, script.dataset.channel, script)
  const face = { open: () => chat.open(), close: () => chat.close(), identify: (token: string) => chat.identify(String(token)), logout: () => chat.logout() }
  Object.defineProperty(window, 'HeedChat', { value: Object.freeze(face) })
  const begin = () => void chat.begin()
  if (document.body) begin()
  else addEventListener('DOMContentLoaded', begin)
}
