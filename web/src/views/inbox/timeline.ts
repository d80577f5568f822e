// SPDX-License-Identifier: AGPL-3.0-or-later
// Turns messages and happenings into what the thread shows: days, zones (public, private, notes between),
// the posts above, and how long each answer took.
import type { Happening } from '../../api/shapes'
import type { Shown } from '../../state/threads.svelte'

export type Item = { at: string; key: string } & ({ message: Shown; took: number | null } | { happening: Happening } | { unread: number })
export type Zone =
  | { kind: 'context'; key: string; items: Shown[] }
  | { kind: 'day'; key: string; at: string }
  | { kind: 'moved'; key: string; at: string }
  | { kind: 'public' | 'private'; key: string; first: boolean; items: Item[] }

/** What is known of the part that is shown, and the message that nobody had read when it was opened. */
export interface Part {
  older: boolean
  newer: boolean
  unread: { from: number; n: number } | null
}

export function timeline(messages: Shown[], happenings: Happening[], part: Part): Zone[] {
  const zones: Zone[] = []
  const posts = messages.filter((m) => m.kind === 'context')
  if (posts.length) zones.push({ kind: 'context', key: 'context', items: posts })

  const items: Item[] = []
  let asked: string | null = null // first unanswered words of the customer
  for (const message of messages) {
    if (message.kind === 'context' || (message.send_state === 'cancelled' && message.deleted_at)) continue // taken back before it left
    let took: number | null = null
    if (part.unread?.from === message.id) items.push({ at: message.created_at, key: 'unread', unread: part.unread.n })
    if (message.kind === 'message') {
      if (message.direction === 'in' && message.call?.result !== 'reached') asked ??= message.created_at
      else if (asked && (message.call?.result ?? 'reached') === 'reached' && !['failed', 'cancelled', 'in_doubt'].includes(message.send_state ?? '')) {
        took = Date.parse(message.created_at) - Date.parse(asked)
        asked = null
      }
    }
    items.push({ at: message.created_at, key: `m${message.id}`, message, took })
  }
  const oldest = part.older ? (messages[0]?.created_at ?? '') : ''
  const newest = part.newer ? (messages.at(-1)?.created_at ?? '') : '~'
  for (const happening of happenings) {
    if (happening.at < oldest || happening.at > newest) continue
    let at = items.findLastIndex((item) => item.at <= happening.at)
    while (items[at + 1] && 'happening' in (items[at + 1] as Item) && (items[at + 1] as Item).at <= happening.at) at++
    items.splice(at + 1, 0, { at: happening.at, key: `h${happening.id}`, happening })
  }

  let day = ''
  // A zone is named by its day: it stays what it is when something older comes before it.
  const named = new Map<string, number>()
  const name = (base: string) => {
    const n = named.get(base) ?? 0
    named.set(base, n + 1)
    return `${base}${n}`
  }
  let zone: Extract<Zone, { items: Item[] }> | undefined
  let last: 'public' | 'private' | undefined
  for (const item of items) {
    const date = new Date(item.at).toDateString()
    if (date !== day) {
      day = date
      zones.push({ kind: 'day', key: name(`d${date}`), at: item.at })
      zone = undefined
    }
    const own = 'message' in item && item.message.kind === 'message' ? (item.message.visibility === 'public' ? 'public' : 'private') : undefined
    if (own && last && own !== last && own === 'private') {
      zones.push({ kind: 'moved', key: `v${item.key}`, at: item.at })
      zone = undefined
    }
    const kind = own ?? zone?.kind ?? last ?? 'private'
    if (!zone || zone.kind !== kind) {
      zone = { kind, key: name(`${kind}${date}`), first: own === undefined ? false : own !== last, items: [] }
      zones.push(zone)
    }
    if (own) {
      if (!zone.items.some((i) => 'message' in i && i.message.kind === 'message')) zone.first = own !== last
      last = own
    }
    zone.items.push(item)
  }
  return zones
}

/** How often the customer wrote since the last answer. */
export function unanswered(messages: Shown[]): number {
  let n = 0
  for (let i = messages.length - 1; i >= 0; i--) {
    const m = messages[i]
    if (!m || m.kind !== 'message' || m.deleted_at) continue
    if (m.call ? m.call.result === 'reached' : m.direction === 'out') break
    if (m.direction === 'out') continue
    n++
  }
  return n
}
