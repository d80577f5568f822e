// SPDX-License-Identifier: AGPL-3.0-or-later
// What is measured: nothing else runs beside it, and where it can be it is compared with a smaller thing in the same minute.
import http from 'node:http'
import { keyToPaint, signIn } from '../lib/browser.mjs'
import { message } from '../lib/heed.mjs'
import { check, equal, say, test, until } from '../lib/run.mjs'

const LONG = 10_000
const SHORT = 32
const middle = (sorted) => sorted[sorted.length >> 1]

/** The page's own memory after collecting what nobody holds, in MB. */
async function memory(page) {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('HeapProfiler.collectGarbage')
  await cdp.send('Performance.enable')
  const { metrics } = await cdp.send('Performance.getMetrics')
  const of = (name) => metrics.find((m) => m.name === name).value
  await cdp.detach()
  return { heap: of('JSHeapUsedSize') / 1e6, nodes: of('Nodes') }
}
const place = (page) =>
  page.evaluate(() => {
    const scroller = document.querySelector('.talk')
    return { top: Math.round(scroller.scrollTop), left: Math.round(scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight), rows: scroller.querySelectorAll('[data-m]').length }
  })

/** Each of the two worlds has what was done in it before; rest() lets the page that stands in the first one go. */
export function speed({ here, there, email, rest }) {
  const { browser, password } = here

  test('the first load is at most 60 KB of compressed script', async () => {
    const page = await browser.page({ name: 'weight' })
    const scripts = new Set()
    await signIn(page, here.heed, email, password)
    await page.goto('about:blank')
    page.on('request', (request) => /\.js$/.test(request.url()) && scripts.add(request.url()))
    await page.goto(`${here.heed.url}/inbox/unanswered`)
    await page.waitForSelector('[data-row]')
    await page.waitForTimeout(300) // what is fetched ahead of need comes at 1.5 s
    const weigh = (url) => new Promise((done) => http.get(url, { headers: { 'accept-encoding': 'br' } }, (res) => {
      let n = 0
      res.on('data', (chunk) => (n += chunk.length))
      res.on('end', () => done(n))
    }))
    let sum = 0
    for (const url of scripts) sum += await weigh(url)
    check(sum > 20_000, `measured ${sum}`)
    check(sum <= 60 * 1024, `${(sum / 1024).toFixed(1)} KB`)
    say(`first load ${(sum / 1024).toFixed(1)} KB of script in ${scripts.size} files`)
    await page.context().close()
  })

  test('a colleague sees what comes in within a second', async () => {
    const page = await browser.page({ name: 'quick' })
    const channel = await here.heed.channel('Quick', here.shop.url) // its list is short: what comes is in sight
    await signIn(page, here.heed, email, password)
    await page.goto(`${here.heed.url}/inbox/channel:${channel.id}`)
    await page.waitForSelector('.st-live', { state: 'attached' })
    const took = []
    for (let i = 0; i < 3; i++) {
      const start = Date.now()
      await here.heed.hook(channel, [message(`quick${i}`, `Quick Person ${i}`, 'Is anybody there right now?', 0)])
      await page.locator('[data-row]', { hasText: `Quick Person ${i}` }).first().waitFor()
      took.push(Date.now() - start)
    }
    check(Math.min(...took) < 1000 && Math.max(...took) < 1500, `took ${took.join(', ')} ms`)
    say(`on a colleague's screen after ${took.join(', ')} ms`)
    await page.context().close()
  })

  test('ten thousand messages open at once, go to the beginning and back, and can be answered', async () => {
    const { heed, channel, shop, byName } = there
    const lines = (thread, name, from, n, all) =>
      Array.from({ length: n }, (_, i) => message(thread, name, `Line ${from + i}${(from + i) % 7 ? '' : ': and some more words, so that not each of them is as high as the others are'}`, all + 60 - from - i))
    await heed.hook(channel, lines('short', 'Short Sam', 0, SHORT, SHORT))
    for (let from = 0; from < LONG; from += 500) await heed.hook(channel, lines('ten', 'Tenthousand Tina', from, 500, LONG))
    const has = (name, n) => until(async () => {
      const c = await byName(name)
      return c?.message_count === n && c
    }, `${name} has ${n} messages`, 120_000)
    const [sam, tina] = [await has('Short Sam', SHORT), await has('Tenthousand Tina', LONG)]
    await until(async () => !(await heed.api('GET', '/status')).indexing, 'search is done with them', 60_000)
    const page = await browser.page({ name: 'ten' })
    await signIn(page, heed, email, password)
    const opened = async (c) => {
      const start = Date.now()
      await page.goto(`${heed.url}/conversations/${c.id}`)
      await page.waitForSelector('.talk [data-m]')
      return Date.now() - start
    }
    const best = async (c) => Math.min(await opened(c), await opened(c), await opened(c))
    await opened(sam)
    const few = await best(sam)
    await page.getByRole('button', { name: 'Emoji', exact: true }).waitFor()
    const short = await memory(page)
    const many = await best(tina)
    check(many <= few * 3 + 300, `${LONG} messages open in ${many} ms, ${SHORT} in ${few} ms`)

    // Up by hand, page after page: what is in sight stays in sight, the rows stay few.
    await page.keyboard.press('m')
    let most = 0
    for (let i = 0; i < 12; i++) {
      const first = await page.locator('.talk [data-m]').first().getAttribute('data-m')
      await page.evaluate(() => {
        const scroller = document.querySelector('.talk')
        scroller.scrollTop = 300
        window.held = [...scroller.querySelectorAll('[data-m]')].find((node) => node.getBoundingClientRect().bottom > scroller.getBoundingClientRect().top).dataset.m
        window.heldAt = document.querySelector(`[data-m="${window.held}"]`).getBoundingClientRect().top
      })
      await until(async () => (await page.locator('.talk [data-m]').first().getAttribute('data-m')) !== first, 'older ones come')
      await page.waitForTimeout(50)
      const moved = await page.evaluate(() => Math.abs(document.querySelector(`[data-m="${window.held}"]`).getBoundingClientRect().top - window.heldAt))
      check(moved < 3, `what was read moved by ${moved} px`)
      most = Math.max(most, (await place(page)).rows)
    }
    check(most <= 200, `${most} rows at once`)
    equal(await page.evaluate(() => document.activeElement.className), 'scroll talk', 'the focus stays:')
    await page.keyboard.press('Home')
    await page.locator('.bub', { hasText: 'Line 0: and some more' }).waitFor()
    await until(async () => (await place(page)).top === 0, 'the beginning')
    const order = await page.evaluate(() => [...document.querySelectorAll('.talk .words')].slice(0, 5).map((node) => /Line (\d+)/.exec(node.textContent)[1]))
    equal(order, ['0', '1', '2', '3', '4'], 'read aloud in order:')
    const far = await memory(page)
    // Down again a few pages, each as it is where one comes from above.
    for (let i = 0; i < 5; i++) {
      const last = await page.locator('.talk [data-m]').last().getAttribute('data-m')
      await page.evaluate(() => {
        const scroller = document.querySelector('.talk')
        scroller.scrollTop = scroller.scrollHeight - scroller.clientHeight - 200
      })
      await until(async () => (await page.locator('.talk [data-m]').last().getAttribute('data-m')) !== last, 'newer ones come')
      most = Math.max(most, (await place(page)).rows)
    }
    check(most <= 200, `${most} rows at once`)
    equal(await page.locator('.talk .msg.in').first().locator('.vh').innerText(), 'Tenthousand Tina:', 'who wrote them:')
    await heed.hook(channel, [message('ten', 'Tenthousand Tina', 'And one more')])
    await page.locator('.newer', { hasText: '1 new message below' }).waitFor()
    // An answer from up here goes to the end, where it is seen.
    await page.keyboard.press('r')
    await until(() => page.evaluate(() => document.activeElement?.className === 'c-text'), 'the composer')
    const inLong = middle(await keyToPaint(page, [...'we see all of it']))
    await page.keyboard.press('Control+Shift+Enter')
    await page.locator('.msg.out .bub', { hasText: 'we see all of it' }).waitFor()
    await until(async () => (await place(page)).left < 60, 'the end')
    await page.locator('.bub', { hasText: 'And one more' }).waitFor()
    await until(() => shop.answers.some((a) => a.text === 'we see all of it'), 'the shop has it', 12_000)
    await page.goto('about:blank')
    const bare = middle(await keyToPaint(page, [...'we see all of it']))
    check(inLong <= 50 + bare, `key to paint ${inLong.toFixed(1)} ms, empty page ${bare.toFixed(1)} ms`)
    const ratio = far.heap / short.heap
    check(ratio <= 4 && far.nodes <= short.nodes + 25_000, `memory ${far.heap.toFixed(1)} MB and ${far.nodes} nodes, ${short.heap.toFixed(1)} MB and ${short.nodes} with ${SHORT} messages`)
    say(`${LONG} messages: open ${many} ms (${few} ms with ${SHORT}; limit 3 times and 300 ms), key to paint ${inLong.toFixed(1)} ms (empty page ${bare.toFixed(1)} ms; limit 50 ms more), memory ${far.heap.toFixed(1)} MB (${short.heap.toFixed(1)} MB with ${SHORT}; ratio ${ratio.toFixed(1)}, limit 4), at most ${most} rows (limit 200)`)
    await page.context().close()
  })

  // The lists are long after it.
  test('a key press is on the screen within 50 ms with 5,000 conversations', async () => {
    const { heed, shop } = here
    const many = await heed.channel('Many', shop.url)
    for (let part = 0; part < 5; part++) {
      await heed.hook(many, Array.from({ length: 1000 }, (_, i) => message(`many${part}-${i}`, `Customer ${part}-${i}`, `Question ${i}: where is the order?`, 1 + (i % 200))))
    }
    await until(async () => (await heed.api('GET', '/counts')).channels[many.id] === 5000, '5,000 conversations', 120_000)
    await until(async () => !(await heed.api('GET', '/status')).indexing, 'search is done with them', 60_000)
    await rest()
    const page = await browser.page({ name: 'fast' })
    await signIn(page, heed, email, password)
    await page.goto(`${heed.url}/inbox/channel:${many.id}`)
    await page.waitForSelector('[data-row]')
    // All of them in the list, as after a long scroll.
    await until(async () => {
      await page.evaluate(() => document.querySelector('.rows').scrollTo(0, 1e9))
      return page.evaluate(() => document.querySelector('.rows').scrollHeight > 5000 * 55)
    }, 'the whole list is there', 90_000)
    await page.evaluate(() => document.querySelector('.rows').scrollTo(0, 0))
    await page.waitForTimeout(500)
    const measure = async (page) => {
      const paints = await keyToPaint(page, Array.from({ length: 40 }, (_, i) => (i % 10 === 9 ? 'k' : 'j')), 120)
      return { median: middle(paints), p90: paints[36] }
    }
    // The best of at most six rounds counts: the others show the machine's other work.
    let got = await measure(page)
    for (let i = 0; i < 5 && got.median > 45; i++) {
      const next = await measure(page)
      if (next.median < got.median) got = next
    }
    // An empty page in the same minute: what this machine takes for nothing at all.
    await page.goto('about:blank')
    const bare = await measure(page)
    say(`key to paint: median ${got.median.toFixed(1)} ms, p90 ${got.p90.toFixed(1)} ms (empty page: ${bare.median.toFixed(1)} ms, ${bare.p90.toFixed(1)} ms)`)
    check(got.median <= 50 + bare.median, `median ${got.median.toFixed(1)} ms, empty page ${bare.median.toFixed(1)} ms`)
    await page.context().close()
  })
}
