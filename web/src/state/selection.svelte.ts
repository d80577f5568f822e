// SPDX-License-Identifier: AGPL-3.0-or-later
// Several conversations at once: those marked in the list, or all that the list's query finds. What is done
// to them is one job of the server (state/bulk.ts).
import type { BulkDraft } from '../api/shapes'
import { inbox } from './inbox.svelte'
import { session } from './session.svelte'

export type Many = Omit<BulkDraft, 'q' | 'ids'>

class Selection {
  ids = $state.raw<ReadonlySet<number>>(new Set())
  /** All that the query finds, also what is not loaded. */
  whole = $state(false)
  /** What is under way: done of total, and how to end it. */
  job = $state.raw<{ id: number; done: number; total: number; grows: boolean; said: string } | null>(null)
  #anchor = 0

  get any(): boolean {
    return this.ids.size > 0
  }
  get n(): number {
    return this.whole ? Math.max(this.ids.size, session.counts[inbox.folder] ?? 0) : this.ids.size
  }

  /** The row one is at: with the focus, else the open one. */
  get at(): number {
    const row = document.activeElement?.closest<HTMLElement>('[data-row]')?.dataset.row
    return Number(row ?? inbox.currentId) || (inbox.items[0]?.id ?? 0)
  }
  toggle(id = this.at): void {
    if (!id) return
    const ids = new Set(this.ids)
    if (!ids.delete(id)) ids.add(id)
    this.ids = ids
    this.whole = false
    this.#anchor = id
  }
  /** From the last one marked to this one. */
  range(id = this.at): void {
    const place = (x: number) => inbox.items.findIndex((c) => c.id === x)
    const [from, to] = [place(this.#anchor), place(id)].sort((a, b) => a - b) as [number, number]
    if (from < 0) return this.toggle(id)
    this.ids = new Set([...this.ids, ...inbox.items.slice(from, to + 1).map((c) => c.id)])
    this.#anchor = id
  }
  all(): void {
    this.ids = new Set(inbox.items.map((c) => c.id))
    this.whole = inbox.next !== null
  }
  clear(): void {
    this.ids = new Set()
    this.whole = false
    this.#anchor = 0
  }

  /** True: something is marked, and this is now being done to it. */
  do(change: Many, said: string): boolean {
    if (!this.any) return false
    void import('./bulk').then((m) => m.run(change, said))
    return true
  }
}
export const selection = new Selection()
inbox.onOpen = () => selection.clear()
