// SPDX-License-Identifier: AGPL-3.0-or-later
// Brands in the settings, on rows and in the rail; a customer asked over to the support account by keyboard.
import { message } from '../lib/heed.mjs'
import { axe as look, signIn } from '../lib/browser.mjs'
import { check, equal, test, until } from '../lib/run.mjs'

const axe = async (page) => (await look(page)).filter((found) => !found.includes('.toasts'))

export function brands({ browser, heed, shop, email, password }) {
  test('brands are made in the settings, shown on rows, and customers asked over with one key', async () => {
    const main = await heed.channel('Marsh main', shop.url)
    const help = await heed.channel('Marsh help', shop.url)
    const page = await browser.page({ name: 'brands' })
    await signIn(page, heed, email, password)
    await page.goto(`${heed.url}/settings/brands`)
    for (const [name, mark, colour] of [['Salt Marsh', 'SM', '#1d4ed8'], ['Nordic', '', '']]) {
      await page.getByRole('button', { name: 'Add a brand' }).press('Enter')
      await page.getByLabel('Brand name').fill(name)
      await page.getByLabel('Sign', { exact: true }).fill(mark)
      await page.getByLabel('Colour').fill(colour)
      if (name === 'Salt Marsh') {
        await page.getByLabel('English').fill('Please ask {account}.')
        equal(await axe(page), [])
      }
      await page.getByRole('button', { name: 'Save' }).press('Enter')
      await page.locator('.names li', { hasText: name }).waitFor()
    }
    equal(await axe(page), [])
    await page.goto(`${heed.url}/settings/channels/${main.id}`)
    await page.locator('#ch-brand').selectOption({ label: 'Salt Marsh' })
    // A channel that is told of anew meanwhile takes no choice back.
    await heed.api('PATCH', `/channels/${main.id}`, { name: 'Marsh Main' })
    await page.getByRole('heading', { name: 'Marsh Main' }).waitFor()
    equal(await page.locator('#ch-brand option:checked').innerText(), 'Salt Marsh', 'what was chosen')
    await page.locator('#ch-steer').selectOption({ label: 'Marsh help' })
    await page.locator('section', { has: page.locator('#ch-brand') }).getByRole('button', { name: 'Save' }).press('Enter')
    await until(async () => (await heed.api('GET', `/channels/${main.id}`)).steer_to === help.id, 'the channel knows its support account')

    await heed.hook(main, [message('lotte', 'Lotte Berg', 'Where is my order? It has been five days.', 2)])
    await page.goto(`${heed.url}/inbox/channel:${main.id}`)
    const row = page.locator('[data-row]', { hasText: 'Lotte Berg' }).first()
    await row.locator('.brand-sign', { hasText: 'SM' }).waitFor()
    await page.locator('.rail a', { hasText: 'Salt Marsh' }).press('Enter')
    await page.waitForURL(/inbox\/brand:\d+/)
    await until(async () => (await page.locator('[data-row]').count()) === 1, 'the brand’s folder holds its conversation alone')
    await row.press('Enter')
    await page.locator('.thread-bar .brand-sign').waitFor()
    await page.locator('.composer textarea').waitFor()
    await page.locator('[data-row]').first().focus()
    await page.keyboard.press('Shift+G')
    await until(async () => (await page.locator('.composer textarea').inputValue()) === 'Please ask Marsh help.', 'the words are in the answer')
    equal(await axe(page), [])
    await page.keyboard.press('Control+Shift+Enter')
    await page.locator('.happen', { hasText: 'asked the customer over' }).waitFor()
    await page.locator('.steered').waitFor()
    const id = Number(/conversations\/(\d+)/.exec(page.url())[1])
    check((await heed.api('GET', `/conversations/${id}/steering`)).asked_at, 'the conversation is marked')
    await page.context().close()
  })
}
