// SPDX-License-Identifier: AGPL-3.0-or-later
// What every page must look like: five languages whole, and axe with nothing to say about any of them.
import { readFileSync } from 'node:fs'
import { axe, signIn, still } from '../lib/browser.mjs'
import { message } from '../lib/heed.mjs'
import { equal, test, until } from '../lib/run.mjs'

export function look({ browser, heed, channel, shop, byName, email, admin, password }) {
  test('five languages, no text missing', async () => {
    const page = await browser.page({ name: 'languages' })
    await signIn(page, heed, admin, password)
    const texts = Object.fromEntries(['en', 'id', 'et', 'fi', 'ko'].map((l) => [l, JSON.parse(readFileSync(new URL(`../../../web/src/text/${l}.json`, import.meta.url), 'utf8'))]))
    for (const [language, words] of Object.entries(texts)) {
      await heed.api('PATCH', '/me', { language })
      await page.goto(`${heed.url}/inbox/unanswered`)
      await page.locator('.nav').getByText(words['folder.unanswered']).first().waitFor()
      equal(await page.evaluate(() => document.documentElement.lang), language)
      for (const view of ['/inbox/unanswered', '/settings/channels', '/settings/me', '/settings/agents', '/settings/workspace']) {
        await page.goto(heed.url + view)
        await page.waitForSelector(view.startsWith('/inbox') ? '[data-row]' : '.head h1')
        const raw = await page.evaluate((keys) => keys.filter((key) => document.body.innerText.includes(key)), Object.keys(texts.en))
        equal(raw, [], `${language} ${view}`)
      }
    }
    await heed.api('PATCH', '/me', { language: '' })
    await page.context().close()
  })

  /** Conversations and lists in which something has happened. */
  let lived
  const livedIn = async () => {
    const [mikko, seoyeon, kadri] = [await byName('Mikko Laine'), await byName('박서연'), await byName('Kadri Lepik')]
    const say = (c, kind, text) => heed.api('POST', `/conversations/${c.id}/messages`, { kind, text })
    const sent = (c, text, state) => until(async () => (await heed.api('GET', `/conversations/${c.id}/messages`)).items.some((m) => m.text === text && m.send_state === state), `${text}: ${state}`)
    await say(seoyeon, 'reply', '확인해 드리겠습니다.')
    await say(seoyeon, 'note', 'Payout failed on Friday.')
    await say(mikko, 'reply', 'Kyllä kuuluu.')
    await sent(mikko, 'Kyllä kuuluu.', 'sent')
    await heed.hook(channel, [message('mikko', 'Mikko Laine', 'Kuitti on tallella.', 0)])
    await heed.api('PATCH', `/conversations/${mikko.id}`, { tags: ['warranty'], priority: 'urgent', assignee_id: (await heed.api('GET', '/me')).id })
    shop.status = 422
    shop.body = JSON.stringify({ detail: 'The visitor has left the chat.' })
    await say(kadri, 'reply', 'Jah, M on laos.')
    await sent(kadri, 'Jah, M on laos.', 'failed')
    shop.status = 200
    shop.body = '{}'
    await heed.api('PATCH', `/contacts/${kadri.contact.id}`, { email: 'kadri@post.example', phone: '+372 5555 0101', note: 'Two accounts' })
    await heed.api('POST', '/teams', { name: 'Tartu' })
    await heed.api('POST', '/tokens', { name: 'Shop sync', scopes: ['read'] })
    await heed.api('POST', '/agents', { name: 'Aino Korhonen', email: 'aino@saltmarsh.example', role: 'lead' })
    return [await byName('Helen Okafor'), mikko, seoyeon, kadri]
  }

  for (const theme of ['light', 'dark']) {
    for (const width of [1440, 390]) {
      test(`axe finds nothing, on any page, ${theme}, ${width} px wide`, async () => {
        const found = []
        const talks = await (lived ??= livedIn())
        const page = await browser.page({ name: `axe ${theme} ${width}`, theme, width, reducedMotion: 'reduce' })
        const look = async (name) => {
          await still(page)
          found.push(...(await axe(page)).map((words) => `${name}: ${words}`))
        }
        await page.goto(`${heed.url}/sign-in`)
        await page.waitForSelector('.door')
        await look('sign-in')
        await signIn(page, heed, email, password)
        await page.waitForSelector('[data-row]')
        await look('list')
        for (const c of talks) {
          await page.goto(`${heed.url}/conversations/${c.id}`)
          await page.waitForSelector('.words')
          await page.getByRole('button', { name: 'Emoji', exact: true }).waitFor()
          if (width > 1000) await page.locator('.cust .ids li').first().waitFor()
          await look(`conversation of ${c.contact.name}`)
        }
        if (width > 1000) {
          for (const [key, name, selector] of [['Control+k', 'palette', '.pal input'], ['t', 'picker', '.picker'], ['?', 'sheet', '.sheet']]) {
            await page.keyboard.press(key)
            await page.waitForSelector(selector)
            await look(name)
            await page.keyboard.press('Escape')
            await page.waitForSelector(selector, { state: 'detached' })
          }
        }
        equal(found, [])
        await page.context().close()
      })

      test(`axe finds nothing, in any setting, ${theme}, ${width} px wide`, async () => {
        const found = []
        await (lived ??= livedIn())
        const page = await browser.page({ name: `axe settings ${theme} ${width}`, theme, width })
        await signIn(page, heed, admin, password)
        for (const view of ['keys', 'channels', `channels/${channel.id}`, 'channels/new/custom', 'channels/new/bluesky', 'agents', 'teams', 'tags', 'tokens', 'workspace', 'me']) {
          await page.goto(`${heed.url}/settings/${view}`)
          await page.waitForSelector('.head h1')
          await still(page)
          found.push(...(await axe(page)).map((words) => `settings/${view}: ${words}`))
        }
        equal(found, [])
        await page.context().close()
      })
    }
  }
}
