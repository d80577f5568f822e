// SPDX-License-Identifier: AGPL-3.0-or-later
// Pictures of the demo workspace for the manual: docs/pictures/*.png.   node pictures.mjs
import { mkdirSync } from 'node:fs'
import { Browser } from './lib/browser.mjs'
import { Heed } from './lib/heed.mjs'

const target = new URL('../../docs/pictures/', import.meta.url).pathname
mkdirSync(target, { recursive: true })
const heed = await Heed.start({ demo: true })
const browser = await Browser.start()
const first = await browser.page()
await first.goto(heed.link('Sign in'))
await first.waitForSelector('[data-row]')
await first.waitForTimeout(4000)
const storageState = await first.context().storageState()

async function picture(name, path, { width = 1440, height = 900, theme = 'light' }, steps = async () => {}) {
  const page = await browser.page({ width, height, theme, storageState, name })
  await page.goto(heed.url + path)
  await page.waitForSelector('[data-row], .head h1')
  await page.waitForTimeout(500)
  await steps(page)
  await page.waitForTimeout(900)
  await page.screenshot({ path: `${target}${name}.png` })
  await page.context().close()
}
const third = async (page) => {
  for (let i = 0; i < 3; i++) {
    await page.keyboard.press('j')
    await page.waitForTimeout(300)
  }
}
await picture('inbox', '/inbox/unanswered', {}, third)
await picture('inbox-dark', '/inbox/unanswered', { theme: 'dark' }, third)
await picture('inbox-phone', '/inbox/unanswered', { width: 390, height: 844 })
await picture('palette', '/inbox/unanswered', {}, async (page) => {
  await third(page)
  await page.keyboard.press('Control+k')
  await page.waitForSelector('.pal input')
  await page.keyboard.type('as')
})
await picture('channels', '/settings/channels', {})
await picture('keys', '/inbox/unanswered', {}, async (page) => {
  await page.keyboard.press('?')
  await page.waitForSelector('.sheet')
})
console.log(browser.problems.length ? browser.problems : `pictures in docs/pictures`)
await browser.stop()
await heed.stop()
process.exit(browser.problems.length ? 1 : 0)
