// SPDX-License-Identifier: AGPL-3.0-or-later
// Weighs the first load: the entry, what it imports at once, and the English texts, as brotli. Fails above
// the budget of design.md.
import { readFileSync, statSync } from 'node:fs'

const LIMIT = 60 * 1024
const dist = new URL('../dist/', import.meta.url).pathname
const manifest = JSON.parse(readFileSync(`${dist}.vite/manifest.json`, 'utf8'))
const seen = new Set()
function visit(key) {
  if (seen.has(key)) return
  seen.add(key)
  for (const next of manifest[key].imports ?? []) visit(next)
}
visit('index.html')
visit(Object.keys(manifest).find((key) => key.endsWith('texts:en/first')))
let script = 0
for (const key of seen) script += statSync(`${dist}${manifest[key].file}.br`).size
const css = [...seen].flatMap((key) => manifest[key].css ?? []).reduce((sum, file) => sum + statSync(`${dist}${file}.br`).size, 0)
const kb = (n) => `${(n / 1024).toFixed(1)} KB`
console.log(`First load: script ${kb(script)} of ${kb(LIMIT)}, style ${kb(css)} (brotli)`)
if (script > LIMIT) process.exit(1)
