// SPDX-License-Identifier: AGPL-3.0-or-later
// Mail on the page, from a real Dovecot: subject and doubts, folded quotes, and HTML that can do nothing in its
// frame: no script runs, nothing is fetched; pictures from the net come when somebody asks for them.
import http from 'node:http'
import { readFileSync } from 'node:fs'
import { axe, signIn } from '../lib/browser.mjs'
import { Heed } from '../lib/heed.mjs'
import { deliver, startMail } from '../lib/mailbox.mjs'
import { check, equal, test, until } from '../lib/run.mjs'

const fixture = (name) => readFileSync(new URL(`../../fixtures/pictures/${name}`, import.meta.url))

const PASSWORD = 'four plain words here'
const vectors = (canary) => [
  '<script>top.hacked=1</script>', '<img src=x onerror="top.hacked=1">', `<img src="${canary}/a.png">`, '<svg onload="top.hacked=1"><script>top.hacked=1</script></svg>',
  `<style>body{background:url(${canary}/b)}</style>`, `<link rel=stylesheet href="${canary}/c">`, `<div style="background:url(${canary}/d)">x</div>`, '<a href="javascript:top.hacked=1">j</a>',
  `<iframe src="${canary}/e"></iframe>`, `<form action="${canary}/f"><button>send</button></form>`, `<meta http-equiv="refresh" content="0;url=${canary}/g">`, `<base href="${canary}/">`,
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=top.hacked=1&gt;"></mglyph></table></mtext></math>', `<video src="${canary}/h" autoplay></video>`, `<table background="${canary}/i"><tr><td>cell</td></tr></table>`,
  '<noscript><p title="</noscript><img src=x onerror=top.hacked=1>"></p></noscript>', `<img srcset="${canary}/j 1x">`, `<object data="${canary}/k"></object><embed src="${canary}/l">`, '<a href="data:text/html,<script>top.hacked=1</script>">d</a>',
]

/** Pictures from the net, with the keyboard: none before they are asked for, then each once, and what did not come is said. */
async function pictures({ page, heed, canary, deliver }) {
  const url = canary.url
  canary.answers = { '/cup.png?a=1&copy=2': readFileSync(new URL('../../../docs/pictures/inbox-phone.png', import.meta.url)), '/place.jpg': fixture('place.jpg'), '/gone.gif': undefined, '/slow.gif': 'hang' }
  const img = (path, alt) => `<p><img src="${url}${path.replaceAll('&', '&amp;')}" alt="${alt}"></p>`
  await deliver('Offer', `<p>Our <i>offer</i></p>${img('/cup.png?a=1&copy=2', 'A cup')}${img('/place.jpg', 'A place')}${img('/cup.png?a=1&copy=2', 'The cup again')}${img('/gone.gif', 'A thing gone')}${img('/slow.gif', 'A slow thing')}<p><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="></p>`)
  const c = await until(async () => (await heed.api('GET', '/conversations?q=is:any')).items.find((one) => one.title === 'Offer'), 'the mail is here', 75000)
  canary.asked.length = 0
  await page.goto(`${heed.url}/conversations/${c.id}`)
  const post = page.locator('.mail').first()
  const status = post.getByRole('status')
  const says = async (words) => {
    let last = ''
    await until(async () => (last = (await status.textContent()).trim()) === words, words, 15000).catch((error) => check(false, `${error.message}; it says: ${last}`))
  }
  const frame = post.frameLocator('iframe')
  // The frame is written anew with the pictures, so it may go while one looks.
  const drawn = async (wanted) => {
    let got
    await until(async () => JSON.stringify((got = await frame.locator('img').evaluateAll((all) => all.map((one) => one.naturalWidth > 0)).catch(() => []))) === JSON.stringify(wanted), 'what is drawn').catch(() => equal(got, wanted, 'drawn:'))
  }
  await post.getByRole('button', { name: 'Show formatted' }).focus()
  await page.keyboard.press('Enter')
  await frame.getByText('offer').waitFor()
  await says('4 pictures from the net were not loaded')
  await post.getByText('1 picture names no address').waitFor()
  await post.getByText('The sender may learn that the mail was read.').waitFor()
  equal(await axe(page), [])
  equal(canary.asked, [], 'nothing before it is asked for')
  for (let n = 0; n < 9 && (await page.evaluate(() => document.activeElement?.textContent)) !== 'Show pictures'; n++) await page.keyboard.press('Shift+Tab')
  equal(await page.evaluate(() => document.activeElement?.textContent), 'Show pictures', 'the keyboard comes there')
  await page.keyboard.press('Enter')
  await says('Loading pictures: 3 of 4')
  const place = async () => Math.round((await post.locator('.net').boundingBox()).y)
  const was = await place()
  const tall = (await post.locator('iframe').boundingBox()).height
  equal(await page.evaluate(() => document.activeElement?.textContent), 'Stop loading', 'the focus stays')
  equal(await axe(page), [])
  await page.keyboard.press('Enter')
  await says('2 pictures from the net are shown · 1 could not be loaded · 1 picture from the net was not loaded')
  equal([...canary.asked].sort(), ['/cup.png?a=1&copy=2', '/gone.gif', '/place.jpg', '/slow.gif'], 'each once')
  await drawn([true, true, true, false, false, false])
  check((await post.locator('iframe').boundingBox()).height > tall + 100, 'the frame grows with them')
  equal(await place(), was, 'what one looks at stays in its place')
  equal(await frame.locator('img').evaluateAll((all) => all.map((one) => [one.alt, (one.getAttribute('src') ?? '').slice(0, 11)])), [['A cup', 'data:image/'], ['A place', 'data:image/'], ['The cup again', 'data:image/'], ['A thing gone', ''], ['A slow thing', ''], ['', '']])
  equal(await axe(page), [])
  if (process.env.HEED_SHOTS) await page.screenshot({ path: `${process.env.HEED_SHOTS}/mail_pictures.png` })
  // Stopped and failed ones are asked for again, the others not.
  canary.answers['/slow.gif'] = fixture('moving.gif')
  equal(await page.evaluate(() => document.activeElement?.textContent), 'Show pictures')
  await page.keyboard.press('Enter')
  await says('3 pictures from the net are shown · 1 could not be loaded')
  canary.answers['/gone.gif'] = fixture('moving.gif')
  equal(await page.evaluate(() => document.activeElement?.textContent), 'Try again')
  await page.keyboard.press('Enter')
  await says('4 pictures from the net are shown')
  await drawn([true, true, true, true, true, false])
  equal(await page.evaluate(() => document.activeElement?.getAttribute('role')), 'status', 'with nothing left to press the focus is at what is said')
  equal(canary.asked.filter((path) => path.startsWith('/cup') || path.startsWith('/place')).length, 2)
  equal(canary.asked.length, 7)
  for (const sent of canary.heads) check(!sent.cookie && !sent.referer && !sent.origin && !/heed|chrom/i.test(sent['user-agent']), JSON.stringify(sent))
  equal((await axe(page)).filter((v) => !v.includes('.toasts')), [])
  // Closed and opened again it asks again, and nothing is fetched by itself.
  await post.getByRole('button', { name: 'Show as text' }).click()
  await post.getByRole('button', { name: 'Show formatted' }).click()
  await says('4 pictures from the net were not loaded')
  await drawn([false, false, false, false, false, false])
  equal(canary.asked.length, 7)
}

export async function mail({ browser }) {
  test('a mail is shown with its doubts, its quote folded, its HTML harmless, and pictures from the net only when asked for', async () => {
    const servers = await startMail()
    const canary = { asked: [], heads: [], answers: {} }
    const { asked } = canary
    const server = http.createServer((req, res) => {
      asked.push(req.url)
      canary.heads.push(req.headers)
      const answer = canary.answers[req.url]
      if (answer !== 'hang') res.writeHead(answer ? 200 : 404).end(answer ?? 'x')
    })
    await new Promise((done) => server.listen(0, '127.0.0.1', done))
    const url = (canary.url = `http://127.0.0.1:${server.address().port}`)
    const heed = await Heed.start({ allow: [`localhost:${servers.imaps}`, `localhost:${servers.smtps}`, new URL(url).host], env: { SSL_CERT_FILE: servers.cert } })
    try {
      heed.user('maren@saltmarsh.example', 'Maren Tamm', 'owner', PASSWORD)
      await heed.asProgram('maren@saltmarsh.example')
      const { address, login, password } = servers.accounts.desk
      await heed.api('POST', '/channels', { kind: 'email', name: 'Post', settings: { address, login, password, imap: `imaps://localhost:${servers.imaps}`, smtp: `smtps://localhost:${servers.smtps}`, days_back: '1' } })
      await until(async () => (await heed.api('GET', '/channels')).items[0].state === 'active', 'the mailbox is connected', 15000)
      const html = `<p>Hello <b>there</b></p>${vectors(url).map((v, i) => `<div>${i} ${v}</div>`).join('\n')}<p>The end</p>`
      await deliver(servers.smtp, address, [
        'From: "Eve <img src=x onerror=window.hacked=1>" <eve@elsewhere.test>', `To: ${address}`, 'Subject: Broken <script>window.hacked=1</script> cup', 'Message-ID: <one@elsewhere.test>', 'MIME-Version: 1.0',
        'Content-Type: multipart/alternative; boundary="b"', '', '--b', 'Content-Type: text/plain; charset=utf-8', '', 'The cup is broken.', '', 'On Monday somebody wrote:', '> an older thing', '', '--b', 'Content-Type: text/html; charset=utf-8', '', html, '--b--', '',
      ].join('\n'))
      const c = await until(async () => (await heed.api('GET', '/conversations?q=is:any')).items[0], 'the mail is here', 75000)
      const page = await browser.page({ name: 'mail' })
      await signIn(page, heed, 'maren@saltmarsh.example', PASSWORD)
      await page.goto(`${heed.url}/conversations/${c.id}`)
      const post = page.locator('.mail').first()
      await post.getByText('Broken <script>window.hacked=1</script> cup').waitFor()
      await post.getByText('The cup is broken.').waitFor()
      equal(await post.getByText('an older thing').count(), 0, 'the quote is folded')
      await post.getByRole('button', { name: 'Show what it quotes' }).click()
      await post.getByText('an older thing').waitFor()
      await post.getByRole('button', { name: 'Show formatted' }).click()
      const frame = post.frameLocator('iframe')
      await frame.getByText('The end').waitFor()
      await frame.locator('b', { hasText: 'there' }).waitFor()
      equal(await frame.locator('script, style, svg, form, iframe, object, embed, video, meta[http-equiv=refresh], base, [onerror], [onload], [style], [srcset]').count(), 0, 'nothing of it stays')
      equal(await frame.locator('a[href^="javascript:"], a[href^="data:"]').count(), 0, 'no link that does something')
      check((await post.locator('iframe').getAttribute('sandbox')).split(' ').every((w) => w !== 'allow-scripts' && w !== 'allow-same-origin'), 'the frame is sandboxed')
      await post.getByText('1 picture from the net was not loaded').waitFor()
      await new Promise((done) => setTimeout(done, 500))
      equal(asked, [], 'nothing was fetched')
      equal(await page.evaluate(() => window.hacked), undefined, 'no script ran')
      equal(await axe(page), [])
      const letter = (subject, body) => deliver(servers.smtp, address, ['From: Eve <eve@elsewhere.test>', `To: ${address}`, `Subject: ${subject}`, `Message-ID: <${subject}@elsewhere.test>`, 'MIME-Version: 1.0', 'Content-Type: text/html; charset=utf-8', '', body, ''].join('\n'))
      await pictures({ page, heed, canary, deliver: letter })
      await page.goto(`${heed.url}/conversations/${c.id}`)
      // The subject is the conversation's title, in the head of the thread and in the list.
      const subject = 'Broken <script>window.hacked=1</script> cup'
      await page.getByRole('heading', { name: subject }).waitFor()
      await page.locator('.row b', { hasText: subject }).waitFor()
      // Passed on to somebody outside, with the keyboard.
      await post.getByRole('button', { name: 'Forward' }).focus()
      await page.keyboard.press('Enter')
      await page.getByLabel('Forward to an address').fill(servers.accounts.customer.address)
      await page.getByLabel('Your words above it').fill('Do you know more?')
      equal((await axe(page)).filter((v) => !v.includes('.toasts')), [])
      await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      const passed = await until(async () => (await heed.api('GET', `/conversations/${c.id}/messages`)).items.find((m) => m.forward_of), 'the forwarded mail')
      equal([passed.mail.to[0].address, passed.mail.subject], [servers.accounts.customer.address, `Fwd: ${subject}`])
      check((await heed.api('GET', `/conversations/${c.id}`)).waiting_since, 'the customer waits all the same')
      // An answer for later says to whom it goes.
      const later = await heed.api('POST', `/conversations/${c.id}/scheduled`, { text: 'Tomorrow, surely', send_at: new Date(Date.now() + 86_400_000).toISOString(), mail: { to: ['eve@elsewhere.test'], cc: [servers.accounts.customer.address] } })
      await page.locator('.c-later', { hasText: servers.accounts.customer.address }).waitFor()
      equal((await axe(page)).filter((v) => !v.includes('.toasts')), [])
      if (process.env.HEED_SHOTS) await page.screenshot({ path: `${process.env.HEED_SHOTS}/later_mail.png` })
      await heed.api('DELETE', `/scheduled/${later.id}`)
      await page.locator('.c-later').waitFor({ state: 'detached' })
      // Answered with a copy and under another subject; who gets it stands there before it is sent.
      await page.getByText('To: eve@elsewhere.test').waitFor()
      await page.getByRole('button', { name: 'Change recipients and subject' }).click()
      equal(await page.getByLabel('Subject', { exact: true }).inputValue(), `Re: ${subject}`)
      await page.getByLabel('Cc', { exact: true }).fill('nobody')
      await page.locator('.c-text').fill('We send another')
      equal((await axe(page)).filter((v) => !v.includes('.toasts')), [])
      if (process.env.HEED_SHOTS) await page.screenshot({ path: `${process.env.HEED_SHOTS}/mail_to.png` })
      await page.locator('.c-text').press('Control+Shift+Enter')
      await page.getByText('This is not a mail address.').first().waitFor()
      await page.locator('.c-text').fill('We send another')
      // The draft on the server may have brought its recipients back already.
      await until(async () => {
        if (await page.getByLabel('Cc', { exact: true }).isVisible()) return true
        await page.getByRole('button', { name: 'Change recipients and subject' }).click({ timeout: 500 }).catch(() => {})
      }, 'the recipients can be changed')
      await page.getByLabel('Cc', { exact: true }).fill(servers.accounts.customer.address)
      await page.getByLabel('Subject', { exact: true }).fill('Your cup')
      // Kept on the server as it is typed: it is there again after a reload, on any device.
      const kept = async () => (await heed.api('GET', `/conversations/${c.id}/drafts`)).items[0]?.mail
      await until(async () => (await page.evaluate(async (id) => (await (await fetch(`/api/v1/conversations/${id}/drafts`)).json()).items[0]?.mail.subject, c.id)) === 'Your cup', 'the draft is kept')
      equal((await kept())?.cc, [servers.accounts.customer.address])
      await page.reload()
      await until(async () => (await page.getByLabel('Subject', { exact: true }).inputValue().catch(() => '')) === 'Your cup', 'the subject is there again')
      equal([await page.getByLabel('Cc', { exact: true }).inputValue(), await page.locator('.c-text').inputValue()], [servers.accounts.customer.address, 'We send another'])
      await page.locator('.c-text').press('Control+Shift+Enter')
      const copied = await until(async () => (await heed.api('GET', `/conversations/${c.id}/messages`)).items.find((m) => m.text === 'We send another'), 'the answer')
      equal([copied.mail.to[0].address, copied.mail.cc[0].address, copied.mail.subject], ['eve@elsewhere.test', servers.accounts.customer.address, 'Your cup'])
      // Digests: the mailbox is chosen for the workspace, then each colleague is told how long they wait.
      await page.goto(`${heed.url}/settings/pings`)
      await page.getByText('Nothing goes out by e-mail until an administrator').waitFor()
      await page.goto(`${heed.url}/settings/workspace`)
      await page.getByLabel('Mail to colleagues goes out through').selectOption({ index: 1 })
      await page.getByRole('button', { name: 'Save' }).click()
      await until(async () => (await heed.api('GET', '/workspace')).settings.mail_channel_id > 0, 'the choice')
      await page.goto(`${heed.url}/settings/pings`)
      await page.getByLabel('When it stays unseen for').selectOption('30')
      await until(async () => (await heed.api('GET', '/me/pings')).mail_minutes === 30, 'the minutes')
      await page.getByLabel('A customer writes, wherever I may see it: E-mail').check()
      await until(async () => (await heed.api('GET', '/me/pings')).all.mail, 'the tick')
      equal(await page.getByText('Nothing goes out by e-mail until').count(), 0)
      equal((await axe(page)).filter((v) => !v.includes('.toasts')), [])
      if (process.env.HEED_SHOTS) await page.screenshot({ path: `${process.env.HEED_SHOTS}/mail.png` })
      await page.context().close()
    } finally {
      await heed.stop()
      server.close()
      server.closeAllConnections()
      servers.stop()
    }
  })
}
