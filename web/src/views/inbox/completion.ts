// SPDX-License-Identifier: AGPL-3.0-or-later
// What a query could go on with at the caret: fields, their values, saved folders. Loaded when somebody
// goes to the search box.
import { quote } from '../../state/folders'
import { session } from '../../state/session.svelte'
import { t, text, type Key } from '../../text/text.svelte'

export interface Offer {
  insert: string
  title: string
  hint: string
}
type Value = { value: string; hint: string }

const FIRST = ['is', 'channel', 'tag', 'assigned', 'waiting', 'lang', 'from', 'has']
const LANGUAGES = 'ar bg bn cs da de el en es et fa fi fr he hi hr hu id it ja ko lt lv ms nb nl pl pt ro ru sk sl sr sv ta th tr uk ur vi zh'.split(' ')

/** The word the caret is in; a quote that is open goes on over spaces. */
export const tokenAt = (value: string, caret: number): string => /(?:[^\s()"]|"[^"]*"?)*$/.exec(value.slice(0, caret))?.[0] ?? ''

/** In the reader's language where it is known, else as the server says it. */
function told(key: string, fallback: string): string {
  if (key in text.words) return t(key as Key)
  void text.whole()
  return fallback
}
const fields: Record<string, (value: string) => string> = {
  is: (value) => `query_is.${value}`,
  has: (value) => `query_has.${value}`,
  kind: (value) => `query_kind.${value}`,
  visibility: (value) => `query_visibility.${value}`,
  priority: (value) => `priority.${value}`,
}
const common = (value: string) => told(`query_value.${value}`, '')
const people = (): Value[] => session.agents.filter((a) => !a.disabled).map((x) => ({ value: x.email, hint: x.name }))
const plain = (names: string[]): Value[] => names.map((value) => ({ value, hint: common(value) }))

function languages(): Value[] {
  const names = new Intl.DisplayNames([text.locale], { type: 'language' })
  return LANGUAGES.map((value) => ({ value, hint: names.of(value) ?? '' }))
}

function values(name: string, customers: Value[]): Value[] {
  const field = session.fields.find((f) => f.name === name)
  const list: Value[] = (field?.values ?? []).map((value) => ({ value, hint: told(fields[name]?.(value) ?? '', common(value)) }))
  if (name === 'tag') list.push(...session.tags.map((x) => ({ value: x.name, hint: '' })), ...plain(['any']))
  if (name === 'channel') list.push(...session.channels.map((x) => ({ value: x.name, hint: x.handle })), ...[...new Set(session.channels.map((x) => x.kind))].map((kind) => ({ value: kind, hint: session.kind(kind)?.title ?? '' })))
  if (name === 'assigned') list.push(...plain(['me', 'any', 'none']), ...people())
  if (name === 'mentions') list.push(...plain(['me', 'any']), ...people())
  if (name === 'from') list.push(...customers)
  if (name === 'team') list.push(...session.teams.map((x) => ({ value: x.name, hint: '' })), ...plain(['any', 'none']))
  if (name === 'lang') list.push(...languages(), ...plain(['any']))
  if (field?.kind === 'time') for (const value of name === 'due' ? ['<+1h', '<+1d', 'any'] : ['>30m', '>2h', '>1d', '<1h', 'any']) list.push({ value, hint: common(value) })
  return list.filter((v, i) => list.findIndex((w) => w.value === v.value) === i)
}

export function offers(value: string, token: string, customers: Value[]): Offer[] {
  const minus = token.startsWith('-') ? '-' : ''
  const bare = token.slice(minus.length)
  const colon = bare.indexOf(':')
  if (colon < 0) {
    if (!bare && value.trim()) return []
    const typed = bare.toLowerCase()
    return session.fields
      .filter((f) => f.name.startsWith(typed) && (bare || FIRST.includes(f.name)))
      .map((f): Offer => ({ insert: `${minus}${f.name}:`, title: `${minus}${f.name}:`, hint: told(`query_field.${f.name}`, f.doc) }))
      .concat(bare ? (session.folders ?? []).filter((f) => f.name.toLowerCase().startsWith(typed)).map((f) => ({ insert: `${minus}(${f.q})`, title: f.name, hint: f.q })) : [])
      .slice(0, 8)
  }
  const last = /(?:[^,"]|"[^"]*"?)*$/.exec(bare.slice(colon + 1))?.[0] ?? ''
  const typed = last.replaceAll('"', '').toLowerCase()
  const kept = bare.slice(0, bare.length - last.length)
  return values(bare.slice(0, colon).toLowerCase(), customers)
    .filter((v) => `${v.value} ${v.hint}`.toLowerCase().includes(typed) && v.value.toLowerCase() !== typed)
    .sort((a, b) => Number(!a.value.toLowerCase().startsWith(typed)) - Number(!b.value.toLowerCase().startsWith(typed)))
    .slice(0, 8)
    .map((v) => ({ insert: minus + kept + (/^[<>]/.test(v.value) ? v.value : quote(v.value)), title: v.value, hint: v.hint }))
}
