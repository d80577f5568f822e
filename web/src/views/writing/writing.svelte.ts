// SPDX-License-Identifier: AGPL-3.0-or-later
// What lies around the composer of one conversation and is not needed for the first paint: drafts on the
// server, answers for later, the ways an answer can go, who is named in a note.
import { api, ApiError } from '../../api/client'
import type { Draft, MessageDraft, Page, ScheduledSend, Way } from '../../api/shapes'
import { session } from '../../state/session.svelte'

export type Mode = 'reply' | 'note'
export interface Host {
  text: (mode: Mode) => string
  setText: (mode: Mode, text: string) => void
  files: () => Draft['attachments']
  setFiles: (files: Draft['attachments']) => void
}
type Recipients = { to: string; cc: string; subject: string }
const SAVE_MS = 900

export class Writing {
  readonly id: number
  readonly host: Host
  ways = $state.raw<Way[]>([])
  shared = $state.raw<Draft[]>([])
  scheduled = $state.raw<ScheduledSend[]>([])
  /** Chosen by hand; null: as the customer wrote last. */
  chosen = $state<number | null>(null)
  sharing = $state(false)
  /** A mail's recipients and subject as somebody wrote them; null: as it goes by itself. */
  mail = $state<Recipients | null>(null)
  /** Colleagues completed with "@" in this note. */
  named = $state.raw<{ id: number; name: string }[]>([])
  #saved: Record<Mode, string> = { reply: '', note: '' }
  #timers: Partial<Record<Mode, number>> = {}
  #version: Record<Mode, number> = { reply: 0, note: 0 }

  constructor(id: number, host: Host) {
    this.id = id
    this.host = host
    void this.loadDrafts()
    void this.loadScheduled()
    void this.loadWays()
  }

  get way(): Way | undefined {
    return (this.chosen === null ? undefined : this.ways.find((w) => w.route_id === this.chosen)) ?? this.ways.find((w) => w.current) ?? this.ways[0]
  }

  /** For the draft of an answer that is a mail. */
  get mailDraft(): NonNullable<MessageDraft['mail']> | null {
    const list = (text: string) => text.split(/[,;\n]/).map((a) => a.trim()).filter(Boolean)
    return this.mail ? { to: list(this.mail.to), cc: list(this.mail.cc), ...(this.mail.subject.trim() ? { subject: this.mail.subject.trim() } : {}) } : null
  }
  setMail(mail: MessageDraft['mail'] | undefined): void {
    this.mail = mail && (mail.to?.length || mail.cc?.length || mail.subject) ? { to: (mail.to ?? []).join(', '), cc: (mail.cc ?? []).join(', '), subject: mail.subject ?? '' } : null
  }

  async loadWays(): Promise<void> {
    const page = await api.get<Page<Way>>(`/conversations/${this.id}/ways`).catch(() => null)
    if (page) this.ways = page.items
  }
  async loadScheduled(): Promise<void> {
    const page = await api.get<Page<ScheduledSend>>(`/conversations/${this.id}/scheduled`).catch(() => null)
    if (page) this.scheduled = page.items
  }

  /** What another device of one's own has written takes the place of what is here, unless something here is newer. */
  async loadDrafts(): Promise<void> {
    const page = await api.get<Page<Draft>>(`/conversations/${this.id}/drafts`).catch(() => null)
    if (!page) return
    const me = session.me?.id
    this.shared = page.items.filter((d) => d.agent.id !== me)
    for (const mode of ['reply', 'note'] as const) this.#take(mode, page.items.find((d) => d.agent.id === me && d.mode === mode))
  }
  #take(mode: Mode, own: Draft | undefined): void {
    const here = this.host.text(mode)
    const newer = here !== '' && here !== this.#saved[mode] && here !== own?.text
    const known = this.#version[mode]
    if (own && !newer && own.version !== known) this.#show(own)
    else if (own && newer && !known && mode === 'reply' && !this.mail) this.setMail(own.mail) // only the text is newer here
    else if (!own && !newer && known) this.#clear(mode)
    if (own) {
      if (!newer) this.#saved[mode] = own.text
      if (mode === 'reply') this.sharing = own.shared
    } else if (known) this.#saved[mode] = this.host.text(mode)
    this.#version[mode] = own?.version ?? 0
    if (newer) this.save(mode)
  }
  #show(own: Draft): void {
    this.host.setText(own.mode, own.text)
    if (own.mode !== 'reply') return
    if (own.attachments.length && !this.host.files().length) this.host.setFiles(own.attachments)
    this.setMail(own.mail)
  }
  #clear(mode: Mode): void {
    this.host.setText(mode, '')
    if (mode === 'reply') this.mail = null
  }

  /** Soon: not with each key. */
  save(mode: Mode): void {
    clearTimeout(this.#timers[mode])
    this.#timers[mode] = window.setTimeout(() => void this.saveNow(mode), SAVE_MS)
  }
  async saveNow(mode: Mode): Promise<void> {
    clearTimeout(this.#timers[mode])
    const text = this.host.text(mode)
    const files = mode === 'reply' ? this.host.files() : []
    if (text === '' && files.length === 0 && this.#version[mode] === 0) return
    try {
      const kept = await api.put<Draft>(`/conversations/${this.id}/drafts/${mode}`, json({ text, attachments: files, shared: this.sharing && mode === 'reply', ...(mode === 'reply' && this.mail ? { mail: this.mailDraft } : {}) }))
      this.#saved[mode] = text
      this.#version[mode] = kept.version
    } catch (error) {
      // Offline it stays in this browser, and is tried with the next key.
      if (error instanceof ApiError && error.status !== 0) console.warn(error.message)
    }
  }
  /** It was sent: the server forgot the draft with it. */
  sent(mode: Mode): void {
    clearTimeout(this.#timers[mode])
    this.#saved[mode] = ''
    this.#version[mode] = 0
    this.named = []
    if (mode === 'reply') this.sharing = false
  }
  stop(): void {
    for (const mode of ['reply', 'note'] as const) {
      clearTimeout(this.#timers[mode])
      if (this.host.text(mode) !== this.#saved[mode]) void this.saveNow(mode)
    }
  }
  async share(): Promise<void> {
    this.sharing = !this.sharing
    await this.saveNow('reply')
  }
  async take(draft: Draft): Promise<void> {
    const mine = await api.post<Draft>(`/conversations/${this.id}/drafts/${draft.mode}/take`, { agent_id: draft.agent.id, replace: true })
    this.host.setText(draft.mode, mine.text)
    this.host.setFiles(mine.attachments)
    if (draft.mode === 'reply') this.setMail(mine.mail)
    this.#saved[draft.mode] = mine.text
    this.#version[draft.mode] = mine.version
    this.shared = this.shared.filter((d) => d !== draft)
  }

  async schedule(send_at: Date, cancel_if_customer_writes: boolean, reply_to: number): Promise<void> {
    await api.post(`/conversations/${this.id}/scheduled`, {
      text: this.host.text('reply').trim(), attachments: this.host.files(), send_at: send_at.toISOString(), cancel_if_customer_writes,
      ...(reply_to ? { reply_to } : {}), ...(this.way ? { route_id: this.way.route_id } : {}), ...(this.mail ? { mail: this.mailDraft } : {}),
    })
    this.sent('reply')
    this.mail = null
    this.host.setText('reply', '')
    this.host.setFiles([])
    await this.loadScheduled()
  }
  async reschedule(s: ScheduledSend, change: { text?: string; send_at?: string }): Promise<void> {
    await api.patch(`/scheduled/${s.id}`, { text: s.text, send_at: s.send_at, ...change })
    await this.loadScheduled()
  }
  async sendNow(s: ScheduledSend): Promise<void> {
    await api.post(`/scheduled/${s.id}/send`)
    await this.loadScheduled()
  }
  async cancel(s: ScheduledSend): Promise<void> {
    await api.del(`/scheduled/${s.id}`)
    await this.loadScheduled()
  }
}

const json = (value: unknown): Blob => new Blob([JSON.stringify(value)], { type: 'application/json' })
