// SPDX-License-Identifier: AGPL-3.0-or-later
// What the composer on the screen lets others do with it; empty when there is none.
import type { MessageDraft } from '../api/shapes'

export const writing: { restore?: (draft: MessageDraft) => void } = {}
