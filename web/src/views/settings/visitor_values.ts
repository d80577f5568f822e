// SPDX-License-Identifier: AGPL-3.0-or-later
// Settings of channels whose network is Heed itself, as people type them: questions a line each.
export type Values = Record<string, string | boolean>
interface Question {
  label: string
  required?: boolean
  kind?: string
  choices?: string[]
}
const languages = ['auto', 'en', 'et', 'fi', 'id', 'ko']
const asked = ['required', 'optional', 'off']
export const CHOICES: Record<string, Record<string, string[]>> = {
  chat: { scheme: ['auto', 'light', 'dark'], position: ['right', 'left'], language: languages, offline: ['form', 'chat', 'hide'], agent_names: ['first', 'full', 'brand'] },
  form: { language: languages, ask_name: asked, ask_email: asked, ask_subject: asked },
}
export const LONG = ['closed_days', 'allowed_origins', 'greeting', 'notice', 'questions', 'thanks']

// "Order number *", "Size: S, M, L", "Tell us more …"
export function parseQuestions(text: string): Question[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const required = line.endsWith('*')
      const plain = line.replace(/\s*\*$/, '')
      const [label = '', list] = plain.split(/:\s+(.*)/s)
      const long = /(\.\.\.|…)$/.test(plain)
      return { label: label.replace(/\s*(\.\.\.|…)$/, '').trim(), ...(required ? { required } : {}), ...(list ? { kind: 'choice', choices: list.split(',').map((c) => c.trim()).filter(Boolean) } : long ? { kind: 'long' } : {}) }
    })
}
export const formatQuestions = (list: unknown): string =>
  (Array.isArray(list) ? (list as Question[]) : []).map((q) => `${q.label}${q.kind === 'choice' ? `: ${(q.choices ?? []).join(', ')}` : q.kind === 'long' ? ' …' : ''}${q.required ? ' *' : ''}`).join('\n')

// Opening hours: the API's lines, as a list of spans for each day from Monday on.
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
export type Day = { from: string; to: string }[]
export function unpackHours(text: string): Day[] {
  let lines: { days?: string[]; from?: string; to?: string }[] = []
  try {
    const read: unknown = JSON.parse(text || '[]')
    if (Array.isArray(read)) lines = read as typeof lines
  } catch {
    // Shown as no hours; saving says what is wrong.
  }
  return DAYS.map((day) => lines.filter((line) => line.days?.includes(day)).map((line) => ({ from: line.from ?? '', to: line.to ?? '' })).sort((a, b) => a.from.localeCompare(b.from)))
}
/** Does this one begin before another of the same day, which begins no later, has ended? */
export function overlaps(spans: Day, at: number): boolean {
  const minutes = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
  const range = (span: Day[number]) => [minutes(span.from), minutes(span.to) + (minutes(span.to) <= minutes(span.from) ? 24 * 60 : 0)] as const
  const [own] = spans[at] ? range(spans[at]) : [0]
  return spans.some((span, i) => {
    const [from, to] = range(span)
    return i !== at && (from < own || (from === own && i < at)) && own < to
  })
}
/** Days with the same hours share a line. */
export function packHours(week: Day[]): string {
  const lines = new Map<string, { days: string[]; from: string; to: string }>()
  week.forEach((spans, i) => {
    for (const { from, to } of spans) {
      const end = to === '00:00' ? '24:00' : to
      const line = lines.get(from + end) ?? { days: [], from, to: end }
      line.days.push(DAYS[i] ?? '')
      lines.set(from + end, line)
    }
  })
  return JSON.stringify([...lines.values()])
}

export const isVisitors = (kind: string) => kind === 'chat' || kind === 'form'
// From the API's settings to what is typed, and back.
export function toValues(settings: Record<string, unknown>): Values {
  const values: Values = {}
  for (const [name, value] of Object.entries(settings)) values[name] = name === 'questions' ? formatQuestions(value) : name === 'hours' ? JSON.stringify(value ?? []) : name === 'closed_days' ? (Array.isArray(value) ? value.join('\n') : '') : typeof value === 'boolean' ? value : String(value ?? '')
  return values
}
export function fromValues(values: Values, names: string[]): Record<string, unknown> {
  const settings: Record<string, unknown> = {}
  for (const name of names) {
    const value = values[name]
    if (value === undefined) continue
    if (name === 'questions') settings[name] = parseQuestions(String(value))
    else if (name === 'hours') settings[name] = JSON.parse(String(value) || '[]')
    else if (name === 'closed_days') settings[name] = String(value).split(/[\s,;]+/).filter(Boolean)
    else if (typeof value === 'boolean') settings[name] = value
    else if (name === 'privacy_url' && !value.trim()) settings[name] = null
    else settings[name] = value.trim()
  }
  return settings
}
