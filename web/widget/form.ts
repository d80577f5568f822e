// SPDX-License-Identifier: AGPL-3.0-or-later
// What is asked before the first message: labels, what is missing said at its field and by the field's name.
import type { Config } from './api'
import { el } from './dom'
import type { Word } from './words'

export interface Asked {
  text: string
  name?: string
  email?: string
  answers?: { question: string; answer: string }[]
}
type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement

export function firstForm(config: Config, away: boolean, known: boolean, t: (word: Word, fill?: Record<string, string>) => string, send: (asked: Asked) => void): HTMLFormElement {
  const form = el('form', { class: 'form', novalidate: true })
  const checks: (() => Field | null)[] = []
  let n = 0
  function field(label: string, required: boolean, input: Field, bad: (value: string) => string): Field {
    const name = `q${n++}`
    const error = el('span', { class: 'err', id: `${name}e` })
    input.id = name
    input.setAttribute('aria-describedby', error.id)
    if (required) input.setAttribute('aria-required', 'true')
    form.append(el('div', {}, el('label', { for: name }, label, !required && el('small', {}, ` (${t('optional')})`)), input, error))
    checks.push(() => {
      const value = input.value.trim()
      error.textContent = !value ? (required ? t('needed') : '') : bad(value)
      input.setAttribute('aria-invalid', error.textContent ? 'true' : 'false')
      return error.textContent ? input : null
    })
    return input
  }
  const fine = () => ''
  if (away) form.append(el('p', {}, t('away')))
  const name = !known && (config.ask_name || away) ? field(t('name'), config.ask_name, el('input', { autocomplete: 'name', maxlength: '60', dir: 'auto' }), fine) : null
  const address = !known && (config.ask_email || away) ? field(t('email'), true, el('input', { type: 'email', autocomplete: 'email', maxlength: '200' }), (v) => (/^[^\s@<>",;()]+@[^\s@<>",;()]+\.[^\s@<>",;()]+$/.test(v) ? '' : t('badEmail'))) : null
  const answers = config.questions.map((q): [string, Field] => {
    const input = q.kind === 'choice' ? el('select', {}, el('option', { value: '' }, t('choose')), ...(q.choices ?? []).map((c) => el('option', {}, c))) : q.kind === 'long' ? el('textarea', { maxlength: '1000', dir: 'auto' }) : el('input', { maxlength: '300', dir: 'auto' })
    return [q.label, field(q.label, q.required === true, input, fine)]
  })
  const text = field(t('message'), true, el('textarea', { maxlength: '5000', dir: 'auto' }), fine)
  form.append(el('button', { class: 'go' }, away ? t('leave') : t('start')))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const wrong = checks.map((check) => check()).find((input) => input)
    if (wrong) return wrong.focus()
    const given = answers.map(([question, input]) => ({ question, answer: input.value.trim() })).filter((a) => a.answer)
    send({ text: text.value.trim(), ...(name?.value.trim() ? { name: name.value.trim() } : {}), ...(address?.value.trim() ? { email: address.value.trim() } : {}), ...(given.length ? { answers: given } : {}) })
  })
  return form
}
