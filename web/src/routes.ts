// SPDX-License-Identifier: AGPL-3.0-or-later
// Addresses of the page and the little router over the History API. Everything has a URL.

export type Route =
  | { view: 'inbox'; folder: string; q: string }
  | { view: 'conversation'; id: number }
  | { view: 'settings'; page: string; rest: string[] }
  | { view: 'sign_in'; code: string }
  | { view: 'setup'; code: string }

export function read(location: { pathname: string; search: string; hash: string }): Route {
  const parts = location.pathname.split('/').filter(Boolean).map(safeDecode)
  const [first, second, ...rest] = parts
  const code = location.hash.slice(1)
  if (first === 'sign-in') return { view: 'sign_in', code }
  if (first === 'setup') return { view: 'setup', code }
  if (first === 'settings') return { view: 'settings', page: second ?? 'workspace', rest }
  if (first === 'conversations' && /^\d{1,16}$/.test(second ?? '')) return { view: 'conversation', id: Number(second) }
  return { view: 'inbox', folder: second ?? 'unanswered', q: new URLSearchParams(location.search).get('q') ?? '' }
}

function safeDecode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export const inboxUrl = (folder: string, q = ''): string =>
  `/inbox/${encodeURIComponent(folder).replaceAll('%3A', ':')}${q ? `?${new URLSearchParams({ q })}` : ''}`
export const conversationUrl = (id: number): string => `/conversations/${id}`
export const settingsUrl = (...parts: (string | number)[]): string => `/settings/${parts.map((p) => encodeURIComponent(p)).join('/')}`
