// SPDX-License-Identifier: AGPL-3.0-or-later
// What an agent does to a conversation. Each shows at once, can be taken back, and says why when refused.
import { flushSync } from 'svelte'
import { api, ApiError } from '../api/client'
import type { Conversation, ConversationPatch, Message, MessageDraft, Priority } from '../api/shapes'
import { conversationUrl } from '../routes'
import { moment, t, text, word } from '../text/text.svelte'
import { clock } from './clock.svelte'
import { inbox } from './inbox.svelte'
import { router } from './router.svelte'
import { selection } from './selection.svelte'
import { session } from './session.svelte'
import { threads, type Shown } from './threads.svelte'
import { toasts } from './toasts.svelte'
import { drafts, ui } from './ui.svelte'
import { writing } from './writing'

/** Errors in words; a lost connection has none of its own. */
export function reason(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.status === 0) return t('error.offline')
    const field = error.errors[0]
    return field?.detail && field.detail !== error.message ? `${error.message} ${field.detail}` : error.message
  }
  return String(error)
}

export function go(id: number): void {
  router.goSoon(conversationUrl(id))
}
export function move(step: 1 | -1): void {
  const to = inbox.currentId ? inbox.neighbour(step) : inbox.items[0]
  if (!to) return
  go(to.id)
  requestAnimationFrame(() => {
    // Focus follows only when it was in the list or nowhere: never out of a field.
    const at = document.activeElement
    if (!at || at === document.body || at.closest('.list')) document.querySelector<HTMLElement>(`[data-row="${to.id}"]`)?.focus({ preventScroll: true })
  })
}

/** Where the hand goes on from: the row, or on a phone, which has no list beside it, the conversation. */
function focusOn(id: number): void {
  setTimeout(() => {
    const at = document.activeElement
    if (at && at !== document.body) return
    const row = document.querySelector<HTMLElement>(`[data-row="${id}"]`)
    const to = row?.offsetParent ? row : document.querySelector<HTMLElement>('main.thread')
    to?.focus({ preventScroll: true })
  }, 60)
}

/** The inverse of a patch, from what was. */
function inverse(c: Conversation, patch: ConversationPatch): ConversationPatch {
  const back: ConversationPatch = {}
  if (patch.status) {
    back.status = c.status
    if (c.status === 'snoozed') back.snoozed_until = c.snoozed_until
  }
  if (patch.priority) back.priority = c.priority
  if (patch.tags) back.tags = c.tags
  if (patch.spam !== undefined) back.spam = c.spam
  if (patch.assignee_id !== undefined) back.assignee_id = c.assignee?.id ?? null
  if (patch.team_id !== undefined) back.team_id = c.team?.id ?? null
  return back
}

async function change(c: Conversation, patch: ConversationPatch, said: string, done = false): Promise<void> {
  const back = inverse(c, patch)
  const following = done && c.id === inbox.currentId ? inbox.following() : undefined
  const undo = () => {
    inbox.change(c.id, back).then(
      () => threads.peek(c.id)?.loadHappenings(),
      (error: unknown) => toasts.error(reason(error)),
    )
    if (done && session.me) go(c.id)
  }
  const request = inbox.change(c.id, patch)
  if (done && c.id === inbox.currentId) {
    if (following && following.id !== c.id) {
      go(following.id)
      focusOn(following.id)
    } else closeThread()
  }
  toasts.show(following ? `${said} ${t('done.next', { name: following.contact?.name || t('contact.unknown') })}` : said, { undo })
  try {
    await request
    const thread = threads.peek(c.id)
    if (thread?.loaded) void thread.loadHappenings().catch(() => {})
  } catch (error) {
    toasts.error(t('error.not_done', { name: c.contact?.name || t('contact.unknown'), reason: reason(error) }))
  }
}

export function closeThread(): void {
  inbox.deselect()
  router.go(listUrl(), true)
}
export function listUrl(): string {
  return `/inbox/${encodeURIComponent(inbox.folder || 'unanswered').replaceAll('%3A', ':')}${inbox.q ? `?${new URLSearchParams({ q: inbox.q })}` : ''}`
}

const open = (): Conversation | null => inbox.current

export const close = () => {
  if (selection.do({ status: 'closed' }, t('done.closed'))) return
  const c = open()
  if (c) void change(c, { status: 'closed' }, t('done.closed'), true)
}
export const reopen = () => {
  if (selection.do({ status: 'open' }, t('done.reopened'))) return
  const c = open()
  if (c) void change(c, { status: 'open' }, t('done.reopened'))
}
export const closeOrReopen = () => (open()?.status === 'closed' ? reopen() : close())
export const snooze = (until: Date) => {
  const when = t('done.snoozed', { when: moment(until.getTime(), clock.now) })
  if (selection.do({ status: 'snoozed', snoozed_until: until.toISOString() }, when)) return
  const c = open()
  if (c) void change(c, { status: 'snoozed', snoozed_until: until.toISOString() }, when, true)
}
export const spam = () => {
  const good = inbox.folder === 'spam'
  if (selection.do({ spam: !good }, t(good ? 'done.not_spam' : 'done.spam'))) return
  const c = open()
  if (c) void change(c, { spam: !c.spam }, t(c.spam ? 'done.not_spam' : 'done.spam'), !c.spam)
}
export const assign = (id: number | null) => {
  const c = open()
  const name = id === session.me?.id ? t('person.you') : (session.agent(id ?? 0)?.name ?? '')
  const said = id ? t('done.assigned', { name }) : t('done.unassigned')
  if (selection.do({ assignee_id: id }, said) || !c || (c.assignee?.id ?? null) === id) return
  void change(c, { assignee_id: id }, said)
}
export const assignMe = () => assign(session.me?.id ?? null)
export const team = (id: number | null) => {
  const c = open()
  const said = id ? t('done.team', { name: session.teams.find((x) => x.id === id)?.name ?? '' }) : t('done.no_team')
  if (selection.do({ team_id: id }, said) || !c || (c.team?.id ?? null) === id) return
  void change(c, { team_id: id }, said)
}
export const prioritise = (priority: Priority) => {
  const c = open()
  const said = t('done.priority', { priority: word('priority', priority) })
  if (selection.do({ priority }, said)) return
  if (c && c.priority !== priority) void change(c, { priority }, said)
}
export const toggleTag = (name: string) => {
  const c = open()
  if (selection.any) {
    // Those that all marked ones have go; anything else is put on.
    const marked = inbox.items.filter((x) => selection.ids.has(x.id))
    const on = !selection.whole && marked.length > 0 && marked.every((x) => x.tags.some((tag) => tag.toLowerCase() === name.toLowerCase()))
    selection.do(on ? { remove_tags: [name] } : { add_tags: [name] }, t(on ? 'done.untagged' : 'done.tagged', { tag: name }))
    return
  }
  if (!c) return
  const has = c.tags.some((tag) => tag.toLowerCase() === name.toLowerCase())
  const tags = has ? c.tags.filter((tag) => tag.toLowerCase() !== name.toLowerCase()) : [...c.tags, name].sort((a, b) => a.localeCompare(b, text.locale))
  void change(c, { tags }, t(has ? 'done.untagged' : 'done.tagged', { tag: name }))
}

async function onMessage(run: () => Promise<Message>, before: Shown): Promise<void> {
  const heard = threads.heard(before.id)
  try {
    const answer = await run()
    if (threads.heard(before.id) === heard) threads.put(answer) // else the feed already knows more
  } catch (error) {
    if (threads.heard(before.id) === heard) threads.put(before)
    toasts.error(reason(error))
  }
}
export function mayLike(m: Message | undefined): boolean {
  const c = open()
  return !!m && m.direction === 'in' && !m.deleted_at && m.kind === 'message' && session.can('reply') && !!c && (session.kind(c.channel_kind)?.can.includes('like') ?? false)
}
export const like = (m?: Message) => {
  const thread = threads.peek(inbox.currentId)
  const target = m ?? thread?.end.findLast((x) => x.direction === 'in' && x.kind === 'message' && !x.deleted_at)
  if (!target || !mayLike(target)) return
  const liked = !!target.liked_at
  threads.put({ ...target, liked_at: liked ? null : new Date().toISOString() })
  toasts.polite = t(liked ? 'done.unliked' : 'done.liked')
  void onMessage(() => (liked ? api.del<Message>(`/messages/${target.id}/like`) : api.post<Message>(`/messages/${target.id}/like`)), target)
}
export function mayDelete(m: Message): boolean {
  const c = open()
  if (m.call) return !m.deleted_at && session.can('reply') && (session.can('lead') || m.author.id === session.me?.id)
  if (m.deleted_at || m.direction !== 'out' || m.kind !== 'message' || !session.can('reply') || !c) return false
  return ['sent', 'delivered', 'read'].includes(m.send_state ?? '') && (session.kind(c.channel_kind)?.can.includes('delete_own') ?? false)
}
export const remove = (m: Message) => void onMessage(() => api.del<Message>(`/messages/${m.id}`), m)
export const resolve = (m: Message, decision: 'sent' | 'send_again' | 'cancel') =>
  void onMessage(() => api.post<Message>(`/messages/${m.id}/resolve`, { decision }), m)

export const answerTo = (m: Message) => {
  ui.replyTo = m.id
  focusComposer('reply')
}
export function focusComposer(mode: 'reply' | 'note'): void {
  ui.mode = mode
  // At once: the next key of a quick hand must already land in the field, or it would be a command.
  flushSync()
  document.querySelector<HTMLTextAreaElement>('.c-text')?.focus()
}

export function markRead(c: Conversation): void {
  if (!c.unread) return
  inbox.touch(c.id, { unread: 0 })
  void api.post(`/conversations/${c.id}/read`).catch(() => {})
}

// ---- Taking back ----

export const isClash = (error: unknown): boolean => error instanceof ApiError && error.status === 409 && error.errors[0]?.field === 'seen_message_id'

/** Back to the conversation as it was before the answer, with what was written in the composer. */
function backInto(from: Conversation, draft: MessageDraft): void {
  if (from.status !== 'closed' && inbox.known(from.id)?.status === 'closed') void inbox.change(from.id, { status: from.status === 'snoozed' ? 'open' : from.status }).catch(() => {})
  if (inbox.currentId === from.id) {
    writing.restore?.(draft)
    return
  }
  const me = session.me?.id ?? 0
  drafts.set(me, from.id, draft.kind, draft.text ?? '')
  writing.pending = { id: from.id, draft }
  ui.mode = draft.kind
  go(from.id)
  toasts.polite = t('done.undone')
}
export const takeBack = (from: Conversation, id: number) =>
  void api.post<MessageDraft>(`/messages/${id}/undo`).then(
    (draft) => backInto(from, draft),
    (error: unknown) => toasts.error(reason(error)),
  )
export function comeBack(from: Conversation, draft: MessageDraft, why: string): void {
  ui.clash = { id: from.id, text: why }
  threads.peek(from.id)?.discardLocal(draft.text ?? '')
  backInto(from, draft)
}
export function mayEdit(m: Message): boolean {
  const c = open()
  if (m.deleted_at || m.author.kind !== 'agent' || m.author.id !== session.me?.id || !c) return false
  if (m.kind === 'note') return session.can('note')
  if (m.call) return session.can('reply')
  const kind = session.kind(session.channel(m.channel_id)?.kind ?? c.channel_kind)
  return ['sent', 'delivered', 'read'].includes(m.send_state ?? '') && session.can('reply') && (kind?.can.includes('edit_own') ?? false)
}
