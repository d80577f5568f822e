// SPDX-License-Identifier: AGPL-3.0-or-later
// Client of Heed's API for Node and browsers, without dependencies. Each operation of the OpenAPI document is
// a method; lists can be walked item by item, POSTs carry an idempotency key, and what failed for the moment
// is tried again.
import { operations } from './operations.js'

export class HeedError extends Error {
  constructor(status, message, errors = [], requestId = '') {
    super(message)
    this.name = 'HeedError'
    this.status = status
    this.errors = errors
    this.requestId = requestId
  }
}

const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')

function wait(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    signal?.addEventListener('abort', stop, { once: true })
  })
}

/** Seconds or a date; null when it says nothing. */
function retryAfter(answer, now = Date.now()) {
  const text = answer.headers.get('retry-after')
  if (!text) return null
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isFinite(ms) ? Math.max(0, ms) : null
}

async function problem(answer) {
  const text = await answer.text().catch(() => '')
  let told = {}
  try {
    told = JSON.parse(text)
  } catch {
    // Not ours: a proxy in between.
  }
  return new HeedError(answer.status, told.detail ?? told.title ?? `HTTP ${answer.status}`, told.errors ?? [], answer.headers.get('x-request-id') ?? '')
}

export class Heed {
  #url
  #token
  #fetch
  #retries

  constructor({ url, token, retries = 4, fetch: own } = {}) {
    if (!url || !token) throw new TypeError('new Heed({ url, token })')
    this.#url = url.replace(/\/+$/, '')
    this.#token = token
    this.#retries = retries
    this.#fetch = own ?? globalThis.fetch.bind(globalThis)
    this.each = {}
    for (const [name, operation] of Object.entries(operations)) {
      if (operation.kind === 'list') this.each[name] = (params, options) => this.#walk(name, params, options)
    }
  }

  async #send(operation, params = {}, options = {}) {
    const used = new Set(['body'])
    const path = operation.path.replace(/\{(\w+)\}/g, (_, name) => {
      if (params[name] === undefined || params[name] === null) throw new TypeError(`${name} is missing`)
      used.add(name)
      return encodeURIComponent(params[name])
    })
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(params)) {
      if (used.has(name) || value === undefined || value === null) continue
      if (!operation.query.includes(name)) throw new TypeError(`${name} is no parameter of ${operation.method} ${operation.path}`)
      query.set(name, String(value))
    }
    const headers = { authorization: `Bearer ${this.#token}`, accept: operation.kind === 'bytes' ? '*/*' : 'application/json' }
    let body
    if (operation.body === 'bytes') {
      headers['content-type'] = 'application/octet-stream'
      body = params.body
    } else if (operation.method !== 'GET' && operation.method !== 'DELETE') {
      headers['content-type'] = 'application/json'
      body = JSON.stringify(params.body ?? {})
    }
    if (operation.method === 'POST') headers['idempotency-key'] = options.idempotencyKey ?? newKey()
    const target = `${this.#url}${path}${query.size ? `?${query}` : ''}`
    // What is done twice without harm, or carries a key, may be tried again.
    for (let attempt = 0; ; attempt++) {
      let answer
      try {
        answer = await this.#fetch(target, { method: operation.method, headers, body, signal: options.signal, redirect: 'error' })
      } catch (error) {
        if (options.signal?.aborted || attempt >= this.#retries) throw options.signal?.aborted ? error : new HeedError(0, `No answer came: ${error.message}`)
        await wait(Math.min(30_000, 500 * 2 ** attempt) * (0.8 + Math.random() * 0.4), options.signal)
        continue
      }
      if (answer.ok) return answer
      const again = answer.status === 429 || answer.status === 503 || (answer.status === 409 && answer.headers.has('retry-after'))
      if (!again || attempt >= this.#retries) throw await problem(answer)
      await answer.body?.cancel().catch(() => {})
      await wait(retryAfter(answer) ?? Math.min(30_000, 500 * 2 ** attempt) * (0.8 + Math.random() * 0.4), options.signal)
    }
  }

  async call(name, params, options) {
    const operation = operations[name]
    if (!operation) throw new TypeError(`There is no operation ${name}`)
    const answer = await this.#send(operation, params, options)
    if (operation.kind === 'bytes') return new Uint8Array(await answer.arrayBuffer())
    const text = await answer.text() // 202 and 204 may have none
    return text ? JSON.parse(text) : undefined
  }

  async *#walk(name, params = {}, options = {}) {
    let cursor = params.cursor
    do {
      const page = await this.call(name, cursor ? { ...params, cursor } : params, options)
      yield* page.items
      cursor = page.next
    } while (cursor)
  }

  async *events({ signal, lastEventId = '' } = {}) {
    let last = lastEventId
    for (let failures = 0; ; ) {
      try {
        const answer = await this.#fetch(`${this.#url}/api/v1/events`, {
          headers: { authorization: `Bearer ${this.#token}`, accept: 'text/event-stream', ...(last ? { 'last-event-id': last } : {}) },
          signal,
        })
        if (!answer.ok) {
          if (answer.status !== 429 && answer.status !== 503) throw await problem(answer)
          await wait(retryAfter(answer) ?? 1000, signal)
          continue
        }
        failures = 0
        for await (const frame of frames(answer.body)) {
          if (frame.id) last = frame.id
          if (frame.data || frame.event !== 'message') yield { id: last, event: frame.event, data: frame.data ? JSON.parse(frame.data) : undefined }
        }
      } catch (error) {
        if (signal?.aborted) return
        if (error instanceof HeedError) throw error
      }
      if (signal?.aborted) return
      await wait(Math.min(30_000, 500 * 2 ** failures++) * (0.8 + Math.random() * 0.4), signal).catch(() => {})
      if (signal?.aborted) return
    }
  }
}

for (const name of Object.keys(operations)) {
  Heed.prototype[name] = function (params, options) {
    return this.call(name, params, options)
  }
}

async function* frames(body) {
  const decoder = new TextDecoder()
  let held = ''
  let frame = { id: '', event: 'message', data: '' }
  for await (const chunk of body) {
    held += decoder.decode(chunk, { stream: true })
    const lines = held.split('\n')
    held = lines.pop() ?? ''
    for (const raw of lines) {
      const line = raw.replace(/\r$/, '')
      if (line === '') {
        if (frame.data || frame.event !== 'message') yield frame
        frame = { id: '', event: 'message', data: '' }
        continue
      }
      const at = line.indexOf(':')
      if (at === 0) continue // a comment keeps the line open
      const field = at < 0 ? line : line.slice(0, at)
      const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '')
      if (field === 'data') frame.data += (frame.data ? '\n' : '') + value
      else if (field === 'event' || field === 'id') frame[field] = value
    }
  }
}

const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))

export async function verifyWebhook(secret, headers, body, now = Date.now()) {
  const head = (name) => {
    const value = typeof headers.get === 'function' ? headers.get(name) : headers[name]
    return Array.isArray(value) ? value[0] : (value ?? '')
  }
  const raw = typeof body === 'string' ? new TextEncoder().encode(body) : body
  const id = head('webhook-id')
  const at = head('webhook-timestamp')
  if (!id || !/^\d+$/.test(at) || Math.abs(now / 1000 - Number(at)) > 300) throw new HeedError(0, 'The webhook is not of this moment.')
  const key = await crypto.subtle.importKey('raw', bytesOf(secret.replace(/^whsec_/, '')), { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
  const front = new TextEncoder().encode(`${id}.${at}.`)
  const content = new Uint8Array(front.length + raw.length)
  content.set(front)
  content.set(raw, front.length)
  for (const one of head('webhook-signature').split(' ')) {
    if (!one.startsWith('v1,')) continue
    let given
    try {
      given = bytesOf(one.slice(3))
    } catch {
      continue
    }
    if (await crypto.subtle.verify('HMAC', key, given, content)) return JSON.parse(new TextDecoder().decode(raw))
  }
  throw new HeedError(0, 'No signature of the webhook fits.')
}
