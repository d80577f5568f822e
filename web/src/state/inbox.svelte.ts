// SPDX-License-Identifier: AGPL-3.0-or-later
// The list and everything known about conversations. The server's word is kept beside the changes of our
// own that are still on their way; what is shown is the one with the others applied.
import { api, ApiError, query } from '../api/client'
import type { Conversation, ConversationPatch, Page } from '../api/shapes'
import { compare, defaultSort, folderQuery, inFolder, type Sort } from './folders'
import { session } from './session.svelte'
import { t } from '../text/text.svelte'

const PAGE = 100

class Inbox {
  folder = $state('')
  q = $state('')
  sort = $state<Sort>('urgent')
  items = $state.raw<Conversation[]>([])
  next = $state.raw<string | null>(null)
  loading = $state(false)
  loadingMore = $state(false)
  error = $state.raw<ApiError | null>(null)
  /** The open conversation; stays open when it leaves the list. */
  current = $state.raw<Conversation | null>(null)
  currentId = $state(0)
  missing = $state(false)
  /** Came in above what is being read. */
  newAbove = $state(0)

  #truth = new Map<number, Conversation>()
  #pending = new Map<number, ConversationPatch[]>()
  #place = 0 // where the open one was in the list, for "next" after it left
  #turn = 0
  #asked = new Set<number>()
  #askTimer = 0
  #meanwhile = new Set<number>() // told while the list was asked for: its answer may be older

  /** Another list is shown: what was marked in the old one is no longer meant. */
  onOpen: () => void = () => {}

  /** An old address: the conversation is now part of this one. */
  onMerged: (id: number) => void = () => {}

  get position(): number {
    return this.items.findIndex((c) => c.id === this.currentId)
  }

  /** Shows a folder or a search; the same one again changes nothing. */
  async open(folder: string, q: string): Promise<void> {
    if (folder === this.folder && q === this.q) return
    this.folder = folder
    this.q = q
    this.onOpen()
    this.items = []
    this.#place = 0
    remember(folder, q)
    if (this.saved && !session.folders) {
      this.loading = true
      await session.loadFolders().catch(() => {})
      if (folder !== this.folder || q !== this.q) return
    }
    this.sort = rememberedSort(folder) ?? (session.folder(folder)?.sort as Sort | undefined) ?? defaultSort(folder, q)
    await this.reload()
  }

  /** A saved folder: like a search, only the server knows what is in it. */
  get saved(): boolean {
    return !this.q && (this.folder.startsWith('folder:') || this.folder === 'mentions')
  }
  /** What the server is asked for. */
  get query(): string {
    return this.q || (this.folder.startsWith('folder:') ? (session.folder(this.folder)?.q ?? '') : folderQuery(this.folder))
  }

  /** Saved folders were made, changed or removed. */
  async foldersChanged(): Promise<void> {
    const before = session.folder(this.folder)?.q
    await session.loadFolders().catch(() => {})
    if (this.saved && session.folder(this.folder)?.q !== before) await this.reload()
  }

  async sortBy(sort: Sort): Promise<void> {
    this.sort = sort
    if (!this.q) rememberSort(this.folder, sort)
    this.items = []
    await this.reload()
  }

  async reload(): Promise<void> {
    const turn = ++this.#turn
    this.loading = true
    this.error = null
    try {
      if (this.folder.startsWith('folder:') && this.saved && session.folders && !session.folder(this.folder)) throw new ApiError(404, t('folder.gone'))
      // After a resync ask for as much as was shown, so that nothing jumps.
      const wanted = Math.max(PAGE, this.items.length)
      const fresh: Conversation[] = []
      let next: string | null = null
      do {
        const page: Page<Conversation> = await this.#page(next)
        fresh.push(...page.items)
        next = page.next
        if (turn !== this.#turn) return
      } while (next && fresh.length < wanted)
      this.items = dedupe(fresh.map((c) => this.#know(c)))
      this.next = next
      this.newAbove = 0
      const late = this.#meanwhile
      this.#meanwhile = new Set()
      late.forEach((id) => this.#again(id))
    } catch (error) {
      if (turn === this.#turn) {
        this.error = error instanceof ApiError ? error : new ApiError(0, String(error))
        this.items = []
        this.next = null
      }
    } finally {
      if (turn === this.#turn) this.loading = false
    }
  }

  async more(): Promise<void> {
    if (!this.next || this.loadingMore || this.loading) return
    const turn = this.#turn
    this.loadingMore = true
    try {
      const page = await this.#page(this.next)
      if (turn !== this.#turn) return
      this.items = dedupe([...this.items, ...page.items.map((c) => this.#know(c))])
      this.next = page.next
    } catch {
      // Scrolling on asks again.
    } finally {
      this.loadingMore = false
    }
  }

  #page(cursor: string | null): Promise<Page<Conversation>> {
    return api.get(`/conversations${query({ q: this.query, sort: this.sort, limit: PAGE, cursor })}`)
  }

  /** Opens a conversation by id: at once when known, from the server anyway. */
  async select(id: number): Promise<void> {
    if (id === this.currentId && this.current) return
    this.currentId = id
    this.missing = false
    const at = this.position
    if (at >= 0) this.#place = at
    const known = this.#truth.get(id)
    this.current = known ? this.#shown(known) : null
    if (known && at >= 0) return
    try {
      const c = await api.get<Conversation>(`/conversations/${id}`)
      if (c.merged_into && id === this.currentId) return this.onMerged(c.merged_into)
      this.put(c)
    } catch (error) {
      if (id === this.currentId && error instanceof ApiError && [403, 404].includes(error.status)) this.missing = true
    }
  }
  deselect(): void {
    this.currentId = 0
    this.current = null
    this.missing = false
  }

  /** The neighbour of the open one; when that has left the list, who took its place. */
  neighbour(step: 1 | -1): Conversation | undefined {
    const at = this.position
    if (at >= 0) return this.items[at + step]
    const place = Math.min(this.#place, this.items.length)
    return this.items[step === 1 ? place : place - 1] ?? (step === 1 ? this.items[this.items.length - 1] : undefined)
  }
  /** After the open one is done: the one below it, else the last. */
  following(): Conversation | undefined {
    const at = this.position
    if (at < 0) return this.items[Math.min(this.#place, this.items.length - 1)]
    return this.items[at + 1] ?? this.items[at - 1]
  }

  known(id: number): Conversation | undefined {
    const truth = this.#truth.get(id)
    return truth && this.#shown(truth)
  }

  #know(c: Conversation): Conversation {
    const old = this.#truth.get(c.id)
    if (!old || old.version <= c.version) this.#truth.set(c.id, c)
    return this.#shown(this.#truth.get(c.id) ?? c)
  }
  #shown(c: Conversation): Conversation {
    return (this.#pending.get(c.id) ?? []).reduce(applied, c)
  }

  /** Takes what the server says about one conversation, from an answer or the live feed. */
  put(c: Conversation): void {
    if (this.loading) this.#meanwhile.add(c.id)
    this.#place_(this.#know(c))
  }

  gone(id: number): void {
    this.#truth.delete(id)
    this.items = this.items.filter((c) => c.id !== id)
    if (id === this.currentId) {
      this.missing = true
      this.current = null
    }
  }

  #place_(c: Conversation): void {
    if (c.id === this.currentId) this.current = c
    const at = this.items.findIndex((item) => item.id === c.id)
    if (this.q || this.saved) {
      // Only the server knows whether a search still finds it.
      if (at >= 0) this.items = this.items.with(at, c)
      this.#ask(c.id)
      return
    }
    this.#sortIn(c, at, inFolder(this.folder, c, session.me?.id ?? 0))
  }

  #sortIn(c: Conversation, at: number, belongs: boolean): void {
    const rest = at >= 0 ? this.items.toSpliced(at, 1) : this.items
    if (!belongs) {
      if (at < 0) return
      if (c.id === this.currentId) this.#place = at
      this.items = rest
      return
    }
    let low = 0
    let high = rest.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = rest[middle]
      if (other && compare(this.sort, other, c) < 0) low = middle + 1
      else high = middle
    }
    if (low === rest.length && this.next && at < 0) return // beyond what is loaded
    this.items = rest.toSpliced(low, 0, c)
    if (c.id === this.currentId) this.#place = low
  }

  #ask(id: number): void {
    this.#asked.add(id)
    this.#askTimer ||= window.setTimeout(() => {
      this.#askTimer = 0
      const ids = [...this.#asked].slice(0, 100)
      this.#asked.clear()
      void this.#askServer(ids)
      // The search index follows the messages by a moment: what it does not know yet, it may know then.
      window.setTimeout(() => void this.#askServer(ids), 2500)
    }, 400)
  }
  async #askServer(ids: number[]): Promise<void> {
    const q = this.q || (this.saved ? this.query : '')
    if (!q) return
    const turn = this.#turn
    try {
      const page = await api.get<Page<Conversation>>(`/conversations${query({ q: `(${q}) id:${ids.join(',')}`, limit: 100 })}`)
      if (turn !== this.#turn) return
      const found = new Map(page.items.map((c) => [c.id, this.#know(c)]))
      for (const id of ids) {
        const c = found.get(id) ?? this.known(id)
        if (c) this.#sortIn(c, this.items.findIndex((item) => item.id === id), found.has(id))
      }
    } catch {
      // The next change asks again.
    }
  }

  /** Own change: shown at once, taken back when the server refuses. */
  async change(id: number, patch: ConversationPatch): Promise<void> {
    const list = this.#pending.get(id) ?? []
    this.#pending.set(id, [...list, patch])
    this.#again(id)
    try {
      const answer = await api.patch<Conversation>(`/conversations/${id}`, patch)
      this.#settle(id, patch)
      this.put(answer)
    } catch (error) {
      // No network: the change stands here and goes out when there is one.
      if (error instanceof ApiError && error.status === 0 && (await waits(id, patch))) return
      this.unpend(id, patch)
      throw error
    }
  }
  /** A change of an earlier visit that still waits for the network. */
  pend(id: number, patch: ConversationPatch): void {
    this.#pending.set(id, [...(this.#pending.get(id) ?? []), patch])
    this.#again(id)
  }
  unpend(id: number, patch: ConversationPatch): void {
    const same = this.#pending.get(id)?.find((p) => p === patch || JSON.stringify(p) === JSON.stringify(patch))
    if (same) this.#settle(id, same)
    this.#again(id)
  }
  #settle(id: number, patch: ConversationPatch): void {
    const left = (this.#pending.get(id) ?? []).filter((p) => p !== patch)
    if (left.length) this.#pending.set(id, left)
    else this.#pending.delete(id)
  }
  #again(id: number): void {
    const truth = this.#truth.get(id)
    if (truth) this.#place_(this.#shown(truth))
  }

  /** Small things the page itself knows first: read now, answered now. */
  touch(id: number, change: Partial<Conversation>): void {
    const truth = this.#truth.get(id)
    if (!truth) return
    this.#truth.set(id, { ...truth, ...change })
    this.#again(id)
  }
}
export const inbox = new Inbox()

const waits = (id: number, patch: ConversationPatch) =>
  import('./offline.svelte').then((m) => m.offline.change(id, patch)).then(() => true, () => false)

function applied(c: Conversation, patch: ConversationPatch): Conversation {
  const to: Conversation = { ...c }
  if (patch.status) {
    to.status = patch.status
    if (patch.status === 'closed') Object.assign(to, { waiting_since: null, urgent_at: null, due_at: null, closed_at: new Date().toISOString() })
    if (patch.status !== 'snoozed') to.snoozed_until = null
  }
  if (patch.snoozed_until !== undefined) to.snoozed_until = patch.snoozed_until
  if (patch.priority) to.priority = patch.priority
  if (patch.tags) to.tags = patch.tags
  if (patch.spam !== undefined) to.spam = patch.spam
  if (patch.assignee_id !== undefined) to.assignee = named(session.agents, patch.assignee_id)
  if (patch.team_id !== undefined) to.team = named(session.teams, patch.team_id)
  return to
}
const named = (list: { id: number; name: string }[], id: number | null) => {
  const found = list.find((item) => item.id === id)
  return found ? { id: found.id, name: found.name } : null
}

function dedupe(items: Conversation[]): Conversation[] {
  const seen = new Set<number>()
  return items.filter((c) => !seen.has(c.id) && seen.add(c.id))
}

// The list behind a conversation's own address, for a reload of the page.
function remember(folder: string, q: string): void {
  sessionStorage.setItem('heed.list', JSON.stringify({ folder, q }))
}
export function rememberedList(): { folder: string; q: string } {
  try {
    return { folder: 'unanswered', q: '', ...(JSON.parse(sessionStorage.getItem('heed.list') ?? '{}') as object) }
  } catch {
    return { folder: 'unanswered', q: '' }
  }
}
function rememberSort(folder: string, sort: Sort): void {
  localStorage.setItem(`heed.sort.${folder}`, sort)
}
const rememberedSort = (folder: string): Sort | null => localStorage.getItem(`heed.sort.${folder}`) as Sort | null
