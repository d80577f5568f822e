// SPDX-License-Identifier: AGPL-3.0-or-later
// The client's types, made from the API's OpenAPI document by tools/client.mjs. Do not edit.

export interface Options {
  signal?: AbortSignal
  /** Of a POST: the same key does the thing once, however often it is sent. Made up when it is not given. */
  idempotencyKey?: string
}
export interface Settings {
  /** Where Heed is: "https://desk.example" */
  url: string
  token: string
  /** How often a request is tried again after 429, 503 or a lost connection; 4. */
  retries?: number
  fetch?: typeof fetch
}
export interface Page<T> {
  items: T[]
  next: string | null
}
export interface HeedEvent {
  id: string
  event: string
  data: unknown
}
export class HeedError extends Error {
  /** HTTP status; 0: no answer came. */
  status: number
  errors: { field: string; code: string; detail: string }[]
  requestId: string
}

export interface Problem {
  type: string
  title: string
  status: number
  /** a sentence for a person */
  detail: string
  errors: Array<{
    field: string
    code: string
    detail: string
    /** in q, code points from 0 */
    position?: number
    expected?: string
  }>
}

export interface SetUp {
  /** printed when Heed starts on an empty database */
  code: string
  workspace: string
  name: string
  email: string
  password: string
}

export interface Me {
  id: number
  name: string
  email: string
  role: 'viewer' | 'collaborator' | 'agent' | 'lead' | 'admin' | 'owner'
  /** read, note, reply, triage, lead, admin, own */
  rights: Array<string>
  workspace: {
    id: number
    name: string
  }
  /** of the page; empty follows the browser */
  language: string
  /** the page's own */
  settings: unknown
  /** below one's answers, where the channel allows */
  signature: string
  /** false after signing in by a link: a new one needs no old one */
  has_password: boolean
  /** a second factor has to be set up before anything else */
  must_enroll: boolean
  all_channels: boolean
  all_teams: boolean
  channel_ids: Array<number>
  team_ids: Array<number>
  /** of Heed */
  version: string
}

export interface SignIn {
  email?: string
  password?: string
  /** instead of address and password, which is forgotten then */
  code?: string
}

export interface SecondStep {
  /** for POST /session/second or /session/passkey, within five minutes and five tries */
  token: string
  /** passkey, totp, recovery_code */
  kinds: Array<string>
}

export interface SignInSecond {
  token: string
  /** six digits of the app, or a recovery code */
  code: string
}

export interface MePatch {
  name?: string
  language?: string
  settings?: unknown
  /** put below one's answers where the channel allows */
  signature?: string
  password?: string
  current_password?: string
}

export interface Session {
  id: number
  user_agent: string
  address: string
  created_at: string
  last_seen_at: string
  expires_at: string
  /** the one that asks */
  current: boolean
}

export interface Workspace {
  id: number
  name: string
  settings: {
    /** minutes until somebody who waits counts as late, by priority */
    allowance_min: {
      /** minutes */
      urgent: number
      /** minutes */
      high: number
      /** minutes */
      normal: number
      /** minutes */
      low: number
    }
    /** as in the tz database */
    time_zone: string
    language: 'en' | 'id' | 'et' | 'fi' | 'ko'
    /** the e-mail channel that mail to colleagues (digests of pings) goes out by; 0: none goes out */
    mail_channel_id: number
    /** roles from this one on must sign in with a second factor; none: nobody must */
    second_factor_from: 'none' | 'viewer' | 'collaborator' | 'agent' | 'lead' | 'admin' | 'owner'
  }
}

export interface WorkspacePatch {
  name?: string
  settings?: {
    /** minutes until somebody who waits counts as late, by priority */
    allowance_min?: {
      /** minutes */
      urgent?: number
      /** minutes */
      high?: number
      /** minutes */
      normal?: number
      /** minutes */
      low?: number
    }
    /** as in the tz database */
    time_zone?: string
    language?: 'en' | 'id' | 'et' | 'fi' | 'ko'
    /** the e-mail channel that mail to colleagues (digests of pings) goes out by; 0: none goes out */
    mail_channel_id?: number
    /** roles from this one on must sign in with a second factor; none: nobody must */
    second_factor_from?: 'none' | 'viewer' | 'collaborator' | 'agent' | 'lead' | 'admin' | 'owner'
  }
}

export interface Agent {
  id: number
  name: string
  email: string
  role: 'viewer' | 'collaborator' | 'agent' | 'lead' | 'admin' | 'owner'
  /** false: only those in channel_ids */
  all_channels: boolean
  /** false: only those in team_ids, and work without a team */
  all_teams: boolean
  channel_ids: Array<number>
  team_ids: Array<number>
  disabled: boolean
  created_at: string
  online: boolean
  /** once, when the colleague was just added */
  sign_in_url?: string
}

export interface AgentDraft {
  name: string
  email: string
  role: 'viewer' | 'collaborator' | 'agent' | 'lead' | 'admin' | 'owner'
  password?: string
  all_channels?: boolean
  all_teams?: boolean
  channel_ids?: Array<number>
  team_ids?: Array<number>
}

export interface AgentPatch {
  name?: string
  role?: 'viewer' | 'collaborator' | 'agent' | 'lead' | 'admin' | 'owner'
  disabled?: boolean
  all_channels?: boolean
  all_teams?: boolean
  channel_ids?: Array<number>
  team_ids?: Array<number>
}

export interface SignInLink {
  /** works once, for 15 minutes; using it forgets the old password */
  sign_in_url: string
}

export interface Team {
  id: number
  name: string
  member_ids: Array<number>
}

export interface NameDraft {
  name: string
}

export interface Tag {
  id: number
  name: string
  /** open conversations that carry it */
  open_count: number
}

export interface Channel {
  id: number
  /** the network, as GET /channel-kinds names it */
  kind: string
  name: string
  /** connecting, active, degraded, reauth, dead, disabled */
  state: string
  /** a sentence a person can act on */
  state_reason: string
  state_since: string
  handle: string
  external_account_id: string | null
  /** without secrets */
  settings: unknown
  last_event_at: string | null
  created_at: string
  /** the brand it belongs to */
  brand_id: number | null
  /** the channel whose account customers are steered to */
  steer_to: number | null
  counts: {
    /** raw events not yet read */
    waiting_in: number
    /** raw events that could not be read */
    quarantined: number
    queued_out: number
    in_doubt: number
    failed: number
  }
  /** where the network posts to; null: it is polled */
  hook_url: string | null
  /** once, when Heed just made it */
  secret?: string
}

export interface ChannelDraft {
  /** The network, as GET /channel-kinds names it. */
  kind: string
  /** What colleagues call it. */
  name: string
  /** Settings of its kind, secrets too. */
  settings?: unknown
}

export interface ChannelPatch {
  /** What colleagues call it. */
  name?: string
  /** false stops it; true starts it (again). */
  enabled?: boolean
  /** The settings to change; others stay, null means the default. */
  settings?: unknown
  /** The brand it belongs to; null: none. */
  brand_id?: number | null
  /** The channel of the same network whose account helps instead; null: none. */
  steer_to?: number | null
}

export interface ChannelTest {
  ok: boolean
  /** what the network said, in words */
  detail: string
}

export interface Secret {
  /** shown once; the old one is good for 24 h more */
  secret: string
}

export interface Quarantined {
  id: number
  received_at: string
  reason: string
  attempts: number
  /** bytes */
  size: number
  body_preview: string
}

export interface Traffic {
  /** the last 24, oldest first */
  hours: Array<{
    at: string
    in: number
    out: number
  }>
}

export interface Token {
  id: number
  name: string
  /** read, write, admin, metrics */
  scopes: Array<string>
  agent: {
    id: number
    name: string
  }
  created_at: string
  last_used_at: string | null
  expires_at: string | null
  /** once, when it was just made */
  token?: string
}

export interface TokenDraft {
  name: string
  /** read, write, admin, metrics */
  scopes: Array<string>
  expires_at?: string | null
}

export interface Conversation {
  id: number
  channel_id: number
  /** The network. */
  channel_kind: string
  kind: 'dm' | 'thread' | 'review' | 'email'
  /** Who sees an answer: everybody or the customer alone. */
  visibility: 'public' | 'private'
  status: 'open' | 'snoozed' | 'closed'
  spam: boolean
  /** Who asked; null until a customer wrote. */
  contact: {
    /** Number of the contact. */
    id: number
    name: string
    /** As the network shows it. */
    handle: string
  } | null
  /** Who takes care of it. */
  assignee: {
    id: number
    name: string
  } | null
  team: {
    id: number
    name: string
  } | null
  priority: 'urgent' | 'high' | 'normal' | 'low'
  /** Names, sorted. */
  tags: Array<string>
  /** ISO 639-1; empty: not known. */
  language: string
  /** When the first unanswered customer message was written; null: nobody waits. */
  waiting_since: string | null
  /** A moment promised: a call-back's. */
  due_at: string | null
  /** The moment at which it becomes late; null: nobody waits and nothing is promised. */
  urgent_at: string | null
  snoozed_until: string | null
  last_message_at: string | null
  created_at: string
  updated_at: string
  closed_at: string | null
  /** Customer messages since somebody last opened or answered it. */
  unread: number
  message_count: number
  /** Rises with each change. */
  version: number
  /** The conversation this one went into; it is empty and in no list then. */
  merged_into: number | null
  /** What it is about: the first subject of its mails; empty where there are none. */
  title: string
  /** When somebody is to call the customer back; null: no call-back is booked. */
  callback_at: string | null
  /** The beginning of the newest message. */
  preview: string
}

export interface ConversationStart {
  /** One whose kind can start. */
  channel_id: number
  /** Whom to write to, there. */
  address: string
  /** The customer's name, when not known yet. */
  name?: string
  /** On channels of mail; else and without it the first line of the text. */
  subject?: string
  text: string
  attachments?: Array<{
    /** Of a file put before. */
    sha256: string
    name?: string
    /** What it shows, in words. */
    alt?: string
  }>
}

export interface ConversationPatch {
  status?: 'open' | 'snoozed' | 'closed'
  /** null: nobody. */
  assignee_id?: number | null
  /** null: no team. */
  team_id?: number | null
  priority?: 'urgent' | 'high' | 'normal' | 'low'
  /** Required with status snoozed, in the future. */
  snoozed_until?: string | null
  /** Replaces; unknown names are made. */
  tags?: Array<string>
  spam?: boolean
}

export interface Happening {
  id: number
  at: string
  kind: string
  agent: {
    id: number
    name: string
  } | null
  data: unknown
}

export interface MergeDraft {
  /** The conversation that goes into this one. */
  from_id: number
}

export interface SplitDraft {
  /** From this message on. */
  message_id: number
}

export interface LinkDraft {
  conversation_id: number
}

export interface Counts {
  unanswered: number
  mine: number
  /** not closed, with a note that names one; 1,001: more than 1,000 */
  mentions: number
  unassigned: number
  open: number
  snoozed: number
  closed: number
  spam: number
  /** open work by channel id */
  channels: unknown
}

export interface Message {
  id: number
  conversation_id: number
  channel_id: number
  /** The network's id; null for notes and answers not sent yet. */
  external_id: string | null
  direction: 'in' | 'out'
  /** context: somebody else's post above, shown and never counted. */
  kind: 'message' | 'note' | 'context'
  visibility: 'public' | 'private' | 'team'
  origin: 'customer' | 'agent' | 'elsewhere' | 'automation'
  /** Empty once deleted. */
  text: string
  language: string
  /** External id of the message it answers. */
  reply_to: string | null
  author: {
    /** Contact or agent; 0: not known here. */
    id: number
    name: string
    handle: string
    kind: 'customer' | 'agent' | 'elsewhere' | 'automation'
  }
  attachments: Array<{
    id: number
    mime: string
    name: string
    alt: string
    state: 'waiting' | 'ready' | 'refused' | 'failed'
    /** Why it was refused or failed. */
    reason: string
    /** Where to read it, once it is ready. */
    url: string | null
    /** Bytes. */
    size: number
    width: number
    height: number
  }>
  /** Colleagues named in a note. */
  mentions: Array<number>
  /** The network's time. */
  created_at: string
  /** Ours. */
  received_at: string
  edited_at: string | null
  deleted_at: string | null
  /** Our like. */
  liked_at: string | null
  /** Arrived after something newer was already here. */
  late: boolean
  /** How far an answer has come. */
  send_state: 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'failed' | 'in_doubt' | 'cancelled' | null
  /** By which way it came or went; 0: the conversation's own thread. */
  route_id: number
  /** Until then the answer can be taken back. */
  undo_until: string | null
  /** The message it passes on to somebody outside. */
  forward_of: number | null
  /** Why it failed or is in doubt, in words. */
  error: string | null
  /** Of a mail: subject, from, to, cc, reply_to (lists of {name, address}), verified (pass, fail, unknown), automatic, stranger, from_us, several_senders, has_html, visible (bytes of the text before what it quotes), inline (content_id and position of its attachments), cut, defects. null: no mail. */
  mail: unknown
  /** Of a logged call; null: no call. */
  call: {
    /** reached: both spoke; missed, voicemail: who called did not reach the other. */
    result: 'reached' | 'missed' | 'voicemail'
    /** The customer's, E.164; empty: not known. */
    number: string
    /** How long they spoke; 0: not told. */
    seconds: number
  } | null
}

export interface MessageDraft {
  kind: 'reply' | 'note'
  text?: string
  /** Number of the message it answers; null: the newest customer message. */
  reply_to?: number | null
  /** By which way it goes out; 0: the conversation's own thread; without it: the way the customer wrote last. */
  route_id?: number
  /** To whom it goes, on channels of mail only. */
  mail?: {
    /** Addresses; none: whom the answered mail came from. */
    to?: Array<string>
    /** Addresses. */
    cc?: Array<string>
    /** null: Re: what it is about. */
    subject?: string | null
    /** Number of a message of the conversation that is passed on with its files to the addresses in to, below the text. It answers nobody. */
    forward?: number | null
  } | null
  attachments?: Array<{
    /** Of a file put before. */
    sha256: string
    name?: string
    /** What it shows, in words. */
    alt?: string
  }>
  /** Colleagues a note names; they are told. Collaborators among them are asked in. */
  mentions?: Array<number>
  /** Seconds for which the answer waits and can be taken back; default 0. */
  undo_s?: number
  /** Newest message the writer has seen: when somebody answered since, or is writing an answer, the request is refused with 409 and the code answered_meanwhile or being_answered. */
  seen_message_id?: number
  /** Do not put the writer's signature below, where the channel would. */
  without_signature?: boolean
  /** The answer asks the customer over to the support account that the channel names. */
  steer?: boolean
}

export interface MessageEdit {
  text: string
}

export interface Resolution {
  /** sent: it did arrive; send_again: it did not; cancel: let it be */
  decision: 'sent' | 'send_again' | 'cancel'
}

export interface MailHtml {
  /** As it came, uncleaned: never put it into a page as it is. */
  html: string
}

export interface RemotePictureOf {
  /** as the src of an <img> in the mail's HTML, entities resolved; http, https or // */
  url: string
}

export interface RemotePicture {
  /** image/png, image/jpeg, image/gif or image/webp, told by its bytes */
  mime: string
  width: number
  height: number
  /** bytes */
  size: number
  /** the cleaned picture as a data: address */
  data_url: string
}

export interface Draft {
  agent: {
    id: number
    name: string
  }
  mode: 'reply' | 'note'
  text: string
  attachments: Array<{
    /** Of a file put before. */
    sha256: string
    name: string
    /** What it shows, in words. */
    alt: string
  }>
  /** As in POST messages. */
  mail: {
    /** Addresses; none: whom the answered mail came from. */
    to: Array<string>
    /** Addresses. */
    cc: Array<string>
    /** null: Re: what it is about. */
    subject: string | null
    /** Number of a message of the conversation that is passed on with its files to the addresses in to, below the text. It answers nobody. */
    forward: number | null
  }
  reply_to: number | null
  /** -1: as the customer wrote last. */
  route_id: number
  /** Colleagues may open, take over and send it. */
  shared: boolean
  /** 0: there is none (any more). */
  version: number
  updated_at: string | null
}

export interface DraftBody {
  /** Empty: the draft goes. */
  text?: string
  attachments?: Array<{
    /** Of a file put before. */
    sha256: string
    name?: string
    /** What it shows, in words. */
    alt?: string
  }>
  /** As in POST messages; looked at when it is sent. */
  mail?: {
    /** Addresses; none: whom the answered mail came from. */
    to?: Array<string>
    /** Addresses. */
    cc?: Array<string>
    /** null: Re: what it is about. */
    subject?: string | null
    /** Number of a message of the conversation that is passed on with its files to the addresses in to, below the text. It answers nobody. */
    forward?: number | null
  } | null
  reply_to?: number | null
  route_id?: number
  /** Colleagues may open, take over and send it. */
  shared?: boolean
}

export interface DraftTaking {
  /** whose shared draft */
  agent_id: number
  /** give up what one has begun oneself */
  replace?: boolean
}

export interface ScheduledSend {
  id: number
  conversation_id: number
  /** In whose name it goes out. */
  agent: {
    id: number
    name: string
  }
  text: string
  attachments: Array<{
    /** Of a file put before. */
    sha256: string
    name: string
    /** What it shows, in words. */
    alt: string
  }>
  /** As in POST messages. */
  mail: {
    /** Addresses; none: whom the answered mail came from. */
    to: Array<string>
    /** Addresses. */
    cc: Array<string>
    /** null: Re: what it is about. */
    subject: string | null
    /** Number of a message of the conversation that is passed on with its files to the addresses in to, below the text. It answers nobody. */
    forward: number | null
  }
  reply_to: number | null
  route_id: number
  send_at: string
  cancel_if_customer_writes: boolean
  /** Newest message when it was written: what came later the writer did not know. */
  seen_message_id: number
  /** stopped: the customer wrote first; failed: it was refused. */
  state: 'waiting' | 'stopped' | 'failed'
  /** Why it was stopped or failed. */
  error: string
  version: number
  created_at: string
}

export interface ScheduledSendBody {
  text?: string
  /** In the future, within a year. */
  send_at: string
  attachments?: Array<{
    /** Of a file put before. */
    sha256: string
    name?: string
    /** What it shows, in words. */
    alt?: string
  }>
  /** As in POST messages. */
  mail?: {
    /** Addresses; none: whom the answered mail came from. */
    to?: Array<string>
    /** Addresses. */
    cc?: Array<string>
    /** null: Re: what it is about. */
    subject?: string | null
    /** Number of a message of the conversation that is passed on with its files to the addresses in to, below the text. It answers nobody. */
    forward?: number | null
  } | null
  reply_to?: number | null
  /** As in POST messages. */
  route_id?: number
  /** As in POST messages. */
  seen_message_id?: number
  /** Do not send it when the customer writes before. */
  cancel_if_customer_writes?: boolean
}

export interface MessageVersion {
  version: number
  text: string
  /** Until when it was the text. */
  replaced_at: string
}

export interface Way {
  /** 0: the conversation's own thread. */
  route_id: number
  channel_id: number
  channel_kind: string
  channel_name: string
  kind: 'dm' | 'thread' | 'review' | 'email'
  /** Who will see an answer. */
  visibility: 'public' | 'private'
  /** Whom it reaches, when it began with us. */
  address: string
  /** The network takes answers until then; null: always. */
  reply_until: string | null
  can_reply: boolean
  /** Why not, in words. */
  problem: string
  /** The writer's signature goes below. */
  signs: boolean
  /** The customer wrote last by it: where an answer goes that names none. */
  current: boolean
}

export interface WayBody {
  /** One whose kind can start. */
  channel_id: number
  /** Whom to write to, there. */
  address: string
}

export interface Collaborator {
  agent: {
    id: number
    name: string
  }
  role: 'viewer' | 'collaborator' | 'agent' | 'lead' | 'admin' | 'owner'
  /** Since when. */
  created_at: string
}

export interface Invitation {
  agent_id: number
}

export interface HandOver {
  /** to whom; null: to the team */
  agent_id?: number | null
  /** and to which team; null: as it is */
  team_id?: number | null
  /** what the next one must know; becomes a note */
  summary: string
}

export interface ContactFound {
  id: number
  name: string
  email: string
  handle: string
  /** The network of the handle. */
  kind: string
  /** The newest conversation that you see. */
  conversation_id: number
  last_message_at: string | null
}

export interface Contact {
  id: number
  name: string
  language: string
  note: string
  email: string
  phone: string
  /** IANA name */
  time_zone: string
  /** to be written to unasked */
  consent: 'unknown' | 'given' | 'refused'
  /** where and how it was given or refused */
  consent_note: string
  consent_at: string | null
  tags: Array<string>
  created_at: string
  /** contacts that were merged into this one, each as it was */
  parts: Array<{
    id: number
    name: string
    note: string
    email: string
    phone: string
    consent: 'unknown' | 'given' | 'refused'
    merged_at: string
    /** the colleague's name */
    merged_by: string
  }>
  identities: Array<{
    id: number
    /** the network */
    kind: string
    handle: string
    name: string
    external_id: string
    /** the contact or part it belongs to when nothing is merged */
    contact_id: number
  }>
  conversations: Array<{
    id: number
    status: string
    channel_kind: string
    preview: string
    last_message_at: string
    waiting_since: string | null
  }>
}

export interface ContactPatch {
  name?: string
  note?: string
  /** BCP 47; '' none */
  language?: string
  /** '' none */
  email?: string
  /** as it is dialled; '' none */
  phone?: string
  /** IANA name; '' none */
  time_zone?: string
  consent?: 'unknown' | 'given' | 'refused'
  consent_note?: string
  /** replaces; unknown names are made */
  tags?: Array<string>
}

export interface ContactSuggestion {
  id: number
  name: string
  identities: Array<{
    id: number
    /** the network */
    kind: string
    handle: string
    name: string
    external_id: string
    /** the contact or part it belongs to when nothing is merged */
    contact_id: number
  }>
  reasons: Array<{
    kind: 'email' | 'phone' | 'handle'
    /** what both have */
    value: string
  }>
}

export interface ContactRef {
  contact_id: number
}

export interface File {
  sha256: string
  /** told by its bytes */
  mime: string
  /** cleaned */
  name: string
  /** a signed address, good for five minutes */
  url: string
  /** bytes */
  size: number
  width: number
  height: number
}

export interface Presence {
  /** the one that is open; null: none */
  conversation_id?: number | null
  typing?: boolean
  /** what is being typed; default reply */
  kind?: 'reply' | 'note'
}

export interface Ping {
  id: number
  kind: 'all' | 'team' | 'mine' | 'assigned' | 'handed_over' | 'mention' | 'target' | 'passed_on' | 'callback'
  conversation_id: number
  /** how many came together here */
  n: number
  /** the colleague who caused it */
  by: {
    id: number
    name: string
  } | null
  /** passed on: whom it did not reach */
  from: {
    id: number
    name: string
  } | null
  contact_name: string
  preview: string
  channel_kind: string
  visibility: 'public' | 'private'
  /** counts at the bell */
  page: boolean
  sound: boolean
  created_at: string
  updated_at: string
  seen_at: string | null
}

export interface PingMarks {
  ids?: Array<number>
  /** all of this conversation */
  conversation_id?: number
  /** all there are */
  all?: boolean
}

export interface PingsShown {
  ids: Array<number>
}

export interface PingChoice {
  /** a customer wrote, in anything I may see */
  all: {
    /** bell, title and icon badge, a word on the page */
    page: boolean
    /** by the browser, also when no page is open */
    push: boolean
    /** in an e-mail digest, when it stays unseen */
    mail: boolean
    sound: boolean
  }
  /** a customer wrote in what nobody of my teams has taken */
  team: {
    /** bell, title and icon badge, a word on the page */
    page: boolean
    /** by the browser, also when no page is open */
    push: boolean
    /** in an e-mail digest, when it stays unseen */
    mail: boolean
    sound: boolean
  }
  /** a customer wrote in what I am assigned to */
  mine: {
    /** bell, title and icon badge, a word on the page */
    page: boolean
    /** by the browser, also when no page is open */
    push: boolean
    /** in an e-mail digest, when it stays unseen */
    mail: boolean
    sound: boolean
  }
  /** a conversation was given to me */
  assigned: {
    /** bell, title and icon badge, a word on the page */
    page: boolean
    /** by the browser, also when no page is open */
    push: boolean
    /** in an e-mail digest, when it stays unseen */
    mail: boolean
    sound: boolean
  }
  /** it was given to me by whoever had it */
  handed_over: {
    /** bell, title and icon badge, a word on the page */
    page: boolean
    /** by the browser, also when no page is open */
    push: boolean
    /** in an e-mail digest, when it stays unseen */
    mail: boolean
    sound: boolean
  }
  /** I was named in a note */
  mention: {
    /** bell, title and icon badge, a word on the page */
    page: boolean
    /** by the browser, also when no page is open */
    push: boolean
    /** in an e-mail digest, when it stays unseen */
    mail: boolean
    sound: boolean
  }
  /** soon a customer has waited too long */
  target: {
    /** bell, title and icon badge, a word on the page */
    page: boolean
    /** by the browser, also when no page is open */
    push: boolean
    /** in an e-mail digest, when it stays unseen */
    mail: boolean
    sound: boolean
  }
  /** a ping did not reach a colleague */
  passed_on: {
    /** bell, title and icon badge, a word on the page */
    page: boolean
    /** by the browser, also when no page is open */
    push: boolean
    /** in an e-mail digest, when it stays unseen */
    mail: boolean
    sound: boolean
  }
  /** a call-back of mine is due, was missed or moved */
  callback: {
    /** bell, title and icon badge, a word on the page */
    page: boolean
    /** by the browser, also when no page is open */
    push: boolean
    /** in an e-mail digest, when it stays unseen */
    mail: boolean
    sound: boolean
  }
  /** pushes hold the customer's name and words, also on a locked screen */
  push_text: boolean
  /** no push and no sound in the quiet hours */
  quiet: boolean
  /** Saturday and Sunday are quiet all day */
  quiet_weekend: boolean
  /** minutes since midnight */
  quiet_from: number
  /** minutes since midnight */
  quiet_to: number
  /** as in the tz database */
  time_zone: string
  /** unseen for so long it goes into a digest */
  mail_minutes: number
}

export interface PushState {
  /** for pushManager.subscribe */
  public_key: string
  devices: Array<{
    id: number
    user_agent: string
    /** the push service's host */
    service: string
    created_at: string
    /** last push it took */
    last_ok_at: string | null
    /** why the last one failed */
    error: string
    /** made in this session */
    current: boolean
  }>
}

export interface PushDraft {
  endpoint: string
  keys: {
    /** base64url of 65 bytes */
    p256dh: string
    /** base64url of 16 bytes */
    auth: string
  }
}

export interface PushDevice {
  id: number
  user_agent: string
  /** the push service's host */
  service: string
  created_at: string
  /** last push it took */
  last_ok_at: string | null
  /** why the last one failed */
  error: string
  /** made in this session */
  current: boolean
}

export interface ChannelKind {
  kind: string
  title: string
  /** webhook, poll, like, delete_own, confirm, idempotent, dm, public, edit_own, start, signature, call */
  can: Array<string>
  text_public: {
    /** code_points, graphemes, utf16, bytes */
    unit: string
    max: number
    /** 0: no limit of its own */
    max_bytes: number
  }
  text_private: {
    /** code_points, graphemes, utf16, bytes */
    unit: string
    max: number
    /** 0: no limit of its own */
    max_bytes: number
  }
  /** kinds of files that go with an answer: picture, video, audio, file; empty: none */
  files: Array<string>
  /** with one answer */
  max_files: number
  /** of each */
  max_file_bytes: number
  /** of each picture */
  max_picture_bytes: number
  /** of all together; 0: no limit of its own */
  max_total_bytes: number
  /** how long after the customer's last words an answer is taken; 0: always */
  reply_window_ms: number
  settings: Array<{
    name: string
    /** text, url, secret, bool, choice, json, number */
    kind: string
    required: boolean
    /** the words that are possible (choice) */
    choices: Array<string>
    default: string | null
  }>
}

export interface QueryField {
  name: string
  /** word, name, number, time */
  kind: string
  /** all there are, when they are fixed */
  values: Array<string>
  doc: string
}

export interface Status {
  /** how far screens are behind */
  live_lag_ms: number
  /** conversations answered in 24 hours */
  answered: number
  median_first_response_ms: number | null
  p90_first_response_ms: number | null
  /** answered within their priority's allowance */
  kept_percent: number | null
  /** search does not find everything yet */
  indexing: boolean
  /** webhooks that Heed switched off by itself; only administrators are told */
  webhooks_given_up: number
}

export interface WebhookKind {
  kind: string
  /** when it is sent */
  doc: string
}

export interface Webhook {
  id: number
  name: string
  url: string
  /** as GET /webhook-kinds lists them */
  kinds: Array<string>
  /** active, disabled */
  state: string
  /** a sentence a person can act on */
  state_reason: string
  state_since: string
  /** the first failure behind the last success; five days later it is disabled */
  failing_since: string | null
  /** events not yet delivered */
  waiting: number
  /** events given up on */
  failed: number
  /** who made it; told is only what they may see */
  agent: {
    id: number
    name: string
  }
  created_at: string
  /** once, when it was just made */
  secret?: string
}

export interface WebhookDraft {
  name?: string
  /** https, and not an address inside a private network */
  url: string
  /** which events, as GET /webhook-kinds lists them */
  kinds: Array<string>
}

export interface WebhookPatch {
  name?: string
  url?: string
  kinds?: Array<string>
  enabled?: boolean
}

export interface WebhookSecret {
  /** shown once; the old one signs as well for 24 h more */
  secret: string
}

export interface WebhookDeliveryFull {
  id: number
  webhook_id: number
  /** the header webhook-id, the same on each attempt */
  message_key: string
  kind: string
  /** waiting, done, failed, cancelled */
  state: string
  attempts: number
  next_at: string
  /** HTTP status of the last answer; 0: none came */
  status: number
  error: string
  created_at: string
  done_at: string | null
  /** what is sent */
  body: string
  /** each attempt, the first one first */
  tries: Array<{
    n: number
    at: string
    /** until the answer */
    ms: number
    /** 0: no answer */
    status: number
    error: string
    /** its first 2048 bytes */
    answer: string
  }>
}

export interface WebhookDelivery {
  id: number
  webhook_id: number
  /** the header webhook-id, the same on each attempt */
  message_key: string
  kind: string
  /** waiting, done, failed, cancelled */
  state: string
  attempts: number
  next_at: string
  /** HTTP status of the last answer; 0: none came */
  status: number
  error: string
  created_at: string
  done_at: string | null
}

export interface SecondFactor {
  /** signing in asks for a code of an app */
  totp: boolean
  /** how many there are */
  passkeys: number
  recovery_codes_left: number
  /** of the app's key */
  created_at: string | null
  last_used_at: string | null
}

export interface TotpBegin {
  /** needed when there is one */
  current_password?: string
}

export interface TotpSecret {
  /** base32, to be typed into an app */
  secret: string
  /** otpauth:, to be shown as a QR code */
  uri: string
}

export interface FactorCode {
  /** six digits of the app, or a recovery code */
  code: string
}

export interface RecoveryCodes {
  /** shown once; each is good once */
  recovery_codes: Array<string>
}

export interface Folder {
  id: number
  /** own: only you see it; team and workspace: leads change it. */
  whose: 'own' | 'team' | 'workspace'
  agent_id: number | null
  team_id: number | null
  name: string
  /** The query. */
  q: string
  icon: 'folder' | 'star' | 'flag' | 'bolt' | 'heart' | 'cart' | 'box' | 'globe' | 'clock' | 'tag' | 'people' | 'shield'
  colour: '' | 'red' | 'orange' | 'yellow' | 'green' | 'blue' | 'purple'
  /** The order it opens in. */
  sort: 'urgent' | 'newest' | 'oldest' | 'waiting' | 'created'
  position: number
  /** Whether you may change it. */
  may_change: boolean
  created_at: string
  updated_at: string
}

export interface FolderDraft {
  name: string
  /** In the query language. */
  q: string
  /** Default own. */
  whose?: 'own' | 'team' | 'workspace'
  /** With whose: team. */
  team_id?: number | null
  /** Default folder. */
  icon?: 'folder' | 'star' | 'flag' | 'bolt' | 'heart' | 'cart' | 'box' | 'globe' | 'clock' | 'tag' | 'people' | 'shield'
  /** Default none. */
  colour?: '' | 'red' | 'orange' | 'yellow' | 'green' | 'blue' | 'purple'
  /** Default urgent. */
  sort?: 'urgent' | 'newest' | 'oldest' | 'waiting' | 'created'
  /** Default behind all others. */
  position?: number
}

export interface FolderPatch {
  name?: string
  /** In the query language. */
  q?: string
  /** Default own. */
  whose?: 'own' | 'team' | 'workspace'
  /** With whose: team. */
  team_id?: number | null
  /** Default folder. */
  icon?: 'folder' | 'star' | 'flag' | 'bolt' | 'heart' | 'cart' | 'box' | 'globe' | 'clock' | 'tag' | 'people' | 'shield'
  /** Default none. */
  colour?: '' | 'red' | 'orange' | 'yellow' | 'green' | 'blue' | 'purple'
  /** Default urgent. */
  sort?: 'urgent' | 'newest' | 'oldest' | 'waiting' | 'created'
  /** Default behind all others. */
  position?: number
}

export interface FolderCount {
  /** 1,001 means more than 1,000. */
  n: number
  /** Looking took too long: there are at least so many. */
  about: boolean
}

export interface FolderOrder {
  ids: Array<number>
}

export interface ChatConfig {
  /** the brand */
  name: string
  /** it is open, and somebody of the team is there */
  online: boolean
  /** outside the opening hours: when they begin again */
  opens_at: string | null
  colour: string
  /** auto, light, dark */
  scheme: string
  /** right, left */
  position: string
  /** auto, or one for all */
  language: string
  greeting: string
  hours_text: string
  /** what happens with what is written here */
  notice: string
  privacy_url: string
  ask_name: boolean
  ask_email: boolean
  /** list of {label, required, kind, choices} */
  questions: unknown
  /** form, chat, hide: when nobody is there */
  offline: string
  /** files may be sent */
  files: boolean
  /** only customers the shop vouches for may write */
  require_identity: boolean
  /** bytes of a message */
  max_text: number
  max_file_bytes: number
}

export interface ChatSessionStart {
  /** JSON Web Token (HS256) of a logged-in customer, signed by the shop's server; without: anonymous */
  identity?: string
  /** of the page, as in BCP 47 */
  language?: string
}

export interface ChatSession {
  /** the visitor's bearer token, shown once */
  token: string
  /** the identity was accepted */
  verified: boolean
  name: string
  email: string
  /** moves on with use */
  expires_at: string
}

export interface VisitorMessage {
  /** m… of the team, c and the sender's own id of the visitor */
  id: string
  /** visitor or team */
  from: string
  /** who of the team, as the channel names them */
  author: string
  text: string
  created_at: string
  edited_at: string | null
  deleted_at: string | null
  files: Array<{
    id: number
    mime: string
    name: string
    alt: string
    /** bytes */
    size: number
    width: number
    height: number
  }>
}

export interface ChatMessageDraft {
  /** chosen by the sender, for good: sent again it changes nothing. Letters, digits, - and _ */
  id: string
  text?: string
  files?: Array<{
    /** of a file put before */
    sha256: string
  }>
  /** a label; kept for later messages */
  name?: string
  /** a label; nobody is found by it */
  email?: string
  /** to the questions before the chat */
  answers?: Array<{
    /** the label, as the settings have it */
    question: string
    answer: string
  }>
}

export interface ChatMessageAccepted {
  /** under which it comes back in the thread */
  id: string
}

export interface ChatReceipt {
  state: 'delivered' | 'read'
  /** of the team's messages */
  ids: Array<string>
}

export interface ChatTyping {
  /** true is forgotten after ten seconds */
  typing: boolean
}

export interface ChatFileKept {
  /** names it in a message */
  sha256: string
  name: string
  mime: string
  /** bytes */
  size: number
  width: number
  height: number
}

export interface Bulk {
  id: number
  /** null: a selection. */
  q: string | null
  /** What shall be different. */
  change: unknown
  state: 'running' | 'done' | 'stopped' | 'failed' | 'undoing' | 'undone'
  /** false: total still grows. */
  found_all: boolean
  total: number
  /** While undoing: what is still changed. */
  done: number
  failed: number
  /** The first failure, in words. */
  error: string
  created_at: string
  finished_at: string | null
}

export interface BulkDraft {
  /** All that this finds; or ids. */
  q?: string
  /** These; or q. */
  ids?: Array<number>
  status?: 'open' | 'snoozed' | 'closed'
  /** null: nobody. */
  assignee_id?: number | null
  /** null: no team. */
  team_id?: number | null
  priority?: 'urgent' | 'high' | 'normal' | 'low'
  /** Required with status snoozed. */
  snoozed_until?: string | null
  spam?: boolean
  /** true: nothing is unread any more. */
  read?: boolean
  add_tags?: Array<string>
  remove_tags?: Array<string>
}

export interface Passkey {
  id: number
  name: string
  created_at: string
  last_used_at: string | null
  /** when its counter last went backwards: somebody may have a copy of it */
  refused_at: string | null
}

export interface PasskeyDraft {
  name: string
  /** clientDataJSON of the browser, base64url */
  client_data: string
  /** attestationObject of the browser, base64url */
  attestation_object: string
}

export interface PasskeyMade {
  passkey: {
    id: number
    name: string
    created_at: string
    last_used_at: string | null
    /** when its counter last went backwards: somebody may have a copy of it */
    refused_at: string | null
  }
  /** with the first second factor, shown once; each is good once */
  recovery_codes: Array<string>
}

export interface SelfProof {
  /** needed when there is one */
  current_password?: string
}

export interface PasskeyAsk {
  /** base64url, like all bytes here */
  challenge: string
  /** the name that the passkey is bound to */
  rp_id: string
  user_id: string
  user_name: string
  user_display_name: string
  /** COSE numbers, best first */
  algorithms: Array<number>
  /** passkeys there are already */
  exclude: Array<string>
  timeout_ms: number
}

export interface PasskeyPatch {
  name: string
}

export interface PasskeyBegin {
  /** of POST /session, when this is its second step */
  token?: string | null
}

export interface PasskeyRequest {
  /** base64url, like all bytes here */
  challenge: string
  rp_id: string
  /** required, discouraged */
  user_verification: string
  /** the passkeys it may be; empty: whichever the device has for this name */
  allow: Array<string>
  timeout_ms: number
}

export interface PasskeyProof {
  /** of the credential */
  id: string
  client_data: string
  authenticator_data: string
  signature: string
  /** needed when no token is given */
  user_handle?: string | null
  /** of POST /session, when this is its second step */
  token?: string | null
}

export interface CallLog {
  /** One whose kind can log calls. */
  channel_id: number
  /** Where it belongs; null: the conversation of that number. */
  conversation_id?: number | null
  /** The customer's; without a country it is read as dialled at the channel's place. May be left out when the conversation is named. */
  number?: string
  /** The customer's name, when not known yet. */
  name?: string
  /** in: the customer called; out: we did. */
  direction: 'in' | 'out'
  result: 'reached' | 'missed' | 'voicemail'
  /** How long they spoke. */
  seconds?: number
  /** What it was about. */
  text?: string
  /** When it was; null: now. */
  at?: string | null
  /** Books a call-back with it, or moves the one that is booked. */
  callback?: {
    /** In the future, within a year. */
    due_at: string
    /** Who is to call; neither this nor a team: whoever books it. */
    agent_id?: number | null
    /** The team that is to call. */
    team_id?: number | null
    /** What it is about. */
    note?: string
  } | null
}

export interface Callback {
  id: number
  conversation_id: number
  /** Who is to be called. */
  contact: {
    id?: number
    name: string
    handle: string
  }
  due_at: string
  /** Who calls; null: the team. */
  agent: {
    id: number
    name: string
  } | null
  team: {
    id: number
    name: string
  } | null
  booked_by: {
    id: number
    name: string
  } | null
  note: string
  state: 'booked' | 'done' | 'cancelled'
  /** When it was told that it is due. */
  told_at: string | null
  /** When it was told that nobody had called. */
  missed_at: string | null
  /** How often it was put off. */
  moves: number
  created_at: string
  ended_at: string | null
  version: number
}

export interface CallbackBooking {
  /** In the future, within a year. */
  due_at: string
  /** Who is to call; neither this nor a team: whoever books it. */
  agent_id?: number | null
  /** The team that is to call. */
  team_id?: number | null
  /** What it is about. */
  note?: string
}

export interface CallbackPatch {
  /** Moves it: in the future, within a year. */
  due_at?: string
  /** Who is to call; neither this nor a team: whoever books it. */
  agent_id?: number | null
  /** The team that is to call. */
  team_id?: number | null
  /** What it is about. */
  note?: string
  /** It is over. */
  state?: 'done' | 'cancelled'
}

export interface Brand {
  id: number
  name: string
  /** what stands in its sign: one or two characters; '' the first of the name */
  mark: string
  /** #rrggbb; '' none */
  colour: string
  /** below answers of colleagues who have no signature of their own */
  signature: string
  /** public pages of the brand */
  links: Array<{
    title: string
    url: string
  }>
  /** how customers are asked over to the support account, by language; {account} is its handle; '' Heed's own words */
  steer_texts: {
    en: string
    id: string
    et: string
    fi: string
    ko: string
  }
  created_at: string
}

export interface BrandDraft {
  name: string
  /** what stands in its sign: one or two characters; '' the first of the name */
  mark?: string
  /** #rrggbb; '' none */
  colour?: string
  /** below answers of colleagues who have no signature of their own */
  signature?: string
  /** public pages of the brand */
  links?: Array<{
    title: string
    url: string
  }>
  /** how customers are asked over to the support account, by language; {account} is its handle; '' Heed's own words */
  steer_texts?: {
    en?: string
    id?: string
    et?: string
    fi?: string
    ko?: string
  }
}

export interface Steering {
  /** the conversation's channel names a support account, and it works */
  possible: boolean
  /** the support account's channel */
  channel_id: number | null
  /** what customers call it */
  account: string
  /** words that ask over, in the customer's language: the brand's, else Heed's */
  text: string
  /** when the customer was asked over */
  asked_at: string | null
  /** the conversation they were asked over from */
  from_id: number | null
  /** the one they came to; null: not yet, or not to be seen */
  to_id: number | null
  /** when they came */
  linked_at: string | null
}

export class Heed {
  constructor(settings: Settings)
  /** The same lists, item by item over all pages. */
  readonly each: {
    listSessions(params?: {  } | undefined, options?: Options): AsyncGenerator<Session, void, undefined>
    listAgents(params?: {  } | undefined, options?: Options): AsyncGenerator<Agent, void, undefined>
    listTeams(params?: {  } | undefined, options?: Options): AsyncGenerator<Team, void, undefined>
    listTags(params?: {  } | undefined, options?: Options): AsyncGenerator<Tag, void, undefined>
    listChannels(params?: {  } | undefined, options?: Options): AsyncGenerator<Channel, void, undefined>
    listQuarantine(params: { id: number; limit?: number }, options?: Options): AsyncGenerator<Quarantined, void, undefined>
    listTokens(params?: {  } | undefined, options?: Options): AsyncGenerator<Token, void, undefined>
    listConversations(params?: { q?: string; sort?: 'urgent' | 'newest' | 'oldest' | 'waiting' | 'created'; limit?: number; cursor?: string }, options?: Options): AsyncGenerator<Conversation, void, undefined>
    listHappenings(params: { id: number; limit?: number }, options?: Options): AsyncGenerator<Happening, void, undefined>
    listConversationLinks(params: { id: number }, options?: Options): AsyncGenerator<Conversation, void, undefined>
    listMessages(params: { id: number; limit?: number; cursor?: string; before?: number; from?: number }, options?: Options): AsyncGenerator<Message, void, undefined>
    listDrafts(params: { id: number }, options?: Options): AsyncGenerator<Draft, void, undefined>
    listScheduledSends(params: { id: number }, options?: Options): AsyncGenerator<ScheduledSend, void, undefined>
    listMessageVersions(params: { id: number }, options?: Options): AsyncGenerator<MessageVersion, void, undefined>
    listWays(params: { id: number }, options?: Options): AsyncGenerator<Way, void, undefined>
    listCollaborators(params: { id: number }, options?: Options): AsyncGenerator<Collaborator, void, undefined>
    findContacts(params?: { q?: string; limit?: number }, options?: Options): AsyncGenerator<ContactFound, void, undefined>
    suggestContacts(params: { id: number }, options?: Options): AsyncGenerator<ContactSuggestion, void, undefined>
    listPings(params?: { limit?: number; cursor?: string }, options?: Options): AsyncGenerator<Ping, void, undefined>
    listChannelKinds(params?: {  } | undefined, options?: Options): AsyncGenerator<ChannelKind, void, undefined>
    listQueryFields(params?: {  } | undefined, options?: Options): AsyncGenerator<QueryField, void, undefined>
    listWebhookKinds(params?: {  } | undefined, options?: Options): AsyncGenerator<WebhookKind, void, undefined>
    listWebhooks(params?: {  } | undefined, options?: Options): AsyncGenerator<Webhook, void, undefined>
    listWebhookDeliveries(params: { id: number; state?: 'waiting' | 'done' | 'failed' | 'cancelled'; limit?: number; cursor?: string }, options?: Options): AsyncGenerator<WebhookDelivery, void, undefined>
    listFolders(params?: {  } | undefined, options?: Options): AsyncGenerator<Folder, void, undefined>
    listBulk(params?: {  } | undefined, options?: Options): AsyncGenerator<Bulk, void, undefined>
    listPasskeys(params?: {  } | undefined, options?: Options): AsyncGenerator<Passkey, void, undefined>
    listCallbacks(params?: { limit?: number; cursor?: string }, options?: Options): AsyncGenerator<Callback, void, undefined>
    listConversationCallbacks(params: { id: number; limit?: number; cursor?: string }, options?: Options): AsyncGenerator<Callback, void, undefined>
    listBrands(params?: {  } | undefined, options?: Options): AsyncGenerator<Brand, void, undefined>
  }
  /** The live stream; connects again by itself and goes on where it was. */
  events(options?: { signal?: AbortSignal; lastEventId?: string }): AsyncGenerator<HeedEvent, void, undefined>
  /** Make the first workspace and its owner */
  setUp(params: { body: SetUp }, options?: Options): Promise<Me>
  /** Sign in with a password or a one-time code */
  signIn(params: { body: SignIn }, options?: Options): Promise<Me>
  /** Sign out here */
  signOut(params?: {  } | undefined, options?: Options): Promise<void>
  /** The second step of signing in: a code of the app or a recovery code */
  signInSecond(params: { body: SignInSecond }, options?: Options): Promise<Me>
  /** Who is signed in, and what they may do */
  getMe(params?: {  } | undefined, options?: Options): Promise<Me>
  /** Change one's own name, language, settings or password */
  updateMe(params: { body: MePatch }, options?: Options): Promise<Me>
  /** Where one is signed in */
  listSessions(params?: {  } | undefined, options?: Options): Promise<Page<Session>>
  /** Sign out everywhere but here */
  endOtherSessions(params?: {  } | undefined, options?: Options): Promise<void>
  /** Sign out somewhere */
  endSession(params: { id: number }, options?: Options): Promise<void>
  /** The workspace's name and settings */
  getWorkspace(params?: {  } | undefined, options?: Options): Promise<Workspace>
  /** Change the workspace's name or settings */
  updateWorkspace(params: { body: WorkspacePatch }, options?: Options): Promise<Workspace>
  /** All colleagues */
  listAgents(params?: {  } | undefined, options?: Options): Promise<Page<Agent>>
  /** Add a colleague; answers once with a sign-in link */
  createAgent(params: { body: AgentDraft }, options?: Options): Promise<Agent>
  /** Change a colleague's name, role or limits */
  updateAgent(params: { id: number; body: AgentPatch }, options?: Options): Promise<Agent>
  /** A sign-in link for a colleague */
  createSignInCode(params: { id: number }, options?: Options): Promise<SignInLink>
  /** All teams with their members */
  listTeams(params?: {  } | undefined, options?: Options): Promise<Page<Team>>
  /** Make a team */
  createTeam(params: { body: NameDraft }, options?: Options): Promise<Team>
  /** Rename a team */
  renameTeam(params: { id: number; body: NameDraft }, options?: Options): Promise<Team>
  /** Remove a team; its conversations lose it */
  deleteTeam(params: { id: number }, options?: Options): Promise<void>
  /** All tags, with how much open work carries each */
  listTags(params?: {  } | undefined, options?: Options): Promise<Page<Tag>>
  /** Make a tag */
  createTag(params: { body: NameDraft }, options?: Options): Promise<Tag>
  /** Rename a tag */
  renameTag(params: { id: number; body: NameDraft }, options?: Options): Promise<Tag>
  /** The channels one sees */
  listChannels(params?: {  } | undefined, options?: Options): Promise<Page<Channel>>
  /** Connect a channel */
  createChannel(params: { body: ChannelDraft }, options?: Options): Promise<Channel>
  /** One channel */
  getChannel(params: { id: number }, options?: Options): Promise<Channel>
  /** Change, stop or start a channel */
  updateChannel(params: { id: number; body: ChannelPatch }, options?: Options): Promise<Channel>
  /** Stop a channel; its conversations stay */
  disableChannel(params: { id: number }, options?: Options): Promise<void>
  /** Ask the network whether it works */
  testChannel(params: { id: number }, options?: Options): Promise<ChannelTest>
  /** A new secret for a custom channel */
  rotateChannelSecret(params: { id: number }, options?: Options): Promise<Secret>
  /** Events that could not be read */
  listQuarantine(params: { id: number; limit?: number }, options?: Options): Promise<Page<Quarantined>>
  /** Read an event again */
  retryQuarantined(params: { id: number; item_id: number }, options?: Options): Promise<void>
  /** Let an event go, on record */
  discardQuarantined(params: { id: number; item_id: number }, options?: Options): Promise<void>
  /** Messages by the hour */
  getChannelTraffic(params: { id: number }, options?: Options): Promise<Traffic>
  /** API tokens, without their secrets */
  listTokens(params?: {  } | undefined, options?: Options): Promise<Page<Token>>
  /** Make an API token; answers once with its secret */
  createToken(params: { body: TokenDraft }, options?: Options): Promise<Token>
  /** Revoke a token */
  deleteToken(params: { id: number }, options?: Options): Promise<void>
  /** Find conversations, most urgent first */
  listConversations(params?: { q?: string; sort?: 'urgent' | 'newest' | 'oldest' | 'waiting' | 'created'; limit?: number; cursor?: string }, options?: Options): Promise<Page<Conversation>>
  /** Write first, where the network allows */
  startConversation(params: { body: ConversationStart }, options?: Options): Promise<Conversation>
  /** One conversation */
  getConversation(params: { id: number }, options?: Options): Promise<Conversation>
  /** Close, snooze, assign, tag or prioritise */
  updateConversation(params: { id: number; body: ConversationPatch }, options?: Options): Promise<Conversation>
  /** Somebody opened it */
  markConversationRead(params: { id: number }, options?: Options): Promise<void>
  /** What colleagues did with a conversation */
  listHappenings(params: { id: number; limit?: number }, options?: Options): Promise<Page<Happening>>
  /** Another conversation goes into this one, and what comes in its thread later too */
  mergeConversation(params: { id: number; body: MergeDraft }, options?: Options): Promise<Conversation>
  /** Take back the merge by which this one went */
  unmergeConversation(params: { id: number }, options?: Options): Promise<Conversation>
  /** From a message on it becomes a conversation of its own */
  splitConversation(params: { id: number; body: SplitDraft }, options?: Options): Promise<Conversation>
  /** Conversations that have to do with this one */
  listConversationLinks(params: { id: number }, options?: Options): Promise<Page<Conversation>>
  /** Link it with another one, both ways */
  linkConversation(params: { id: number; body: LinkDraft }, options?: Options): Promise<void>
  /** They have nothing to do with each other after all */
  unlinkConversation(params: { id: number; other: number }, options?: Options): Promise<void>
  /** How much is in each folder, as far as one sees */
  getCounts(params?: {  } | undefined, options?: Options): Promise<Counts>
  /** Messages from the newest back, or on from one, each page in time order */
  listMessages(params: { id: number; limit?: number; cursor?: string; before?: number; from?: number }, options?: Options): Promise<Page<Message>>
  /** Answer the customer, or write a note (answering needs the right reply) */
  createMessage(params: { id: number; body: MessageDraft }, options?: Options): Promise<Message>
  /** Like a message on its network */
  likeMessage(params: { id: number }, options?: Options): Promise<Message>
  /** Take a like back */
  unlikeMessage(params: { id: number }, options?: Options): Promise<Message>
  /** Delete an own message on its network */
  deleteMessage(params: { id: number }, options?: Options): Promise<Message>
  /** Another text for an own note or, where the network allows, an own answer */
  editMessage(params: { id: number; body: MessageEdit }, options?: Options): Promise<Message>
  /** Say what became of an answer in doubt or failed */
  resolveMessage(params: { id: number; body: Resolution }, options?: Options): Promise<Message>
  /** The HTML of a mail, uncleaned */
  getMessageHtml(params: { id: number }, options?: Options): Promise<MailHtml>
  /** Fetch one picture from the net that a mail names; its sender may learn that the mail was read */
  getRemotePicture(params: { id: number; body: RemotePictureOf }, options?: Options): Promise<RemotePicture>
  /** What one has begun to write, and the drafts colleagues share */
  listDrafts(params: { id: number }, options?: Options): Promise<Page<Draft>>
  /** Keep what one has begun to write; mode is reply or note (a reply needs the right reply) */
  putDraft(params: { id: number; mode: number; body: DraftBody }, options?: Options): Promise<Draft>
  /** Take a colleague's shared draft over */
  takeDraft(params: { id: number; mode: number; body: DraftTaking }, options?: Options): Promise<Draft>
  /** Answers that go out later, or were stopped */
  listScheduledSends(params: { id: number }, options?: Options): Promise<Page<ScheduledSend>>
  /** Answer at a later moment */
  createScheduledSend(params: { id: number; body: ScheduledSendBody }, options?: Options): Promise<ScheduledSend>
  /** Another text or moment for an answer that waits */
  updateScheduledSend(params: { id: number; body: ScheduledSendBody }, options?: Options): Promise<ScheduledSend>
  /** Do not send it */
  cancelScheduledSend(params: { id: number }, options?: Options): Promise<void>
  /** Send it now */
  sendScheduledNow(params: { id: number }, options?: Options): Promise<Message>
  /** Take an answer back before it leaves; answers what was written */
  undoMessage(params: { id: number }, options?: Options): Promise<MessageDraft>
  /** The texts a message had before */
  listMessageVersions(params: { id: number }, options?: Options): Promise<Page<MessageVersion>>
  /** The ways an answer can go out, and until when */
  listWays(params: { id: number }, options?: Options): Promise<Page<Way>>
  /** One more way to the customer: what they answer there comes into this conversation */
  createWay(params: { id: number; body: WayBody }, options?: Options): Promise<Way>
  /** Who was asked in */
  listCollaborators(params: { id: number }, options?: Options): Promise<Page<Collaborator>>
  /** Ask a colleague in: collaborators may write notes then */
  inviteCollaborator(params: { id: number; body: Invitation }, options?: Options): Promise<void>
  /** And no longer */
  removeCollaborator(params: { id: number; agent_id: number }, options?: Options): Promise<void>
  /** Give it to a colleague or team with a summary, in one step */
  handOver(params: { id: number; body: HandOver }, options?: Options): Promise<Message>
  /** Find customers by name, handle or e-mail address */
  findContacts(params?: { q?: string; limit?: number }, options?: Options): Promise<Page<ContactFound>>
  /** A customer's card */
  getContact(params: { id: number }, options?: Options): Promise<Contact>
  /** Correct a name, note something */
  updateContact(params: { id: number; body: ContactPatch }, options?: Options): Promise<Contact>
  /** Who might be the same person, and why; never on a name alone */
  suggestContacts(params: { id: number }, options?: Options): Promise<Page<ContactSuggestion>>
  /** Show another contact under this one, until it is taken out again */
  mergeContact(params: { id: number; body: ContactRef }, options?: Options): Promise<Contact>
  /** Take a merged contact out again, with all that is its own */
  unmergeContact(params: { id: number; body: ContactRef }, options?: Options): Promise<Contact>
  /** These are two people: not suggested again */
  tellContactsApart(params: { id: number; body: ContactRef }, options?: Options): Promise<void>
  /** Put a file of any kind, to be sent with an answer (raw body) */
  putFile(params: { name?: string; body: Uint8Array | ArrayBuffer | Blob | string }, options?: Options): Promise<File>
  /** The bytes of a file, by a signed address; takes Range */
  getFile(params: { sha256: string; workspace?: number; expires?: number; as?: 'shown' | 'download'; name?: string; signature?: string }, options?: Options): Promise<Uint8Array>
  /** The bytes of an attachment; takes Range */
  getAttachment(params: { id: number; as?: 'shown' | 'download' }, options?: Options): Promise<Uint8Array>
  /** Server-sent events: hello, conversation, message, gone, counts, channel, presence, pings, resync */
  streamEvents(params?: {  } | undefined, options?: Options): Promise<Uint8Array>
  /** Which conversation one has open */
  setPresence(params: { body: Presence }, options?: Options): Promise<void>
  /** One's own pings, newest first */
  listPings(params?: { limit?: number; cursor?: string }, options?: Options): Promise<Page<Ping>>
  /** Put pings away: some, a conversation's, or all */
  seePings(params: { body: PingMarks }, options?: Options): Promise<void>
  /** They were on a screen that is looked at: no push is needed, and they reached the person */
  showPings(params: { body: PingsShown }, options?: Options): Promise<void>
  /** How one wants to be pinged */
  getPingChoice(params?: {  } | undefined, options?: Options): Promise<PingChoice>
  /** Choose how one is pinged */
  updatePingChoice(params: { body: PingChoice }, options?: Options): Promise<PingChoice>
  /** This installation's push key and one's own devices */
  getPush(params?: {  } | undefined, options?: Options): Promise<PushState>
  /** Let this browser take pushes */
  addPushDevice(params: { body: PushDraft }, options?: Options): Promise<PushDevice>
  /** Send it no more pushes */
  removePushDevice(params: { id: number }, options?: Options): Promise<void>
  /** Send it a push now */
  testPushDevice(params: { id: number }, options?: Options): Promise<void>
  /** Networks that Heed knows, and their limits */
  listChannelKinds(params?: {  } | undefined, options?: Options): Promise<Page<ChannelKind>>
  /** Fields of the query language */
  listQueryFields(params?: {  } | undefined, options?: Options): Promise<Page<QueryField>>
  /** How the last 24 hours went */
  getStatus(params?: {  } | undefined, options?: Options): Promise<Status>
  /** Who may what, as Markdown */
  getRights(params?: {  } | undefined, options?: Options): Promise<Uint8Array>
  /** This document */
  getOpenapi(params?: {  } | undefined, options?: Options): Promise<Record<string, unknown>>
  /** Events that webhooks can tell of */
  listWebhookKinds(params?: {  } | undefined, options?: Options): Promise<Page<WebhookKind>>
  /** Where other programs are told of events */
  listWebhooks(params?: {  } | undefined, options?: Options): Promise<Page<Webhook>>
  /** Tell another program of events; answers once with the secret */
  createWebhook(params: { body: WebhookDraft }, options?: Options): Promise<Webhook>
  /** One webhook */
  getWebhook(params: { id: number }, options?: Options): Promise<Webhook>
  /** Change it, switch it off or on */
  updateWebhook(params: { id: number; body: WebhookPatch }, options?: Options): Promise<Webhook>
  /** Remove it with its log */
  deleteWebhook(params: { id: number }, options?: Options): Promise<void>
  /** Sign with a new secret; answers with it once */
  rotateWebhookSecret(params: { id: number }, options?: Options): Promise<WebhookSecret>
  /** Send a test event there */
  testWebhook(params: { id: number }, options?: Options): Promise<WebhookDeliveryFull>
  /** What was sent there, newest first */
  listWebhookDeliveries(params: { id: number; state?: 'waiting' | 'done' | 'failed' | 'cancelled'; limit?: number; cursor?: string }, options?: Options): Promise<Page<WebhookDelivery>>
  /** One of them, with what was sent and each attempt's answer */
  getWebhookDelivery(params: { id: number; delivery: number }, options?: Options): Promise<WebhookDeliveryFull>
  /** Send it once more, under the same id */
  replayWebhookDelivery(params: { id: number; delivery: number }, options?: Options): Promise<WebhookDeliveryFull>
  /** Whether signing in has a second step */
  getSecondFactor(params?: {  } | undefined, options?: Options): Promise<SecondFactor>
  /** A key for an authenticator app; good once a first code is confirmed */
  beginTotp(params: { body: TotpBegin }, options?: Options): Promise<TotpSecret>
  /** Confirm it with a first code; answers once with recovery codes */
  confirmTotp(params: { body: FactorCode }, options?: Options): Promise<RecoveryCodes>
  /** Other recovery codes; the old ones end */
  renewRecoveryCodes(params: { body: FactorCode }, options?: Options): Promise<RecoveryCodes>
  /** Take the authenticator app away */
  removeSecondFactor(params: { body: FactorCode }, options?: Options): Promise<void>
  /** Take a colleague's second factors away, who lost them; ends their sessions */
  resetSecondFactor(params: { id: number }, options?: Options): Promise<void>
  /** Saved folders: one's own, one's teams', everybody's */
  listFolders(params?: {  } | undefined, options?: Options): Promise<Page<Folder>>
  /** Save a search as a folder; those that others see are made by leads */
  createFolder(params: { body: FolderDraft }, options?: Options): Promise<Folder>
  /** One saved folder */
  getFolder(params: { id: number }, options?: Options): Promise<Folder>
  /** Change a saved folder */
  updateFolder(params: { id: number; body: FolderPatch }, options?: Options): Promise<Folder>
  /** Remove a saved folder */
  deleteFolder(params: { id: number }, options?: Options): Promise<void>
  /** How much is in a saved folder */
  countFolder(params: { id: number }, options?: Options): Promise<FolderCount>
  /** Put saved folders in order */
  orderFolders(params: { body: FolderOrder }, options?: Options): Promise<void>
  /** One's last changes to many conversations */
  listBulk(params?: {  } | undefined, options?: Options): Promise<Page<Bulk>>
  /** Change many conversations: a selection, or all that a query finds */
  createBulk(params: { body: BulkDraft }, options?: Options): Promise<Bulk>
  /** How far it has come */
  getBulk(params: { id: number }, options?: Options): Promise<Bulk>
  /** Leave the rest as it is */
  stopBulk(params: { id: number }, options?: Options): Promise<Bulk>
  /** Take it back, except where somebody changed it again since */
  undoBulk(params: { id: number }, options?: Options): Promise<Bulk>
  /** One's own passkeys */
  listPasskeys(params?: {  } | undefined, options?: Options): Promise<Page<Passkey>>
  /** Keep the passkey that the browser made; from now on signing in has a second step */
  addPasskey(params: { body: PasskeyDraft }, options?: Options): Promise<PasskeyMade>
  /** What the browser needs to make a passkey; good for five minutes */
  beginPasskey(params: { body: SelfProof }, options?: Options): Promise<PasskeyAsk>
  /** Rename a passkey */
  renamePasskey(params: { id: number; body: PasskeyPatch }, options?: Options): Promise<Passkey>
  /** Remove a passkey; ends all other sessions */
  removePasskey(params: { id: number; body: SelfProof }, options?: Options): Promise<void>
  /** What the browser needs to sign in with a passkey; good for five minutes */
  beginSignInPasskey(params: { body: PasskeyBegin }, options?: Options): Promise<PasskeyRequest>
  /** Sign in with a passkey, or take the second step with one */
  signInPasskey(params: { body: PasskeyProof }, options?: Options): Promise<Me>
  /** Write down a call to or from a customer, and book a call-back with it */
  logCall(params: { body: CallLog }, options?: Options): Promise<Message>
  /** Call-backs that are booked, soonest first, as far as one sees their conversations */
  listCallbacks(params?: { limit?: number; cursor?: string }, options?: Options): Promise<Page<Callback>>
  /** Call-backs of a conversation, also those that are over */
  listConversationCallbacks(params: { id: number; limit?: number; cursor?: string }, options?: Options): Promise<Page<Callback>>
  /** Book a call-back: the conversation is snoozed until then. One is booked already: it is moved */
  bookCallback(params: { id: number; body: CallbackBooking }, options?: Options): Promise<Callback>
  /** Move a call-back, give it to somebody else, or say that it is over */
  updateCallback(params: { id: number; body: CallbackPatch }, options?: Options): Promise<Callback>
  /** All brands by name */
  listBrands(params?: {  } | undefined, options?: Options): Promise<Page<Brand>>
  /** Make a brand */
  createBrand(params: { body: BrandDraft }, options?: Options): Promise<Brand>
  /** Change a brand */
  updateBrand(params: { id: number; body: BrandDraft }, options?: Options): Promise<Brand>
  /** Remove a brand; its channels belong to none then */
  deleteBrand(params: { id: number }, options?: Options): Promise<void>
  /** Whether and how the customer can be asked over to a support account, and whether they came */
  getSteering(params: { id: number }, options?: Options): Promise<Steering>
}
/** Checks what a webhook of Heed brought (Standard Webhooks); answers with the event or throws. */
export function verifyWebhook(secret: string, headers: Headers | Record<string, string | string[] | undefined>, body: Uint8Array | string, now?: number): Promise<{ type: string; timestamp: string; data: Record<string, unknown> }>
