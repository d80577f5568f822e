// SPDX-License-Identifier: AGPL-3.0-or-later
// The generated types under the page's own names, narrower where the document says only "string".
import type * as api from './types'

export type { Bulk, ContactFound, BulkDraft, Folder, FolderDraft } from './types'
export type { Agent, Brand, Callback, Collaborator, Steering, ContactPatch, ContactSuggestion, Conversation, ConversationPatch, Contact, Draft, Message, MessageDraft, MessageVersion, Passkey, PasskeyAsk, PasskeyMade, PasskeyRequest, ScheduledSend, Way, Ping, PingChoice, PushDevice, PushState, QueryField, Quarantined, SecondFactor, SecondStep, Tag, Team, Token, Traffic, Webhook, WebhookDelivery, WebhookDeliveryFull, WebhookKind } from './types'
export type Right = 'read' | 'note' | 'reply' | 'triage' | 'lead' | 'admin' | 'own'
export type Role = api.Agent['role']
export type Priority = api.Conversation['priority']
export type Attachment = api.Message['attachments'][number]
export type ServerStatus = api.Status
export type SessionRow = api.Session
export type StoredFile = api.File

export interface Page<T> {
  items: T[]
  next: string | null
}
/** What the page keeps for a person; unset is the default. */
export interface MeSettings {
  theme?: 'light' | 'dark'
  density?: 'compact'
  single_keys?: boolean
  /** Keys of one's own by command; an empty list: none. */
  keys?: Record<string, string[]>
  rail?: boolean
  panel?: boolean
  /** Seconds for which an answer can be taken back; 5 when never set. */
  undo_s?: number
}
export type Me = Omit<api.Me, 'rights' | 'settings'> & { rights: Right[]; settings: MeSettings }
export type Workspace = api.Workspace
export interface TextLimit {
  unit: 'code_points' | 'graphemes' | 'utf16' | 'bytes'
  max: number
  max_bytes: number
}
export type ChannelSetting = Omit<api.ChannelKind['settings'][number], 'kind'> & { kind: 'text' | 'url' | 'secret' | 'bool' | 'choice' | 'json' }
export type ChannelKind = Omit<api.ChannelKind, 'text_public' | 'text_private' | 'settings'> & {
  text_public: TextLimit
  text_private: TextLimit
  settings: ChannelSetting[]
}
export type ChannelState = 'connecting' | 'active' | 'degraded' | 'reauth' | 'dead' | 'disabled'
export type Channel = Omit<api.Channel, 'state' | 'settings'> & { state: ChannelState; settings: Record<string, unknown> }
export type Happening = Omit<api.Happening, 'data'> & { data: Record<string, unknown> }
/** Flat in frames ("channel:7"), with `channels` by id from the list, and saved folders by id. */
export type Counts = Record<string, number | Record<string, number | { n: number; about: boolean }>>
/** The frame of the live feed; the body of the POST has one's own only. */
export interface Presence {
  conversation_id: number
  agents: { id: number; name: string; typing: boolean; kind: 'reply' | 'note' }[]
  customer_typing: boolean
}
