// SPDX-License-Identifier: AGPL-3.0-or-later
// Networks in one's own language: those that are names stay names.
import { text, word } from '../../text/text.svelte'

export const kindTitle = (kind: string, title: string) => (`kind.${kind}` in text.words ? word('kind', kind) : title)
export const kindText = (kind: string) => (`kind.${kind}_text` in text.words ? word('kind', `${kind}_text`) : '')
