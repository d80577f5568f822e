// SPDX-License-Identifier: AGPL-3.0-or-later
// The live feed: one stream per browser, not per tab. The tab that holds the Web Lock reads the stream
// and passes frames on through a BroadcastChannel; when it closes, the next tab takes over and goes on
// from the last id it saw. Read with fetch instead of EventSource, because only fetch can send
// Last-Event-ID on the first request of a tab that takes over.
import { api, skew } from './client'

export interface Frame {
  event: string
  data: string
  id: string
}
type Wire =
  | { k: 'frame'; frame: Frame }
  | { k: 'state'; live: boolean; since: number }
  | { k: 'ask' }
  | { k: 'try' }
  | { k: 'beat' }

const SILENCE_MS = 40_000 // the server's heartbeat comes every 15 s

export class Feed {
  #name: string
  #onFrame: (event: string, data: unknown) => void
  #onState: (live: boolean, since: number) => void
  #onFresh: () => void
  #channel: BroadcastChannel | undefined
  #stop = new AbortController()
  #leading = false
  #live = false
  #since = Date.now()
  #lastId = ''
  #fetched = false
  #heard = Date.now()
  #wake: () => void = () => {}

  /** onFresh: the stream stands and nothing before it is known, so everything shown must be fetched. */
  constructor(
    name: string,
    on: { frame: (event: string, data: unknown) => void; state: (live: boolean, since: number) => void; fresh: () => void },
  ) {
    this.#name = `heed-${name}`
    this.#onFrame = on.frame
    this.#onState = on.state
    this.#onFresh = on.fresh
  }

  start(): void {
    const signal = this.#stop.signal
    addEventListener('online', this.tryNow, { signal })
    document.addEventListener('visibilitychange', this.#lookAlive, { signal })
    if (!('locks' in navigator) || !('BroadcastChannel' in window)) {
      void this.#lead(signal) // plain http on a LAN: each tab its own stream
      return
    }
    this.#channel = new BroadcastChannel(this.#name)
    this.#channel.onmessage = (event: MessageEvent<Wire>) => this.#hear(event.data)
    this.#claim(false)
    this.#channel.postMessage({ k: 'ask' } satisfies Wire)
  }

  stop(): void {
    this.#stop.abort()
    this.#channel?.close()
  }

  tryNow = (): void => {
    if (this.#live) return
    if (this.#leading) this.#wake()
    else this.#channel?.postMessage({ k: 'try' } satisfies Wire)
  }

  #claim(steal: boolean): void {
    const signal = this.#stop.signal
    const mine = new AbortController()
    const options: LockOptions = steal ? { steal: true } : { signal }
    navigator.locks
      .request(this.#name, options, () => this.#lead(AbortSignal.any([signal, mine.signal])))
      .catch(() => {
        // Aborted (we stop), or the lock was stolen by a tab that no longer heard us: follow it.
        mine.abort()
        this.#leading = false
        if (!signal.aborted) this.#claim(false)
      })
  }

  #hear(wire: Wire): void {
    this.#heard = Date.now()
    if (wire.k === 'frame') this.#take(wire.frame)
    else if (wire.k === 'state') this.#state(wire.live, wire.since)
    else if (wire.k === 'ask' && this.#leading) this.#say({ k: 'state', live: this.#live, since: this.#since })
    else if (wire.k === 'try' && this.#leading) this.#wake()
  }

  // A visible tab that hears nothing takes the lead from one the browser has put to sleep.
  #lookAlive = (): void => {
    if (document.visibilityState !== 'visible') return
    this.tryNow()
    if (!this.#leading && this.#channel && Date.now() - this.#heard > SILENCE_MS) this.#claim(true)
  }

  #say(wire: Wire): void {
    this.#channel?.postMessage(wire)
  }

  #state(live: boolean, since: number): void {
    this.#live = live
    this.#since = since
    this.#onState(live, since)
    // A tab that joins a stream that already stands never sees its hello.
    if (live && !this.#fetched && !this.#leading) this.#fresh()
  }

  #take(frame: Frame): void {
    if (frame.id) this.#lastId = frame.id
    if (frame.event === 'resync') this.#fresh()
    else if (frame.event === 'hello') {
      if (!(JSON.parse(frame.data) as { resumed?: boolean }).resumed) this.#fresh()
    } else this.#onFrame(frame.event, JSON.parse(frame.data))
  }

  #fresh(): void {
    this.#fetched = true
    this.#onFresh()
  }

  async #lead(signal: AbortSignal): Promise<void> {
    this.#leading = true
    let wait = 400
    while (!signal.aborted) {
      try {
        await this.#read(signal, () => (wait = 400))
      } catch {
        // Lost: said below, tried again below.
      }
      if (signal.aborted) return
      if (this.#live) {
        this.#state(false, Date.now() + skew.ms)
        this.#say({ k: 'state', live: false, since: this.#since })
      }
      await new Promise<void>((done) => {
        const timer = setTimeout(done, wait * (0.75 + Math.random() / 2))
        this.#wake = () => (clearTimeout(timer), done())
      })
      wait = Math.min(wait * 2, 15_000)
    }
  }

  async #read(signal: AbortSignal, onOpen: () => void): Promise<void> {
    const cut = new AbortController()
    const stop = () => cut.abort()
    signal.addEventListener('abort', stop)
    let timer = setTimeout(stop, SILENCE_MS)
    try {
      const headers: Record<string, string> = { accept: 'text/event-stream' }
      if (this.#lastId) headers['last-event-id'] = this.#lastId
      const answer = await fetch('/api/v1/events', { headers, cache: 'no-store', signal: cut.signal })
      if (answer.status === 401) await api.get('/me') // ends the session everywhere
      if (!answer.ok || !answer.body) throw new Error(String(answer.status))
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
      let rest = ''
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return
        clearTimeout(timer)
        timer = setTimeout(stop, SILENCE_MS)
        const blocks = (rest + value).split('\n\n')
        rest = blocks.pop() ?? ''
        for (const block of blocks) {
          const frame = parse(block)
          if (!frame) {
            this.#say({ k: 'beat' })
            continue
          }
          if (!this.#live) {
            onOpen()
            this.#state(true, Date.now() + skew.ms)
            this.#say({ k: 'state', live: true, since: this.#since })
          }
          this.#take(frame)
          this.#say({ k: 'frame', frame })
        }
      }
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      cut.abort()
    }
  }
}

/** One block of text/event-stream; undefined for heartbeats. */
export function parse(block: string): Frame | undefined {
  const frame: Frame = { event: 'message', data: '', id: '' }
  let any = false
  for (const line of block.replaceAll('\r', '').split('\n')) {
    const at = line.indexOf(':')
    if (at <= 0) continue
    const value = line.slice(at + 1).replace(/^ /, '')
    any = true
    if (line.startsWith('event:')) frame.event = value
    else if (line.startsWith('id:')) frame.id = value
    else if (line.startsWith('data:')) frame.data += (frame.data ? '\n' : '') + value
  }
  return any ? frame : undefined
}
