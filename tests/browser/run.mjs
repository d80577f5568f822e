// SPDX-License-Identifier: AGPL-3.0-or-later
// The page in a real browser against a real server.   node run.mjs [--only "WORDS|OTHER WORDS"]
// HEED_BINARY says which binary; build/release/heed else. Ends with "N passed, N failed".
import { deflateSync } from 'node:zlib'
import { Browser, axe, signIn } from './lib/browser.mjs'
import { Heed, message } from './lib/heed.mjs'
import { check, equal, lane, runAll, say, test, until } from './lib/run.mjs'
import { DIMAS, HOSTILE, MAREN, PASSWORD, VERA, makeWorld } from './lib/world.mjs'
import { account } from './parts/account.mjs'
import { brands } from './parts/brands.mjs'
import { outside } from './parts/outside.mjs'
import { calls } from './parts/calls.mjs'
import { composer } from './parts/composer.mjs'
import { folders, joining, many, ownKeys } from './parts/folders.mjs'
import { tests as pingTests } from './pings.mjs'
import { chat } from './parts/chat.mjs'
import { cleaner } from './parts/cleaner.mjs'
import { long } from './parts/long.mjs'
import { look } from './parts/look.mjs'
import { mail } from './parts/mail.mjs'
import { speed } from './parts/speed.mjs'

const onlyAt = process.argv.indexOf('--only')

// A lane each has a world of its own; all of them are made alike.
const [world, other, third, browser] = await Promise.all([makeWorld(), makeWorld(), makeWorld(), Browser.start()])
const { heed, shop, channel, find, byName } = world

const maren = await browser.page({ name: 'maren' })
await signIn(maren, heed, MAREN, PASSWORD)
const row = (page, name) => page.locator('[data-row]', { hasText: name }).first()

test('a wrong password stays at the door and says so', async () => {
  const page = await browser.page({ name: 'wrong' })
  await page.goto(`${heed.url}/`)
  await page.waitForURL('**/sign-in')
  await page.getByLabel('E-mail').fill(MAREN)
  await page.getByLabel('Password').fill('not this one at all')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('E-mail or password is not right.').waitFor()
  await page.context().close()
})

test('the right password opens the inbox, most urgent first, in groups', async () => {
  await row(maren, 'Rizky Aditya').waitFor()
  equal(await maren.locator('.group').first().innerText().then((s) => s.split('\n')[0]), 'Past due')
  equal(await maren.locator('.row-name').first().innerText(), 'Rizky Aditya')
  check((await maren.locator('.nav a[aria-current]').innerText()).includes(String(6 + HOSTILE.length)), 'the folder shows its count')
})

test('a one-time link signs in by itself, once, and leaves no trace in the address', async () => {
  const agents = (await heed.api('GET', '/agents')).items
  const { sign_in_url } = await heed.api('POST', `/agents/${agents.find((a) => a.email === DIMAS).id}/sign-in-code`, {})
  const page = await browser.page({ name: 'link' })
  await page.goto(sign_in_url)
  await page.waitForSelector('.st-live')
  check(!page.url().includes('#'), page.url())
  await page.context().clearCookies()
  await page.goto('about:blank')
  await page.goto(sign_in_url)
  await page.getByText('used already or is too old').waitFor()
  await page.context().close()
})

test('whoever came in by a link has no password and sets a new one without the old', async () => {
  const agents = (await heed.api('GET', '/agents')).items
  const { sign_in_url } = await heed.api('POST', `/agents/${agents.find((a) => a.email === DIMAS).id}/sign-in-code`, {})
  const page = await browser.page({ name: 'forgot' })
  await page.goto(sign_in_url)
  await page.waitForSelector('.st-live')
  await page.goto(`${heed.url}/settings/me`)
  await page.getByText('You have no password.').waitFor()
  equal(await page.getByLabel('Present password').count(), 0)
  await page.getByLabel('New password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Set password' }).click()
  await page.getByLabel('Present password').waitFor()
  equal(await page.getByText('You have no password.').count(), 0)
  await page.context().close()
})

test('the keyboard alone opens, answers, closes and goes on', async () => {
  await maren.goto(`${heed.url}/inbox/unanswered`)
  await row(maren, 'Rizky Aditya').waitFor()
  await maren.keyboard.press('j')
  await maren.locator('.bub', { hasText: 'Tolong dibalas' }).waitFor()
  await maren.getByText('Wrote 3 times without an answer.').waitFor()
  await maren.keyboard.press('Enter')
  await until(() => maren.evaluate(() => document.activeElement?.className === 'c-text'), 'the composer has the focus')
  await maren.keyboard.type('Sudah kami kirim ulang hari ini, kak Rizky.')
  await maren.keyboard.press('Control+Enter')
  await maren.locator('.toast', { hasText: 'Closed. Next: 박서연' }).waitFor()
  await maren.locator('.th-title h2', { hasText: '박서연' }).waitFor()
  await until(() => shop.answers.some((a) => a.text === 'Sudah kami kirim ulang hari ini, kak Rizky.'), 'the shop has the answer')
  await until(async () => (await byName('Rizky Aditya')).status === 'closed', 'it is closed')
  check(!(await row(maren, 'Rizky Aditya').isVisible()), 'it left the list')
})

test('typing in the composer triggers no single keys', async () => {
  await maren.keyboard.press('r')
  await until(() => maren.evaluate(() => document.activeElement?.className === 'c-text'), 'R goes to the composer')
  await maren.keyboard.type('jkc?/')
  equal(await maren.locator('.c-text').inputValue(), 'jkc?/')
  equal((await byName('박서연')).status, 'open')
  await maren.locator('.c-text').fill('')
  await maren.keyboard.press('Escape')
  check(await maren.evaluate(() => document.activeElement?.classList.contains('row')), 'Escape goes back to the row')
})

test('sent only keeps it open, and the answer says how it went', async () => {
  await maren.keyboard.press('Enter')
  await maren.keyboard.type('확인해 드리겠습니다.')
  await maren.keyboard.press('Control+Shift+Enter')
  await maren.locator('.msg.out .bub', { hasText: '확인해 드리겠습니다.' }).waitFor()
  await maren.locator('.msg.out .state-in', { hasText: 'Sent' }).waitFor()
  equal((await byName('박서연')).status, 'open')
})

test('a note stays with the team', async () => {
  const before = shop.answers.length
  await maren.keyboard.press('Escape')
  await maren.keyboard.press('n')
  await until(() => maren.evaluate(() => document.querySelector('.composer')?.classList.contains('mode-note')), 'the composer is for notes')
  await maren.keyboard.type('Payout failed on Friday.')
  await maren.keyboard.press('Control+Shift+Enter')
  await maren.locator('.msg.note', { hasText: 'Payout failed on Friday.' }).waitFor()
  await maren.keyboard.press('Escape')
  await new Promise((done) => setTimeout(done, 600))
  equal(shop.answers.length, before)
})

test('a mistake in a search shows its place and what was expected', async () => {
  await maren.keyboard.press('/')
  await maren.keyboard.type('is:open chanel:shop')
  await maren.keyboard.press('Enter')
  await maren.locator('.find-err').waitFor()
  equal(await maren.locator('.find-at mark').innerText(), 'c')
  check((await maren.locator('.find-err').innerText()).length > 30, 'it is explained')
  await maren.locator('.find-in').fill('vetoketju')
  await maren.keyboard.press('Enter')
  await row(maren, 'Mikko Laine').waitFor()
  equal(await maren.locator('[data-row]').count(), 1)
  check(!(await maren.locator('.find-err').isVisible()), 'the error is gone')
  check(new URL(maren.url()).searchParams.get('q') === 'vetoketju', 'the search has an address')
})

test('a search stays alive: what fits comes, what no longer fits goes', async () => {
  await heed.hook(channel, [message('zip2', 'Zip Person', 'Myös minun vetoketju on rikki', 1)])
  await row(maren, 'Zip Person').waitFor()
  await maren.goto(`${heed.url}/inbox/all?q=${encodeURIComponent('is:open vetoketju')}`)
  await row(maren, 'Zip Person').waitFor()
  await heed.api('PATCH', `/conversations/${(await byName('Zip Person')).id}`, { status: 'closed' })
  await until(async () => !(await row(maren, 'Zip Person').isVisible()), 'it left')
  await row(maren, 'Mikko Laine').waitFor()
  await maren.goto(`${heed.url}/inbox/unanswered`)
})

test('the search box completes fields and values', async () => {
  await maren.locator('.find-in').fill('ass')
  await maren.locator('.offers .choice', { hasText: 'assigned:' }).waitFor()
  await maren.keyboard.press('ArrowDown')
  await maren.keyboard.press('Enter')
  equal(await maren.locator('.find-in').inputValue(), 'assigned:')
  await maren.keyboard.type('m')
  await maren.locator('.offers .choice', { hasText: 'me' }).first().waitFor()
  await maren.locator('.find-in').fill('')
  await maren.keyboard.press('Enter')
  await row(maren, 'Mikko Laine').waitFor()
})

test('snooze asks until when, and Z takes it back', async () => {
  await row(maren, 'Mikko Laine').click()
  await maren.locator('.th-title h2', { hasText: 'Mikko Laine' }).waitFor()
  await maren.keyboard.press('h')
  await maren.locator('.picker').waitFor()
  await maren.keyboard.press('Enter')
  await until(async () => (await byName('Mikko Laine')).status === 'snoozed', 'it is snoozed')
  check(!(await row(maren, 'Mikko Laine').isVisible()), 'it left the list')
  await maren.keyboard.press('z')
  await until(async () => (await byName('Mikko Laine')).status === 'open', 'it is open again')
  await row(maren, 'Mikko Laine').waitFor()
  await maren.locator('.th-title h2', { hasText: 'Mikko Laine' }).waitFor()
})

test('tags are made, found again and taken off', async () => {
  await maren.keyboard.press('t')
  await maren.locator('.picker-in').waitFor()
  await maren.keyboard.type('warranty')
  await maren.keyboard.press('Enter')
  await maren.locator('.tagchip', { hasText: 'warranty' }).waitFor()
  await until(async () => (await byName('Mikko Laine')).tags.includes('warranty'), 'the server has the tag')
  await maren.locator('.happen', { hasText: 'You tagged this warranty' }).waitFor()
  await maren.locator('.tagchip', { hasText: 'warranty' }).click()
  await until(async () => !(await byName('Mikko Laine')).tags.length, 'it is off')
  await maren.keyboard.press('z')
  await until(async () => (await byName('Mikko Laine')).tags.length === 1, 'undone')
})

test('assign, take, prioritise', async () => {
  await maren.keyboard.press('a')
  await maren.locator('.picker-in').waitFor()
  await maren.keyboard.type('dimas')
  await maren.keyboard.press('Enter')
  await until(async () => (await byName('Mikko Laine')).assignee?.name === 'Dimas Putra', 'Dimas has it')
  await maren.keyboard.press('i')
  await until(async () => (await byName('Mikko Laine')).assignee?.name === 'Maren Tamm', 'Maren has it')
  await maren.keyboard.press('p')
  await maren.locator('.picker .choice').first().waitFor()
  await maren.keyboard.press('ArrowUp')
  await maren.keyboard.press('ArrowUp')
  await maren.keyboard.press('Enter')
  await until(async () => (await byName('Mikko Laine')).priority === 'urgent', 'urgent')
})

test('the palette finds a command and shows its key', async () => {
  await maren.keyboard.press('Control+k')
  await maren.locator('.pal input').waitFor()
  await maren.keyboard.type('close conv')
  equal(await maren.locator('.pal .choice').first().locator('kbd').innerText(), 'C')
  await maren.keyboard.press('Escape')
  await until(async () => !(await maren.locator('.pal').isVisible()), 'Escape closes it')
  await maren.keyboard.press('?')
  await maren.locator('.sheet').waitFor()
  check((await maren.locator('.sheet dl div').count()) > 30, 'the sheet has all keys')
  await maren.keyboard.press('Escape')
})

test('an answer that the network refuses stays, says why, and goes out on Retry', async () => {
  shop.status = 422
  shop.body = JSON.stringify({ detail: 'The visitor has left the chat.' })
  await row(maren, 'Kadri Lepik').click()
  await maren.locator('.th-title h2', { hasText: 'Kadri Lepik' }).waitFor()
  await maren.keyboard.press('r')
  await maren.keyboard.type('Jah, M on laos.')
  await maren.keyboard.press('Control+Shift+Enter')
  await maren.locator('.undone', { hasText: 'The visitor has left the chat.' }).waitFor()
  shop.status = 200
  shop.body = '{}'
  await maren.locator('.undone').getByRole('button', { name: 'Try again' }).click()
  await maren.locator('.msg.out .state-in', { hasText: 'Sent' }).waitFor()
  equal(shop.answers.filter((a) => a.text === 'Jah, M on laos.').length, 2)
})

test('what the feed tells while a thread loads is not lost to an older page', async () => {
  const page = await browser.page({ name: 'slow thread' })
  await signIn(page, heed, MAREN, PASSWORD)
  const c = await byName('Mikko Laine')
  let release
  const gate = new Promise((done) => (release = done))
  await page.route(`**/conversations/${c.id}/happenings*`, async (route) => {
    const answer = await route.fetch()
    await gate
    await route.fulfill({ response: answer })
  })
  const pageRead = page.waitForResponse((response) => response.url().includes(`/conversations/${c.id}/messages`))
  await row(page, 'Mikko Laine').click()
  await pageRead
  await heed.hook(channel, [message('mikko', 'Mikko Laine', 'Kuitti on tallella.', 0)])
  await page.locator('[data-row]', { hasText: 'Kuitti on' }).waitFor()
  await new Promise((done) => setTimeout(done, 300))
  release()
  await page.locator('.bub', { hasText: 'Kuitti on tallella.' }).waitFor()
  await page.context().close()
})

test('what the feed tells while a list is asked for is not lost to its older answer', async () => {
  const page = await browser.page({ name: 'slow list' })
  await signIn(page, heed, MAREN, PASSWORD)
  await heed.hook(channel, [message('early', 'Early Person', 'I can wait', 3)])
  await row(page, 'Early Person').waitFor()
  let release
  const gate = new Promise((done) => (release = done))
  await page.route('**/api/v1/conversations?*', async (route) => {
    const answer = await route.fetch()
    await gate
    await route.fulfill({ response: answer })
  })
  const asked = page.waitForRequest((request) => request.url().includes('/conversations?'))
  await page.locator('.nav a[href="/inbox/unassigned"]').click()
  await asked
  await page.waitForTimeout(300) // the answer is made, and held back
  await heed.hook(channel, [message('gate', 'Gate Person', 'I came in between', 0)])
  await heed.api('PATCH', `/conversations/${(await byName('Early Person')).id}`, { status: 'closed' })
  await row(maren, 'Gate Person').waitFor()
  await row(page, 'Gate Person').waitFor()
  const answered = page.waitForResponse((response) => response.url().includes('/conversations?'))
  release()
  await answered
  await page.waitForTimeout(300) // the list is there
  await row(page, 'Gate Person').waitFor()
  check(!(await row(page, 'Early Person').isVisible()), 'what was closed in between is not back')
  await heed.api('PATCH', `/conversations/${(await byName('Gate Person')).id}`, { status: 'closed' })
  await page.context().close()
})

test('colleagues see it at once, also in a second tab of one stream', async () => {
  const dimas = await browser.page({ name: 'dimas' })
  let streams = 0
  dimas.context().on('request', (request) => request.url().endsWith('/events') && streams++)
  await signIn(dimas, heed, DIMAS, PASSWORD)
  const tab = await browser.page({ context: dimas.context(), name: 'dimas 2' })
  await tab.goto(`${heed.url}/inbox/unanswered`)
  await tab.waitForSelector('.row')
  await heed.hook(channel, [message('live', 'Live Person', 'Is anybody there right now?', 0)])
  await row(dimas, 'Live Person').waitFor()
  await row(tab, 'Live Person').waitFor()
  equal(streams, 1, 'streams of one browser:')
  await row(dimas, 'Live Person').click()
  await dimas.locator('.bub', { hasText: 'Is anybody there' }).waitFor()
  await row(maren, 'Live Person').waitFor()
  await dimas.close()
  await heed.hook(channel, [message('live2', 'Second Person', 'And now, with one tab less?', 0)])
  await row(tab, 'Second Person').waitFor()
  await tab.context().close()
})

test('new messages wait below, they move nothing', async () => {
  await heed.hook(channel, Array.from({ length: 30 }, (_, i) => message('live', 'Live Person', `Line ${i}. ${'A long story. '.repeat(12)}`, 0)))
  await maren.locator('[data-row]', { hasText: 'Live Person' }).filter({ hasText: 'Line 29' }).waitFor() // all of them have come
  await row(maren, 'Live Person').click()
  await maren.locator('.bub', { hasText: 'Line 29' }).waitFor()
  await maren.locator('.unread-line', { hasText: /3\d new/ }).waitFor() // it opens where the new ones begin
  await maren.evaluate(() => document.querySelector('.talk').scrollTo(0, 1e9))
  await until(async () => !(await maren.locator('.thread .newer').isVisible()), 'all was seen')
  await maren.evaluate(() => document.querySelector('.talk').scrollTo(0, 300))
  await new Promise((done) => setTimeout(done, 200))
  await heed.hook(channel, [message('live', 'Live Person', 'One more thing', 0)])
  await maren.locator('.thread .newer', { hasText: '1 new' }).waitFor()
  equal(await maren.evaluate(() => Math.round(document.querySelector('.talk').scrollTop)), 300)
  await maren.locator('.thread .newer').click()
  await until(async () => !(await maren.locator('.thread .newer').isVisible()), 'gone when read')
})

test('nothing is missing after the connection was lost', async () => {
  await heed.down()
  await maren.locator('.band', { hasText: 'Not connected since' }).waitFor({ timeout: 12_000 })
  await heed.up()
  await heed.hook(channel, [message('gap', 'Gap Person', 'Written while you were away', 1), message('live', 'Live Person', 'Also while away', 0)])
  await row(maren, 'Gap Person').waitFor({ timeout: 20_000 })
  await maren.locator('.bub', { hasText: 'Also while away' }).waitFor()
  await until(async () => !(await maren.locator('.band').isVisible()), 'the band goes')
  equal(await maren.locator('.row', { hasText: 'Gap Person' }).count(), 1)
})

// 16 x 16, one colour.
const PNG = (() => {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const size = Buffer.alloc(4)
    size.writeUInt32BE(data.length)
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([size, body, sum])
  }
  const head = Buffer.from([0, 0, 0, 16, 0, 0, 0, 16, 8, 2, 0, 0, 0])
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(48, 0x5a)])
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk('IHDR', head), chunk('IDAT', deflateSync(Buffer.concat(Array(16).fill(row)))), chunk('IEND', Buffer.alloc(0))])
})()
function crc32(bytes) {
  let c = ~0
  for (const byte of bytes) {
    c ^= byte
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
  }
  return ~c >>> 0
}

test('a picture is cleaned, described and sent with its words', async () => {
  await row(maren, 'Gap Person').click()
  await maren.locator('.th-title h2', { hasText: 'Gap Person' }).waitFor()
  await maren.locator('.composer input[type=file]').setInputFiles({ name: 'zip.png', mimeType: 'image/png', buffer: PNG })
  await maren.getByText('zip.png, ready').waitFor()
  await maren.getByLabel('What is to be seen').fill('A green square')
  await maren.locator('.c-text').fill('Like this one?')
  await maren.keyboard.press('Control+Shift+Enter')
  const answer = await until(() => shop.answers.find((a) => a.text === 'Like this one?'), 'the shop has it')
  equal([answer.attachments.length, answer.attachments[0].alt], [1, 'A green square'])
  await maren.locator('.msg.out img[alt="A green square"]').waitFor()
  await until(() => maren.evaluate(() => document.querySelector('.msg.out img').naturalWidth > 0), 'the picture shows')
  await maren.locator('.msg.out figcaption', { hasText: 'A green square' }).waitFor()
})

test('like and take back, delete on the network after asking', async () => {
  await maren.keyboard.press('Escape')
  await maren.keyboard.press('f')
  await maren.locator('.msg.in .mark-like').waitFor()
  await until(() => shop.answers.some((a) => a.type === 'reaction.add'), 'the shop heard of the like')
  await until(async () => (await heed.api('GET', `/conversations/${(await byName('Gap Person')).id}/messages`)).items[0].liked_at, 'liked on the server')
  await maren.locator('.msg.out').first().hover()
  await maren.getByRole('button', { name: 'Delete' }).first().click()
  await maren.getByRole('button', { name: 'Delete on' }).click()
  await maren.locator('.msg.out .gone-text').waitFor()
  await until(() => shop.answers.some((a) => a.type === 'message.delete'), 'the shop heard of the deletion')
})

test('what is unusual is said: late, edited, deleted, in doubt, the posts above, the move to private', async () => {
  const c = await byName('Kadri Lepik')
  const page = await browser.page({ name: 'unusual' })
  await signIn(page, heed, DIMAS, PASSWORD)
  const at = (ago) => new Date(Date.now() - ago * 60_000).toISOString()
  const base = { conversation_id: c.id, channel_id: channel.id, external_id: null, direction: 'in', kind: 'message', visibility: 'public', origin: 'customer', language: 'en', reply_to: null, author: { id: c.contact.id, name: 'Kadri Lepik', handle: '@kadri', kind: 'customer' }, attachments: [], edited_at: null, deleted_at: null, liked_at: null, late: false, send_state: null, error: null }
  const items = [
    { text: 'The Tide jacket is back.', kind: 'context', author: { id: 0, name: 'Saltmarsh', handle: '@saltmarsh', kind: 'elsewhere' } },
    { text: 'Look at this!', kind: 'context' }, { text: 'Somebody between', kind: 'context' },
    ...Array.from({ length: 6 }, (_, i) => ({ text: `Public comment ${i}` })),
    { text: 'In private now', visibility: 'private' },
    { text: 'Mended words', visibility: 'private', edited_at: at(1) },
    { text: '', visibility: 'private', deleted_at: at(1) },
    { text: 'Slow words', visibility: 'private', late: true },
    { text: 'Did it arrive?', visibility: 'private', direction: 'out', author: { id: 1, name: 'Maren Tamm', handle: '', kind: 'agent' }, send_state: 'in_doubt' },
  ].map((m, i) => ({ ...base, id: 900_000 + i, created_at: at(60 - i), received_at: at(60 - i), ...m }))
  await page.route('**/messages?limit=50', (route) => route.fulfill({ json: { items, next: null } }))
  await page.goto(`${heed.url}/conversations/${c.id}`)
  for (const words of ['3 posts above', '1 post between', 'Show 3 earlier comments', 'Moved to private', 'They deleted this', 'arrived late', 'edited', 'Not known whether it arrived']) await page.getByText(words).first().waitFor()
  for (const button of ['It was sent', 'Send again']) await page.getByRole('button', { name: button }).waitFor()
  if (process.env.HEED_SHOTS) await page.screenshot({ path: `${process.env.HEED_SHOTS}/unusual.png` })
  await page.getByRole('button', { name: 'Show 3 earlier comments' }).click()
  equal(await page.locator('.com').count(), 6)
  equal(await axe(page), [], 'axe:')
  await page.context().close()
})

test('public answers say that everybody sees them', async () => {
  await row(maren, 'Helen Okafor').click()
  await maren.locator('.c-who', { hasText: 'Everybody on' }).waitFor()
  await maren.locator('.zone-public .com', { hasText: 'Two e-mails' }).waitFor()
  equal(await maren.locator('.zone-public .words a').getAttribute('rel'), 'noopener noreferrer nofollow ugc')
})

test('hostile names, words and tags stay words', async () => {
  const target = await byName(HOSTILE[0])
  await heed.api('PATCH', `/conversations/${target.id}`, { tags: HOSTILE.slice(0, 4) })
  await heed.api('PATCH', `/contacts/${target.contact.id}`, { note: HOSTILE.join('\n') })
  await maren.goto(`${heed.url}/inbox/all`)
  await maren.waitForSelector('[data-row]')
  for (const text of HOSTILE) {
    const c = await byName(text)
    await maren.goto(`${heed.url}/conversations/${c.id}`)
    await maren.locator('.bub').first().waitFor()
    await maren.locator('.cust .ids li').first().waitFor()
    check((await maren.locator('.bub').first().innerText()).includes(text.replace(/[\u202E\u202C]/g, '').slice(0, 8)) || text.startsWith('\u202E'), `the words are shown: ${text}`)
    equal(await maren.evaluate(() => [window.hacked ?? 0, document.querySelectorAll('[onerror],[onload],.bub img,.bub svg,.bub script,a[href^="javascript"]').length]), [0, 0], text)
  }
  await maren.keyboard.press('Control+k')
  await maren.locator('.pal input').waitFor()
  await maren.keyboard.type('onerror')
  await maren.keyboard.press('Escape')
  await maren.goto(`${heed.url}/settings/tags`)
  await maren.getByText(HOSTILE[0]).first().waitFor()
  equal(await maren.evaluate(() => window.hacked ?? 0), 0)
})

test('single keys can be switched off', async () => {
  await maren.goto(`${heed.url}/settings/me`)
  await maren.getByLabel('Single keys').uncheck()
  await until(async () => (await heed.api('GET', '/me')).settings.single_keys === false, 'switched off')
  await maren.goto(`${heed.url}/inbox/unanswered`)
  await maren.waitForSelector('[data-row]')
  await maren.keyboard.press('j')
  await new Promise((done) => setTimeout(done, 250))
  check(maren.url().endsWith('/inbox/unanswered'), 'J does nothing')
  await maren.keyboard.press('Control+k')
  await maren.locator('.pal input').waitFor()
  await maren.keyboard.press('Escape')
  await maren.goto(`${heed.url}/settings/me`)
  await maren.getByLabel('Single keys').check()
  await until(async () => (await heed.api('GET', '/me')).settings.single_keys === undefined, 'switched on again')
})

test('a customer is described, found to be the same person as another, merged and taken apart', async () => {
  const page = await browser.page({ name: 'customer' })
  await signIn(page, heed, MAREN, PASSWORD)
  const [kadri, helen] = [await byName('Kadri Lepik'), await byName('Helen Okafor')]
  await heed.api('PATCH', `/contacts/${helen.contact.id}`, { email: 'kadri@post.example', note: 'Two accounts' })
  await page.goto(`${heed.url}/conversations/${kadri.id}`)
  await page.getByRole('button', { name: 'Correct this customer' }).click()
  const dialog = page.getByRole('dialog', { name: 'Correct this customer' })
  await dialog.getByLabel('E-mail').fill('kadri')
  await dialog.getByLabel('Phone').fill('12')
  await dialog.getByLabel('E-mail').evaluate((field) => (field.type = 'text')) // past the browser's own check
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.getByText('This is no e-mail address.').waitFor()
  await dialog.getByLabel('E-mail').fill('Kadri@post.example')
  await dialog.getByLabel('Phone').fill('+372 5555 0101')
  await dialog.getByLabel('Time zone').fill('Asia/Tokyo')
  await dialog.getByLabel('Tags').fill('VIP, Press')
  await dialog.getByLabel('Given').check()
  await dialog.getByLabel('How we know').fill('in the shop')
  await page.keyboard.press('Control+Enter').catch(() => {})
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'detached' })
  const panel = page.locator('.cust')
  for (const text of ['Kadri@post.example', '+372 5555 0101', 'Press', 'Their time']) await panel.getByText(text).first().waitFor()

  await panel.getByRole('heading', { name: 'Maybe the same person' }).waitFor()
  await panel.locator('.same li', { hasText: 'Helen Okafor' }).getByText('Same e-mail address:').waitFor()
  await panel.getByRole('button', { name: 'Same person' }).click()
  await panel.getByRole('heading', { name: 'Also this person' }).waitFor()
  await panel.getByText('Two accounts').waitFor()
  await until(async () => (await heed.api('GET', `/conversations/${helen.id}`)).contact.name === 'Kadri Lepik', 'her conversation carries the name')
  await panel.getByRole('button', { name: 'Take apart again' }).click()
  await until(async () => (await heed.api('GET', `/conversations/${helen.id}`)).contact.name === 'Helen Okafor', 'and the old one again')
  await until(async () => !(await panel.getByRole('heading', { name: 'Also this person' }).isVisible()), 'the panel follows')
  equal(await panel.getByRole('heading', { name: 'Maybe the same person' }).count(), 0)
  await panel.getByRole('button', { name: 'Same as another customer' }).click()
  await page.keyboard.type('mikko')
  await page.locator('.picker .choice', { hasText: 'Mikko Laine' }).first().waitFor()
  if (process.env.HEED_SHOTS) await page.screenshot({ path: `${process.env.HEED_SHOTS}/customer.png` })
  await page.keyboard.press('Escape')
  await page.context().close()
})

test('a person is invited with a link, changed and shut out', async () => {
  await maren.goto(`${heed.url}/settings/agents`)
  await maren.getByRole('button', { name: 'Invite' }).click()
  await maren.locator('form.card').getByLabel('Name').fill('Aino Korhonen')
  await maren.locator('form.card').getByLabel('E-mail').fill('aino@saltmarsh.example')
  await maren.locator('form.card').getByLabel('Role').selectOption('lead')
  await maren.locator('form.card').getByRole('button', { name: 'Invite' }).click()
  check((await maren.locator('.secret output').innerText()).includes('/sign-in#'), 'the link is shown')
  await maren.locator('.ppl li', { hasText: 'Aino Korhonen' }).getByRole('button', { name: 'Change' }).click()
  await maren.locator('.ppl form').getByRole('button', { name: 'Shut out' }).click()
  await maren.locator('.ppl li.off', { hasText: 'Aino Korhonen' }).waitFor()
})

test('a team and a tag are made and renamed', async () => {
  for (const [page, label] of [['teams', 'Name of a team'], ['tags', 'Name of a tag']]) {
    await maren.goto(`${heed.url}/settings/${page}`)
    await maren.getByLabel(label).fill('Tallinn')
    await maren.getByRole('button', { name: 'Add' }).click()
    const item = maren.locator('.names li', { hasText: 'Tallinn' })
    await item.getByRole('button', { name: 'Rename' }).click()
    await maren.locator('.names form input').fill('Tartu')
    await maren.locator('.names form').getByRole('button', { name: 'Save' }).click()
    await maren.locator('.names li', { hasText: 'Tartu' }).waitFor()
  }
})

test('a custom channel shows its secret once, and works as the page says', async () => {
  await maren.goto(`${heed.url}/settings/channels/new/custom`)
  await maren.getByLabel('Name in Heed').fill('Mobile app')
  await maren.getByLabel('Address that gets the answers').fill(shop.url)
  await maren.getByRole('button', { name: 'Connect a channel' }).click()
  const secret = await maren.locator('.secret output').first().innerText()
  check(/^whsec_/.test(secret), secret)
  const hook = await maren.locator('.secret output').nth(1).innerText()
  await heed.hook({ id: Number(hook.split('/').pop()), secret }, [message('app1', 'App Person', 'The app is slow', 5)])
  await maren.getByRole('link', { name: 'Done, show the channel' }).click()
  await maren.getByRole('heading', { name: 'Mobile app' }).waitFor()
  check(!(await maren.content()).includes(secret), 'the secret is not shown again')
  await maren.getByRole('button', { name: 'Test it' }).click()
  await maren.locator('.tested').waitFor()
  await until(async () => (await byName('App Person')) !== undefined, 'the message arrived')
})

test('what could not be read is shown with its bytes and can be tried again', async () => {
  await heed.hook(channel, [{ type: 'message.created', id: 'bad1', thread: 'bad', created_at: 'yesterday', text: 'Where is my parcel?', author: { id: 'x', name: 'Bad' } }])
  await until(async () => (await heed.api('GET', `/channels/${channel.id}`)).counts.quarantined === 1, 'it is in quarantine')
  await maren.goto(`${heed.url}/settings/channels/${channel.id}`)
  await maren.locator('.quar pre', { hasText: 'yesterday' }).waitFor()
  await maren.locator('.quar').getByRole('button', { name: 'Try again' }).click()
  await maren.locator('.toast', { hasText: 'Being read again.' }).waitFor()
  await maren.locator('.quar').getByRole('button', { name: 'Discard' }).click()
  await maren.locator('.quar').getByRole('button', { name: 'Yes, discard for good' }).click()
  await until(async () => (await heed.api('GET', `/channels/${channel.id}`)).counts.quarantined === 0, 'it is gone')
})

test('a token is shown once and opens the API', async () => {
  await maren.goto(`${heed.url}/settings/tokens`)
  await maren.getByRole('button', { name: 'Make a token' }).click()
  await maren.getByLabel('What it is for').fill('Shop sync')
  await maren.locator('form').getByRole('button', { name: 'Make a token' }).click()
  const token = await maren.locator('.secret output').innerText()
  equal((await fetch(`${heed.url}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } })).status, 200)
  await maren.reload()
  await maren.locator('.names li', { hasText: 'Shop sync' }).waitFor()
  check(!(await maren.content()).includes(token), 'it is not shown again')
})

test('a viewer reads and cannot write', async () => {
  const vera = await browser.page({ name: 'vera' })
  await signIn(vera, heed, VERA, PASSWORD)
  await row(vera, 'Mikko Laine').click()
  await vera.getByText('Your role does not write in it.').waitFor()
  check(!(await vera.locator('.composer, .th-close').count()), 'no composer, no close')
  await vera.keyboard.press('c')
  await new Promise((done) => setTimeout(done, 200))
  equal((await byName('Mikko Laine')).status, 'open')
  await vera.context().close()
})

test('the first owner is made with the one-time code, then a channel', async () => {
  const fresh = await Heed.start()
  try {
    const page = await browser.page({ name: 'setup' })
    await page.goto(fresh.link('Set up'))
    await page.getByLabel('Name of the workspace').fill('Saltmarsh')
    await page.getByLabel('Your name').fill('Maren Tamm')
    await page.getByLabel('E-mail').fill(MAREN)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Make the workspace' }).click()
    await page.waitForURL('**/settings/channels')
    await page.getByText('No channel is connected yet').waitFor()
    equal(await axe(page), [], 'axe:')
    await page.context().close()
  } finally {
    await fresh.stop()
  }
})

test('light, dark and as the system', async () => {
  await maren.goto(`${heed.url}/inbox/unanswered`)
  await maren.waitForSelector('[data-row]')
  const paper = () => maren.evaluate(() => getComputedStyle(document.querySelector('.thread')).backgroundColor)
  equal(await paper(), 'rgb(253, 252, 250)')
  await maren.getByRole('button', { name: 'Light or dark' }).click()
  await until(async () => (await paper()) === 'rgb(31, 30, 27)', 'dark')
  await maren.reload()
  await maren.waitForSelector('[data-row]')
  equal(await paper(), 'rgb(31, 30, 27)', 'remembered:')
  await heed.api('PATCH', '/me', { settings: {} })
  const dark = await browser.page({ name: 'dark', theme: 'dark' })
  await dark.goto(`${heed.url}/sign-in`)
  await dark.waitForSelector('.door')
  equal(await dark.evaluate(() => getComputedStyle(document.querySelector('.door')).backgroundColor), 'rgb(31, 30, 27)')
  await dark.context().close()
})

test('at 320 px nothing is cut off, and on phones fingers have 44 px', async () => {
  const page = await browser.page({ name: '320', width: 320, height: 640 })
  await signIn(page, heed, DIMAS, PASSWORD)
  await page.waitForSelector('[data-row]')
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  check((await wide()) <= 0, `the list is ${await wide()} px too wide`)
  await row(page, 'Mikko Laine').click()
  await page.waitForSelector('.words')
  check((await wide()) <= 0, `the thread is ${await wide()} px too wide`)
  const small = await page.evaluate(() => [...document.querySelectorAll('.thread-bar button, .composer button, .tabs a')].filter((b) => b.offsetParent && b.getBoundingClientRect().height < 37).map((b) => b.outerHTML.slice(0, 60)))
  equal(small, [], 'small targets:')
  await page.getByRole('button', { name: 'Back to the list' }).click()
  await row(page, 'Mikko Laine').waitFor()
  for (const view of ['channels', 'agents', 'me']) {
    await page.goto(`${heed.url}/settings/${view}`)
    await page.waitForSelector('.head h1')
    check((await wide()) <= 0, `settings/${view} is ${await wide()} px too wide`)
  }
  await page.context().close()
})

const here = { browser, password: PASSWORD, ...world }
const there = { browser, password: PASSWORD, ...other }
folders({ ...here, email: DIMAS })
many({ ...here, email: DIMAS })
joining({ ...here, email: DIMAS })
ownKeys({ ...here, email: DIMAS })
pingTests({ ...here, PASSWORD, DIMAS, MAREN, VERA })

await lane('second', async () => {
  await chat({ ...there, email: MAREN })
  composer({ ...there, one: MAREN, other: DIMAS })
  long({ ...there, email: DIMAS })
  brands({ ...there, email: MAREN, reader: VERA })
  calls({ ...there, email: MAREN })
  outside({ browser })
})
await lane('third', async () => {
  look({ browser, password: PASSWORD, ...third, email: DIMAS, admin: MAREN })
  await mail({ browser })
  await cleaner({ browser })
  await account({ browser })
})
await lane('alone', () => {
  speed({ here, there, email: DIMAS, rest: () => maren.goto('about:blank') })

  test('no page broke its content security policy or wrote an error', async () => {
    equal(await browser.violations(maren), [])
    // Cleaning hostile mail reads its handlers, styles and base in a document that runs nothing; the browser reports
    // that our policy would forbid them. That none ran and nothing was fetched is tested with the mail.
    equal(browser.problems.filter((p) => !/^mail console: .* violates the following Content Security Policy directive/.test(p)), [])
  })
})

// HEED_SHOTS=DIR keeps a picture of what Maren saw when a test of the first lane failed.
const failing = async (lane, n) => {
  const { shop } = { second: other, third }[lane] ?? world
  shop.status = 200
  shop.body = '{}'
  if (lane !== 'first') return
  say(`on the page: ${(await maren.locator('body').innerText()).replace(/\s+/g, ' ').slice(-700)}`)
  if (process.env.HEED_SHOTS) await maren.screenshot({ path: `${process.env.HEED_SHOTS}/failed-${n}.png` })
}
const { passed, failed } = await runAll(onlyAt > 0 ? process.argv[onlyAt + 1] : '', failing)
await browser.stop()
await Promise.all([world.stop(), other.stop(), third.stop()])
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed ? 1 : 0)
