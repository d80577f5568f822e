-- SPDX-License-Identifier: AGPL-3.0-or-later
-- A message of ours that passes another one on to an outside address. It answers nobody.
ALTER TABLE message ADD COLUMN forward_of INTEGER NOT NULL DEFAULT 0;
