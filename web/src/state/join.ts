// SPDX-License-Identifier: AGPL-3.0-or-later
// Merging, splitting and linking conversations; each can be taken back.
import { api } from '../api/client'
import type { Contact, Conversation, Message } from '../api/shapes'
import type { Choice } from '../parts/picker.svelte'
import { networkIcon } from '../parts/icons'
import { moment, t } from '../text/text.svelte'
import { go, reason } from './actions'
import { clock } from './clock.svelte'
import { inbox } from './inbox.svelte'
import { selection } from './selection.svelte'
import { session } from './session.svelte'
import { threads, type Thread } from './threads.svelte'
import { toasts } from './toasts.svelte'

const name = (c: Conversation | undefined): string => c?.contact?.name || t('contact.unknown')

/** The same customer's others first, then what is in the list. */
export async function others(c: Conversation): Promise<Choice[]> {
  const own = c.contact ? await api.get<Contact>(`/contacts/${c.contact.id}`).then((x) => x.conversations, () => []) : []
  const out: Choice[] = own
    .filter((x) => x.id !== c.id)
    .map((x) => ({ id: String(x.id), title: x.preview || name(c), hint: moment(x.last_message_at ?? '', clock.now), icon: networkIcon(x.channel_kind), group: name(c) }))
  for (const x of inbox.items.slice(0, 200))
    if (x.id !== c.id && !out.some((o) => o.id === String(x.id))) out.push({ id: String(x.id), title: `${name(x)}: ${x.preview}`, icon: networkIcon(x.channel_kind), group: t('join.list') })
  return out
}
export function messages(id: number): Choice[] {
  return (threads.peek(id)?.messages ?? [])
    .filter((m) => !m.local && m.kind !== 'context')
    .slice(1)
    .reverse()
    .map((m) => ({ id: String(m.id), title: m.text || m.attachments[0]?.name || '…', hint: m.author.name, icon: m.kind === 'note' ? 'note' : 'reply' }))
}

function reload(...ids: number[]): void {
  for (const id of ids) {
    const thread = threads.peek(id)
    if (thread) void thread.load()
  }
}

/** The others go into `into`; with several marked, all of them do. */
export async function merge(into: Conversation, ids: number[]): Promise<void> {
  const done: number[] = []
  try {
    for (const id of ids) {
      inbox.put(await api.post<Conversation>(`/conversations/${into.id}/merge`, { from_id: id }))
      done.push(id)
    }
    selection.clear()
    reload(into.id)
    if (inbox.currentId !== into.id) go(into.id)
  } catch (error) {
    toasts.error(reason(error))
  }
  if (done.length) toasts.show(t('join.merged', { n: done.length, name: name(into) }), { undo: () => void part(done.reverse(), into.id) })
}
async function part(ids: number[], from: number): Promise<void> {
  try {
    for (const id of ids) inbox.put(await api.post<Conversation>(`/conversations/${id}/unmerge`))
    reload(from, ...ids)
    toasts.show(t('bulk.undone'))
  } catch (error) {
    toasts.error(reason(error))
  }
}

export async function split(c: Conversation, message: Message['id']): Promise<void> {
  try {
    const fresh = await api.post<Conversation>(`/conversations/${c.id}/split`, { message_id: message })
    inbox.put(fresh)
    reload(c.id)
    go(fresh.id)
    toasts.show(t('join.split'), {
      undo: () =>
        void api.post<Conversation>(`/conversations/${c.id}/merge`, { from_id: fresh.id }).then(
          (back) => {
            inbox.put(back)
            reload(c.id)
            go(c.id)
          },
          (error: unknown) => toasts.error(reason(error)),
        ),
    })
  } catch (error) {
    toasts.error(reason(error))
  }
}

export async function link(c: Conversation, id: number, on = true): Promise<void> {
  try {
    await (on ? api.post(`/conversations/${c.id}/links`, { conversation_id: id }) : api.del(`/conversations/${c.id}/links/${id}`))
    void threads.peek(c.id)?.loadHappenings().catch(() => {})
    toasts.show(t(on ? 'join.linked' : 'join.unlinked'), { undo: () => void link(c, id, !on) })
  } catch (error) {
    toasts.error(reason(error))
  }
}

/** Asks a colleague in; who is asked in already, no longer. */
export async function invite(thread: Thread, id: number, on = !thread.asked.some((a) => a.agent.id === id)): Promise<void> {
  const path = `/conversations/${thread.id}/collaborators`
  const name = session.agent(id)?.name ?? ''
  try {
    if (on) await api.post(path, { agent_id: id })
    else await api.del(`${path}/${id}`)
    toasts.show(t(on ? 'done.invited' : 'done.uninvited', { name }), { undo: () => void invite(thread, id, !on) })
    await thread.loadAsked()
    await thread.loadHappenings()
  } catch (error) {
    toasts.error(reason(error))
  }
}
