// SPDX-License-Identifier: AGPL-3.0-or-later
// Long threads: a line where the new messages begin, and what is new below; colleagues asked in, completion, mentions.
import { axe, signIn } from '../lib/browser.mjs'
import { message } from '../lib/heed.mjs'
import { check, equal, test, until } from '../lib/run.mjs'

const place = (page) =>
  page.evaluate(() => {
    const scroller = document.querySelector('.talk')
    return { top: Math.round(scroller.scrollTop), left: Math.round(scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight), rows: scroller.querySelectorAll('[data-m]').length }
  })

export function long({ browser, heed, channel, byName, email, password }) {
  let page
  const open = async (name) => page.goto(`${heed.url}/conversations/${(await byName(name)).id}`)

  test('a line says where the new messages begin, once for ears, and stays while one reads', async () => {
    await heed.hook(channel, [message('lina', 'Lina Line', 'The first question', 50), message('lina', 'Lina Line', 'And the second', 45)])
    const lina = await until(() => byName('Lina Line'), 'the conversation')
    await heed.api('POST', `/conversations/${lina.id}/read`)
    await heed.hook(channel, Array.from({ length: 30 }, (_, i) => message('lina', 'Lina Line', `New ${i}: a longer line that says something about the parcel`, 40 - i)))
    await until(async () => (await byName('Lina Line')).unread === 30, 'thirty unread')
    page = await browser.page({ name: 'long' })
    await signIn(page, heed, email, password)
    const said = []
    await page.exposeFunction('saidAloud', (text) => said.push(text))
    await open('Lina Line')
    await page.waitForSelector('.unread-line')
    await page.evaluate(() => {
      const live = document.querySelector('div.vh[aria-live="polite"]')
      window.saidAloud(live.textContent)
      new MutationObserver(() => window.saidAloud(live.textContent)).observe(live, { childList: true, characterData: true, subtree: true })
    })
    equal(await page.locator('.unread-line').innerText(), '30 new messages')
    const next = await page.evaluate(() => document.querySelector('.unread-line').nextElementSibling.textContent)
    check(next.includes('New 0:'), `before the first new one: ${next}`)
    const at = await page.locator('.unread-line').boundingBox()
    const box = await page.locator('.talk').boundingBox()
    check(at.y > box.y && at.y < box.y + box.height / 2, 'it opens where the new ones begin')
    await page.locator('.newer', { hasText: 'new messages below' }).waitFor()
    await until(() => said.includes('30 new messages'), 'a screen reader hears it')
    await until(async () => (await byName('Lina Line')).unread === 0, 'it counts as read')
    await page.waitForTimeout(300)
    check(await page.locator('.unread-line').isVisible(), 'the line stays')
    equal(said.filter((text) => text === '30 new messages').length, 1, 'said once:')
    equal(await axe(page), [])
  })

  test('what comes while one reads further up is counted below, and brings nobody down', async () => {
    await page.locator('.newer').click()
    await until(async () => (await place(page)).left < 60, 'the end')
    check(!(await page.locator('.newer').isVisible()), 'nothing is below the end')
    await page.keyboard.press('Escape')
    await page.keyboard.press('m')
    equal(await page.evaluate(() => document.activeElement.className), 'scroll talk', 'M goes to the messages:')
    await page.keyboard.press('Home')
    await until(async () => (await place(page)).top < 5, 'Home goes up')
    const before = await place(page)
    await heed.hook(channel, [message('lina', 'Lina Line', 'Are you there?'), message('lina', 'Lina Line', 'Hello?')])
    await page.locator('.newer', { hasText: '2 new messages below' }).waitFor()
    equal((await place(page)).top, before.top, 'it stays where it is:')
    await page.locator('.newer').click()
    await page.locator('.bub', { hasText: 'Hello?' }).waitFor()
    await until(async () => (await place(page)).left < 60 && !(await page.locator('.newer').isVisible()), 'they are seen')
  })

  test('a colleague is asked in and no longer, by keyboard, and stands in the head', async () => {
    const known = page.waitForResponse((response) => response.url().endsWith('/collaborators'))
    await open('Lina Line')
    await page.waitForSelector('.talk [data-m]')
    await known // who is asked in already
    const press = async (key) => {
      await page.evaluate(() => document.activeElement?.blur())
      await page.keyboard.press(key)
    }
    await press('Shift+I')
    await page.getByRole('dialog', { name: 'Ask a colleague in' }).waitFor()
    equal(await axe(page), [])
    await page.keyboard.type('Maren')
    await page.keyboard.press('Enter')
    await page.locator('.toast', { hasText: 'Maren Tamm is asked in.' }).waitFor()
    await page.getByRole('button', { name: 'Asked in: Maren Tamm' }).waitFor()
    await page.locator('.happen', { hasText: 'You asked Maren Tamm in' }).waitFor()
    const lina = await byName('Lina Line')
    equal((await heed.api('GET', `/conversations/${lina.id}/collaborators`)).items.map((c) => c.agent.name), ['Maren Tamm'])
    await page.locator('.toast').getByRole('button', { name: 'Dismiss' }).click()
    await page.locator('.toast').waitFor({ state: 'detached' })
    equal(await axe(page), [])
    await press('Shift+I')
    await page.getByRole('dialog', { name: 'Ask a colleague in' }).waitFor()
    await page.keyboard.type('Maren')
    await page.keyboard.press('Enter')
    await until(async () => (await heed.api('GET', `/conversations/${lina.id}/collaborators`)).items.length === 0, 'no longer')
    await until(async () => !(await page.getByRole('button', { name: /Asked in/ }).isVisible()), 'the head knows')
    // What another screen does is shown, too.
    const maren = (await heed.api('GET', '/me')).id
    await heed.api('POST', `/conversations/${lina.id}/collaborators`, { agent_id: maren })
    await page.getByRole('button', { name: 'Asked in: Maren Tamm' }).waitFor()
  })

  test('a query completes fields and values by keyboard, in the reader\'s language, also inside quotes', async () => {
    await heed.api('POST', '/tags', { name: 'late delivery' }).catch(() => {})
    await heed.api('POST', '/teams', { name: 'Tallinn' }).catch(() => {})
    await page.goto(`${heed.url}/inbox/unanswered`)
    await page.waitForSelector('[data-row]')
    const box = page.locator('.find-in')
    const first = page.locator('.offers .choice').first()
    const type = async (words) => {
      await box.fill('')
      await box.focus()
      await page.keyboard.type(words)
    }
    await page.keyboard.press('/')
    await page.locator('.offers .choice', { hasText: 'channel:' }).waitFor()
    for (const [typed, offered, taken] of [
      ['ha', 'has:', 'has:'], ['has:no', 'note', 'has:note '], ['channel:shop', 'Shop chat', 'channel:"Shop chat" '], ['tag:"late d', 'late delivery', 'tag:"late delivery" '], ['-tag:late', 'late delivery', '-tag:"late delivery" '],
      ['assigned:mar', 'maren@saltmarsh.example', 'assigned:"maren@saltmarsh.example" '], ['team:tal', 'Tallinn', 'team:Tallinn '], ['lang:kor', 'ko', 'lang:ko '], ['priority:ur', 'urgent', 'priority:urgent '], ['is:open mentions:m', 'me', 'is:open mentions:me '], ['waiting:>', '>30m', 'waiting:>30m '],
    ]) {
      await type(typed)
      await until(async () => (await first.isVisible()) && (await first.innerText()).startsWith(offered), `${typed} offers ${offered}`)
      await page.keyboard.press('Tab')
      equal(await box.inputValue(), taken)
    }
    await type('is:')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    equal(await box.getAttribute('aria-activedescendant'), await page.locator('.offers .choice').nth(1).getAttribute('id'))
    await page.keyboard.press('Enter')
    equal(await box.inputValue(), 'is:snoozed ')
    for (const [language, said] of [['ko', '상태'], ['fi', 'Tila'], ['et', 'Olek'], ['id', 'Keadaan']]) {
      const other = await browser.page({ name: `completion ${language}` })
      await signIn(other, heed, email, password)
      await other.evaluate((to) => fetch('/api/v1/me', { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ language: to }) }), language)
      await other.reload()
      await other.locator('.find-in').click()
      await other.locator('.offers .choice', { hasText: said }).first().waitFor()
      await other.context().close()
    }
    await page.evaluate(() => fetch('/api/v1/me', { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ language: 'en' }) }))
    await page.reload()
    await page.waitForSelector('[data-row]')
  })

  test('mentions of me are a folder with a count that follows', async () => {
    const lina = await byName('Lina Line')
    const me = (await heed.api('GET', '/agents')).items.find((a) => a.email === email).id
    const folder = page.locator('.nav a', { hasText: 'Mentions' })
    const before = await page.evaluate(async () => (await (await fetch('/api/v1/counts')).json()).mentions)
    await until(async () => Number((await folder.locator('b').innerText()) || 0) === before, 'the count is told')
    await heed.api('POST', `/conversations/${lina.id}/messages`, { kind: 'note', text: '@Dimas look', mentions: [me] })
    await until(async () => Number(await folder.locator('b').innerText()) === before + 1, 'one more')
    await page.keyboard.press('Escape')
    await page.evaluate(() => document.activeElement?.blur())
    await page.keyboard.press('g')
    await page.keyboard.press('e')
    await page.locator('[data-row]', { hasText: 'Lina Line' }).waitFor()
    await heed.api('PATCH', `/conversations/${lina.id}`, { status: 'closed' })
    await until(async () => Number((await folder.locator('b').innerText()) || 0) === before, 'closed is done')
    await page.context().close()
  })
}
