// SPDX-License-Identifier: AGPL-3.0-or-later
// All words of the page. One language is loaded at a time; a text is a string with {names}, or an object
// of plural forms chosen by Intl.PluralRules on {n}. tools/check_text.mjs holds all files to the same keys.
import type en from './en.json'

export type Key = keyof typeof en
type Plural = Partial<Record<Intl.LDMLPluralRule, string>>
type Params = Record<string, string | number>

export const languages = { en: 'English', id: 'Indonesia', et: 'Eesti', fi: 'Suomi', ko: '한국어' } as const
export type Language = keyof typeof languages

type Words = Record<string, string | Plural>
type Load = () => Promise<{ default: Words }>

// What the first paint needs, and the rest: tools/texts.mjs decides.
const files: Record<Language, { first: Load; later: Load }> = {
  en: { first: () => import('texts:en/first'), later: () => import('texts:en/later') },
  id: { first: () => import('texts:id/first'), later: () => import('texts:id/later') },
  et: { first: () => import('texts:et/first'), later: () => import('texts:et/later') },
  fi: { first: () => import('texts:fi/first'), later: () => import('texts:fi/later') },
  ko: { first: () => import('texts:ko/first'), later: () => import('texts:ko/later') },
}

class Text {
  language = $state<Language>('en')
  words = $state.raw<Words>({})
  #whole: Promise<void> | undefined
  /** For Intl: the browser's own flavour of the language, so that a Briton gets 24 hours and an American 12. */
  locale = $derived(
    navigator.languages.find((tag) => tag.split('-')[0] === this.language && tag.includes('-')) ??
      (this.language === 'en' ? 'en-GB' : this.language),
  )
  rules = $derived(new Intl.PluralRules(this.locale))
  number = $derived(new Intl.NumberFormat(this.locale))
  clock = $derived(new Intl.DateTimeFormat(this.locale, { hour: '2-digit', minute: '2-digit' }))
  week = $derived(new Intl.DateTimeFormat(this.locale, { weekday: 'short' }))
  day = $derived(new Intl.DateTimeFormat(this.locale, { day: 'numeric', month: 'short' }))
  weekday = $derived(new Intl.DateTimeFormat(this.locale, { weekday: 'long', day: 'numeric', month: 'long' }))
  date = $derived(new Intl.DateTimeFormat(this.locale, { day: 'numeric', month: 'short', year: 'numeric' }))
  full = $derived(new Intl.DateTimeFormat(this.locale, { dateStyle: 'full', timeStyle: 'medium' }))

  async use(language: Language): Promise<void> {
    const words = (await files[language].first()).default
    this.#whole = undefined
    this.words = words
    this.language = language
    document.documentElement.lang = language
  }
  /** The rest of the language; asked for by whoever misses a text. */
  whole(): Promise<void> {
    const language = this.language
    this.#whole ??= files[language].later().then(({ default: later }) => {
      if (this.language === language) this.words = { ...this.words, ...later }
    }, () => {
      this.#whole = undefined
    })
    return this.#whole
  }
}
export const text = new Text()

export function browserLanguage(): Language {
  for (const tag of navigator.languages) {
    const language = tag.split('-')[0] as Language
    if (language in languages) return language
  }
  return 'en'
}

function template(key: Key, params?: Params): string {
  const found = text.words[key]
  // Blank until the rest is here: a moment, and then the whole page is drawn with it.
  if (found === undefined) {
    void text.whole()
    return ''
  }
  if (typeof found === 'object') return found[text.rules.select(Number(params?.n ?? 0))] ?? found.other ?? key
  return found
}
const show = (value: string | number | undefined): string =>
  typeof value === 'number' ? text.number.format(value) : (value ?? '')

export function t(key: Key, params?: Params): string {
  return template(key, params).replace(/\{(\w+)\}/g, (_, name: string) => show(params?.[name]))
}

/** The same in pieces, for texts in which the filled-in names stand out. */
export function pieces(key: Key, params: Params): { text: string; name: boolean }[] {
  return template(key, params)
    .split(/(\{\w+\})/)
    .filter(Boolean)
    .map((part) => (/^\{\w+\}$/.test(part) ? { text: show(params[part.slice(1, -1)]), name: true } : { text: part, name: false }))
}

/** 'as a word of the page' lookups for values that come from the server: unknown ones show themselves. */
export function word(prefix: string, value: string): string {
  if (!value) return ''
  const key = `${prefix}.${value}`
  if (key in text.words) return t(key as Key)
  void text.whole()
  return value
}

/** "6 min", "1 h 6 min", "3 d": two units at most, rounded down. */
export function duration(ms: number, short = false): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000))
  const hours = Math.floor(minutes / 60)
  const days = Math.floor(hours / 24)
  if (days >= 3 || (days >= 1 && hours % 24 === 0)) return t('time.days', { n: days })
  if (days >= 1) return short ? t('time.hours', { n: hours }) : `${t('time.days', { n: days })} ${t('time.hours', { n: hours % 24 })}`
  if (hours >= 10 || (hours >= 1 && (short || minutes % 60 === 0))) return t('time.hours', { n: hours })
  if (hours >= 1) return `${t('time.hours', { n: hours })} ${t('time.minutes', { n: minutes % 60 })}`
  if (minutes >= 1) return t('time.minutes', { n: minutes })
  return ms < 0 ? t('time.minutes', { n: 0 }) : t('time.seconds', { n: Math.max(0, Math.floor(ms / 1000)) })
}

const sameDay = (a: Date, b: Date) => a.toDateString() === b.toDateString()

/** A moment as short as it is clear: "14:41", "Sat 14:41", "21 Nov, 14:41" or with the year. */
export function moment(at: string | number, now: number, withTime = true): string {
  const date = new Date(at)
  const today = new Date(now)
  const clock = text.clock.format(date)
  if (sameDay(date, today)) return clock
  if (Math.abs(date.getTime() - now) < 6 * 86_400_000) return withTime ? `${text.week.format(date)} ${clock}` : text.week.format(date)
  const day = date.getFullYear() === today.getFullYear() ? text.day.format(date) : text.date.format(date)
  return withTime ? `${day}, ${clock}` : day
}

export function bytes(n: number): string {
  if (n < 1000) return `${text.number.format(n)} B`
  const kilo = n < 1_000_000
  return `${text.number.format(Math.round((n / (kilo ? 1000 : 1_000_000)) * 10) / 10)} ${kilo ? 'kB' : 'MB'}`
}
