// SPDX-License-Identifier: AGPL-3.0-or-later
// Live chat on a page of another origin with a strict policy: whole talks, reload, away, reconnect, keyboard
// alone, screen readers' tree, sizes.
import { createHmac, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { brotliDecompressSync } from 'node:zlib'
import { axe, signIn } from '../lib/browser.mjs'
import { check, equal, say, test, until } from '../lib/run.mjs'

const HOSTILE = ['<img src=x onerror="window.hacked=1">', '"><script>window.hacked=1</script>', 'javascript:window.hacked=1', 'https://x.example/"onmouseover="window.hacked=1', '<svg/onload=window.hacked=1>', 'https://javascript:window.hacked=1@x.example/', '[x](javascript:window.hacked=1)', '\u202Egnp.exe', '</style><b>x</b>', '${window.hacked=1}{{window.hacked=1}}']

export async function chat({ heed, browser, email, password }) {
  // The shop: another origin, and nothing allowed but what the manual says.
  const shop = { attributes: '', lang: 'en', dir: 'ltr' }
  const server = http.createServer((req, res) => {
    const csp = `default-src 'none'; script-src ${heed.url}; connect-src ${heed.url}; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'`
    res.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': csp })
    res.end(`<!doctype html><html lang="${shop.lang}" dir="${shop.dir}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Shop</title><script async src="${heed.url}/chat.js" data-channel="${shop.key}" ${shop.attributes}></script></head><body><main><h1>Shop</h1><p><a href="#basket">Basket</a></p></main></body></html>`)
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  server.unref()
  shop.url = `http://127.0.0.1:${server.address().port}`
  const channel = (name, settings) => heed.api('POST', '/channels', { kind: 'chat', name, settings: { allowed_origins: shop.url, title: 'Saltmarsh', ...settings } })
  const open = async (made, options = {}) => {
    shop.key = made.external_account_id
    Object.assign(shop, { attributes: '', lang: 'en', dir: 'ltr' }, options.shop)
    const page = await browser.page({ name: 'visitor', ...options })
    await page.goto(shop.url)
    await page.locator('.launch').waitFor()
    return page
  }
  const start = async (page) => {
    await page.getByRole('button', { name: 'Open the chat' }).click()
    await page.getByRole('dialog', { name: 'Saltmarsh' }).waitFor()
  }
  const start_ = async (page, name) => {
    await page.getByRole('button', { name: 'Open the chat' }).click()
    await page.getByRole('dialog', { name }).waitFor()
  }
  const write = async (page, text) => {
    await page.getByLabel('Write a message').fill(text)
    await page.keyboard.press('Enter')
  }
  const conversation = (text) => until(async () => (await heed.api('GET', `/conversations?q=${encodeURIComponent(`"${text}"`)}`)).items[0], `a conversation with ${text}`)
  const answer = (to, text) => heed.api('POST', `/conversations/${to.id}/messages`, { kind: 'reply', text })
  const messages = async (to) => (await heed.api('GET', `/conversations/${to.id}/messages?limit=100`)).items
  const clean = async (page) => {
    equal(await browser.violations(page), [], 'nothing breaks the policy')
    equal(await page.evaluate(() => window.hacked), undefined)
  }
  const plain = await channel('Chat both ways', { offline: 'chat', greeting: 'Hello. Ask anything.' })

  const identity = (made, subject) => {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: subject, aud: made.external_account_id, exp: Math.floor(Date.now() / 1000) + 300, jti: randomUUID() })}`
    return `${text}.${createHmac('sha256', made.secret).update(text).digest('base64url')}`
  }

  test('a signed customer\'s thread opens only where the page vouches for them again', async () => {
    const made = await channel('Chat of the vouched', { offline: 'chat' })
    const page = await open(made, { shop: { attributes: `data-identity="${identity(made, 'anna-1')}"` } })
    await start(page)
    await write(page, 'Anna\'s own words')
    await page.locator('.m.mine', { hasText: 'own words' }).getByText('Sent').waitFor()
    const talk = await conversation('Anna\'s own words')
    // The next page says nothing of who it is: nothing is shown, and nothing of hers is asked for.
    const asked = []
    page.on('request', (request) => request.headers().authorization && asked.push(request.url()))
    shop.attributes = ''
    await page.reload()
    await page.locator('.launch').waitFor()
    await start(page)
    await write(page, 'Somebody else at this device')
    await page.locator('.m.mine', { hasText: 'Somebody else' }).getByText('Sent').waitFor()
    equal(await page.locator('.m.mine').count(), 1, 'only what was written now')
    check((await conversation('Somebody else at this device')).id !== talk.id, 'it is another conversation')
    check(!(await messages(talk)).some((m) => m.text.includes('Somebody else')))
    // Nobody writes and nobody is vouched for: what was kept goes.
    shop.attributes = `data-identity="${identity(made, 'anna-1')}"`
    await page.reload()
    await page.locator('.launch').waitFor()
    await start(page)
    await page.getByText('Anna\'s own words').waitFor()
    shop.attributes = ''
    await page.clock.install()
    asked.length = 0
    await page.reload()
    await page.locator('.launch').waitFor()
    check(await page.evaluate(() => Object.values(localStorage).some((v) => v.includes('anna-1'))), 'the page may still say who it is')
    await page.clock.runFor(25_000)
    await until(() => page.evaluate(() => !Object.values(localStorage).some((v) => v.includes('anna-1'))), 'what was kept goes')
    equal(asked, [], 'her token is not used')
    await page.context().close()
  })

  test('what arrives after signing out of the chat is thrown away', async () => {
    const made = await channel('Chat that is left', { offline: 'chat' })
    const page = await open(made, { shop: { attributes: `data-identity="${identity(made, 'anna-2')}"` } })
    await start(page)
    await write(page, 'Only for Anna')
    await page.locator('.m.mine', { hasText: 'Only for Anna' }).getByText('Sent').waitFor()
    let release
    const held = new Promise((done) => (release = done))
    const arrived = new Promise((done) => {
      void page.route('**/messages?limit=*', async (route) => {
        const response = await route.fetch()
        done()
        await held
        await route.fulfill({ response })
      })
    })
    await page.reload()
    await page.locator('.launch').waitFor()
    await arrived
    await start(page)
    await page.evaluate(() => window.HeedChat.logout())
    const late = page.waitForResponse('**/messages?limit=*')
    release()
    await (await late).finished()
    await page.evaluate(() => new Promise((done) => setTimeout(done, 300)))
    equal(await page.getByText('Only for Anna').count(), 0, 'nothing of hers')
    await page.context().close()
  })

  test('the chat widget works on another origin under a strict policy, both ways, and lives through a reload', async () => {
    const page = await open(plain)
    equal(await page.evaluate(() => localStorage.length), 0, 'nothing is kept before somebody writes')
    equal((await page.context().cookies()).length, 0)
    await start(page)
    await page.getByText('Hello. Ask anything.').waitFor()
    await write(page, 'Is the moss one in stock? 👋')
    await page.locator('.m.mine', { hasText: 'moss one' }).getByText('Sent').waitFor()
    const talk = await conversation('moss one')
    await heed.api('POST', `/conversations/${talk.id}/read`, {})
    await page.locator('.m.mine', { hasText: 'moss one' }).getByText('Read').waitFor()
    await heed.api('POST', '/presence', { conversation_id: talk.id, typing: true })
    await page.getByText('Maren is writing').waitFor()
    await answer(talk, 'Yes, see https://shop.example/moss. M and L.')
    const link = page.getByRole('link', { name: 'https://shop.example/moss' })
    await link.waitFor()
    equal(await link.getAttribute('rel'), 'noopener noreferrer nofollow ugc')
    check(!(await page.getByText('Maren is writing').isVisible()), 'whoever has answered writes no more')
    await until(async () => (await messages(talk)).at(-1).send_state === 'read', 'the answer is read')
    await page.reload()
    await start(page)
    await page.getByText('M and L.').waitFor()
    equal(await page.locator('.m.x').count(), 2)
    equal((await page.context().cookies()).length, 0, 'no cookies at all')
    await clean(page)
    await page.context().close()
  })

  test('hostile words in the chat are words, on both sides', async () => {
    const page = await open(plain)
    await start(page)
    for (const [i, text] of HOSTILE.entries()) await write(page, `${text} zebra${i}`)
    await until(async () => (await page.locator('.m.mine').count()) === HOSTILE.length, 'all are shown', 15000)
    const talk = await conversation('zebra2')
    await until(async () => (await messages(talk)).length === HOSTILE.length, 'all have arrived', 15000)
    for (const text of HOSTILE) await answer(talk, text)
    await until(async () => (await page.locator('.m:not(.mine).x').count()) === HOSTILE.length, 'all answers are shown', 15000)
    for (const href of await page.locator('.log a').evaluateAll((links) => links.map((a) => a.href))) check(/^https?:\/\//.test(href), href)
    await clean(page)
    await page.context().close()
  })

  test('the chat loses nothing while the server is away, and sends nothing twice', async () => {
    const page = await open(plain)
    await start(page)
    await write(page, 'before the storm')
    const talk = await conversation('before the storm')
    await heed.down()
    await write(page, 'during the storm, one')
    await write(page, 'during the storm, two')
    await page.getByText('No connection. We keep trying.').waitFor({ timeout: 15000 })
    equal(await page.locator('.m.mine').getByText('Goes out when the connection is back').count(), 2)
    await page.reload({ waitUntil: 'commit' }).catch(() => {}) // the shop is there, the chat's script is not
    await heed.up()
    await page.goto(shop.url)
    await start(page)
    await until(async () => (await messages(talk)).length === 3, 'all three arrive after the reload', 20000)
    await answer(talk, 'after the storm')
    await page.getByText('after the storm').waitFor()
    equal((await messages(talk)).map((m) => m.text), ['before the storm', 'during the storm, one', 'during the storm, two', 'after the storm'])
    await until(async () => (await page.locator('.m.mine.x').count()) === 3, 'each is shown once')
    equal((await heed.api('GET', '/conversations?q=storm')).items.length, 1)
    await clean(page)
    await page.context().close()
  })

  test('the chat is done from the keyboard alone, announces what is new, and gives the focus back', async () => {
    const page = await open(plain)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    const focused = () => page.evaluate(() => (document.activeElement?.shadowRoot?.activeElement ?? document.activeElement)?.getAttribute('aria-label') ?? '')
    equal(await focused(), 'Open the chat')
    await page.keyboard.press('Enter')
    await page.keyboard.type('only keys')
    await page.keyboard.press('Shift+Enter')
    await page.keyboard.type('two lines')
    await page.keyboard.press('Enter')
    const talk = await conversation('only keys')
    equal((await messages(talk))[0].text, 'only keys\ntwo lines')
    equal(await page.locator('[role=log]').getAttribute('aria-live'), 'polite')
    await page.keyboard.press('Escape')
    equal(await focused(), 'Open the chat')
    check(!(await page.getByRole('dialog').isVisible()), 'Escape closes')
    await answer(talk, 'an answer while it is closed')
    await page.getByRole('button', { name: 'Open the chat, 1 new' }).waitFor()
    await until(async () => (await messages(talk)).at(-1).send_state === 'delivered', 'it is delivered, not read')
    await page.keyboard.press('Enter')
    await page.getByText('an answer while it is closed').waitFor()
    await until(async () => (await messages(talk)).at(-1).send_state === 'read', 'now it is read')
    await page.context().close()
  })

  test('axe finds nothing in the chat, light, dark and on a phone', async () => {
    for (const options of [{}, { theme: 'dark' }, { width: 320, height: 640 }]) {
      const page = await open(await channel(`Axe ${JSON.stringify(options)}`, { offline: 'chat', greeting: 'Hi', colour: '#ffd400', notice: 'We keep this.', privacy_url: 'https://shop.example/privacy' }), options)
      await start(page)
      await write(page, `axe looks ${JSON.stringify(options)}`)
      const talk = await conversation(`axe looks ${JSON.stringify(options)}`)
      await answer(talk, 'hello')
      await page.locator('.m:not(.mine)', { hasText: 'hello' }).waitFor()
      equal(await axe(page), [], JSON.stringify(options))
      check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out')
      if (options.width === 320) {
        const box = await page.getByRole('dialog').boundingBox()
        equal([Math.round(box.x), Math.round(box.y), Math.round(box.width)], [0, 0, 320], 'it covers the phone')
        for (let i = 0; i < 12; i++) await page.keyboard.press('Tab')
        check(await page.evaluate(() => document.activeElement?.shadowRoot !== null && document.activeElement !== document.body), 'Tab stays inside')
      }
      await page.context().close()
    }
  })

  test('what is asked before a chat is asked once, with errors at the field; away it is a letter', async () => {
    const made = await channel('Asks first', { ask_name: true, ask_email: true, questions: [{ label: 'Order number', required: true }, { label: 'Topic', kind: 'choice', choices: ['Size', 'Return'] }] })
    const page = await open(made)
    await start(page)
    await page.getByRole('button', { name: /Start the chat|Leave a message/ }).click()
    check((await page.getByText('Please fill this in.').count()) >= 3, 'says what is missing')
    await page.getByLabel('Your name').fill('Aino Virtanen')
    await page.getByLabel('Your e-mail').fill('aino')
    await page.getByLabel('Order number').fill('A-17')
    await page.getByLabel('Topic').selectOption('Return')
    await page.getByLabel('Your message').fill('It is too small for me.')
    await page.getByRole('button', { name: /Start the chat|Leave a message/ }).click()
    await page.getByText('Please give a whole e-mail address.').waitFor()
    await page.getByLabel('Your e-mail').fill('aino@example.com')
    await page.getByRole('button', { name: /Start the chat|Leave a message/ }).click()
    const talk = await conversation('too small for me')
    equal((await messages(talk))[0].text, 'Order number: A-17\nTopic: Return\n\nIt is too small for me.')
    equal(talk.contact.name, 'Aino Virtanen')
    await page.getByLabel('Write a message').waitFor()
    equal(await page.getByLabel('Your name').count(), 0)
    await clean(page)
    await page.context().close()
  })

  test('files and pictures go both ways in the chat', async () => {
    const page = await open(plain)
    await start(page)
    const png = readFileSync(new URL('../../fixtures/pictures/place.png', import.meta.url).pathname)
    await page.locator('input[type=file]').setInputFiles([{ name: 'jacket.png', mimeType: 'image/png', buffer: png }, { name: 'order.txt', mimeType: 'text/plain', buffer: Buffer.from('order A-17') }])
    await page.getByRole('button', { name: 'Picture jacket.png' }).waitFor()
    const text = page.getByRole('button', { name: 'Download order.txt' })
    const [download] = await Promise.all([page.waitForEvent('download'), text.click()])
    equal(readFileSync(await download.path(), 'utf8'), 'order A-17')
    await until(() => page.locator('canvas').first().evaluate((c) => c.getContext('2d').getImageData(c.width >> 1, c.height >> 1, 1, 1).data[3] > 0), 'the picture is painted')
    await clean(page)
    await page.context().close()
  })

  test('the chat speaks five languages, right to left where the page does', async () => {
    for (const [lang, words] of [['et', 'Ava vestlus'], ['fi', 'Avaa keskustelu'], ['id', 'Buka obrolan'], ['ko-KR', '채팅 열기'], ['sv', 'Open the chat']]) {
      const page = await open(plain, { shop: { lang }, locale: 'en-GB' })
      await page.getByRole('button', { name: words }).waitFor()
      await page.context().close()
    }
    const page = await open(plain, { shop: { lang: 'ar', dir: 'rtl' } })
    await start(page)
    equal(await page.locator('.panel').evaluate((e) => getComputedStyle(e).direction), 'rtl')
    await write(page, 'مرحبا، أين طلبي؟')
    const bubble = await until(() => page.locator('.m.mine .b').boundingBox(), 'own words are drawn') // the message is drawn anew once it is sent
    const panel = await page.locator('.panel').boundingBox()
    check(bubble.x - panel.x < panel.x + panel.width - bubble.x - bubble.width, 'own words stand at the end, which is on the left')
    await page.context().close()
  })

  test('a page that is not named gets no chat, and the script stays small', async () => {
    const made = await heed.api('POST', '/channels', { kind: 'chat', name: 'Elsewhere', settings: { allowed_origins: 'https://another.example' } })
    shop.key = made.external_account_id
    const page = await browser.page({ name: 'foreign' })
    const warned = page.waitForEvent('console', (m) => m.text().includes('origin') || m.text().includes('Heed chat') || m.text().includes('CORS'))
    await page.goto(shop.url)
    await warned
    equal(await page.locator('.launch').count(), 0)
    browser.problems = browser.problems.filter((p) => !p.startsWith('foreign'))
    await page.context().close()
    const packed = await new Promise((done, fail) => http.get(`${heed.url}/chat.js`, { headers: { 'accept-encoding': 'br' } }, (res) => {
      const chunks = []
      res.on('data', (c) => chunks.push(c)).on('end', () => done(Buffer.concat(chunks))).on('error', fail)
    }))
    check(brotliDecompressSync(packed).length > 10_000, 'it came compressed')
    say(`chat.js: ${(packed.length / 1024).toFixed(1)} KB of 25 KB`)
    check(packed.length <= 25 * 1024, `${packed.length} bytes`)
  })

  test('a newcomer makes a chat and a form in the settings, sees how it looks, and it works', async () => {
    const page = await browser.page({ name: 'settings' })
    await signIn(page, heed, email, password)
    await page.goto(`${heed.url}/settings/channels/new/chat`)
    await page.getByLabel('Name', { exact: true }).or(page.getByLabel('Channel’s name')).or(page.locator('form input').first()).first().fill('Made by hand')
    await page.getByLabel('Name customers see').fill('Northbay Care')
    await page.getByLabel('Pages that may use it').fill(`${shop.url}/path`)
    await page.getByLabel('Greeting').fill('Welcome aboard')
    await page.getByLabel('Own questions').fill('Order number *\nSize: S, M, L')
    await page.getByLabel('When nobody is there').selectOption('chat')
    await page.locator('.preview').getByText('Welcome aboard').waitFor()
    await page.locator('.preview').getByText('Northbay Care').first().waitFor()
    await page.getByRole('button', { name: 'Connect' }).click()
    await page.getByText('Each line is an origin', { exact: false }).waitFor()
    await page.getByLabel('Pages that may use it').fill(shop.url)
    await page.getByRole('button', { name: 'Connect' }).click()
    const tag = await page.locator('output', { hasText: 'chat.js' }).innerText()
    check((await page.locator('output', { hasText: 'heedchat_' }).innerText()).length > 40, 'the secret is shown once')
    const key = /data-channel="([0-9a-f]{32})"/.exec(tag)[1]
    equal(await axe(page), [], 'the page after making it')
    await page.locator('a.btn.primary').click()
    await page.getByLabel('Colour').fill('#8a1c5b')
    await page.locator('form', { has: page.getByLabel('Colour') }).getByRole('button', { name: 'Save' }).click()
    await until(async () => (await heed.api('GET', '/channels')).items.find((c) => c.external_account_id === key).settings.colour === '#8a1c5b', 'the colour is kept')
    const saved = (await heed.api('GET', '/channels')).items.find((c) => c.external_account_id === key).settings
    equal(saved.questions, [{ label: 'Order number', required: true }, { label: 'Size', kind: 'choice', choices: ['S', 'M', 'L'] }])
    equal((await axe(page)).filter((v) => !v.includes('.toasts')), [], 'its settings')
    const visitor = await open({ external_account_id: key })
    await start_(visitor, 'Northbay Care')
    await visitor.getByLabel('Order number').waitFor()
    await visitor.context().close()
    await page.goto(`${heed.url}/settings/channels/new/form`)
    await page.locator('form input').first().fill('Letters')
    await page.getByRole('button', { name: 'Connect' }).click()
    const address = await page.locator('output', { hasText: '/form/' }).innerText()
    await page.goto(address)
    equal(await axe(page), [], 'the form')
    await page.getByLabel('Your e-mail').fill('aino@example.com')
    await page.getByLabel('Your message').fill('A letter by hand')
    await page.waitForTimeout(3100)
    await page.getByRole('button', { name: 'Send' }).click()
    await page.getByText('Your message has arrived.').waitFor()
    await conversation('A letter by hand')
    equal(await browser.violations(page), [])
    await page.context().close()
  })

  test('what is typed while the settings of a channel are still asked for stays, and the rest comes', async () => {
    const made = await channel('Typed early', { greeting: 'From before', colour: '#123456' })
    const page = await browser.page({ name: 'early' })
    await signIn(page, heed, email, password)
    let release
    const gate = new Promise((done) => (release = done))
    await page.route(`**/api/v1/channels/${made.id}`, async (route) => {
      if (route.request().method() === 'GET') await gate
      await route.continue()
    })
    await page.goto(`${heed.url}/settings/channels/${made.id}`)
    await page.getByLabel('Colour').fill('#8a1c5b')
    await page.getByLabel('Name in Heed').fill('Typed at once')
    release()
    await until(async () => (await page.getByLabel('Greeting').inputValue()) === 'From before', 'the rest comes')
    equal(await page.getByLabel('Colour').inputValue(), '#8a1c5b')
    await page.locator('form', { has: page.getByLabel('Colour') }).getByRole('button', { name: 'Save' }).click()
    await until(async () => (await heed.api('GET', `/channels/${made.id}`)).name === 'Typed at once', 'it is kept')
    const now = (await heed.api('GET', `/channels/${made.id}`)).settings
    equal([now.colour, now.greeting, now.title], ['#8a1c5b', 'From before', 'Saltmarsh'])
    await page.context().close()
  })

  test('opening hours are set by keyboard, an overlap says so at its field, and the chat obeys them at once', async () => {
    const made = await channel('Chat with hours', { offline: 'form' })
    const page = await browser.page({ name: 'hours' })
    await signIn(page, heed, email, password)
    await page.goto(`${heed.url}/settings/channels/${made.id}`)
    const hours = page.getByRole('group', { name: 'Opening hours' })
    const press = (name) => hours.getByRole('button', { name, exact: true }).press('Enter')
    const from = (day) => hours.getByLabel(`${day}, from`)
    const save = () => page.locator('form', { has: hours }).getByRole('button', { name: 'Save' }).press('Enter')
    const kept = async () => (await heed.api('GET', `/channels/${made.id}`)).settings.hours ?? []
    const typed = async (field, digits) => {
      await field.focus()
      await page.keyboard.type(digits)
    }
    await hours.getByLabel('Only open at certain times').press('Space')
    await from('Monday').waitFor()
    equal([await from('Monday').inputValue(), await hours.getByLabel('Friday, to').inputValue(), await from('Sunday').count()], ['09:00', '17:00', 0], 'a usual week to begin with')
    equal((await axe(page)).filter((v) => !v.includes('.toasts')), [])
    await press('Remove Friday 09:00 to 17:00')
    equal(await from('Friday').count(), 0)
    await press('Add a time on Monday')
    const second = from('Monday').nth(1)
    equal(await second.inputValue(), '17:00', 'it goes on where the first one ends')
    const overlap = hours.getByText('This begins before another time of that day ends.')
    await typed(second, '1630')
    await overlap.waitFor()
    equal([await second.inputValue(), await second.getAttribute('aria-invalid'), await from('Monday').first().getAttribute('aria-invalid')], ['16:30', 'true', null], 'at the one that is wrong')
    equal((await axe(page)).filter((v) => !v.includes('.toasts')), [])
    if (process.env.HEED_SHOTS) await hours.screenshot({ path: `${process.env.HEED_SHOTS}/hours.png` })
    await save()
    await until(() => second.evaluate((field) => document.activeElement === field), 'the field that keeps it from being saved has the focus')
    equal(await kept(), [], 'nothing is saved')
    await typed(second, '1730')
    await overlap.waitFor({ state: 'detached' })
    await save()
    await until(async () => (await kept()).length === 2, 'it is saved')
    equal(await kept(), [{ days: ['mon', 'tue', 'wed', 'thu'], from: '09:00', to: '17:00' }, { days: ['mon'], from: '17:30', to: '18:00' }])
    await page.reload()
    equal([await second.inputValue(), await from('Friday').count()], ['17:30', 0], 'after a reload too')

    // Always open first; a visitor talks.
    await hours.getByLabel('Only open at certain times').press('Space')
    await from('Monday').first().waitFor({ state: 'detached' })
    await save()
    await until(async () => (await kept()).length === 0, 'always open')
    const visitor = await open(made)
    await start(visitor)
    await visitor.getByText('We are here').waitFor()
    await write(visitor, 'Is it open now?')
    await conversation('Is it open now?')
    // Open on one day only, which is neither today nor near it: they are told at once.
    const day = new Intl.DateTimeFormat('en-GB', { weekday: 'long', timeZone: 'UTC' }).format(Date.now() + 3 * 24 * 3600_000)
    await hours.getByLabel('Only open at certain times').press('Space')
    await from('Monday').waitFor()
    if (!(await from(day).count())) await press(`Add a time on ${day}`)
    for (const other of ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday']) if (other !== day) await press(`Remove ${other} 09:00 to 17:00`)
    await save()
    await until(async () => (await kept()).length === 1, 'one day')
    await visitor.getByText('We are away · back').waitFor()
    check((await visitor.getByText('We are away · back').innerText()).includes(day), `it says ${day}`)
    await clean(visitor)
    await visitor.context().close()
    // Who comes now is told when it opens, and may leave a letter.
    const late = await open(made)
    await start(late)
    await late.getByText('We are away · back').waitFor()
    await late.getByText('Nobody is here just now. Leave a message and we will answer.').waitFor()
    await late.getByLabel('Your e-mail').fill('late@example.com')
    await late.getByLabel('Your message').fill('You were closed when I came')
    await late.getByRole('button', { name: 'Leave a message' }).click()
    const letter = await conversation('You were closed when I came')
    equal((await messages(letter)).length, 1)
    await clean(late)
    await late.context().close()
    await page.context().close()
  })
}
