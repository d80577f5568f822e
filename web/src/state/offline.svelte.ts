// SPDX-License-Identifier: AGPL-3.0-or-later
// Without a network: what was read lately is kept in IndexedDB, and answers, notes and changes wait there in
// order until they can go out, once, under the key they were written with. It all belongs to one person on
// this device; signing out, or somebody else signing in, empties it. Loaded behind the first paint.
import { api, ApiError } from '../api/client'
import type { ConversationPatch, Me, Message, MessageDraft, Page } from '../api/shapes'
import { inbox } from './inbox.svelte'
import { session } from './session.svelte'
import { threads, type Shown } from './threads.svelte'
import { toasts } from './toasts.svelte'
import { t } from '../text/text.svelte'

/** What waits to go out. `newest`: the newest message that was known when it was written. */
export interface Waiting {
  seq: number
  me: number
  method: 'POST' | 'PATCH'
  path: string
  body: unknown
  key: string
  conversation: number
  newest: number
  at: number
  shown?: Shown
  state: 'waiting' | 'overtaken' | 'refused'
  reason: string
}
interface Kept {
  path: string
  at: number
  text: string
}

const KEPT = /^\/(me|agents|teams|tags|channels|channel-kinds|counts|folders|conversations(\?(?!.*cursor=).*)?|conversations\/\d+(\/messages\?limit=50|\/happenings\?limit=100)?)$/
const KEEP = 300
/** The server remembers keys for 72 hours; what is older could go out twice. */
const KEY_HOURS = 70

const done = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((yes, no) => {
    request.onsuccess = () => yes(request.result)
    request.onerror = () => no(request.error ?? new Error('IndexedDB'))
  })

let opened: Promise<IDBDatabase> | undefined
function db(): Promise<IDBDatabase> {
  opened ??= new Promise((yes, no) => {
    const request = indexedDB.open('heed', 1)
    request.onupgradeneeded = () => {
      const made = request.result
      made.createObjectStore('kept', { keyPath: 'path' }).createIndex('at', 'at')
      made.createObjectStore('waiting', { keyPath: 'seq', autoIncrement: true })
      made.createObjectStore('owner')
    }
    request.onsuccess = () => yes(request.result)
    request.onerror = () => no(request.error ?? new Error('IndexedDB'))
  })
  return opened
}
async function store(name: 'kept' | 'waiting' | 'owner', mode: IDBTransactionMode): Promise<IDBObjectStore> {
  return (await db()).transaction(name, mode).objectStore(name)
}

class Offline {
  waiting = $state.raw<Waiting[]>([])
  /** Something shown now came from the device, not from the server. */
  old = $state(false)
  #me = 0
  #owning: Promise<void> | undefined
  #sending = false
  #timer = 0
  #keptSince = 0

  /** Whoever is signed in now owns what is here; another's is emptied first. */
  async own(me: number): Promise<void> {
    if (this.#me === me) return
    const owner = (await done((await store('owner', 'readonly')).get('me'))) as number | undefined
    if (owner !== undefined && owner !== me) await this.clear()
    await done((await store('owner', 'readwrite')).put(me, 'me'))
    this.#me = me
    await this.#read()
    for (const w of this.waiting) if (w.method === 'PATCH') inbox.pend(w.conversation, w.body as ConversationPatch)
    void this.flush()
  }

  async keep(path: string, text: string): Promise<void> {
    if (!KEPT.test(path)) return
    if (path === '/me') this.#owning = this.own((JSON.parse(text) as Me).id)
    await this.#owning // what is read right behind it waits until this is settled
    if (!this.#me) return
    this.old = false
    await done((await store('kept', 'readwrite')).put({ path, text, at: Date.now() } satisfies Kept))
    if (++this.#keptSince % 50 === 0) await this.#prune()
  }
  async find(path: string): Promise<string | undefined> {
    const kept = (await done((await store('kept', 'readonly')).get(path))) as Kept | undefined
    if (!kept) return undefined
    this.old = true
    if (path === '/me') await this.own((JSON.parse(kept.text) as Me).id)
    return kept.text
  }
  async #prune(): Promise<void> {
    const all = await store('kept', 'readwrite')
    let left = (await done(all.count())) - KEEP
    const cursor = all.index('at').openCursor()
    cursor.onsuccess = () => {
      if (left-- <= 0 || !cursor.result) return
      cursor.result.delete()
      cursor.result.continue()
    }
  }

  /** A session that ran out leaves what waits to its owner; signing out leaves nothing. */
  async clear(all = true): Promise<void> {
    for (const name of all ? (['kept', 'waiting', 'owner'] as const) : (['kept'] as const)) await done((await store(name, 'readwrite')).clear())
    this.#me = 0
    this.waiting = []
  }

  // ---- What waits ----
  async #read(): Promise<void> {
    const all = (await done((await store('waiting', 'readonly')).getAll())) as Waiting[]
    this.waiting = all.filter((w) => w.me === this.#me)
  }
  async #put(w: Omit<Waiting, 'seq'> & { seq?: number }): Promise<void> {
    await done((await store('waiting', 'readwrite')).put(w))
    await this.#read()
  }
  async #drop(w: Waiting): Promise<void> {
    await done((await store('waiting', 'readwrite')).delete(w.seq))
    await this.#read()
  }
  of(conversation: number): Waiting[] {
    return this.waiting.filter((w) => w.conversation === conversation)
  }

  #newest(conversation: number): number {
    return threads.peek(conversation)?.newest ?? 0
  }
  async message(conversation: number, draft: MessageDraft, key: string, shown: Shown): Promise<void> {
    const newest = this.#newest(conversation)
    await this.own(session.me?.id ?? 0)
    await this.#put({ me: this.#me, method: 'POST', path: `/conversations/${conversation}/messages`, body: draft, key, conversation, newest, at: Date.now(), shown, state: 'waiting', reason: '' })
    this.#later()
  }
  async change(conversation: number, patch: ConversationPatch): Promise<void> {
    const newest = this.#newest(conversation)
    await this.own(session.me?.id ?? 0)
    await this.#put({ me: this.#me, method: 'PATCH', path: `/conversations/${conversation}`, body: patch, key: '', conversation, newest, at: Date.now(), state: 'waiting', reason: '' })
    this.#later()
  }

  #later(): void {
    clearTimeout(this.#timer)
    if (this.waiting.some((w) => w.state === 'waiting')) this.#timer = window.setTimeout(() => void this.flush(), 10_000)
  }

  /** Sends what waits, oldest first; in one tab at a time. What is held back holds back its conversation. */
  async flush(): Promise<void> {
    if (this.#sending || !this.#me) return
    this.#sending = true
    const run = () => this.#sendAll()
    try {
      if (navigator.locks) await navigator.locks.request('heed.waiting', run)
      else await run()
    } catch {
      // No network yet, or the device's store failed: tried again later.
    } finally {
      this.#sending = false
      this.#later()
    }
  }
  async #sendAll(): Promise<void> {
    await this.#read() // another tab may have sent some
    let sent = 0
    const held = new Set<number>()
    for (const w of this.waiting) {
      if (w.state !== 'waiting') held.add(w.conversation)
      if (held.has(w.conversation)) continue
      const outcome = await this.#send(w)
      if (outcome === 'later') break
      if (outcome === 'held') held.add(w.conversation)
      else sent++
    }
    if (sent) toasts.show(t('offline.sent', { n: sent }))
  }

  async #send(w: Waiting): Promise<'done' | 'held' | 'later'> {
    const hold = async (state: 'overtaken' | 'refused', reason: string): Promise<'held'> => {
      await this.#put({ ...w, state, reason })
      if (w.method === 'PATCH') inbox.unpend(w.conversation, w.body as ConversationPatch)
      this.show(w.conversation)
      return 'held'
    }
    try {
      if (w.method === 'POST') {
        if (Date.now() - w.at > KEY_HOURS * 3_600_000) return await hold('refused', t('offline.too_old'))
        if ((w.body as MessageDraft).kind !== 'note' && w.newest) {
          const page = await api.get<Page<Message>>(`/conversations/${w.conversation}/messages?limit=20`)
          const other = page.items.find((m) => m.id > w.newest && m.direction === 'out' && m.kind === 'message' && m.author.id !== w.me)
          if (other) return await hold('overtaken', t('offline.overtaken', { name: other.author.name }))
        }
        const stored = await api.post<Message>(w.path, w.body, { key: w.key })
        await this.#drop(w)
        const thread = threads.peek(w.conversation)
        if (thread) {
          thread.change((list) => list.filter((m) => m.local?.key !== w.key))
          thread.put(stored)
        }
      } else {
        if ((w.body as ConversationPatch).status === 'closed' && w.newest) {
          const page = await api.get<Page<Message>>(`/conversations/${w.conversation}/messages?limit=20`)
          const asked = page.items.find((m) => m.id > w.newest && m.direction === 'in' && m.kind === 'message')
          if (asked) {
            // A question that nobody has read is not closed with the rest.
            await this.#drop(w)
            inbox.unpend(w.conversation, w.body as ConversationPatch)
            toasts.show(t('offline.left_open', { name: asked.author.name }))
            return 'done'
          }
        }
        inbox.put(await api.patch(w.path, w.body))
        await this.#drop(w)
        inbox.unpend(w.conversation, w.body as ConversationPatch)
      }
      return 'done'
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 0 || error.status === 401 || error.status === 429 || error.status >= 500) return 'later'
      return await hold('refused', error.message)
    }
  }

  /** Own messages that wait are part of the thread, also after a reload. */
  show(conversation: number): void {
    const thread = threads.peek(conversation)
    if (!thread) return
    for (const w of this.of(conversation)) {
      if (!w.shown) continue
      const shown: Shown = { ...w.shown, send_state: w.state === 'waiting' ? 'queued' : 'failed', local: { key: w.key, draft: w.body as MessageDraft, failed: w.state === 'waiting' ? null : w.reason, waits: true } }
      thread.local(shown)
    }
  }
  /** The person's word on one that was held back. */
  async again(key: string): Promise<void> {
    const w = this.waiting.find((x) => x.key === key)
    if (!w) return
    const body = { ...(w.body as MessageDraft) }
    delete body.seen_message_id // they have read what came between
    await this.#put({ ...w, body, state: 'waiting', reason: '', newest: 0, at: Date.now() })
    for (const other of this.of(w.conversation)) if (other.method === 'PATCH' && other.state !== 'waiting') await this.#put({ ...other, state: 'waiting' })
    this.show(w.conversation)
    await this.flush()
  }
  async discard(key: string): Promise<void> {
    const w = this.waiting.find((x) => x.key === key)
    if (!w) return
    for (const other of this.of(w.conversation)) {
      if (other.seq < w.seq) continue
      await this.#drop(other)
      if (other.method === 'PATCH') inbox.unpend(other.conversation, other.body as ConversationPatch)
    }
    threads.peek(w.conversation)?.change((list) => list.filter((m) => m.local?.key !== key))
  }
}
export const offline = new Offline()

addEventListener('online', () => void offline.flush())

