// SPDX-License-Identifier: AGPL-3.0-or-later
// Builds the page into dist/ with hashed names and, beside each text file, its brotli and gzip form, so
// that the server never compresses anything while answering.
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { defineConfig, transformWithEsbuild, type Plugin } from 'vite'
import { split } from './tools/texts.mjs'

function compressed(): Plugin {
  const walk = (dir: string): string[] =>
    readdirSync(dir).flatMap((name) => {
      const path = join(dir, name)
      return statSync(path).isDirectory() ? walk(path) : [path]
    })
  return {
    name: 'compressed',
    apply: 'build',
    closeBundle: { order: 'post', sequential: true, handler() {
      for (const path of walk('dist')) {
        if (!/\.(js|css|html|svg|json|webmanifest)$/.test(path)) continue
        const bytes = readFileSync(path)
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }))
      }
    } },
  }
}

/** texts:en/first and texts:en/later: a language in two parts, see tools/texts.mjs. */
function texts(): Plugin {
  const name = /^\0?texts:(\w+)\/(first|later)$/
  return {
    name: 'texts',
    resolveId: (id) => (name.test(id) ? `\0${id}` : null),
    load(id) {
      const [, language, part] = name.exec(id) ?? []
      if (!language) return null
      const found = split(language)
      for (const file of found.files) this.addWatchFile(file)
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(part === 'first' ? found.first : found.later))})`
    },
  }
}

/** /sw.js: the worker with its version, the page's files and the words of pushes filled in. */
function worker(): Plugin {
  const walk = (dir: string, base = ''): string[] =>
    readdirSync(dir).flatMap((name) => {
      const path = join(dir, name)
      return statSync(path).isDirectory() ? walk(path, `${base}/${name}`) : [`${base}/${name}`]
    })
  return {
    name: 'worker',
    apply: 'build',
    closeBundle: { order: 'pre', sequential: true, async handler() {
      const files = walk('dist').filter((name) => /\.(js|css|html|svg|webmanifest)$/.test(name) && !name.startsWith('/.') && !/^\/(sw|chat)\.js$|^\/demo-/.test(name)).sort()
      const words = Object.fromEntries(['en', 'id', 'et', 'fi', 'ko'].map((language) => {
        const all = JSON.parse(readFileSync(`src/text/${language}.json`, 'utf8')) as Record<string, string>
        return [language, Object.fromEntries(Object.entries(all).filter(([key]) => key.startsWith('push_said.')).map(([key, value]) => [key.slice('push_said.'.length), value]))]
      }))
      const version = createHash('sha256')
      for (const file of files) version.update(file).update(readFileSync(`dist${file}`))
      version.update(JSON.stringify(words))
      const define = { VERSION: JSON.stringify(version.digest('hex').slice(0, 16)), FILES: JSON.stringify(files), WORDS: JSON.stringify(words) }
      const { code } = await transformWithEsbuild(readFileSync('src/sw.ts', 'utf8'), 'sw.ts', { define, minify: true, target: 'es2022', format: 'iife' })
      writeFileSync('dist/sw.js', code)
    } },
  }
}

const server = process.env.HEED_URL ?? 'http://127.0.0.1:8100'

export default defineConfig({
  plugins: [svelte(), texts(), worker(), compressed()],
  build: { target: 'es2022', minify: 'terser', terserOptions: { compress: { passes: 2 }, ecma: 2020 }, assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false, manifest: true, rollupOptions: { output: { experimentalMinChunkSize: 500 } } },
  server: { proxy: { '/api': { target: server, changeOrigin: true, headers: { origin: server } } } },
})
