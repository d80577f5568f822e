// SPDX-License-Identifier: AGPL-3.0-or-later
// The one way to the server: JSON in, JSON out, problem documents become ApiError. Every POST carries an
// Idempotency-Key, so that trying again after a cut connection never does a thing twice.

export interface FieldError {
  field: string
  code: string
  detail: string
  position?: number
  expected?: string
}

export class ApiError extends Error {
  /** 0: no answer came at all. */
  readonly status: number
  readonly errors: FieldError[]
  readonly retryAfter: number

  constructor(status: number, message: string, errors: FieldError[] = [], retryAfter = 0) {
    super(message)
    this.status = status
    this.errors = errors
    this.retryAfter = retryAfter
  }

  field(name: string): string | undefined {
    return this.errors.find((e) => e.field === name)?.detail
  }
}

/** Difference between the server's clock and ours in ms; times shown count from the server's. */
export const skew = { ms: 0 }

let ended: () => void = () => {}
/** Called when the server no longer knows our session. */
export function onSessionEnd(fn: () => void): void {
  ended = fn
}

/** crypto.randomUUID exists on secure origins only; a team on a plain-http LAN needs this one. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
}

/** Keeps what was read, and finds it again when there is no network; fetched behind the first paint. */
const kept = () => import('../state/offline.svelte').then((m) => m.offline)

interface Options {
  signal?: AbortSignal | undefined
  key?: string
  quiet401?: boolean
}

async function call<T>(method: string, path: string, body: unknown, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' }
  const init: RequestInit = { method, headers, credentials: 'same-origin' }
  if (body instanceof Blob) {
    headers['content-type'] = body.type || 'application/octet-stream'
    init.body = body
  } else if (method !== 'GET') {
    headers['content-type'] = 'application/json'
    if (body !== undefined) init.body = JSON.stringify(body)
  }
  if (method === 'POST') headers['idempotency-key'] = options.key ?? newKey()
  if (options.signal) init.signal = options.signal

  let answer: Response
  try {
    answer = await fetch(`/api/v1${path}`, init)
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    const found = method === 'GET' ? await kept().then((o) => o.find(path)).catch(() => undefined) : undefined
    if (found) return JSON.parse(found) as T
    throw new ApiError(0, '')
  }
  const ahead = Date.parse(answer.headers.get('date') ?? '') - Date.now()
  if (!Number.isNaN(ahead)) skew.ms = Math.abs(ahead) > 2500 ? ahead : 0
  if (answer.ok) {
    const text = await answer.text() // 202 and 204 have none
    if (method === 'GET') void kept().then((o) => o.keep(path, text)).catch(() => {})
    return (text ? JSON.parse(text) : undefined) as T
  }

  const problem = (await answer.json().catch(() => ({}))) as { detail?: string; title?: string; errors?: FieldError[] }
  if (answer.status === 401 && !options.quiet401) ended()
  const retry = Number(answer.headers.get('retry-after')) || 0
  throw new ApiError(answer.status, problem.detail ?? problem.title ?? answer.statusText, problem.errors ?? [], retry)
}

export const api = {
  get: <T>(path: string, options?: Options) => call<T>('GET', path, undefined, options),
  post: <T>(path: string, body?: unknown, options?: Options) => call<T>('POST', path, body ?? {}, options),
  patch: <T>(path: string, body: unknown) => call<T>('PATCH', path, body),
  put: <T>(path: string, body: Blob) => call<T>('PUT', path, body),
  del: <T>(path: string) => call<T>('DELETE', path, undefined),
}

/** `{a: 1, b: ''}` to `?a=1`: empty values are left out. */
export function query(values: Record<string, string | number | null | undefined>): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) if (value !== '' && value != null) params.set(name, String(value))
  const text = params.toString()
  return text ? `?${text}` : ''
}
