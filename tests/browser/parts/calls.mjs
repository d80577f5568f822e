// SPDX-License-Identifier: AGPL-3.0-or-later
// Telephone calls and call-backs by keyboard.
import { axe as look, signIn } from '../lib/browser.mjs'
import { check, equal, test, until } from '../lib/run.mjs'

// A ping may come at any moment; what it looks like others test.
const axe = async (page) => (await look(page)).filter((found) => !found.includes('.toasts'))

export function calls({ browser, heed, email, password }) {
  test('a telephone channel is connected with its country in one’s own words', async () => {
    const page = await browser.page({ name: 'phone-channel' })
    await signIn(page, heed, email, password)
    await page.goto(`${heed.url}/settings/channels/new/phone`)
    await page.getByLabel('Name', { exact: false }).first().fill('Hotline')
    await page.getByLabel('Country').selectOption({ label: 'Estonia' })
    equal(await axe(page), [])
    await page.getByRole('button', { name: 'Connect', exact: false }).press('Enter')
    await page.waitForURL(/settings\/channels\/\d+$/)
    const made = (await heed.api('GET', '/channels')).items.find((c) => c.kind === 'phone')
    equal([made.settings.country, made.state], ['EE', 'active'])
    await page.context().close()
  })

  test('a call is logged by keyboard, a call-back is booked, listed, moved and done', async () => {
    if (!(await heed.api('GET', '/channels')).items.some((c) => c.kind === 'phone')) await heed.api('POST', '/channels', { kind: 'phone', name: 'Hotline', settings: { country: 'EE' } })
    const page = await browser.page({ name: 'calls' })
    await signIn(page, heed, email, password)
    await page.waitForSelector('[data-row]')
    // The command is there once the page knows that there is a telephone.
    const phone = (await heed.api('GET', '/channels')).items.find((c) => c.kind === 'phone')
    await page.locator('.rail a', { hasText: phone.name }).waitFor()
    await page.keyboard.press('Shift+C')
    const dialog = page.getByRole('dialog', { name: 'Log a call' })
    await dialog.waitFor()
    await dialog.getByLabel('How it ended').selectOption({ label: 'voicemail' })
    await dialog.getByLabel('The customer’s number'.replace('’', "'")).fill('112')
    await dialog.getByLabel('Name, if known').fill('Mari Mets')
    await dialog.getByLabel('What it was about').first().fill('Please call about the invoice')
    await dialog.getByLabel('When to call back').selectOption({ index: 1 })
    equal(await axe(page), [])
    await dialog.getByLabel('Name, if known').press('Enter')
    await dialog.locator('.err', { hasText: 'too short' }).waitFor()
    await dialog.getByLabel("The customer's number").fill('512 3456')
    await page.keyboard.press('Enter')
    await page.waitForURL(/conversations\/\d+/)
    await page.locator('.call-h', { hasText: 'voicemail' }).waitFor()
    check((await page.locator('.call-h').innerText()).includes('+3725123456'), 'the number as everybody dials it')
    await page.locator('.chip', { hasText: 'call back' }).waitFor()
    await page.locator('.happen', { hasText: 'booked a call-back' }).waitFor()
    equal(await axe(page), [])
    const id = Number(/conversations\/(\d+)/.exec(page.url())[1])
    const before = await heed.api('GET', `/conversations/${id}`)
    equal([before.status, before.contact.name], ['snoozed', 'Mari Mets'])
    // Moved by its key.
    await page.keyboard.press('Shift+B')
    const book = page.getByRole('dialog', { name: 'Call back later' })
    await book.locator('.hint', { hasText: 'Booked for' }).waitFor()
    await book.getByLabel('When to call back').selectOption('tomorrow')
    await book.getByRole('button', { name: 'Move' }).press('Enter')
    await page.locator('.happen', { hasText: 'moved the call-back' }).waitFor()
    const moved = await heed.api('GET', `/conversations/${id}`)
    check(moved.callback_at > before.callback_at, 'later than before')
    // Listed, and done from the list.
    await page.keyboard.press('Escape')
    await page.keyboard.press('g')
    await page.keyboard.press('k')
    const list = page.getByRole('dialog', { name: 'Call-backs' })
    await list.locator('li', { hasText: 'Mari Mets' }).waitFor()
    equal(await axe(page), [])
    await list.getByRole('button', { name: 'Done' }).press('Enter')
    await list.getByText('No call-back is booked').waitFor()
    await page.keyboard.press('Escape')
    await until(async () => (await heed.api('GET', `/conversations/${id}`)).callback_at === null, 'nothing is booked any more')
    await page.context().close()
  })
}
