// SPDX-License-Identifier: AGPL-3.0-or-later
// The chat widget: one classic script, beside the page's files in dist/, with its compressed forms.
import { readFileSync, writeFileSync } from 'node:fs'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { defineConfig } from 'vite'

export default defineConfig({
  publicDir: false,
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: false,
    minify: 'terser',
    terserOptions: { compress: { passes: 2 }, ecma: 2020 },
    reportCompressedSize: false,
    lib: { entry: 'widget/main.ts', formats: ['iife'], name: 'heedChat', fileName: () => 'chat.js' },
  },
  plugins: [
    {
      name: 'compressed',
      closeBundle() {
        const bytes = readFileSync('dist/chat.js')
        writeFileSync('dist/chat.js.gz', gzipSync(bytes, { level: 9 }))
        const packed = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } })
        writeFileSync('dist/chat.js.br', packed)
        if (packed.length > 25 * 1024) throw new Error(`chat.js has ${packed.length} bytes compressed, more than 25 KB`)
        console.log(`chat.js: ${(packed.length / 1024).toFixed(1)} KB of 25 KB (brotli)`)
      },
    },
  ],
})
