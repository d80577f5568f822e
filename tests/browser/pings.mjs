// SPDX-License-Identifier: AGPL-3.0-or-later
// Pings, the installed page without a network, phones, languages and what WCAG asks for. Registered by run.mjs.
import { axe, signIn } from './lib/browser.mjs'
import { message } from './lib/heed.mjs'
import { check, equal, test, until } from './lib/run.mjs'

const shots = process.env.HEED_SHOTS
const shot = (page, name, options = {}) => (shots ? page.screenshot({ path: `${shots}/${name}.png`, ...options }) : undefined)

export function tests({ browser, heed, channel, shop, byName, PASSWORD, DIMAS, MAREN }) {
  test('a ping shows at the bell, in a toast and in the title, and opening it sees it', async () => {
    const page = await browser.page({ name: 'bell' })
    await signIn(page, heed, DIMAS, PASSWORD)
    await page.getByRole('button', { name: 'Pings' }).first().waitFor()
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
    await shot(page, 'choices', { fullPage: true })
    await page.evaluate(() => fetch('/api/v1/me/pings', { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ quiet: false, all: { page: false, push: false, mail: false, sound: false } }) }))
    await page.context().close()
  })
}
