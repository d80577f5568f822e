// SPDX-License-Identifier: AGPL-3.0-or-later
// What goes between Heed and others, on the page: webhooks with their log, and files of every kind in a thread.
import http from 'node:http'
import { axe, signIn } from '../lib/browser.mjs'
import { Heed, message } from '../lib/heed.mjs'
import { check, equal, test, until } from '../lib/run.mjs'

const PASSWORD = 'four plain words here'
const ADA = 'ada@saltmarsh.example'

/** Another program: takes what it is told, answers as it is told, and serves files. */
async function program(files = {}) {
  const there = { told: [], status: 200 }
  const server = http.createServer((req, res) => {
    const chunks = []
    req.on('data', (chunk) => chunks.push(chunk))
    req.on('end', () => {
      const file = files[req.url]
      if (file) return res.writeHead(200, { 'content-type': 'image/png' }).end(file) // it lies about every type
      if (req.method === 'POST') there.told.push({ id: req.headers['webhook-id'], body: JSON.parse(Buffer.concat(chunks).toString()) })
      res.writeHead(there.status, { 'content-type': 'text/plain' }).end('noted')
    })
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  there.host = `127.0.0.1:${server.address().port}`
  there.stop = () => server.close()
  return there
}

export function outside({ browser }) {
  const world = async (files, run) => {
    const there = await program(files)
    const heed = await Heed.start({ allow: [there.host] })
    heed.user(ADA, 'Ada Kask', 'owner', PASSWORD)
    await heed.asProgram(ADA)
    const page = await browser.page({ name: 'outside' })
    try {
      await signIn(page, heed, ADA, PASSWORD)
      await run(heed, page, there)
      equal(await browser.violations(page), [], 'the content policy holds')
    } finally {
      await page.context().close()
      await heed.stop()
      there.stop()
    }
  }

  test('a webhook is made, tried, its log read and repeated, and one that is gone is told', () =>
    world({}, async (heed, page, there) => {
      await page.goto(`${heed.url}/settings/webhooks`)
      await page.getByRole('button', { name: 'Add a webhook' }).click()
      await page.getByLabel('What it is for').fill('Shop system')
      await page.getByLabel('Address').fill('https://10.0.0.1/x')
      await page.locator('form').getByRole('button', { name: 'Add a webhook' }).click()
      await page.locator('form .err').first().waitFor()
      await page.getByLabel('Address').fill(`http://${there.host}/told`)
      equal(await axe(page), [])
      await page.locator('form').getByRole('button', { name: 'Add a webhook' }).click()
      await page.getByText('Shown this once').waitFor()
      check((await page.locator('main').innerText()).includes('whsec_'), 'the secret is shown')
      await page.reload()
      await page.getByText('Shop system').waitFor()
      check(!(await page.locator('main').innerText()).includes('whsec_'), 'and only once')
      await page.getByRole('button', { name: 'Send a test' }).click()
      await until(() => there.told.length === 1, 'it was told')
      equal(there.told[0].body.type, 'webhook.test')
      const log = page.getByRole('list', { name: 'What was sent' })
      const opened = page.getByRole('button', { name: 'What was sent' })
      await until(async () => {
        if ((await opened.getAttribute('aria-expanded')) !== 'true') await opened.click()
        if (await log.getByText('delivered (200)').waitFor({ timeout: 400 }).then(() => true, () => false)) return true
        await opened.click() // opened once more it asks anew
      }, 'the log says so', 12_000)
      await log.getByRole('button', { name: /webhook.test/ }).click()
      await log.getByText('noted').waitFor()
      equal(await axe(page).then((found) => found.filter((v) => !v.includes('.toasts'))), [])
      await log.getByRole('button', { name: 'Send once more' }).click()
      await until(() => there.told.length === 2, 'it was told again')
      equal(there.told[1].id, there.told[0].id, 'under the same number')
      equal(await page.locator('.rail').getByText('switched off').count(), 0)
      there.status = 410
      await page.getByRole('button', { name: 'Send a test' }).click()
      await until(async () => (await heed.api('GET', '/webhooks')).items[0].state === 'disabled', 'it is given up', 10_000)
      await page.goto(`${heed.url}/inbox/unanswered`)
      await page.locator('.rail').getByRole('link', { name: '1 webhook was switched off' }).click()
      await page.getByText('Switched off.').waitFor()
      equal(await axe(page), [])
      there.status = 200
      await page.getByRole('button', { name: 'Switch on' }).click()
      await page.getByRole('button', { name: 'Send a test' }).click()
      await until(() => there.told.length === 4, 'it hears again')
      await page.goto(`${heed.url}/inbox/unanswered`)
      await page.waitForSelector('.st-live')
      equal(await page.locator('.rail').getByText('switched off').count(), 0, 'and nothing is said any more')
    }))

  // Enough of each for its first bytes to say what it is; no browser needs to play them.
  const zeros = Buffer.alloc(400)
  const files = {
    '/film.mp4': Buffer.concat([Buffer.from('00000018667479706973 6f6d0000020069736f6d69736f326d703431'.replace(' ', ''), 'hex'), zeros]),
    '/voice.ogg': Buffer.concat([Buffer.from('OggS\x00\x02', 'latin1'), Buffer.alloc(22), Buffer.from('\x01\x13OpusHead', 'latin1'), zeros]),
    '/bill.pdf': Buffer.concat([Buffer.from('%PDF-1.7\n'), zeros]),
    '/page.html': Buffer.from('<script>window.hacked=1</script>'),
    '/drawing.svg': Buffer.from("<svg xmlns='http://www.w3.org/2000/svg' onload='window.hacked=1'/>"),
  }
  test('video, voice and documents in a thread: played or downloaded, never opened', () =>
    world(files, async (heed, page, there) => {
      const channel = await heed.channel('Shop chat', `http://${there.host}/answers`)
      await heed.hook(channel, [{ ...message('kim', 'Kim', 'All of it.', 3), attachments: Object.keys(files).map((path) => ({ url: `http://${there.host}${path}`, mime: 'image/png', name: path.slice(1) })) }])
      const c = await until(async () => (await heed.api('GET', '/conversations?q=is:any')).items[0], 'the message is here')
      const got = async () => (await heed.api('GET', `/conversations/${c.id}/messages`)).items[0].attachments
      await until(async () => (await got()).every((a) => a.state === 'ready'), 'all files are here', 20_000)
      await page.goto(`${heed.url}/conversations/${c.id}`)
      const thread = page.locator('.pics').first()
      await thread.locator('video[controls]').waitFor()
      await thread.locator('audio[controls]').waitFor()
      equal(await thread.locator('video[autoplay], audio[autoplay], iframe, object, embed').count(), 0, 'nothing plays or opens by itself')
      equal(await thread.locator('img').count(), 0, 'what says to be a picture and is none is not shown as one')
      for (const name of ['bill.pdf', 'page.html', 'drawing.svg']) equal(await thread.locator('a.file[download]', { hasText: name }).count(), 1, name)
      const [download] = await Promise.all([page.waitForEvent('download'), thread.locator('a.file', { hasText: 'page.html' }).click()])
      equal(download.suggestedFilename(), 'page.html')
      for (const a of await got()) {
        const answer = await page.evaluate(async (url) => {
          const r = await fetch(url)
          return Object.fromEntries(['content-type', 'content-disposition', 'x-content-type-options', 'content-security-policy'].map((n) => [n, r.headers.get(n)]))
        }, a.url)
        check(!/html|svg|xml|script/.test(answer['content-type']), `${a.name}: ${answer['content-type']}`)
        equal(answer['x-content-type-options'], 'nosniff', a.name)
        check(/sandbox/.test(answer['content-security-policy']), a.name)
        if (!/mp4|ogg/.test(a.name)) check(/^attachment/.test(answer['content-disposition']), `${a.name}: ${answer['content-disposition']}`)
      }
      equal(await page.evaluate(() => window.hacked), undefined, 'no script ran')
      equal(await axe(page), [])
    }))
}
