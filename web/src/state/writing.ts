// SPDX-License-Identifier: AGPL-3.0-or-later
// What the composer on the screen lets others do with it; empty when there is none.
import type { MessageDraft } from '../api/shapes'

export const writing: {
  restore?: (draft: MessageDraft) => void
  /** What comes back to a conversation that is only being opened: its text is among the drafts. */
  pending?: { id: number; draft: MessageDraft }
} = {}
