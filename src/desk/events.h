// SPDX-License-Identifier: AGPL-3.0-or-later
// The kinds of events in the log, in one list; docs/words.md says what each one's data holds. Readers
// compare with these, so a new kind is added here first.
#pragma once

#define EVENT_CONVERSATION_CREATED  "conversation.created"
#define EVENT_CONVERSATION_UPDATED  "conversation.updated" // {changes: {status: {before, after}, …}, reason?}
#define EVENT_CONVERSATION_MERGED   "conversation.merged" // {other}: which went into this one
#define EVENT_CONVERSATION_UNMERGED "conversation.unmerged"
#define EVENT_CONVERSATION_SPLIT    "conversation.split" // {other}: the other part
#define EVENT_CONVERSATION_LINKED   "conversation.linked"
#define EVENT_CONVERSATION_UNLINKED "conversation.unlinked"
#define EVENT_MESSAGE_MOVED         "message.moved"     // {from}: the conversation it was in
#define EVENT_CONVERSATION_READ     "conversation.read" // unread fell to 0

#define EVENT_CONVERSATION_SCHEDULED                                                                         \
    "conversation.scheduled" // {id, what: created, changed, cancelled, sent, stopped, failed; send_at}
#define EVENT_CONVERSATION_INVITED "conversation.invited" // {agent_id, invited}
#define EVENT_CONVERSATION_WAY     "conversation.way"     // {route_id, channel_id}: one more way out
#define EVENT_CONVERSATION_CALLBACK                                                                          \
    "conversation.callback" // {id, what: booked, moved, due, missed, done, cancelled; due_at, agent_id,
                            // team_id}
#define EVENT_MENTION       "mention"       // {agent_ids}: named in note message_id
#define EVENT_DRAFT_UPDATED "draft.updated" // {conversation_id, mode, agent_id, version, shared}

#define EVENT_MESSAGE_CREATED    "message.created"    // {direction, kind, origin, late?}
#define EVENT_MESSAGE_EDITED     "message.edited"     // {version}
#define EVENT_MESSAGE_DELETED    "message.deleted"    // {version}
#define EVENT_MESSAGE_STATE      "message.state"      // {before, after, error?}
#define EVENT_MESSAGE_LIKED      "message.liked"      // {liked}
#define EVENT_MESSAGE_ATTACHMENT "message.attachment" // {attachment_id, state}
#define EVENT_MESSAGE_MERGED                                                                                 \
    "message.merged" // {into}: this row was another sight of message `into`; 0: of a new row

#define EVENT_CONTACT_CREATED  "contact.created" // {contact_id}
#define EVENT_CONTACT_UPDATED  "contact.updated"
#define EVENT_CONTACT_MERGED   "contact.merged" // {contact_id, part_id}: the part is shown under the contact
#define EVENT_CONTACT_UNMERGED "contact.unmerged" // {contact_id, part_id}
#define EVENT_TAG_CREATED      "tag.created"      // {id, name}
#define EVENT_TAG_UPDATED      "tag.updated"
#define EVENT_TAG_DELETED      "tag.deleted"
#define EVENT_TEAM_CREATED     "team.created"
#define EVENT_TEAM_UPDATED     "team.updated"
#define EVENT_TEAM_DELETED     "team.deleted"

#define EVENT_FOLDER_CREATED "folder.created" // {id, of_agent}: of_agent 0 when others see it
#define EVENT_FOLDER_UPDATED "folder.updated"
#define EVENT_FOLDER_DELETED "folder.deleted"

#define EVENT_BRAND_CREATED "brand.created" // {id}
#define EVENT_BRAND_UPDATED "brand.updated"
#define EVENT_BRAND_DELETED "brand.deleted"

#define EVENT_CONVERSATION_STEERED                                                                           \
    "conversation.steered" // {channel_id, conversation_id: where they came; 0: asked over}

#define EVENT_INBOUND_QUARANTINED "inbound.quarantined" // {inbound_id, reason}
#define EVENT_INBOUND_RETRIED     "inbound.retried"

#define EVENT_CHANNEL_CREATED "channel.created"
#define EVENT_CHANNEL_UPDATED "channel.updated" // state, reason, name, settings: read the row

#define EVENT_AGENT_CREATED     "agent.created" // {id}
#define EVENT_AGENT_UPDATED     "agent.updated"
#define EVENT_AGENT_SIGNED_IN   "agent.signed_in"
#define EVENT_SESSION_ENDED     "session.ended"
#define EVENT_TOKEN_CREATED     "token.created"
#define EVENT_TOKEN_DELETED     "token.deleted"
#define EVENT_WORKSPACE_UPDATED "workspace.updated"

#define EVENT_FACTOR_ADDED   "factor.added" // {id}: signing in has a second step now
#define EVENT_FACTOR_CODES   "factor.codes"
#define EVENT_FACTOR_REMOVED "factor.removed"
#define EVENT_FACTOR_RESET   "factor.reset" // by an administrator

#define EVENT_PASSKEY_ADDED   "passkey.added" // {passkey_id}
#define EVENT_PASSKEY_RENAMED "passkey.renamed"
#define EVENT_PASSKEY_REMOVED "passkey.removed"
#define EVENT_PASSKEY_REFUSED "passkey.refused" // its counter went backwards: there may be a copy

#define EVENT_WEBHOOK_CREATED  "webhook.created" // {webhook_id}
#define EVENT_WEBHOOK_UPDATED  "webhook.updated"
#define EVENT_WEBHOOK_DELETED  "webhook.deleted"
#define EVENT_WEBHOOK_DISABLED "webhook.disabled" // {webhook_id, reason}: Heed gave it up

#define EVENT_PINGS_CHANGED "pings.changed" // {agent_ids}: their pings are others now
#define EVENT_PING_PASSED   "ping.passed"   // {from, to, kind}: it did not reach the one, so the other has it
#define EVENT_PING_ALONE    "ping.alone"    // {from, kind}: it reached nobody, and nobody else is there
#define EVENT_TARGET_NEAR   "target.near"   // {urgent_at}: nobody answered, and soon it is late
#define EVENT_MENTION       "mention"       // {agent_ids}: named in a note
