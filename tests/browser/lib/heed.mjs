// SPDX-License-Identifier: AGPL-3.0-or-later
// A Heed of one's own for a test: starts the binary on an empty folder and a free port, makes people, and
// speaks to it as a network (signed hooks) and as a program (token). Ends it, and only it, at the end.
import { spawn, execFileSync } from 'node:child_process'
import { createHmac, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = new URL('../../../', import.meta.url).pathname
export const binary = process.env.HEED_BINARY ?? join(root, 'build/release/heed')

// Below the ports from which connections are made: a server that is down for a moment finds its own again.
const given = new Set()
const freePort = async () => {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    if (given.has(port)) continue
    given.add(port)
    const free = await new Promise((done) => {
      const server = net.createServer().once('error', () => done(false)).listen(port, '127.0.0.1', () => server.close(() => done(true)))
    })
    if (free) return port
  }
}

/** The other side of a custom channel: takes answers, remembers them, can be told to fail. */
export async function startShop() {
  const shop = { answers: [], status: 200, body: '{}' }
  const server = http.createServer((req, res) => {
    const chunks = []
    req.on('data', (chunk) => chunks.push(chunk))
    req.on('end', () => {
      if (req.method === 'POST' && /json/.test(req.headers['content-type'] ?? '')) shop.answers.push(JSON.parse(Buffer.concat(chunks).toString()))
      res.writeHead(req.method === 'GET' ? 404 : shop.status, { 'content-type': 'application/json' })
      res.end(shop.body)
    })
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  shop.port = server.address().port
  shop.url = `http://127.0.0.1:${shop.port}/answers`
  shop.stop = () => server.close()
  return shop
}

export class Heed {
  /** name: what the public address is called, when numbers will not do; then `site` is that address. env: for it alone. */
  static async start({ demo = false, allow = [], name = '', env = {} } = {}) {
    const heed = new Heed()
    heed.env = env
    heed.data = mkdtempSync(join(tmpdir(), 'heed-browser-'))
    heed.port = await freePort()
    heed.url = `http://127.0.0.1:${heed.port}`
    heed.site = name ? `http://${name}:${heed.port}` : heed.url
    heed.flags = [...(demo ? ['--demo'] : []), ...(name ? ['--public-url', heed.site] : []), ...allow.flatMap((host) => ['--allow-host', host])]
    await heed.up()
    return heed
  }

  async up() {
    const args = ['serve', '--data', this.data, '--listen', `127.0.0.1:${this.port}`, '--rate-limit', '0', '--log', 'warn', ...this.flags]
    this.process = spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...this.env } })
    this.said = ''
    this.process.stdout.on('data', (chunk) => (this.said += chunk))
    for (let i = 0; i < 200; i++) {
      if (this.process.exitCode !== null) throw new Error(`heed ended with ${this.process.exitCode}`)
      if (await fetch(`${this.url}/readyz`).then((r) => r.ok, () => false)) return
      await new Promise((done) => setTimeout(done, 50))
    }
    throw new Error('heed does not become ready')
  }
  async down() {
    if (this.process.exitCode !== null) return
    const gone = new Promise((done) => this.process.once('exit', done))
    this.process.kill('SIGTERM')
    await gone
  }
  async stop() {
    await this.down()
    rmSync(this.data, { recursive: true, force: true })
  }

  /** The link that stdout gave: "Sign in" or "Set up". */
  link(name) {
    return new RegExp(`${name}: (\\S+)`).exec(this.said)?.[1]
  }
  cli(args, input = '') {
    const [first, second, ...rest] = args
    return execFileSync(binary, [first, second, '--data', this.data, ...rest], { input, encoding: 'utf8' }).trim()
  }
  user(email, name, role, password) {
    this.cli(['user', 'add', '--email', email, '--name', name, '--role', role, '--password-stdin'], password)
  }
  async asProgram(email) {
    this.token = execFileSync(binary, ['token', 'add', '--data', this.data, '--email', email], { encoding: 'utf8' }).trim()
  }
  async api(method, path, body) {
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text ? JSON.parse(text) : undefined
  }
  async channel(name, url, idempotent = true) {
    return this.api('POST', '/channels', { kind: 'custom', name, settings: { deliver_url: url, idempotent } })
  }
  /** Posts events as the network behind a custom channel does. */
  async hook(channel, events) {
    const body = JSON.stringify(events)
    const id = randomUUID()
    const at = Math.floor(Date.now() / 1000)
    const key = Buffer.from(channel.secret.slice('whsec_'.length), 'base64')
    const signature = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64')
    const answer = await fetch(`${this.url}/hooks/custom/${channel.id}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': String(at), 'webhook-signature': `v1,${signature}` },
      body,
    })
    if (answer.status !== 202) throw new Error(`hook: ${answer.status} ${await answer.text()}`)
  }
}

let serial = 0
/** A message as the custom channel takes it; minutes ago. */
export function message(thread, name, text, ago = 0, more = {}) {
  serial++
  return {
    type: 'message.created', id: `m${serial}`, thread, visibility: 'private', author: { id: `u-${name}`, name, handle: `@${name.toLowerCase().replace(/\W+/g, '.')}` },
    text, created_at: new Date(Date.now() - ago * 60_000).toISOString(), ...more,
  }
}
