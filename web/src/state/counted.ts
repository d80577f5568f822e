// SPDX-License-Identifier: AGPL-3.0-or-later
// A folder's count as people read it: saved folders are counted to 1,000, and sometimes only about.
import { text } from '../text/text.svelte'
import { session } from './session.svelte'

export function counted(folder: string, n: number): string {
  if (!folder.startsWith('folder:') && folder !== 'mentions') return text.number.format(n)
  if (n > 1000) return `${text.number.format(1000)}+`
  return `${session.about[folder] ? '~' : ''}${text.number.format(n)}`
}
