// SPDX-License-Identifier: AGPL-3.0-or-later
// Brands in the settings, on rows and in the rail; a customer asked over to the support account by keyboard.
import { message } from '../lib/heed.mjs'
import { axe as look, signIn } from '../lib/browser.mjs'
import { check, equal, test, until } from '../lib/run.mjs'

const axe = async (page) => (await look(page)).filter((found) => !found.includes('.toasts'))

export function brands({ browser, heed, shop, email, reader, password }) {
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

  test('who was asked over and came is offered for merging: taken with a key, given back, refused with the reason', async () => {
    const main = await heed.channel('Heath main', shop.url)
    const help = await heed.channel('Heath help', shop.url)
    await heed.api('PATCH', `/channels/${main.id}`, { steer_to: help.id })
    await heed.hook(main, [message('ines', 'Ines Heath', 'My lamp came broken. What now?', 3)])
    const find = async (channel) => (await heed.api('GET', `/conversations?q=${encodeURIComponent('from:ines.heath')}`)).items.find((c) => c.channel_id === channel.id)
    const from = await until(() => find(main), 'the conversation')
    const { text } = await heed.api('GET', `/conversations/${from.id}/steering`)
    await heed.api('POST', `/conversations/${from.id}/messages`, { kind: 'reply', text, steer: true })
    const page = await browser.page({ name: 'steered' })
    await signIn(page, heed, email, password)
    await page.goto(`${heed.url}/conversations/${from.id}`)
    const band = page.locator('.steered')
    await band.getByText('Asked over to Heath help').waitFor()
    equal(await band.getByRole('button').count(), 0, 'nobody came yet')
    // They come while the page is open: the band says so by itself.
    await heed.hook(help, [message('ines-help', 'Ines Heath', 'I was sent here about the lamp', 0)])
    const to = await until(() => find(help), 'they came')
    await band.getByText('The customer went on there:').waitFor()
    equal(await band.getByRole('link').innerText(), `#${to.id}`)
    equal(await axe(page), [])
    await band.getByRole('link').press('Enter')
    await page.waitForURL(`**/conversations/${to.id}`)
    await band.getByText('The customer was asked over from:').waitFor()
    await page.locator('.bub', { hasText: 'I was sent here' }).waitFor()
    if (process.env.HEED_SHOTS) await page.screenshot({ path: `${process.env.HEED_SHOTS}/steered.png` })
    // Taken: one conversation with both parts, and nothing left to offer; given back with Z, it is offered again.
    await band.getByRole('button', { name: 'Merge it into this' }).press('Enter')
    await page.locator('.bub', { hasText: 'My lamp came broken' }).waitFor()
    equal((await heed.api('GET', `/conversations/${from.id}`)).merged_into, to.id)
    await band.waitFor({ state: 'detached' })
    await page.evaluate(() => document.activeElement?.blur())
    await page.keyboard.press('z')
    await until(async () => (await page.locator('.bub', { hasText: 'My lamp came broken' }).count()) === 0, 'two again')
    await band.getByRole('button', { name: 'Merge it into this' }).waitFor()
    // Refused: the server's reason is said, both stay as they are, and the offer stands.
    await page.route('**/merge', (route) => route.fulfill({ status: 409, contentType: 'application/problem+json', json: { title: 'Conflict', status: 409, detail: 'A colleague is merging it at this moment.', errors: [] } }))
    await band.getByRole('button', { name: 'Merge it into this' }).press('Enter')
    await page.locator('.toast', { hasText: 'A colleague is merging it at this moment.' }).waitFor()
    equal([(await heed.api('GET', `/conversations/${from.id}`)).merged_into ?? null, await page.locator('.bub', { hasText: 'My lamp came broken' }).count()], [null, 0])
    check(await band.getByRole('button', { name: 'Merge it into this' }).isVisible(), 'it is still offered')
    await page.context().close()
    // Who only reads is told, and offered nothing.
    const viewer = await browser.page({ name: 'steered viewer' })
    await signIn(viewer, heed, reader, password)
    await viewer.goto(`${heed.url}/conversations/${to.id}`)
    await viewer.locator('.steered').getByText('The customer was asked over from:').waitFor()
    equal(await viewer.locator('.steered').getByRole('button').count(), 0)
    await viewer.context().close()
  })
}
