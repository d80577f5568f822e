// SPDX-License-Identifier: AGPL-3.0-or-later
// Keys of one's own: what the keyboard means while a new key is being chosen, and who has it already.
import { commands, keysOf, type Command } from './commands'

/** Pairs that are never possible at the same moment may share a key. */
const exclusive = [['close', 'reopen'], ['spam', 'not_spam']]
const may = (a: string, b: string) => exclusive.some((pair) => pair.includes(a) && pair.includes(b))

/** The command that stands in the way: the same key, or one that begins with the other. */
export function holder(id: string, keys: string): Command | undefined {
  return commands.find((c) => c.id !== id && !may(c.id, id) && keysOf(c).some((k) => k === keys || k.startsWith(`${keys} `) || keys.startsWith(`${k} `)))
}
/** Belongs to the browser or to moving about; not for commands. */
export const refused = (keys: string): boolean => /^(Escape|Tab|shift\+Tab| |Enter|Backspace|F\d+|mod\+[a-z])$/.test(keys) && !/^mod\+k$/.test(keys)

