// SPDX-License-Identifier: AGPL-3.0-or-later
// A real mail system for a test: Dovecot and an SMTP server on free ports, with a certificate of their own.
import { spawn } from 'node:child_process'
import net from 'node:net'

/** Its ports, accounts and certificate (tests/real/mail/start.py), and stop(). */
export async function startMail() {
  const system = spawn('/usr/bin/python3', [new URL('../../real/mail/start.py', import.meta.url).pathname], { stdio: ['pipe', 'pipe', 'ignore'] })
  const servers = await new Promise((done) => system.stdout.once('data', (line) => done(JSON.parse(line))))
  return { ...servers, stop: () => system.stdin.end() }
}

/** One mail over SMTP, as another server would. */
export function deliver(port, to, raw) {
  const lines = ['EHLO elsewhere.test', 'MAIL FROM:<eve@elsewhere.test>', `RCPT TO:<${to}>`, 'DATA', `${raw.replace(/\r?\n/g, '\r\n')}\r\n.`, 'QUIT']
  return new Promise((done, fail) => {
    const socket = net.connect(port, '127.0.0.1')
    let said = ''
    socket.on('error', fail)
    socket.on('data', (bytes) => {
      said += bytes
      if (!/(^|\n)\d{3} [^\n]*\r?\n$/.test(said)) return
      said = ''
      const next = lines.shift()
      if (next) socket.write(`${next}\r\n`)
    })
    socket.on('close', done)
  })
}
