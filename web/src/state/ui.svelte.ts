// SPDX-License-Identifier: AGPL-3.0-or-later
// What is open on the screen; nothing here outlives the page, except drafts.

/** The dialog for a saved folder: a new one with a query, or one there is. */
export type FolderEdit = { id: number } | { q: string }
export type Picker = 'merge' | 'split' | 'link' | 'invite' | 'folder' | 'assign' | 'tag' | 'priority' | 'snooze' | 'team' | 'sort' | 'more'

class Ui {
  palette = $state(false)
  sheet = $state(false)
  folder = $state.raw<FolderEdit | null>(null)
  bell = $state(false)
  pings = $state(0) // that wait
  pinging = false // pings are started
  picker = $state.raw<Picker | null>(null)
  /** Beside which element the picker opens. */
  anchor = $state.raw<HTMLElement | null>(null)
  rail = $state(false) // slid over, on narrow screens
  panel = $state(false)
  mode = $state<'reply' | 'note'>('reply')
  replyTo = $state(0)
  handOver = $state(false)
  start = $state(false)
  /** The dialogs about telephone calls. */
  calls = $state<'log' | 'book' | 'list' | null>(null)
  /** Somebody else answers the same customer: the agent decides. */
  clash = $state.raw<{ id: number; text: string } | null>(null)
  wide = $state(matchMedia('(min-width: 1321px)').matches)
  phone = $state(matchMedia('(max-width: 900px)').matches)

  constructor() {
    matchMedia('(min-width: 1321px)').addEventListener('change', (e) => (this.wide = e.matches))
    matchMedia('(max-width: 900px)').addEventListener('change', (e) => (this.phone = e.matches))
  }

  open(picker: Picker, anchor?: HTMLElement | null): void {
    this.anchor = anchor ?? document.querySelector<HTMLElement>(`[data-picker="${picker}"]`) ?? document.querySelector('[data-picker="more"]')
    this.picker = picker
  }
  close(): void {
    this.picker = null
  }
  /** Anything that lies over the page and takes keys for itself. */
  get over(): boolean {
    return this.palette || this.sheet || this.bell || this.folder !== null || this.picker !== null || this.handOver || this.start || this.calls !== null
  }
}
export const ui = new Ui()

/** Drafts survive a reload; the 50 newest are kept. */
const name = (me: number, id: number, mode: string) => `heed.draft.${me}.${id}.${mode}`
export const drafts = {
  get: (me: number, id: number, mode: string): string => localStorage.getItem(name(me, id, mode)) ?? '',
  set(me: number, id: number, mode: string, text: string): void {
    try {
      if (text) localStorage.setItem(name(me, id, mode), text)
      else localStorage.removeItem(name(me, id, mode))
    } catch {
      // Storage full: the draft lives as long as the page does.
    }
  },
}
