// SPDX-License-Identifier: AGPL-3.0-or-later
// Which texts the first paint needs: those that the modules reached from main.ts without a dynamic import
// ask for. The rest comes when somebody asks for one of them, or in an idle moment.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = new URL('../src/', import.meta.url).pathname

/** Exact keys, and prefixes of keys that are put together, in a source. */
export function asked(source) {
  const keys = new Set()
  const prefixes = new Set()
  for (const [, key] of source.matchAll(/['"`]([a-z0-9_]+\.[a-z0-9_]+)['"`]/g)) keys.add(key)
  for (const [, prefix] of source.matchAll(/`([a-z0-9_]+)\.\$\{/g)) prefixes.add(prefix)
  for (const [, prefix] of source.matchAll(/\bword\('([a-z0-9_]+)'/g)) prefixes.add(prefix)
  return { keys, prefixes }
}

function firstSources() {
  const seen = new Set()
  const visit = (path) => {
    if (seen.has(path)) return
    seen.add(path)
    for (const [, from] of readFileSync(path, 'utf8').matchAll(/^\s*(?:import|export)\s[^'"]*?['"](\.[^'"]+)['"]/gm)) {
      const target = join(dirname(path), from)
      const file = [target, `${target}.ts`, join(target, 'index.ts')].find((name) => /\.(ts|svelte)$/.test(name) && existsSync(name))
      if (file) visit(file)
    }
  }
  visit(join(root, 'main.ts'))
  return [...seen]
}

/** A language's texts as { first, later }, and the files that decide about it. */
export function split(language) {
  const file = join(root, 'text', `${language}.json`)
  const sources = firstSources()
  const used = sources.map((path) => asked(readFileSync(path, 'utf8')))
  const keys = new Set(used.flatMap((u) => [...u.keys]))
  const prefixes = new Set(used.flatMap((u) => [...u.prefixes]))
  const first = {}
  const later = {}
  for (const [key, value] of Object.entries(JSON.parse(readFileSync(file, 'utf8')))) (keys.has(key) || prefixes.has(key.split('.')[0]) ? first : later)[key] = value
  return { first, later, files: [file, ...sources] }
}
