-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: contact_one :one
SELECT id, name, language, note, email, phone, time_zone, consent, consent_note, consent_at, merged_into, created_at
  FROM contact
 WHERE workspace_id = :workspace AND id = :id;

-- name: contact_merged_into :one
-- Under whom a contact is shown; 0: it stands for itself. Locked where the database knows locks.
SELECT merged_into FROM contact WHERE workspace_id = :workspace AND id = :id
-- only: postgres
FOR UPDATE
-- only: both
;

-- name: contact_parts :many
-- The contacts that are shown under this one, and under those, with what is kept of them.
-- scan: ok, the part found so far and a sort of those few
WITH RECURSIVE part (id) AS (
    SELECT k.id FROM contact k
     WHERE k.workspace_id = :workspace AND k.merged_into = :contact AND k.merged_into <> 0
    UNION ALL
    SELECT k.id FROM part JOIN contact k ON k.merged_into = part.id
     WHERE k.workspace_id = :workspace AND k.merged_into <> 0)
SELECT k.id, k.name, k.note, k.email, k.phone, k.consent, k.merged_at, coalesce(a.name, '') AS merged_by
  FROM part
  JOIN contact k ON k.workspace_id = :workspace AND k.id = part.id
  LEFT JOIN agent a ON a.workspace_id = k.workspace_id AND a.id = k.merged_by
 ORDER BY k.merged_at, k.id
 LIMIT 100;

-- name: contact_identities :many
-- Under which names a customer writes.
SELECT id, kind, handle, name, external_id, CASE home_contact_id WHEN 0 THEN contact_id ELSE home_contact_id END AS contact_id
  FROM identity
 WHERE workspace_id = :workspace AND contact_id = :contact
 ORDER BY id
 LIMIT 100;

-- name: contact_conversations :many
-- All a customer ever asked, newest first; the caller drops what the reader may not see. What came in
-- in the moment of a merge still carries the part's number.
-- scan: ok, the parts are few, and one customer's conversations are sorted
WITH RECURSIVE part (id) AS (
    SELECT k.id FROM contact k WHERE k.workspace_id = :workspace AND k.id = :contact
    UNION ALL
    SELECT k.id FROM part JOIN contact k ON k.merged_into = part.id
     WHERE k.workspace_id = :workspace AND k.merged_into <> 0)
SELECT c.id, c.channel_id, c.team_id, c.channel_kind, c.status, c.preview, c.last_message_at, c.waiting_since
  FROM part JOIN conversation c ON c.contact_id = part.id
 WHERE c.workspace_id = :workspace AND c.merged_into = 0
 ORDER BY c.last_message_at DESC
 LIMIT 100;

-- name: contact_tags :many
-- scan: ok, sorted by name, a few rows
SELECT t.id, t.name
  FROM contact_tag ct JOIN tag t ON t.workspace_id = ct.workspace_id AND t.id = ct.tag_id
 WHERE ct.workspace_id = :workspace AND ct.contact_id = :contact
 ORDER BY t.name_key;

-- name: contact_tag_clear :exec
DELETE FROM contact_tag WHERE workspace_id = :workspace AND contact_id = :contact;

-- name: contact_tag_add :exec
INSERT INTO contact_tag (workspace_id, contact_id, tag_id) VALUES (:workspace, :contact, :tag) ON CONFLICT DO NOTHING;

-- name: contact_set :exec
-- What a colleague knows better than the network.
UPDATE contact SET name = :name, note = :note, language = :language, email = :email, email_key = :email_key, phone = :phone,
       phone_key = :phone_key, time_zone = :time_zone, consent = :consent, consent_note = :consent_note, consent_at = :consent_at,
       updated_at = :now
 WHERE workspace_id = :workspace AND id = :id;

-- name: contact_rename_conversations :exec
-- The list shows the name from the conversation's own row.
UPDATE conversation SET contact_name = :name, updated_at = :now, version = version + 1
 WHERE workspace_id = :workspace AND contact_id = :contact;

-- name: contact_merge_identities :exec
-- Where they belong stays on record.
UPDATE identity SET home_contact_id = CASE home_contact_id WHEN 0 THEN contact_id ELSE home_contact_id END, contact_id = :target
 WHERE workspace_id = :workspace AND contact_id = :contact;

-- name: contact_merge_homes :exec
INSERT INTO conversation_home (workspace_id, conversation_id, contact_id)
SELECT workspace_id, id, contact_id FROM conversation WHERE workspace_id = :workspace AND contact_id = :contact
ON CONFLICT DO NOTHING;

-- name: contact_merge_conversations :exec
UPDATE conversation SET contact_id = :target, contact_name = :name, updated_at = :now, version = version + 1
 WHERE workspace_id = :workspace AND contact_id = :contact;

-- name: contact_set_merged :exec
-- target 0: stands for itself again.
UPDATE contact SET merged_into = :target, merged_at = :at, merged_by = :agent, updated_at = :now
 WHERE workspace_id = :workspace AND id = :contact;

-- name: contact_part_identities :exec
-- The identities of a part go back to it.
-- scan: ok, the part found so far
UPDATE identity SET contact_id = :part
 WHERE workspace_id = :workspace AND contact_id = :whole AND home_contact_id IN (
    WITH RECURSIVE part (id) AS (
        SELECT k.id FROM contact k WHERE k.workspace_id = :workspace AND k.id = :part
        UNION ALL
        SELECT k.id FROM part JOIN contact k ON k.merged_into = part.id
         WHERE k.workspace_id = :workspace AND k.merged_into <> 0)
    SELECT id FROM part);

-- name: contact_part_conversations :exec
-- Its conversations too: those it brought along, and those since then that one of its identities began.
-- scan: ok, the parts are few; one conversation's first message is looked up by its index
UPDATE conversation SET contact_id = :part, contact_name = :name, updated_at = :now, version = version + 1
 WHERE workspace_id = :workspace AND contact_id = :whole AND (
    EXISTS (
        WITH RECURSIVE part (id) AS (
            SELECT k.id FROM contact k WHERE k.workspace_id = :workspace AND k.id = :part
            UNION ALL
            SELECT k.id FROM part JOIN contact k ON k.merged_into = part.id
             WHERE k.workspace_id = :workspace AND k.merged_into <> 0)
        SELECT 1 FROM conversation_home h JOIN part ON part.id = h.contact_id
         WHERE h.workspace_id = :workspace AND h.conversation_id = conversation.id)
    OR (NOT EXISTS (SELECT 1 FROM conversation_home h
                     WHERE h.workspace_id = :workspace AND h.conversation_id = conversation.id)
        AND :part = (SELECT i.contact_id
                       FROM message m JOIN identity i ON i.workspace_id = m.workspace_id AND i.id = m.identity_id
                      WHERE m.workspace_id = :workspace AND m.conversation_id = conversation.id AND m.kind = 'message'
                        AND m.direction = 'in'
                      ORDER BY m.created_at, coalesce(m.external_id, ''), m.id
                      LIMIT 1)));

-- name: contact_by_email :many
-- Who gave this address, or writes from it.
SELECT k.id FROM contact k WHERE k.workspace_id = :workspace AND k.email_key = :email AND k.email_key <> ''
UNION
SELECT i.contact_id FROM identity i
 WHERE i.workspace_id = :workspace AND i.kind = 'email' AND i.scope = '' AND i.external_id = :email
 LIMIT 20;

-- name: contact_by_phone :many
SELECT k.id FROM contact k WHERE k.workspace_id = :workspace AND k.phone_key = :phone AND k.phone_key <> '' LIMIT 20;

-- name: contact_by_handle :many
-- Who has this name (folded, without @) on another network.
SELECT i.contact_id FROM identity i
 WHERE i.workspace_id = :workspace AND lower(ltrim(i.handle, '@')) = :handle AND i.kind <> :kind
 LIMIT 20;

-- name: contact_is_apart :one
SELECT count(*) FROM contact_apart WHERE workspace_id = :workspace AND low_id = :low AND high_id = :high;

-- name: contact_set_apart :exec
INSERT INTO contact_apart (workspace_id, low_id, high_id, agent_id, at) VALUES (:workspace, :low, :high, :agent, :now)
ON CONFLICT DO NOTHING;
