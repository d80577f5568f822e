// SPDX-License-Identifier: AGPL-3.0-or-later
// Pictures from the net that a mail names, fetched by the server because somebody asked: few at a time, up to a limit,
// until stopped. Nothing of it is kept.
import { api, ApiError } from '../api/client'
import type { RemotePicture } from '../api/types'

const AT_ONCE = 4
export const MOST = 100
const BYTES = 20_000_000
const PIXELS = 100_000_000 // a browser unpacks four bytes for each
const WIDTH = 560 // of the frame, in which small ones stand side by side
const TRIES = 3
const SILENT = 2 // a host that did not answer so often is not waited for again

export interface Fetched {
  loaded: Record<string, string> // address → data: address
  failed: string[]
  over: string[] // beyond the limits
  pixels: number
  tall: number // how much taller they make the mail, about
}

const wait = (ms: number, signal: AbortSignal) =>
  new Promise<void>((done) => {
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), done()), { once: true })
  })
const host = (url: string) => /^(?:https?:)?\/\/([^/?#]*)/i.exec(url)?.[1]?.toLowerCase() ?? ''

/** before: what was fetched of this mail already; it counts against the limits. Once stopped, what is here is the answer. */
export async function fetchPictures(id: number, urls: string[], before: Fetched, signal: AbortSignal, progress: (done: number) => void): Promise<Fetched> {
  const out: Fetched = { loaded: { ...before.loaded }, failed: [], over: [...before.over], pixels: before.pixels, tall: before.tall }
  const silent = new Map<string, number>()
  const room = Math.max(0, MOST - Object.keys(out.loaded).length)
  const queue = urls.slice(0, room)
  out.over.push(...urls.slice(room))
  let bytes = Object.values(out.loaded).reduce((sum, data) => sum + data.length * 0.75, 0)
  let done = 0

  async function ask(url: string): Promise<RemotePicture | undefined> {
    for (let n = 1; !signal.aborted; n++) {
      try {
        return await api.post<RemotePicture>(`/messages/${id}/remote-pictures`, { url }, { signal })
      } catch (error) {
        if (signal.aborted || !(error instanceof ApiError)) return
        if (error.errors.some((e) => e.code === 'no_answer')) silent.set(host(url), (silent.get(host(url)) ?? 0) + 1)
        if (n === TRIES || ![429, 503].includes(error.status)) return
        await wait(Math.min(10, error.retryAfter || 1) * 1000, signal)
      }
    }
    return
  }
  async function lane() {
    for (let url = queue.shift(); url !== undefined && !signal.aborted; url = queue.shift()) {
      const picture = (silent.get(host(url)) ?? 0) < SILENT ? await ask(url) : undefined
      if (picture && (bytes + picture.size > BYTES || out.pixels + picture.width * picture.height > PIXELS)) out.over.push(url)
      else if (picture) {
        bytes += picture.size
        out.pixels += picture.width * picture.height
        const wide = Math.min(1, WIDTH / picture.width)
        out.tall += (picture.width * wide * picture.height * wide) / WIDTH
        out.loaded[url] = picture.data_url
      } else if (!signal.aborted) out.failed.push(url)
      if (!signal.aborted) progress(++done)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return out
}
