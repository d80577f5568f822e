-- SPDX-License-Identifier: AGPL-3.0-or-later
-- name: brand_list :many
-- All brands of a workspace by name.
SELECT id, name, mark, colour, signature, links, steer_texts, created_at FROM brand WHERE workspace_id = :workspace ORDER BY name_key;

-- name: brand_one :one
SELECT id, name, mark, colour, signature, links, steer_texts, created_at FROM brand WHERE workspace_id = :workspace AND id = :id;

-- name: brand_locked :one
-- The same, read in order to change it.
SELECT id, name, mark, colour, signature, links, steer_texts, created_at FROM brand WHERE workspace_id = :workspace AND id = :id
-- only: postgres
   FOR UPDATE
-- only: both
;

-- name: brand_count :one
SELECT count(*) FROM brand WHERE workspace_id = :workspace;

-- name: brand_insert :one
INSERT INTO brand (workspace_id, name, name_key, mark, colour, signature, links, steer_texts, created_at)
VALUES (:workspace, :name, :key, :mark, :colour, :signature, :links, :texts, :now)
RETURNING id;

-- name: brand_set :exec
UPDATE brand SET name = :name, name_key = :key, mark = :mark, colour = :colour, signature = :signature, links = :links,
       steer_texts = :texts
 WHERE workspace_id = :workspace AND id = :id;

-- name: brand_delete :exec
DELETE FROM brand WHERE workspace_id = :workspace AND id = :id;

-- name: brand_leave :exec
-- A brand goes: its channels belong to none.
-- scan: ok, a workspace has a handful of channels
UPDATE channel SET brand_id = 0 WHERE workspace_id = :workspace AND brand_id = :brand;

-- name: brand_channels :many
-- Which channel is whose, and where customers are steered to.
-- scan: ok, a workspace has a handful of channels
SELECT id, brand_id, steer_to FROM channel WHERE workspace_id = :workspace ORDER BY id;

-- name: brand_channel_set :exec
UPDATE channel SET brand_id = :brand, steer_to = :steer_to WHERE workspace_id = :workspace AND id = :id;

-- name: brand_channel :one
-- What steering asks of a channel.
SELECT kind, state, brand_id, steer_to, handle, name FROM channel WHERE workspace_id = :workspace AND id = :id;

-- name: brand_texts :many
-- How the channel's brand asks customers over.
SELECT b.steer_texts FROM channel h JOIN brand b ON b.workspace_id = h.workspace_id AND b.id = h.brand_id
 WHERE h.workspace_id = :workspace AND h.id = :channel;

-- name: steering_put :exec
-- Asked over (again).
INSERT INTO steering (workspace_id, conversation_id, channel_id, contact_id, agent_id, message_id, created_at)
VALUES (:workspace, :conversation, :channel, :contact, :agent, :message, :now)
ON CONFLICT (workspace_id, conversation_id) DO UPDATE
   SET channel_id = excluded.channel_id, contact_id = excluded.contact_id, agent_id = excluded.agent_id,
       message_id = excluded.message_id, created_at = excluded.created_at, link_id = 0, linked_at = NULL;

-- name: steering_get :many
-- Whether the customer of a conversation was asked over, or came from there.
SELECT s.conversation_id, s.channel_id, s.link_id, s.created_at, s.linked_at, c.channel_id AS from_channel, c.team_id AS from_team,
       coalesce(o.channel_id, 0) AS link_channel, coalesce(o.team_id, 0) AS link_team, c.merged_into AS from_merged,
       coalesce(o.merged_into, 0) AS link_merged
  FROM steering s
  JOIN conversation c ON c.workspace_id = s.workspace_id AND c.id = s.conversation_id
  LEFT JOIN conversation o ON o.workspace_id = s.workspace_id AND o.id = s.link_id
 WHERE s.workspace_id = :workspace AND s.conversation_id = :conversation
UNION ALL
SELECT s.conversation_id, s.channel_id, s.link_id, s.created_at, s.linked_at, c.channel_id, c.team_id,
       coalesce(o.channel_id, 0), coalesce(o.team_id, 0), c.merged_into, coalesce(o.merged_into, 0)
  FROM steering s
  JOIN conversation c ON c.workspace_id = s.workspace_id AND c.id = s.conversation_id
  LEFT JOIN conversation o ON o.workspace_id = s.workspace_id AND o.id = s.link_id
 WHERE s.workspace_id = :workspace AND s.link_id = CAST(:conversation AS BIGINT) AND s.link_id <> 0;

-- name: steering_waiting :many
-- From which conversation the customer of this one had been asked over to this channel when they wrote, and had not
-- come yet: the newest.
-- The same contact, or the same handle on the same network.
-- scan: ok, the few askings of one person are sorted
-- args: workspace, channel, conversation, since, at
SELECT s.conversation_id
  FROM conversation c
  JOIN steering s ON s.workspace_id = c.workspace_id AND s.channel_id = :channel AND s.link_id = 0 AND s.conversation_id <> c.id
  JOIN conversation f ON f.workspace_id = s.workspace_id AND f.id = s.conversation_id
 WHERE c.workspace_id = :workspace AND c.id = :conversation AND c.channel_id = :channel AND f.merged_into = 0
   AND ((c.contact_id <> 0 AND f.contact_id = c.contact_id)
        OR (c.contact_handle <> '' AND f.channel_kind = c.channel_kind
            AND lower(ltrim(f.contact_handle, '@')) = lower(ltrim(c.contact_handle, '@'))))
   AND s.created_at >= :since AND s.created_at <= :at
 ORDER BY s.created_at DESC, s.conversation_id DESC LIMIT 1;

-- name: steering_link :exec
-- They came.
UPDATE steering SET link_id = :link, linked_at = :now
 WHERE workspace_id = :workspace AND conversation_id = :conversation AND link_id = 0;
