// SPDX-License-Identifier: AGPL-3.0-or-later
// Prints docs/shortcuts.md from the page's one command table (src/keys/commands.ts) and its English texts.
import { readFileSync } from 'node:fs'

const here = new URL('../src/', import.meta.url)
const source = readFileSync(new URL('keys/commands.ts', here), 'utf8')
const text = JSON.parse(readFileSync(new URL('text/en.json', here), 'utf8'))
const title = (key) => text[key] ?? key.split('.').reduce((at, part) => at?.[part], text) ?? key

const row = /\{ id: '([^']+)', title: '([^']+)', icon: '[^']+', group: '([^']+)', keys: \[([^\]]*)\]/g
const groups = { list: [], conversation: [], go: [], page: [] }
for (const [, id, name, group, keys] of source.matchAll(row)) {
  groups[group].push({ id, title: title(name), keys: [...keys.matchAll(/'([^']+)'/g)].map((k) => k[1]) })
}
const shown = (key) => key.split(' ').map((part) => part.split('+').map((k) => ({ mod: 'Ctrl/Cmd', shift: 'Shift', ArrowDown: '↓', ArrowUp: '↑' })[k] ?? (k.length === 1 ? k.toUpperCase() : k)).join(' + ')).join(' then ')
const heads = { list: 'The list', conversation: 'The open conversation', go: 'Go to', page: 'The page' }
const out = ['# Keys', '', 'Made from the page’s own command table; `?` shows the same on the page. Single keys rest while you type and can be switched off under *Settings → Me*; each can be changed under *Settings → Keys*.', '']
for (const [group, commands] of Object.entries(groups)) {
  if (!commands.length) throw new Error(`no command of group ${group} was found in commands.ts`)
  out.push(`## ${heads[group]}`, '', '| key | what it does |', '|---|---|')
  for (const c of commands) out.push(`| ${c.keys.map((k) => `\`${shown(k)}\``).join(' or ')} | ${c.title} |`)
  out.push('')
}
process.stdout.write(out.join('\n'))
