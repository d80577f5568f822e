// SPDX-License-Identifier: AGPL-3.0-or-later
// Pings, the installed page without a network, phones, languages and what WCAG asks for. Registered by run.mjs.
import { axe, signIn } from './lib/browser.mjs'
import { message } from './lib/heed.mjs'
import { check, equal, test, until } from './lib/run.mjs'

const shots = process.env.HEED_SHOTS
const shot = (page, name, options = {}) => (shots ? page.screenshot({ path: `${shots}/${name}.png`, ...options }) : undefined)

export function tests({ browser, heed, channel, shop, byName, PASSWORD, DIMAS, MAREN, VERA }) {
  test('a ping shows at the bell, in a toast and in the title, and opening it sees it', async () => {
    const page = await browser.page({ name: 'bell' })
    await signIn(page, heed, DIMAS, PASSWORD)
    await until(async () => {
      await page.evaluate(() => fetch('/api/v1/pings/seen', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"all":true}' })) // earlier tests'
      return page.getByRole('button', { name: 'Pings', exact: true }).first().isVisible()
    }, 'nothing is new', 15_000)
    const dimas = (await heed.api('GET', '/agents')).items.find((a) => a.email === DIMAS)
    await heed.hook(channel, [message('bell', 'Bella Ring', 'Is anybody there?', 1)])
    const c = await until(() => byName('Bella Ring'), 'the conversation')
    await heed.api('PATCH', `/conversations/${c.id}`, { assignee_id: dimas.id })
    await page.locator('.toast', { hasText: 'Maren Tamm gave you Bella Ring' }).waitFor()
    await page.getByRole('button', { name: '1 new ping' }).first().waitFor()
    await until(async () => (await page.title()).startsWith('• '), 'the title has a dot')
    equal(await page.locator('link[rel=icon]').getAttribute('href'), '/favicon-dot.svg')
    check(await page.evaluate(() => document.documentElement.dataset.rang), 'it rang')
    await page.locator('.toast', { hasText: 'Bella Ring' }).getByRole('button', { name: 'Dismiss' }).click()
    await page.keyboard.press('g')
    await page.keyboard.press('b')
    const bell = page.getByRole('dialog', { name: 'Pings' })
    await bell.getByText('Is anybody there?').waitFor()
    equal(await axe(page), [])
    await shot(page, 'bell')
    await bell.getByRole('link', { name: /Bella Ring/ }).click()
    await page.locator('.th-title h2', { hasText: 'Bella Ring' }).waitFor()
    await page.getByRole('button', { name: 'Pings', exact: true }).first().waitFor()
    await until(async () => !(await page.title()).startsWith('• '), 'the dot is gone')
    // What comes while it is open and looked at is seen at once.
    await heed.hook(channel, [message('bell', 'Bella Ring', 'Hello?', 0)])
    await page.locator('.bub', { hasText: 'Hello?' }).waitFor()
    await until(async () => page.evaluate(async () => (await (await fetch('/api/v1/pings')).json()).items.every((p) => p.seen_at)), 'all seen')
    await page.context().close()
  })

  test('how one is pinged is chosen per kind and way, and kept', async () => {
    const page = await browser.page({ name: 'choices' })
    await signIn(page, heed, DIMAS, PASSWORD)
    await page.goto(`${heed.url}/settings/pings`)
    const box = page.getByRole('checkbox', { name: 'A customer writes, wherever I may see it: Page' })
    await box.check()
    await page.getByRole('checkbox', { name: 'A colleague mentions me in a note: Sound' }).uncheck()
    await page.getByRole('checkbox', { name: /Keep quiet hours/ }).check()
    await page.getByLabel('From', { exact: true }).fill('21:30')
    await page.getByLabel('From', { exact: true }).blur()
    await page.getByLabel('Time zone').selectOption('Europe/Tallinn')
    await until(async () => {
      const c = await page.evaluate(async () => (await fetch('/api/v1/me/pings')).json())
      return c.all.page && !c.mention.sound && c.mention.page && c.quiet && c.quiet_from === 21 * 60 + 30 && c.time_zone === 'Europe/Tallinn'
    }, 'the choices are kept')
    equal(await axe(page), [])
    await page.reload()
    await box.waitFor()
    check(await box.isChecked(), 'after a reload too')
    // An answer that comes late takes nothing back that was chosen since.
    const ways = ['Page', 'Browser', 'Sound'].map((way) => page.getByRole('checkbox', { name: `A customer writes in what I am assigned to: ${way}` }))
    const wanted = await Promise.all(ways.map(async (one) => !(await one.isChecked())))
    await page.route('**/api/v1/me/pings', async (route) => {
      const answer = await route.fetch()
      await new Promise((done) => setTimeout(done, 400))
      await route.fulfill({ response: answer })
    })
    for (const [i, one] of ways.entries()) {
      await one.click()
      await page.waitForTimeout(250)
      equal(await one.isChecked(), wanted[i], 'shown at once:')
    }
    await until(async () => {
      const { mine } = await page.evaluate(async () => (await fetch('/api/v1/me/pings', { cache: 'no-store' })).json())
      return [mine.page, mine.push, mine.sound].every((on, i) => on === wanted[i])
    }, 'all three are kept')
    equal(await Promise.all(ways.map((one) => one.isChecked())), wanted)
    await page.unroute('**/api/v1/me/pings')
    await shot(page, 'choices', { fullPage: true })
    await page.evaluate(() => fetch('/api/v1/me/pings', { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ quiet: false, all: { page: false, push: false, mail: false, sound: false } }) }))
    await page.context().close()
  })

  /** A page whose worker stands, so that it opens without a network. */
  async function installed(name, email, options = {}) {
    const page = await browser.page({ name, ...options })
    await signIn(page, heed, email, PASSWORD)
    await until(() => page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.active?.state === 'activated' && (await caches.keys()).some((k) => k.startsWith('heed-'))), 'the worker stands', 15_000)
    await page.reload()
    await page.waitForSelector('.st-live', { state: 'attached' })
    check(await page.evaluate(() => !!navigator.serviceWorker.controller), 'the worker serves the page')
    return page
  }
  const messagesOf = async (id) => (await heed.api('GET', `/conversations/${id}/messages?limit=100`)).items
  /** Its messages are on the device; a new address right behind them would cut that off. */
  const kept = (page, id) => until(() => page.evaluate((path) => new Promise((done) => {
    const open = indexedDB.open('heed')
    open.onsuccess = () => (open.result.transaction('kept').objectStore('kept').get(path).onsuccess = (e) => (done(!!e.target.result), open.result.close()))
  }), `/conversations/${id}/messages?limit=50`), 'the messages are kept')
  const lost = (page) => page.locator('.band').waitFor({ timeout: 15_000 })

  test('without a network the inbox opens, the last conversations can be read, and what is written goes out once', async () => {
    await heed.hook(channel, [message('off1', 'Olga Offline', 'Can you hear me?', 3), message('off2', 'Otto Other', 'Me too?', 2)])
    const [olga, otto] = [await until(() => byName('Olga Offline'), 'Olga'), await until(() => byName('Otto Other'), 'Otto')]
    const page = await installed('offline', DIMAS)
    for (const c of [olga, otto]) {
      await page.goto(`${heed.url}/conversations/${c.id}`)
      await page.locator('.bub').first().waitFor()
      await kept(page, c.id)
    }
    await page.goto(`${heed.url}/inbox/unanswered`)
    await page.locator('[data-row]').first().waitFor()
    await page.context().setOffline(true)
    await lost(page)
    // Read, answer, reload, note, close: all of it without a network.
    await page.goto(`${heed.url}/conversations/${olga.id}`)
    await page.locator('.bub', { hasText: 'Can you hear me?' }).waitFor()
    await page.locator('.c-text').fill('Yes, loud and clear.')
    await page.keyboard.press('Control+Shift+Enter')
    await page.locator('.msg', { hasText: 'Yes, loud and clear.' }).getByText('Waits for the connection').waitFor()
    await shot(page, 'offline')
    await page.reload()
    await page.locator('.msg', { hasText: 'Yes, loud and clear.' }).getByText('Waits for the connection').waitFor()
    await page.goto(`${heed.url}/conversations/${otto.id}`)
    await page.locator('.bub', { hasText: 'Me too?' }).waitFor()
    await page.locator('.c-text').fill('You as well, Otto.')
    await page.keyboard.press('Control+Enter')
    await until(() => page.evaluate(() => new Promise((done) => {
      const open = indexedDB.open('heed')
      open.onsuccess = () => (open.result.transaction('waiting').objectStore('waiting').count().onsuccess = (e) => (done(e.target.result === 3), open.result.close()))
    })), 'three things wait')
    equal(await messagesOf(olga.id).then((m) => m.filter((x) => x.direction === 'out').length), 0)
    await page.reload()
    await page.waitForTimeout(300)
    await page.context().setOffline(false)
    await until(async () => (await messagesOf(olga.id)).some((m) => m.text === 'Yes, loud and clear.'), 'the first answer goes out', 20_000)
    await until(async () => (await byName('Otto Other')).status === 'closed', 'the second one and its closing too', 20_000)
    await page.waitForTimeout(1500)
    for (const [c, text] of [[olga, 'Yes, loud and clear.'], [otto, 'You as well, Otto.']]) equal((await messagesOf(c.id)).filter((m) => m.text === text).length, 1, `${text}: exactly once,`)
    await until(() => shop.answers.filter((a) => a.text === 'Yes, loud and clear.').length === 1, 'the customer has it')
    await page.context().close()
  })

  test('an answer that a colleague overtook is held back and shown, then sent or thrown away', async () => {
    await heed.hook(channel, [message('race', 'Rita Race', 'Who is first?', 3)])
    const rita = await until(() => byName('Rita Race'), 'Rita')
    const page = await installed('race', DIMAS)
    await page.goto(`${heed.url}/conversations/${rita.id}`)
    await page.locator('.bub', { hasText: 'Who is first?' }).waitFor()
    await kept(page, rita.id)
    await page.context().setOffline(true)
    await lost(page)
    await page.locator('.c-text').fill('Me, I think.')
    await page.keyboard.press('Control+Shift+Enter')
    await page.getByText('Waits for the connection', { exact: true }).waitFor()
    await heed.api('POST', `/conversations/${rita.id}/messages`, { kind: 'reply', text: 'I am first.' })
    await page.context().setOffline(false)
    await page.getByText('Maren Tamm answered meanwhile.').waitFor({ timeout: 20_000 })
    await page.locator('.bub', { hasText: 'I am first.' }).waitFor()
    check(!(await messagesOf(rita.id)).some((m) => m.text === 'Me, I think.'), 'it was not sent')
    await page.locator('.msg', { hasText: 'Me, I think.' }).getByRole('button', { name: 'Try again' }).click()
    await until(async () => (await messagesOf(rita.id)).filter((m) => m.text === 'Me, I think.').length === 1, 'sent on the person’s word')
    await page.context().close()
  })

  test('a question that came while one was away is not closed with the rest', async () => {
    await heed.hook(channel, [message('ask', 'Asta Asks', 'First question', 3)])
    const asta = await until(() => byName('Asta Asks'), 'Asta')
    const page = await installed('ask', DIMAS)
    await page.goto(`${heed.url}/conversations/${asta.id}`)
    await page.locator('.bub', { hasText: 'First question' }).waitFor()
    await page.context().setOffline(true)
    await lost(page)
    await page.evaluate(() => document.activeElement?.blur?.())
    await page.keyboard.press('c')
    await page.getByText('1 thing waits for the connection').waitFor()
    await heed.hook(channel, [message('ask', 'Asta Asks', 'Second question', 0)])
    await until(async () => (await messagesOf(asta.id)).length === 2, 'the second question')
    await page.context().setOffline(false)
    await page.getByText('Asta Asks wrote meanwhile, so it stays open').first().waitFor({ timeout: 20_000 })
    equal((await byName('Asta Asks')).status, 'open')
    await page.context().close()
  })

  test('signing out empties the device, and somebody else finds nothing of the person before', async () => {
    const page = await installed('leave', DIMAS)
    const count = () => page.evaluate(() => new Promise((done) => {
      const open = indexedDB.open('heed')
      open.onsuccess = () => (open.result.transaction('kept').objectStore('kept').count().onsuccess = (e) => (done(e.target.result), open.result.close()))
    }))
    await until(async () => (await count()) > 3, 'something is kept')
    await page.goto(`${heed.url}/settings/me`)
    await page.evaluate(() => localStorage.setItem('heed.draft.7.9.reply', 'half an answer to somebody'))
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.waitForURL('**/sign-in')
    await until(async () => (await count()) === 0, 'nothing is kept')
    equal(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('heed.draft.'))), [], 'no drafts either')
    check(!(await page.evaluate(async () => { for (const name of await caches.keys()) for (const r of await (await caches.open(name)).keys()) if (new URL(r.url).pathname.startsWith('/api/')) return r.url })), 'the worker keeps no answer of the API')
    await page.context().close()
  })

  test('the page can be installed: manifest, icons of the right size, a worker, nothing the content policy minds', async () => {
    const page = await browser.page({ name: 'manifest' })
    await page.goto(`${heed.url}/sign-in`)
    const manifest = await page.evaluate(async () => (await fetch(document.querySelector('link[rel=manifest]').href)).json())
    equal([manifest.display, manifest.start_url, manifest.scope], ['standalone', '/inbox/unanswered', '/'])
    for (const icon of manifest.icons.filter((i) => i.type === 'image/png')) {
      const size = await page.evaluate(async (src) => { const b = await createImageBitmap(await (await fetch(src)).blob()); return `${b.width}x${b.height}` }, icon.src)
      equal(size, icon.sizes, icon.src)
    }
    equal(await browser.violations(page), [])
    await page.context().close()
  })

  test('a push is turned on here, told to the server, tried and removed', async () => {
    const page = await browser.page({ name: 'push', permissions: ['notifications'] })
    // Chromium without a push service of its own: the browser's part is played here, with real keys.
    await page.addInitScript((endpoint) => {
      const b64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
      let made = null
      PushManager.prototype.getSubscription = async () => made
      PushManager.prototype.subscribe = async (options) => {
        const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits'])
        window.gaveKey = new Uint8Array(options.applicationServerKey).length
        const p256dh = b64(await crypto.subtle.exportKey('raw', pair.publicKey))
        made = { unsubscribe: async () => ((made = null), true), toJSON: () => ({ endpoint, keys: { p256dh, auth: b64(crypto.getRandomValues(new Uint8Array(16))) } }) }
        return made
      }
      Notification.requestPermission = async () => 'granted'
    }, `http://127.0.0.1:${shop.port}/push/1`)
    await signIn(page, heed, DIMAS, PASSWORD)
    await page.goto(`${heed.url}/settings/pings`)
    await page.getByRole('button', { name: 'Turn on here' }).click()
    await page.getByRole('heading', { name: 'Devices' }).waitFor()
    equal(await page.evaluate(() => window.gaveKey), 65)
    equal(await page.getByRole('button', { name: 'Turn on here' }).count(), 0)
    await page.getByRole('button', { name: 'Try it' }).click()
    await page.getByText('A push is on its way').first().waitFor()
    await page.locator('.toast').getByRole('button', { name: 'Dismiss' }).click()
    equal(await axe(page), [])
    await shot(page, 'push', { fullPage: true })
    await page.getByRole('button', { name: 'Remove' }).click()
    await page.getByRole('button', { name: 'Turn on here' }).waitFor()
    await page.context().close()
  })

  // ---- What WCAG asks for (docs/accessibility.md) ----

  test('focus after an answer that closes is on the next conversation’s row, and the words lie over no button', async () => {
    await heed.hook(channel, [message('foc1', 'Fanny Focus', 'One?', 400), message('foc2', 'Felix Focus', 'Two?', 390)])
    await until(() => byName('Felix Focus'), 'both')
    for (const width of [1440, 1000]) {
      const page = await browser.page({ name: `focus ${width}`, width, hasTouch: false, isMobile: false })
      await signIn(page, heed, MAREN, PASSWORD)
      await page.goto(`${heed.url}/inbox/unanswered`)
      const target = page.locator('[data-row]', { hasText: width === 1440 ? 'Fanny Focus' : 'Felix Focus' }).first()
      await target.click()
      await page.locator('.c-text').fill('Done.')
      await page.locator('.c-text').press('Control+Enter')
      await page.locator('.toast', { hasText: 'Next:' }).waitFor()
      await until(() => page.evaluate(() => document.activeElement?.matches('[data-row][aria-current]')), 'focus on the open row')
      const covered = await page.evaluate(() => {
        const toast = document.querySelector('.toast').getBoundingClientRect()
        return [...document.querySelectorAll('.composer button, .composer textarea')].filter((node) => {
          const r = node.getBoundingClientRect()
          return r.width && r.left < toast.right && r.right > toast.left && r.top < toast.bottom && r.bottom > toast.top
        }).map((node) => node.className)
      })
      equal(covered, [], `at ${width} px`)
      await page.context().close()
    }
  })

  test('both doors begin in their first field', async () => {
    const page = await browser.page({ name: 'door' })
    await page.goto(`${heed.url}/sign-in`)
    await until(() => page.evaluate(() => document.activeElement?.matches('input[type=email], input[autocomplete=username]')), 'the e-mail field')
    await page.context().close()
  })

  test('the palette offers to take back only what there is to take back', async () => {
    const page = await browser.page({ name: 'undo', width: 390, height: 800 })
    await signIn(page, heed, VERA ?? DIMAS, PASSWORD)
    await page.getByRole('button', { name: 'Search', exact: true }).click()
    await page.locator('.pal [role=option]').first().waitFor()
    equal(await page.locator('.pal [role=option]', { hasText: 'Undo' }).count(), 0)
    await page.context().close()
  })

  test('at 320 pixels, which is 400 % of 1280, nothing scrolls sideways and everything is there', async () => {
    const page = await browser.page({ name: 'zoom', width: 320, height: 640 })
    await signIn(page, heed, MAREN, PASSWORD)
    const olga = await byName('Rizky Aditya')
    for (const path of ['/inbox/unanswered', `/conversations/${olga.id}`, '/settings/pings', '/settings/me', '/settings/channels', '/settings/agents', '/settings/workspace']) {
      await page.goto(`${heed.url}${path}`)
      await page.waitForSelector('[data-row], .bub, .head h1')
      await page.waitForTimeout(250)
      const wide = await page.evaluate(() => document.documentElement.scrollWidth)
      check(wide <= 320, `${path} is ${wide} px wide`)
      await shot(page, `w320${path.replaceAll('/', '-')}`)
    }
    await page.goto(`${heed.url}/inbox/unanswered`)
    await page.getByRole('button', { name: /Pings|new ping/ }).first().click()
    await page.getByRole('dialog', { name: 'Pings' }).waitFor()
    check((await page.evaluate(() => document.documentElement.scrollWidth)) <= 320, 'the bell fits')
    await shot(page, 'w320-bell')
    await page.context().close()
  })

  test('in forced colours what is open, chosen and late can still be told', async () => {
    const page = await browser.page({ name: 'forced', forcedColors: 'active' })
    await signIn(page, heed, MAREN, PASSWORD)
    await page.locator('[data-row]').first().click()
    await page.locator('.bub').first().waitFor()
    check(await page.evaluate(() => matchMedia('(forced-colors: active)').matches), 'the mode is on')
    const row = await page.locator('[data-row][aria-current]').evaluate((node) => getComputedStyle(node).outlineStyle)
    equal(row, 'solid', 'the open row has an outline:')
    await page.keyboard.press('Tab')
    check(await page.evaluate(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 }), 'focus can be seen')
    await shot(page, 'forced')
    await page.context().close()
  })

  test('a made-up language, a third longer and mirrored: nothing untranslated, nothing cut, nothing sideways', async () => {
    const page = await browser.page({ name: 'pseudo', serviceWorkers: 'block', width: 1280 })
    const letters = Object.fromEntries([...'aeiouyAEIOUYncsNCS'].map((c, i) => [c, [...'àéîöüýÀÉÎÖÜÝñçšÑÇŠ'][i]]))
    const strange = (text) => text.split(/(\{\w+\})/).map((part) => (part.startsWith('{') ? part : part.replace(/[aeiouyncs]/gi, (c) => letters[c] ?? c))).join('') + '~'.repeat(Math.ceil(text.length / 3))
    const turned = (value) => (typeof value === 'string' ? strange(value) : Object.fromEntries(Object.entries(value).map(([form, text]) => [form, strange(text)])))
    await page.route(/\/assets\/(first|later)-[\w-]+\.js$/, async (route) => {
      const answer = await route.fetch()
      const code = await answer.text()
      const body = code.replace(/JSON\.parse\(((['"`])(?:\\.|(?!\2)[^\\])*\2)\)/s, (_, literal) => {
        const words = JSON.parse(new Function(`return ${literal}`)())
        return `JSON.parse(${JSON.stringify(JSON.stringify(Object.fromEntries(Object.entries(words).map(([k, v]) => [k, turned(v)]))))})`
      })
      await route.fulfill({ response: answer, body })
    })
    await page.addInitScript(() => addEventListener('DOMContentLoaded', () => (document.documentElement.dir = 'rtl')))
    await page.goto(`${heed.url}/sign-in`)
    await page.locator('input[type=email], input[autocomplete=username]').first().fill(MAREN)
    await page.locator('input[type=password]').fill(PASSWORD)
    await page.keyboard.press('Enter')
    await page.waitForURL('**/inbox/**')
    const rizky = await byName('Rizky Aditya')
    const found = []
    for (const path of ['/inbox/unanswered', `/conversations/${rizky.id}`, ...['channels', 'agents', 'teams', 'tags', 'tokens', 'workspace', 'pings', 'me'].map((p) => `/settings/${p}`)]) {
      await page.goto(`${heed.url}${path}`)
      await page.waitForSelector('[data-row], .bub, .head h1')
      await page.waitForTimeout(400)
      found.push(...(await page.evaluate((at) => {
        const out = []
        if (document.documentElement.scrollWidth > innerWidth) out.push(`${at}: ${document.documentElement.scrollWidth} px wide`)
        if (getComputedStyle(document.body).direction !== 'rtl') out.push(`${at}: not mirrored`)
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
          const text = node.textContent.trim()
          const box = node.parentElement
          // Names, addresses, customers' words, codes and the languages' own names are nobody's to translate.
          if (!/[A-Za-z]{4,}/.test(text) || box.closest('bdi, [dir], kbd, code, pre, time, option, script, style, title, [lang]:not(html), .vh')) continue
          if (!box.checkVisibility()) continue
          if (!/[àéîöüýÀÉÎÖÜÝñçšÑÇŠ~]/.test(text)) out.push(`${at}: “${text.slice(0, 50)}” is not translated`)
        }
        for (const button of document.querySelectorAll('button, a.btn')) {
          if (button.checkVisibility() && button.scrollWidth > button.clientWidth + 2 && getComputedStyle(button).overflow !== 'visible' && getComputedStyle(button).textOverflow !== 'ellipsis') out.push(`${at}: the button “${button.innerText.slice(0, 40)}” is cut`)
        }
        return out
      }, path)))
      await shot(page, `pseudo${path.replaceAll('/', '-')}`)
    }
    equal([...new Set(found)], [])
    await page.context().close()
  })
}
