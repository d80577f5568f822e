// SPDX-License-Identifier: AGPL-3.0-or-later
// Starts a Heed of its own for the test, and speaks to it as any program would: REST and the live stream.
import { spawn, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const HOSTS = (net) => [net.pds, net.appview, net.plc].map((u) => new URL(u).host)

export class Heed {
  constructor(binary, net, log) {
    this.binary = binary
    this.net = net
    this.log = log
    this.data = mkdtempSync(path.join(os.tmpdir(), 'heed-real-'))
    this.frames = []
    this.where = ['--data', this.data]
  }

  // On the PostgreSQL that the network brings along, in a database of our own.
  usePostgres(url) {
    const name = `heed_${Date.now().toString(36)}`
    execFileSync('/usr/lib/postgresql/15/bin/psql', [url, '-qc', `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`])
    this.where.push('--database', url.replace(/\/[^/]*$/, `/${name}`).replace('postgresql://', 'postgres://'))
  }

  command(args, input = '') {
    return execFileSync(this.binary, [...args, ...this.where], { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] })
  }

  async start(env = {}) {
    const args = ['serve', ...this.where, '--listen', '127.0.0.1:0', ...HOSTS(this.net).flatMap((h) => ['--allow-host', h])]
    this.process = spawn(this.binary, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    this.process.stderr.on('data', (d) => this.log(d))
    this.ended = new Promise((r) => this.process.once('exit', r))
    const child = this.process
    process.once('exit', () => child.exitCode === null && child.kill('SIGKILL'))
    this.url = await new Promise((resolve, reject) => {
      let out = ''
      this.process.stdout.on('data', (d) => {
        out += d
        const m = out.match(/Heed listens on (\S+)/)
        if (m) resolve(m[1])
      })
      this.ended.then((code) => reject(new Error(`heed ended with ${code}`)))
      setTimeout(() => reject(new Error('heed did not start')), 15000)
    })
    if (!this.token) this.makeOwner()
    await this.listen()
  }

  makeOwner() {
    const workspace = this.command(['workspace', 'add', '--name', 'Cups']).trim()
    this.command(['user', 'add', '--email', 'ada@cups.test', '--name', 'Ada', '--role', 'owner', '--workspace', workspace, '--password-stdin'], 'correct horse battery\n')
    this.token = this.command(['token', 'add', '--email', 'ada@cups.test', '--scope', 'read,write,admin']).trim()
  }

  async stop(signal = 'SIGTERM') {
    this.stream?.abort()
    this.process.kill(signal)
    return this.ended
  }

  remove() {
    rmSync(this.data, { recursive: true, force: true })
  }

  async call(method, target, body, headers = {}) {
    const raw = body instanceof Uint8Array
    const res = await fetch(this.url + '/api/v1' + target, {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...(body && !raw ? { 'content-type': 'application/json' } : {}), ...headers },
      body: body ? (raw ? body : JSON.stringify(body)) : undefined,
    })
    const text = await res.text()
    let json
    try { json = JSON.parse(text) } catch { json = text }
    return { status: res.status, json }
  }

  // The live stream; frames are kept in this.frames as {event, data}.
  async listen() {
    this.stream = new AbortController()
    const res = await fetch(this.url + '/api/v1/events', { headers: { authorization: `Bearer ${this.token}` }, signal: this.stream.signal })
    if (!res.ok) throw new Error(`events: ${res.status}`)
    const read = async () => {
      let rest = ''
      for await (const part of res.body.pipeThrough(new TextDecoderStream())) {
        rest += part
        for (let at; (at = rest.indexOf('\n\n')) >= 0; rest = rest.slice(at + 2)) this.frame(rest.slice(0, at))
      }
    }
    read().catch(() => {})
  }

  frame(text) {
    const event = text.match(/^event: ?(.*)$/m)?.[1]
    const data = [...text.matchAll(/^data: ?(.*)$/gm)].map((m) => m[1]).join('\n')
    if (event) this.frames.push({ event, data: data ? JSON.parse(data) : null, at: Date.now() })
  }
}

// Waits for something true; its value and the time it took.
export async function until(what, fn, ms = 30000, every = 150) {
  const begin = Date.now()
  let last
  for (;;) {
    try {
      const value = await fn()
      if (value) return value
    } catch (e) {
      last = e
    }
    if (Date.now() - begin > ms) throw new Error(`not within ${ms / 1000} s: ${what}${last ? ` (${last.message})` : ''}`)
    await new Promise((r) => setTimeout(r, every))
  }
}

export function keepLog(file) {
  writeFileSync(file, '')
  return (d) => writeFileSync(file, d, { flag: 'a' })
}
