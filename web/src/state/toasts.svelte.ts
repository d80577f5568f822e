// SPDX-License-Identifier: AGPL-3.0-or-later
// Short words about what was done, with a way back; and the two live regions of the page.

export interface Toast {
  id: number
  text: string
  kind: 'done' | 'error'
  undo?: () => void
  /** Somewhere to go from here. */
  go?: () => void
  label?: string
  /** How long it stays and its undo holds, when not as long as usual. */
  ms?: number
}
const STAY_MS = { done: 8000, error: 15_000 }

class Toasts {
  items = $state.raw<Toast[]>([])
  /** Read by screen readers: politely, or at once when an answer failed. */
  polite = $state('')
  assertive = $state('')
  #next = 1
  #timers = new Map<number, number>()
  #undos: { toast: number; run: () => void }[] = []
  #saidAt = 0

  show(text: string, options: { kind?: Toast['kind']; undo?: () => void; go?: () => void; label?: string; ms?: number } = {}): void {
    const toast: Toast = { kind: 'done', ...options, id: this.#next++, text }
    this.items = [...this.items.slice(-1), toast]
    if (options.undo) this.#undos = [...this.#undos.slice(-19), { toast: toast.id, run: options.undo }]
    if (options.ms) window.setTimeout(() => (this.#undos = this.#undos.filter((u) => u.toast !== toast.id)), options.ms)
    if (toast.kind === 'error') this.assertive = text
    else this.polite = text
    this.resume(toast)
  }
  error(text: string): void {
    this.show(text, { kind: 'error' })
  }
  drop(id: number): void {
    this.pause(id)
    this.items = this.items.filter((t) => t.id !== id)
  }
  pause(id: number): void {
    clearTimeout(this.#timers.get(id))
  }
  resume(toast: Toast): void {
    this.pause(toast.id)
    this.#timers.set(toast.id, window.setTimeout(() => this.drop(toast.id), toast.ms ?? STAY_MS[toast.kind]))
  }
  /** The last thing that can be taken back, also after its toast is gone. */
  undo(toast?: number): boolean {
    const at = toast === undefined ? this.#undos.length - 1 : this.#undos.findIndex((u) => u.toast === toast)
    const found = this.#undos[at]
    if (!found) return false
    this.#undos = this.#undos.filter((u) => u !== found)
    this.drop(found.toast)
    found.run()
    return true
  }
  get canUndo(): boolean {
    return this.#undos.length > 0
  }
  /** At most every 5 s: "3 new conversations". */
  say(text: string): void {
    if (Date.now() - this.#saidAt < 5000) return
    this.#saidAt = Date.now()
    this.polite = text
  }
}
export const toasts = new Toasts()
