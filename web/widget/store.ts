// SPDX-License-Identifier: AGPL-3.0-or-later
// What outlives a reload, in the page's own localStorage: the token, who it is for, and what has not been sent
// yet. Where a browser keeps nothing, it lives as long as the page.
export interface Queued {
  id: string
  text: string
  files?: { sha256: string; name: string }[]
  name?: string
  email?: string
  answers?: { question: string; answer: string }[]
  at: number
  failed?: string
}
export interface Kept {
  token: string
  subject: string
  queue: Queued[]
  readAt: string
  draft: string
}
const EMPTY: Kept = { token: '', subject: '', queue: [], readAt: '', draft: '' }

export class Store {
  private memory: Kept | null = null
  constructor(readonly key: string) {}

  get(): Kept {
    if (this.memory) return this.memory
    try {
      const value = JSON.parse(localStorage.getItem(this.key) ?? 'null') as Partial<Kept> | null
      return { ...EMPTY, ...(value && typeof value === 'object' ? value : {}), queue: Array.isArray(value?.queue) ? value.queue : [] }
    } catch {
      return { ...EMPTY, queue: [] }
    }
  }
  set(change: Partial<Kept>): void {
    const next = { ...this.get(), ...change }
    try {
      if (next.token || next.queue.length || next.draft) localStorage.setItem(this.key, JSON.stringify(next))
      else localStorage.removeItem(this.key) // nothing is kept of who wrote nothing
    } catch {
      this.memory = next
    }
  }
}
// Two tabs send one after the other, where the browser can say so; sending twice would change nothing anyway.
export function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
  return navigator.locks ? (navigator.locks.request(name, work) as Promise<T>) : work()
}
