// SPDX-License-Identifier: AGPL-3.0-or-later
// Builds the page into dist/ with hashed names and, beside each text file, its brotli and gzip form, so
// that the server never compresses anything while answering.
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'
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
    closeBundle() {
      for (const path of walk('dist')) {
        if (!/\.(js|css|html|svg|json)$/.test(path)) continue
        const bytes = readFileSync(path)
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }))
      }
    },
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

const server = process.env.HEED_URL ?? 'http://127.0.0.1:8100'

export default defineConfig({
  plugins: [svelte(), texts(), compressed()],
  build: { target: 'es2022', minify: 'terser', terserOptions: { compress: { passes: 2 }, ecma: 2020 }, assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false, manifest: true, rollupOptions: { output: { experimentalMinChunkSize: 4_000 } } },
  server: { proxy: { '/api': { target: server, changeOrigin: true, headers: { origin: server } } } },
})
