// SPDX-License-Identifier: AGPL-3.0-or-later
// Lengths as each network counts them.
import type { TextLimit } from '../../api/shapes'

const segmenter = 'Segmenter' in Intl ? new Intl.Segmenter(undefined, { granularity: 'grapheme' }) : null
const encoder = new TextEncoder()

export function length(text: string, unit: TextLimit['unit']): number {
  switch (unit) {
    case 'utf16':
      return text.length
    case 'bytes':
      return encoder.encode(text).length
    case 'graphemes':
      return segmenter ? [...segmenter.segment(text)].length : [...text].length
    default:
      return [...text].length
  }
}

/** What is left of a limit, in its own unit or in bytes when those run out first. */
export function left(text: string, limit: TextLimit): { n: number; max: number; unit: TextLimit['unit'] } {
  const own = { n: limit.max ? limit.max - length(text, limit.unit) : Infinity, max: limit.max, unit: limit.unit }
  if (!limit.max_bytes) return own
  const bytes = { n: limit.max_bytes - length(text, 'bytes'), max: limit.max_bytes, unit: 'bytes' as const }
  const fuller = bytes.n < 0 || bytes.n / bytes.max < own.n / (own.max || 1)
  return fuller ? bytes : own
}
