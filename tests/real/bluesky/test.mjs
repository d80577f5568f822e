// SPDX-License-Identifier: AGPL-3.0-or-later
// The whole way over the real Bluesky network: its own directory, server and view (start.mjs), a Heed, and
// customers who write, answer, quote, delete. Prints a line per check and "N passed, N failed".
//   node test.mjs [--heed PATH] [--postgres] [--network network.json] [--log FILE]
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { Heed, keepLog, until } from './heed.mjs'
import { Account, xrpc } from './xrpc.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))
const { values: opt } = parseArgs({ options: { heed: { type: 'string' }, network: { type: 'string' }, postgres: { type: 'boolean' }, log: { type: 'string', default: '/dev/null' } } })
const binary = path.resolve(opt.heed ?? process.env.HEED_BIN ?? path.join(here, '../../../build/release/heed'))
if (!existsSync(binary)) throw new Error(`no heed at ${binary}`)

let passed = 0, failed = 0
const begun = Date.now()
async function check(name, fn) {
  const from = Date.now()
  try {
    await fn()
    passed++
    console.log(`ok   ${name} (${((Date.now() - from) / 1000).toFixed(1)} s)`)
  } catch (e) {
    failed++
    console.log(`FAIL ${name}: ${e.message}`)
  }
}
function equal(what, got, wanted) {
  if (!isDeepStrictEqual(got, wanted)) throw new Error(`${what}: ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`)
}
function yes(what, value) {
  if (!value) throw new Error(what)
}

// ---- The network ----------------------------------------------------------------------------------
let starter
async function startNetwork() {
  if (opt.network) return JSON.parse(readFileSync(opt.network, 'utf8'))
  starter = spawn(process.execPath, [path.join(here, 'start.mjs'), '--accounts', ''], { stdio: ['pipe', 'pipe', 'ignore'] })
  return new Promise((resolve, reject) => {
    let out = ''
    starter.stdout.on('data', (d) => {
      out += d
      if (out.includes('\n')) resolve(JSON.parse(out.slice(0, out.indexOf('\n'))))
    })
    starter.once('exit', (code) => reject(new Error(`the network ended with ${code}`)))
  })
}
const net = await startNetwork()
const unique = Date.now().toString(36).slice(-5)
const shop = await Account.open(net, `cups${unique}`)
const kim = await Account.open(net, `kim${unique}`)
const liisa = await Account.open(net, `liisa${unique}`)
await kim.call('POST', 'com.atproto.repo.putRecord', { body: { repo: kim.did, collection: 'app.bsky.actor.profile', rkey: 'self', record: { $type: 'app.bsky.actor.profile', displayName: '김민지' } } })
const appPassword = await shop.appPassword('heed')
const heed = new Heed(binary, net, keepLog(opt.log))
if (opt.postgres) heed.usePostgres(net.postgres)
await heed.start()

// ---- Helpers --------------------------------------------------------------------------------------
const items = async (target) => {
  const r = await heed.call('GET', target)
  if (r.status !== 200) throw new Error(`${target}: ${r.status} ${JSON.stringify(r.json)}`)
  return r.json.items
}
const messagesOf = (id) => items(`/conversations/${id}/messages?limit=100`)
const allConversations = async (q = 'is:any') => {
  const all = []
  for (let cursor = ''; ;) {
    const r = await heed.call('GET', `/conversations?limit=100&sort=newest&q=${encodeURIComponent(q)}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`)
    if (r.status !== 200) throw new Error(JSON.stringify(r.json))
    all.push(...r.json.items)
    if (!r.json.next) return all
    cursor = r.json.next
  }
}
// The conversation that holds a message of the network, and that message.
const holding = (uri, ms = 30000) => until(`a message ${uri}`, async () => {
  for (const c of await allConversations()) {
    const message = (await messagesOf(c.id)).find((m) => m.external_id === uri)
    if (message) return { conversation: c, message }
  }
}, ms, 300)
const reply = async (conversation, text, more = {}) => {
  const r = await heed.call('POST', `/conversations/${conversation}/messages`, { kind: 'reply', text, ...more })
  if (r.status !== 201) throw new Error(`reply: ${r.status} ${JSON.stringify(r.json)}`)
  return r.json
}
const message = async (conversation, id) => (await messagesOf(conversation)).find((m) => m.id === id)
const sent = (conversation, id, ms = 20000) => until('the answer is sent', async () => {
  const m = await message(conversation, id)
  if (m.send_state === 'failed') throw new Error(`failed: ${m.error}`)
  return m.send_state === 'sent' && m
}, ms)
const channelNow = async (id) => (await heed.call('GET', `/channels/${id}`)).json
const channelIs = (id, state, ms = 30000) => until(`the channel is ${state}`, async () => {
  const c = await channelNow(id)
  if (c.state !== state) throw new Error(`${c.state}: ${c.state_reason}`)
  return c
}, ms)
const settings = { identifier: shop.handle, app_password: appPassword, service: net.pds, plc_url: net.plc }

// ---- Connecting -----------------------------------------------------------------------------------
let channel
await check('an app password connects the account', async () => {
  const r = await heed.call('POST', '/channels', { kind: 'bluesky', name: 'Cups', settings })
  equal('status', r.status, 201)
  equal('state', r.json.state, 'connecting')
  yes('the secret is never returned', !JSON.stringify(r.json).includes(appPassword))
  channel = (await channelIs(r.json.id, 'active')).id
  const c = await channelNow(channel)
  equal('handle', c.handle, `@${shop.handle}`)
  equal('account', c.external_account_id, shop.did)
  yes(`direct messages: ${c.settings.dm}`, c.settings.dm.startsWith('off: '))
  yes('the page is told', await until('a frame', () => heed.frames.some((f) => f.event === 'channel' && f.data.state === 'active')))
})
await check('settings are checked by name', async () => {
  const r = await heed.call('POST', '/channels', { kind: 'bluesky', name: 'X', settings: { ...settings, colour: 'red' } })
  equal('status', r.status, 422)
  equal('field', r.json.errors[0].field, 'settings.colour')
  const s = await heed.call('POST', '/channels', { kind: 'bluesky', name: 'X', settings: { identifier: 'x' } })
  equal('field', s.json.errors[0].field, 'settings.app_password')
  const u = await heed.call('POST', '/channels', { kind: 'bluesky', name: 'X', settings: { ...settings, service: 'ftp://x' } })
  equal('field', u.json.errors[0].field, 'settings.service')
})
await check('a wrong app password says what to do', async () => {
  const r = await heed.call('POST', '/channels', { kind: 'bluesky', name: 'Wrong', settings: { ...settings, app_password: 'aaaa-bbbb-cccc-dddd' } })
  const c = await channelIs(r.json.id, 'reauth')
  yes(c.state_reason, /app password/.test(c.state_reason))
})
await check('one account is one channel', async () => {
  const r = await heed.call('POST', '/channels', { kind: 'bluesky', name: 'Twice', settings })
  const c = await channelIs(r.json.id, 'reauth')
  yes(c.state_reason, /already/.test(c.state_reason))
})
await check('the button "test" makes a real call', async () => {
  const r = await heed.call('POST', `/channels/${channel}/test`)
  equal('answer', [r.status, r.json.ok], [200, true])
})

// ---- A customer writes ----------------------------------------------------------------------------
const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
let mention, first
await check('a mention with a picture becomes a conversation, on the live stream too', async () => {
  const blob = await kim.upload(png, 'image/png')
  mention = await kim.post(`안녕하세요 @${shop.handle} 주문이 안 왔어요`, {
    mentions: [shop], embed: { $type: 'app.bsky.embed.images', images: [{ alt: '깨진 컵', image: blob, aspectRatio: { width: 1, height: 1 } }] } })
  const { conversation, message: m } = await holding(mention.uri)
  first = conversation.id
  equal('kind', [conversation.kind, conversation.visibility, conversation.contact.name], ['thread', 'public', '김민지'])
  yes('waiting', conversation.waiting_since)
  equal('alt', m.attachments[0].alt, '깨진 컵')
  yes('frame', heed.frames.some((f) => f.event === 'message' && f.data.external_id === mention.uri))
  yes('frame', heed.frames.some((f) => f.event === 'conversation' && f.data.id === first))
})
await check('the picture itself is here, cleaned', async () => {
  const a = await until('the picture', async () => (await messagesOf(first))[0].attachments.find((x) => x.state === 'ready'), 30000)
  const r = await fetch(heed.url + a.url, { headers: { authorization: `Bearer ${heed.token}` } })
  equal('status', r.status, 200)
  yes('an image', (await r.arrayBuffer()).byteLength > 20)
})

let answer
await check('the answer is a reply with root, parent and facets by bytes', async () => {
  const text = `안녕 👋 @${kim.handle}, 여기 https://shop.example/track?n=77. 죄송합니다!`
  const m = await reply(first, text)
  answer = await sent(first, m.id)
  const { value } = (await shop.get(answer.external_id)).json
  equal('text', value.text, text)
  equal('reply', value.reply, { root: mention, parent: mention })
  const bytes = Buffer.from(text)
  const facets = value.facets.map((f) => [bytes.subarray(f.index.byteStart, f.index.byteEnd).toString(), f.features[0].did ?? f.features[0].uri])
  equal('facets', facets, [[`@${kim.handle}`, kim.did], ['https://shop.example/track?n=77', 'https://shop.example/track?n=77']])
  yes('no longer waiting', !(await heed.call('GET', `/conversations/${first}`)).json.waiting_since)
})
await check('the customer is told of it by the network', () => until('a notification', async () => {
  const r = await kim.call('GET', 'app.bsky.notification.listNotifications')
  return r.json.notifications.some((n) => n.uri === answer.external_id)
}))
let second
await check('the customer answers: the same conversation, waiting again', async () => {
  const own = (await shop.get(answer.external_id)).json
  second = await kim.post('Thank you! And when?', { parent: { uri: own.uri, cid: own.cid }, root: mention })
  const { conversation, message: m } = await holding(second.uri)
  equal('conversation', conversation.id, first)
  equal('answers', m.reply_to, answer.external_id)
  yes('waiting', conversation.waiting_since)
})
await check('deeper in the thread the root stays the root', async () => {
  const m = await sent(first, (await reply(first, 'Tomorrow.')).id)
  const { value } = (await shop.get(m.external_id)).json
  equal('reply', value.reply, { root: mention, parent: second })
})
let rootPost
await check('two customers below one post are two conversations, with the post above them', async () => {
  rootPost = await shop.post('New cups today!')
  await until('the post in the view', async () => (await xrpc(net.appview, 'GET', 'app.bsky.feed.getPosts', { params: { uris: rootPost.uri } })).json.posts.length)
  const a = await kim.post('Mine is broken', { parent: rootPost })
  const b = await liisa.post('Mul on sama mure', { parent: rootPost })
  const ca = await holding(a.uri), cb = await holding(b.uri)
  yes('two', ca.conversation.id !== cb.conversation.id)
  for (const c of [ca, cb]) {
    const all = await messagesOf(c.conversation.id)
    const above = all.find((m) => m.kind === 'context')
    equal('context', above?.text, 'New cups today!')
    equal('messages counted', (await heed.call('GET', `/conversations/${c.conversation.id}`)).json.message_count, 1)
  }
})
await check('a quote of our post is heard', async () => {
  const q = await liisa.post('Look at this', { embed: { $type: 'app.bsky.embed.record', record: rootPost } })
  const { conversation } = await holding(q.uri)
  yes('what it quotes', (await messagesOf(conversation.id)).some((m) => m.kind === 'context' && m.text === 'New cups today!'))
})
await check('a friend asks below somebody else\'s post: that post is context', async () => {
  const other = await kim.post('I bought a cup and it broke')
  await until('the post in the view', async () => (await xrpc(net.appview, 'GET', 'app.bsky.feed.getPosts', { params: { uris: other.uri } })).json.posts.length)
  const ask = await liisa.post(`@${shop.handle} can you help?`, { mentions: [shop], parent: other })
  const { conversation } = await holding(ask.uri)
  equal('contact', conversation.contact.name, liisa.handle)
  const above = (await messagesOf(conversation.id)).find((m) => m.kind === 'context')
  equal('context', [above.text, above.author.handle], ['I bought a cup and it broke', kim.handle])
  const m = await sent(conversation.id, (await reply(conversation.id, 'Sure')).id)
  equal('reply', (await shop.get(m.external_id)).json.value.reply, { root: other, parent: ask })
})

// ---- What agents do -------------------------------------------------------------------------------
await check('a picture with its description goes out', async () => {
  const file = await heed.call('PUT', '/files?name=cup.png', new Uint8Array(png), { 'content-type': 'image/png' })
  equal('file', file.status, 201)
  const m = await sent(first, (await reply(first, 'Like this one?', { attachments: [{ sha256: file.json.sha256, name: 'cup.png', alt: 'A whole cup' }] })).id)
  const image = (await shop.get(m.external_id)).json.value.embed.images[0]
  equal('image', [image.alt, image.aspectRatio], ['A whole cup', { width: 1, height: 1 }])
})
await check('like and unlike', async () => {
  const m = (await messagesOf(first)).find((x) => x.external_id === mention.uri)
  const likes = async () => (await xrpc(net.appview, 'GET', 'app.bsky.feed.getLikes', { params: { uri: mention.uri } })).json.likes.map((l) => l.actor.did)
  equal('status', (await heed.call('POST', `/messages/${m.id}/like`)).status, 200)
  await until('the like', async () => (await likes()).includes(shop.did))
  await until('marked', async () => (await message(first, m.id)).liked_at)
  equal('status', (await heed.call('DELETE', `/messages/${m.id}/like`)).status, 200)
  await until('no like', async () => !(await likes()).includes(shop.did))
})
await check('an answer of ours is taken back', async () => {
  const m = await sent(first, (await reply(first, 'Oops')).id)
  equal('status', (await heed.call('DELETE', `/messages/${m.id}`)).status, 200)
  await until('gone there', async () => (await shop.get(m.external_id)).status === 400)
  await until('gone here', async () => (await message(first, m.id)).deleted_at)
})
await check('301 characters are refused by name, 300 families are 301 too many bytes', async () => {
  const long = await heed.call('POST', `/conversations/${first}/messages`, { kind: 'reply', text: '가'.repeat(301) })
  equal('refused', [long.status, long.json.errors[0].field], [422, 'text'])
  const bytes = await heed.call('POST', `/conversations/${first}/messages`, { kind: 'reply', text: '👩‍👩‍👧‍👦'.repeat(121) })
  equal('refused', bytes.status, 422)
  await sent(first, (await reply(first, '가'.repeat(300))).id)
})
await check('answering a post that is gone fails with a reason', async () => {
  const p = await kim.post(`@${shop.handle} quickly`, { mentions: [shop] })
  const { conversation } = await holding(p.uri)
  await kim.delete(p.uri)
  await until('gone in the view', async () => (await xrpc(net.appview, 'GET', 'app.bsky.feed.getPosts', { params: { uris: p.uri } })).json.posts.length === 0)
  const m = await reply(conversation.id, 'Hello?')
  const now = await until('it fails', async () => { const x = await message(conversation.id, m.id); return x.send_state === 'failed' && x })
  yes(now.error, /gone/.test(now.error))
})

// ---- What notifications do not tell ---------------------------------------------------------------
await check('an answer given in the network\'s own app ends the waiting; a deleted post is marked', async () => {
  const p = await liisa.post(`@${shop.handle} hello?`, { mentions: [shop] })
  const gone = await liisa.post(`@${shop.handle} please delete`, { mentions: [shop] })
  const asked = await holding(p.uri), other = await holding(gone.uri)
  const elsewhere = await shop.post('Answered from my phone', { parent: p })
  await liisa.delete(gone.uri)
  const { message: m } = await holding(elsewhere.uri, 100000)
  equal('direction', [m.direction, m.author.kind], ['out', 'elsewhere'])
  yes('no longer waiting', !(await heed.call('GET', `/conversations/${asked.conversation.id}`)).json.waiting_since)
  await until('marked as deleted', async () => (await message(other.conversation.id, other.message.id)).deleted_at, 120000, 500)
})

// ---- Trouble --------------------------------------------------------------------------------------
await check('after a kill and 130 mentions meanwhile nothing is missing and nothing double', async () => {
  const before = (await allConversations()).length
  await heed.stop('SIGKILL')
  const same = new Date().toISOString(), uris = []
  for (let i = 0; i < 130; i++) // ten of them at the very same moment, some with a clock that is behind
    uris.push((await kim.post(`@${shop.handle} question ${i}`, { mentions: [shop], createdAt: i % 13 === 0 ? same : i % 29 === 0 ? new Date(Date.now() - 600000).toISOString() : undefined })).uri)
  await until('the network has them', async () => {
    const r = await xrpc(net.pds, 'GET', 'app.bsky.notification.getUnreadCount', { jwt: shop.jwt })
    return r.json.count >= 130
  })
  await heed.start()
  const all = await until('all of them', async () => {
    const list = await allConversations()
    return list.length >= before + 130 && list
  }, 60000, 1000)
  equal('conversations', all.length, before + 130)
  equal('each once', new Set(all.map((c) => c.preview).filter((p) => / question \d+$/.test(p))).size, 130)
})
await check('killed between the network\'s yes and our mark: one post, not two', async () => {
  await heed.stop()
  await heed.start({ HEED_TEST_CRASH: 'after_send' })
  const text = `Only once ${unique}`
  const m = await reply(first, text)
  await heed.ended
  await heed.start()
  const now = await sent(first, m.id, 60000)
  const r = await shop.call('GET', 'com.atproto.repo.listRecords', { params: { repo: shop.did, collection: 'app.bsky.feed.post', limit: 100 } })
  const posts = r.json.records.filter((x) => x.value.text === text)
  equal('posts', posts.map((p) => p.uri), [now.external_id])
})
await check('a revoked app password: the channel says so, the queue waits, a new one sends it', async () => {
  await shop.revoke('heed')
  await heed.stop()
  await heed.start({ HEED_TEST_CLOCK_MS: String(3 * 3600 * 1000) }) // the access token is over
  const c = await channelIs(channel, 'reauth')
  yes(c.state_reason, /app password/.test(c.state_reason))
  const m = await reply(first, `Waits for you ${unique}`)
  await new Promise((r) => setTimeout(r, 1500))
  equal('queued', (await message(first, m.id)).send_state, 'queued')
  const patch = await heed.call('PATCH', `/channels/${channel}`, { settings: { app_password: await shop.appPassword('heed2') } })
  equal('patched', [patch.status, patch.json.state], [200, 'connecting'])
  await channelIs(channel, 'active')
  await sent(first, m.id)
})
await check('no secret is in the data folder in clear', async () => {
  await heed.stop()
  const { readdirSync } = await import('node:fs')
  const all = Buffer.concat(readdirSync(heed.data, { withFileTypes: true }).filter((f) => f.isFile()).map((f) => readFileSync(path.join(heed.data, f.name))))
  yes('app password', !all.includes(appPassword))
  yes('tokens', !all.includes('eyJ0eXAiOi'))
})

heed.remove()
starter?.stdin.end()
console.log(`${passed} passed, ${failed} failed (${((Date.now() - begun) / 1000).toFixed(0)} s)`)
const end = () => process.exit(failed ? 1 : 0)
if (starter) starter.once('exit', end)
setTimeout(end, starter ? 15000 : 0)
