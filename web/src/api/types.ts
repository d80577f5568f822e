// SPDX-License-Identifier: AGPL-3.0-or-later
// The shapes of /api/v1. Made by `npm run types` from /api/v1/openapi.json; do not edit by hand.

export type Right = 'read' | 'note' | 'reply' | 'triage' | 'lead' | 'admin' | 'own'
export type Role = 'owner' | 'admin' | 'lead' | 'agent' | 'collaborator' | 'viewer'
export type Status = 'open' | 'snoozed' | 'closed'
export type Priority = 'urgent' | 'high' | 'normal' | 'low'
export type Visibility = 'public' | 'private'
export type SendState = 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'failed' | 'in_doubt' | 'cancelled'
export type ChannelState = 'connecting' | 'active' | 'degraded' | 'reauth' | 'dead' | 'disabled'

export interface Page<T> {
  items: T[]
  next: string | null
}
export interface Named {
  id: number
  name: string
}
export interface Person extends Named {
  handle?: string
}
export interface Conversation {
  id: number
  channel_id: number
  channel_kind: string
  kind: string
  visibility: Visibility
  status: Status
  spam: boolean
  contact: Person | null
  assignee: Named | null
  team: Named | null
  priority: Priority
  tags: string[]
  language?: string
  waiting_since: string | null
  due_at: string | null
  urgent_at: string | null
  snoozed_until: string | null
  last_message_at: string | null
  created_at: string
  updated_at: string
  closed_at: string | null
  unread: number
  message_count: number
  version: number
  preview: string
}
export interface ConversationPatch {
  status?: Status
  assignee_id?: number | null
  team_id?: number | null
  priority?: Priority
  snoozed_until?: string | null
  tags?: string[]
  spam?: boolean
}
export interface Attachment {
  id: number
  mime: string
  name: string
  alt: string
  state: 'waiting' | 'ready' | 'refused' | 'failed'
  reason: string
  url: string
  size: number
  width: number
  height: number
}
export interface Author {
  id: number
  name: string
  handle?: string
  kind: 'customer' | 'agent' | 'elsewhere' | 'automation'
}
export interface Message {
  id: number
  conversation_id: number
  channel_id: number
  external_id: string | null
  direction: 'in' | 'out'
  kind: 'message' | 'note' | 'context'
  visibility: 'public' | 'private' | 'team'
  origin?: string
  text: string
  language?: string
  reply_to?: string | null
  author: Author
  attachments: Attachment[]
  created_at: string
  received_at?: string
  edited_at: string | null
  deleted_at: string | null
  liked_at?: string | null
  late?: boolean
  send_state: SendState | null
  error: string | null
}
export interface MessageDraft {
  kind: 'reply' | 'note'
  text: string
  reply_to?: number
  attachments?: { sha256: string; name: string; alt: string }[]
}
export interface Happening {
  id: number
  at: string
  kind: string
  agent: Named | null
  data: Record<string, unknown>
}
export interface Identity {
  id: number
  kind: string
  handle: string
  name: string
  external_id: string
}
export interface Contact {
  id: number
  name: string
  language: string
  note: string
  created_at: string
  identities: Identity[]
  conversations: {
    id: number
    status: Status
    channel_kind: string
    preview: string
    last_message_at: string | null
    waiting_since: string | null
  }[]
}
export interface MeSettings {
  theme?: 'light' | 'dark'
  density?: 'compact'
  single_keys?: boolean
  rail?: boolean
  panel?: boolean
}
export interface Me {
  id: number
  name: string
  email: string
  role: Role
  rights: Right[]
  workspace: Named
  language: string
  settings: MeSettings
  all_channels: boolean
  all_teams: boolean
  channel_ids: number[]
  team_ids: number[]
  version: string
}
export interface Agent {
  id: number
  name: string
  email: string
  role: Role
  all_channels: boolean
  all_teams: boolean
  channel_ids: number[]
  team_ids: number[]
  disabled: boolean
  created_at: string
  online: boolean
  sign_in_url?: string
}
export interface Team extends Named {
  member_ids: number[]
}
export interface Tag extends Named {
  open_count: number
}
export interface Workspace extends Named {
  settings: {
    allowance_min?: { urgent: number; high: number; normal: number; low: number }
    time_zone?: string
    language?: string
  }
}
export interface TextLimit {
  unit: 'code_points' | 'graphemes' | 'utf16' | 'bytes'
  max: number
  max_bytes: number
}
export interface ChannelSetting {
  name: string
  kind: 'text' | 'url' | 'secret' | 'bool'
  required: boolean
  default: string | null
}
export interface ChannelKind {
  kind: string
  title: string
  can: string[]
  text_public: TextLimit
  text_private: TextLimit
  max_pictures: number
  max_picture_bytes: number
  settings: ChannelSetting[]
}
export interface Channel {
  id: number
  kind: string
  name: string
  state: ChannelState
  state_reason: string
  state_since: string
  handle: string
  external_account_id: string | null
  settings: Record<string, unknown>
  last_event_at: string | null
  created_at: string
  counts: { waiting_in: number; quarantined: number; queued_out: number; in_doubt: number; failed: number }
  hook_url: string
  secret?: string
}
export interface Quarantined {
  id: number
  received_at: string
  reason: string
  attempts: number
  size: number
  body_preview: string
}
export interface Traffic {
  hours: { at: string; in: number; out: number }[]
}
export interface Token {
  id: number
  name: string
  scopes: string[]
  agent: Named
  created_at: string
  last_used_at: string | null
  expires_at: string | null
  token?: string
}
export interface SessionRow {
  id: number
  user_agent: string
  address: string
  created_at: string
  last_seen_at: string
  current: boolean
}
export interface Counts {
  [folder: string]: number | Record<string, number>
}
export interface QueryField {
  name: string
  kind: string
  values: string[]
  doc: string
}
export interface ServerStatus {
  live_lag_ms: number | null
  median_first_response_ms: number | null
  p90_first_response_ms: number | null
  kept_percent: number | null
  indexing: boolean
}
export interface StoredFile {
  sha256: string
  mime: string
  size: number
  width: number
  height: number
}
export interface Presence {
  conversation_id: number
  agents: { id: number; name: string; typing: boolean }[]
}
