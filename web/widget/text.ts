// SPDX-License-Identifier: AGPL-3.0-or-later
// Text as people write it becomes nodes, never markup: addresses are links when they are http or https and
// nothing else; one to three emoji alone are shown large.
const ADDRESS = /https?:\/\/[^\s<>"'`]+/gi

export function fill(into: HTMLElement, text: string): void {
  let at = 0
  for (const match of text.matchAll(ADDRESS)) {
    const whole = match[0].replace(/[.,;:!?)\]}»”’]+$/u, '')
    let url: URL
    try {
      url = new URL(whole)
    } catch {
      continue
    }
    if (url.protocol !== 'http:' && url.protocol !== 'https:') continue
    into.append(text.slice(at, match.index))
    const link = document.createElement('a')
    link.href = url.href
    link.target = '_blank'
    link.rel = 'noopener noreferrer nofollow ugc'
    link.textContent = whole
    into.append(link)
    at = match.index + whole.length
  }
  into.append(text.slice(at))
}

const EMOJI = /^(?:\p{Extended_Pictographic}|\p{Regional_Indicator}|\p{Emoji_Modifier}|[\u200d\ufe0f\u20e3\s])+$/u
export function onlyEmoji(text: string): boolean {
  const plain = text.trim()
  if (!plain || plain.length > 32 || !EMOJI.test(plain)) return false
  return [...new Intl.Segmenter().segment(plain.replace(/\s/g, ''))].length <= 3
}
