// SPDX-License-Identifier: AGPL-3.0-or-later
// Holds the language files to the same keys, names and plural forms; every text the source asks for must be
// there and no text may lie unused; no two commands may share a key, unless they exclude one another.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { asked } from './texts.mjs'

const root = new URL('../src/', import.meta.url).pathname
const errors = []
const read = (name) => JSON.parse(readFileSync(join(root, 'text', name), 'utf8'))
const en = read('en.json')
const names = (value) => [...new Set(JSON.stringify(value).match(/\{\w+\}/g) ?? [])].sort().join()

for (const file of readdirSync(join(root, 'text')).filter((name) => name.endsWith('.json'))) {
  const language = file.slice(0, -5)
  const words = read(file)
  const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories
  for (const key of Object.keys(en)) {
    const value = words[key]
    if (value === undefined) errors.push(`${file}: ${key} is missing`)
    else if (names(value) !== names(en[key])) errors.push(`${file}: ${key} names ${names(value) || 'nothing'}, English ${names(en[key]) || 'nothing'}`)
    else if (typeof value === 'object') {
      for (const form of forms) if (!value[form]) errors.push(`${file}: ${key} lacks the form "${form}"`)
      for (const form of Object.keys(value)) if (!forms.includes(form)) errors.push(`${file}: ${key} has the form "${form}", which ${language} never uses`)
    } else if (!value.trim()) errors.push(`${file}: ${key} is empty`)
    if (typeof value !== 'object' && typeof en[key] === 'object' && forms.length > 1) errors.push(`${file}: ${key} needs plural forms`)
  }
  for (const key of Object.keys(words)) if (!(key in en)) errors.push(`${file}: ${key} is not in English`)
}

const sources = (dir) =>
  readdirSync(dir).flatMap((name) => {
    const path = join(dir, name)
    return statSync(path).isDirectory() ? sources(path) : /\.(svelte|ts)$/.test(name) ? [path] : []
  })
const used = new Set()
const notTexts = new Set(['message.created'])
const prefixes = new Set()
for (const path of sources(root)) {
  const found = asked(readFileSync(path, 'utf8'))
  for (const key of found.keys) used.add(key)
  for (const prefix of found.prefixes) prefixes.add(prefix)
}
for (const key of used) if (notTexts.has(key)) continue; else if (prefixes.has(key.split('.')[0]) ? false : !(key in en) && Object.keys(en).some((k) => k.startsWith(`${key.split('.')[0]}.`))) errors.push(`source asks for ${key}, which no language has`)
for (const key of Object.keys(en)) if (!used.has(key) && !prefixes.has(key.split('.')[0])) errors.push(`${key} is used nowhere`)

const exclusive = [['close', 'reopen'], ['spam', 'not_spam']]
const owner = new Map()
for (const [, id, keys] of readFileSync(join(root, 'keys/commands.ts'), 'utf8').matchAll(/\{ id: '(\w+)'.*?keys: \[([^\]]*)\]/g)) {
  for (const [, key] of keys.matchAll(/'([^']+)'/g)) {
    const other = owner.get(key)
    if (other && !exclusive.some((pair) => pair.includes(id) && pair.includes(other))) errors.push(`commands ${other} and ${id} share the key ${key}`)
    owner.set(key, id)
  }
}
if (owner.size < 25) errors.push('the command table could not be read')

for (const error of errors) console.error(error)
console.log(`${Object.keys(en).length} texts, ${owner.size} keys, ${errors.length} problems`)
if (errors.length) process.exit(1)
