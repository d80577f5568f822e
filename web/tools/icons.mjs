// SPDX-License-Identifier: AGPL-3.0-or-later
// Draws the page's icons from our own mark with Chromium: node tools/icons.mjs (needs tests/browser's packages).
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
const { chromium } = createRequire(new URL('../../tests/browser/package.json', import.meta.url))('playwright-core')

const mark = (size, ink, paper, scale) => `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="0 0 24 24"><rect width="24" height="24" fill="${paper}"/><g fill="none" stroke="${ink}" stroke-width="3" stroke-linecap="round" transform="translate(12 12) scale(${scale}) translate(-12 -12)"><circle cx="12" cy="12" r="9" opacity=".3"/><path d="M12 3a9 9 0 1 1-8.5 12"/><circle cx="12" cy="12" r="3" fill="${ink}" stroke="none"/></g></svg>`
const icons = [
  ['icon-192.png', 192, '#1f5d4e', '#faf9f6', 0.8],
  ['icon-512.png', 512, '#1f5d4e', '#faf9f6', 0.8],
  ['icon-mask-512.png', 512, '#faf9f6', '#1f5d4e', 0.58],
  ['icon-180.png', 180, '#1f5d4e', '#faf9f6', 0.72],
  ['badge-96.png', 96, '#ffffff', 'none', 0.9],
]
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })
for (const [name, size, ink, paper, scale] of icons) {
  const page = await browser.newPage({ viewport: { width: size, height: size } })
  await page.setContent(`<style>body{margin:0}svg{display:block}</style>${mark(size, ink, paper, scale)}`)
  await page.screenshot({ path: fileURLToPath(new URL(`../public/${name}`, import.meta.url)), omitBackground: true })
  await page.close()
}
await browser.close()
