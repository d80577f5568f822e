// SPDX-License-Identifier: AGPL-3.0-or-later
// What the widget asks the server, and the stream of what happens: fetch with the token in a header (never in
// an address), read by hand, because EventSource cannot send one.
export interface File_ {
  id: number
  name: string
  mime: string
  size: number
  width: number
  height: number
  alt: string
}
export interface Message {
  id: string
  from: 'visitor' | 'team'
  author: string
  text: string
  created_at: string
  edited_at: string | null
  deleted_at: string | null
  files: File_[]
}
export interface Question {
  label: string
  required?: boolean
  kind?: 'text' | 'long' | 'choice'
  choices?: string[]
}
export interface Config {
  name: string
  online: boolean
  opens_at: string | null
  colour: string
  scheme: 'auto' | 'light' | 'dark'
  position: 'right' | 'left'
  language: string
  greeting: string
  hours_text: string
  notice: string
  privacy_url: string
  ask_name: boolean
  ask_email: boolean
  questions: Question[]
  offline: 'form' | 'chat' | 'hide'
  files: boolean
  require_identity: boolean
  max_text: number
  max_file_bytes: number
}
// status 0: the server could not be reached.
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly retryAfter = 0,
  ) {
    super(message)
  }
}

export class Api {
  token = ''
  constructor(private readonly base: string) {}

  async call(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = {}
    if (this.token) headers.Authorization = `Bearer ${this.token}`
    const raw = body instanceof Blob
    if (body !== undefined && !raw) headers['Content-Type'] = 'application/json'
    let response: Response
    try {
      response = await fetch(this.base + path, { method, headers, body: body === undefined ? null : raw ? body : JSON.stringify(body), credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer', signal: signal ?? AbortSignal.timeout(raw ? 120_000 : 20_000) })
    } catch {
      throw new Refused(0, 'unreachable')
    }
    if (response.ok) return response
    const problem = (await response.json().catch(() => ({}))) as { detail?: string }
    throw new Refused(response.status, problem.detail ?? '', Number(response.headers.get('Retry-After')) || 0)
  }
  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    return (await this.call(method, path, body)).json() as Promise<T>
  }

  // Reads one stream to its end; `last` is where to go on from, and is moved along.
  async stream(last: { id: string }, signal: AbortSignal, take: (event: string, data: unknown) => void, alive: () => void): Promise<void> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.token}`, Accept: 'text/event-stream' }
    if (last.id) headers['Last-Event-ID'] = last.id
    let response: Response
    try {
      response = await fetch(`${this.base}/events`, { headers, credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer', signal })
    } catch {
      throw new Refused(0, 'unreachable')
    }
    if (!response.ok || !response.body) throw new Refused(response.status, '', Number(response.headers.get('Retry-After')) || 0)
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    let rest = ''
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      alive()
      rest += value
      for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
        this.frame(rest.slice(0, end), last, take)
        rest = rest.slice(end + 2)
      }
    }
  }
  private frame(text: string, last: { id: string }, take: (event: string, data: unknown) => void) {
    let event = ''
    let data = ''
    let id = ''
    for (const line of text.split('\n')) {
      if (line.startsWith('event: ')) event = line.slice(7)
      else if (line.startsWith('data: ')) data += line.slice(6)
      else if (line.startsWith('id: ')) id = line.slice(4)
    }
    if (event && data) take(event, JSON.parse(data))
    if (id) last.id = id // only when it has been taken
  }
}
