// SPDX-License-Identifier: AGPL-3.0-or-later
// Folders: each is a query for the server, and a question to one conversation for live changes here.
import type { Conversation } from '../api/shapes'
import { session } from './session.svelte'

export type Sort = 'urgent' | 'newest' | 'oldest' | 'waiting' | 'created'
export const sorts: Sort[] = ['urgent', 'waiting', 'newest', 'oldest', 'created']
export const builtin = ['unanswered', 'mine', 'mentions', 'unassigned', 'snoozed', 'closed', 'spam', 'all'] as const
export type Builtin = (typeof builtin)[number]

const queries: Record<Builtin, string> = {
  unanswered: 'is:unanswered',
  mine: 'is:open assigned:me',
  mentions: 'mentions:me -is:closed',
  unassigned: 'is:open -assigned:any',
  snoozed: 'is:snoozed',
  closed: 'is:closed',
  spam: 'is:spam',
  all: 'is:any',
}

export const quote = (value: string): string => (/^[\p{L}\p{N}_-]+$/u.test(value) ? value : `"${value.replace(/(["\\])/g, '\\$1')}"`)

export function folderQuery(folder: string): string {
  if (folder.startsWith('channel:')) return `is:open channel:${folder.slice(8)}`
  if (folder.startsWith('brand:')) return `is:open brand:${folder.slice(6)}`
  if (folder.startsWith('tag:')) return `is:open tag:${quote(folder.slice(4))}`
  if (folder.startsWith('team:')) return `is:open team:${quote(folder.slice(5))}`
  return queries[folder as Builtin] ?? queries.unanswered
}

/** Is the conversation in the folder? undefined: only the server can tell. */
export function inFolder(folder: string, c: Conversation, me: number): boolean {
  if (c.merged_into) return false
  const open = c.status === 'open' && !c.spam
  if (folder.startsWith('channel:')) return open && c.channel_id === Number(folder.slice(8))
  if (folder.startsWith('brand:')) return open && session.channel(c.channel_id)?.brand_id === Number(folder.slice(6))
  if (folder.startsWith('tag:')) return open && c.tags.some((tag) => tag.toLowerCase() === folder.slice(4).toLowerCase())
  if (folder.startsWith('team:')) return open && c.team?.name === folder.slice(5)
  switch (folder as Builtin) {
    case 'mine':
      return open && c.assignee?.id === me
    case 'unassigned':
      return open && !c.assignee
    case 'snoozed':
      return c.status === 'snoozed' && !c.spam
    case 'closed':
      return c.status === 'closed' && !c.spam
    case 'spam':
      return c.spam
    case 'all':
      return true
    default:
      return open && c.waiting_since !== null
  }
}

export const defaultSort = (folder: string, q: string): Sort =>
  q || ['mentions', 'snoozed', 'closed', 'spam', 'all'].includes(folder) ? 'newest' : 'urgent'

const time = (at: string | null, missing: number) => (at ? Date.parse(at) : missing)
// Parsed once for each conversation as it came: a list of thousands is laid out again with every change.
const parsed = new WeakMap<Conversation, number>()
function urgency(c: Conversation): number {
  let at = parsed.get(c)
  if (at === undefined) parsed.set(c, (at = time(c.urgent_at, Infinity)))
  return at
}
const key: Record<Sort, (c: Conversation) => number> = {
  urgent: urgency,
  waiting: (c) => time(c.waiting_since, Infinity),
  newest: (c) => -time(c.last_message_at, 0),
  oldest: (c) => time(c.last_message_at, 0),
  created: (c) => -time(c.created_at, 0),
}

/** The server's order; equal keys go by id, in the direction of the sort. */
export function compare(sort: Sort, a: Conversation, b: Conversation): number {
  const x = key[sort](a)
  const y = key[sort](b)
  if (x !== y) return x < y ? -1 : 1
  return sort === 'newest' || sort === 'created' ? b.id - a.id : a.id - b.id
}

export type Group = 'late' | 'quarter' | 'today' | 'later' | 'calm'
export function groupOf(c: Conversation, now: number, endOfDay: number): Group {
  if (!c.urgent_at) return 'calm'
  const at = urgency(c)
  if (at < now) return 'late'
  if (at <= now + 15 * 60_000) return 'quarter'
  return at <= endOfDay ? 'today' : 'later'
}
