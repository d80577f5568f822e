// SPDX-License-Identifier: AGPL-3.0-or-later
// Pictures of the demo workspace for README and manuals.   node pictures.mjs [--check]
// Writes docs/pictures/*.png; with --check build/pictures/*.png, so that a page that changed under its
// picture fails. Each picture must be shown by a document, and each one shown must be taken here.
import { mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { Browser } from './lib/browser.mjs'
import { Heed } from './lib/heed.mjs'
import { deliver, startMail } from './lib/mailbox.mjs'
import { until } from './lib/run.mjs'

const root = new URL('../../', import.meta.url).pathname
const target = `${root}${process.argv.includes('--check') ? 'build' : 'docs'}/pictures/`
const taken = []
const failed = []
mkdirSync(target, { recursive: true })
const servers = await startMail()
const heed = await Heed.start({ demo: true, name: 'localhost', allow: [`localhost:${servers.imaps}`, `localhost:${servers.smtps}`], env: { SSL_CERT_FILE: servers.cert } })
await heed.asProgram('mari@saltmarsh.example')
const browser = await Browser.start()
const first = await browser.page()
await first.goto(heed.link('Sign in'))
await first.waitForSelector('[data-row]')
await first.waitForTimeout(4000)
const storageState = await first.context().storageState()

async function picture(name, path, { width = 1440, height = 900, theme = 'light' }, steps = async () => {}) {
  const page = await browser.page({ width, height, theme, storageState, name })
  try {
    await page.goto(heed.site + path)
    await page.waitForSelector('[data-row], .head h1')
    await page.waitForTimeout(500)
    await steps(page)
    await page.waitForTimeout(900)
    await page.screenshot({ path: `${target}${name}.png` })
    taken.push(`${name}.png`)
  } catch (error) {
    failed.push(`${name}: ${String(error.message ?? error).split('\n')[0]}`)
  }
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
await picture('customer', '/inbox/unanswered', {}, async (page) => {
  await third(page)
  await page.getByRole('button', { name: 'Correct this customer' }).click()
  await page.getByLabel('Time zone').fill('Asia/Seoul')
  await page.getByLabel('Phone').fill('+82 2-555-0101')
  await page.getByLabel('Tags').fill('VIP')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.locator('.cust-tags').waitFor()
})
await picture('folders', `/inbox/all?q=${encodeURIComponent('is:open waiting:>30m')}`, {}, async (page) => {
  await page.keyboard.press('Shift+S')
  await page.locator('.folder-edit').waitFor()
  await page.keyboard.type('Waiting for long')
  await page.locator('.folder-edit .fold-set').last().locator('label').nth(2).click()
})
await picture('merging', '/inbox/unanswered', {}, async (page) => {
  await third(page)
  await page.locator('.bub').first().waitFor()
  await page.keyboard.press('Shift+M')
  await page.locator('.picker .choice').first().waitFor()
})
await picture('pings', '/settings/pings', {})
await picture('passkeys', '/settings/me', {}, async (page) => {
  const device = await page.context().newCDPSession(page)
  await device.send('WebAuthn.enable')
  await device.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } })
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.locator('#passkeys').getByLabel('Name', { exact: true }).fill('Work laptop')
  await page.getByRole('button', { name: 'Go on, on the device' }).click()
  await page.locator('#passkeys').getByText('Work laptop').waitFor()
  await page.getByRole('button', { name: 'I have kept them' }).click()
  await page.locator('.toast').waitFor({ state: 'detached' }).catch(() => {})
  await page.locator('.set-main').evaluate((e) => e.scrollTo(0, e.scrollHeight))
})
await picture('channels', '/settings/channels', {})
await picture('chat-settings', '/settings/channels/new/chat', {}, async (page) => {
  await page.getByLabel('Name customers see').fill('Saltmarsh')
  await page.getByLabel('Greeting').fill('Hello. Ask anything about orders, sizes or repairs.')
  await page.locator('.preview').scrollIntoViewIfNeeded()
})
await picture('mail-settings', '/settings/channels/new/email', {}, async (page) => {
  await page.getByRole('button', { name: 'Own server' }).click()
  await page.getByLabel('Name in Heed').fill('Post')
})
await picture('keys', '/inbox/unanswered', {}, async (page) => {
  await page.keyboard.press('?')
  await page.waitForSelector('.sheet')
})

// The last, because a mailbox more is to be seen everywhere.
const { address, login, password } = servers.accounts.desk
const post = await heed.api('POST', '/channels', { kind: 'email', name: 'Post', settings: { address, login, password, imap: `imaps://localhost:${servers.imaps}`, smtp: `smtps://localhost:${servers.smtps}`, days_back: '1' } })
await until(async () => (await heed.api('GET', `/channels/${post.id}`)).state === 'active', 'the mailbox is connected', 20_000)
const mail = (from, subject, id, text, more = []) => deliver(servers.smtp, address, [`From: ${from}`, `To: ${address}`, `Subject: ${subject}`, `Message-ID: <${id}@elsewhere.test>`, `Date: ${new Date(Date.now() - 20 * 60_000).toUTCString()}`, 'MIME-Version: 1.0', 'Content-Type: text/plain; charset=utf-8', ...more, '', ...text, ''].join('\n'))
await mail('Eve Lindholm <eve@elsewhere.test>', 'Zip of the Tide jacket', 'one', ['Hello,', '', 'the zip of my Tide jacket broke on the second walk. I have the bill', '(SM-21877). Can it be repaired, or do I send it back?', '', 'Best wishes', 'Eve', '', 'On Monday the shop wrote:', '> Your parcel is on its way.', '> Saltmarsh Outdoor'])
const mailed = await until(async () => (await heed.api('GET', `/conversations?q=${encodeURIComponent('channel:Post is:any')}`)).items[0], 'the mail is here', 75_000)
await picture('mail', `/conversations/${mailed.id}`, {}, async (page) => {
  await page.locator('.mail').first().waitFor()
  await page.getByRole('button', { name: 'Change recipients and subject' }).click()
  await page.locator('.c-text').fill('Dear Eve, we repair it for nothing. A label for the parcel is on its way to you.')
})

const shown = new Set(
  ['README.md', ...readdirSync(`${root}docs`, { recursive: true }).filter((file) => file.endsWith('.md')).map((file) => `docs/${file}`)].flatMap((file) => [...readFileSync(root + file, 'utf8').matchAll(/pictures\/([\w-]+\.png)/g)].map((m) => m[1])),
)
for (const name of shown) if (!taken.includes(name)) failed.push(`${name} is shown by a document, and not taken here`)
for (const name of taken) if (!shown.has(name)) failed.push(`${name} is taken here, and shown by no document`)
failed.push(...browser.problems)
for (const line of failed) console.log(`FAIL ${line}`)
console.log(`${taken.length} passed, ${failed.length} failed`)
await browser.stop()
await heed.stop()
servers.stop()
process.exit(failed.length ? 1 : 0)
