// SPDX-License-Identifier: AGPL-3.0-or-later
// What is seen and heard of the chat: the button, the dialog, the log. It knows no server; main.ts tells it what
// is, and hears what the visitor does. The settings page shows the same view with made-up words.
import type { Config, File_, Message } from './api'
import { against, on } from './colour'
import { el, icon } from './dom'
import { firstForm, type Asked } from './form'
import type { Queued } from './store'
import { css } from './style'
import { fill, onlyEmoji } from './text'
import { say, type Word } from './words'

export interface Deeds {
  open(): void
  close(): void
  send(text: string): void
  first(asked: Asked): void
  typing(on: boolean): void
  attach(files: Iterable<File>): void
  earlier(): void
  retry(id: string): void
  bytes(file: File_): Promise<Blob>
}
export interface State {
  messages: Message[]
  queue: Queued[]
  more: boolean
  seen: boolean // the team has read what was written
  online: boolean
  opensAt: string | null
  connected: boolean
  typing: string // who
  unread: number
  fresh: boolean // not a word yet: the first form may be due
  known: boolean // the shop says who it is
  closed: Word | ''
  uploads: string[]
  trouble: string
}
const DAY = 86_400_000

export class View {
  readonly root: ShadowRoot
  isOpen = false
  private language = 'en'
  private config: Config | null = null
  private readonly launch = el('button', { class: 'launch', type: 'button', 'aria-haspopup': 'dialog', 'aria-expanded': 'false' })
  private readonly badge = el('span', { class: 'badge', hidden: true })
  private readonly panel = el('section', { class: 'panel', role: 'dialog', 'aria-labelledby': 't', hidden: true, tabindex: '-1' })
  private readonly title = el('h2', { id: 't' })
  private readonly status = el('p')
  private readonly hours = el('p')
  private readonly shut = el('button', { class: 'ic', type: 'button' }, icon('close'))
  private readonly more = el('button', { class: 'more', type: 'button' })
  private readonly law = el('p', { class: 'law' })
  private readonly hello = el('div', { class: 'm' })
  private readonly list = el('div', { role: 'log', 'aria-live': 'polite', class: 'log', tabindex: '0' })
  private readonly tell = el('p', { class: 'tell', role: 'status' })
  private readonly input = el('textarea', { id: 'w', rows: '1', dir: 'auto', maxlength: '10000', enterkeyhint: 'send' })
  private readonly label = el('label', { for: 'w', class: 'vh' })
  private readonly pick = el('input', { type: 'file', multiple: true, hidden: true })
  private readonly clip = el('button', { class: 'ic', type: 'button' }, icon('clip'))
  private readonly go = el('button', { class: 'send', disabled: true }, icon('send'))
  private readonly write = el('form', { class: 'write' }, this.label, this.input, this.pick, this.clip, this.go)
  private form: HTMLFormElement | null = null
  private formFor = ''
  private readonly shown = new Map<string, { of: string; node: HTMLElement }>()
  private readonly pictures = new Map<number, HTMLElement>()

  constructor(
    private readonly host: HTMLElement,
    private readonly deeds: Deeds,
    private readonly inline = false,
  ) {
    this.root = host.attachShadow({ mode: 'open' })
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(css)
    this.root.adoptedStyleSheets = [sheet, new CSSStyleSheet()]
    this.launch.append(icon('chat'), this.badge)
    const head = el('header', {}, el('div', {}, this.title, this.status, this.hours), this.shut)
    this.list.append(this.more, this.law, this.hello)
    this.panel.append(head, this.list, this.tell, this.write)
    this.root.append(this.panel, this.launch)
    host.toggleAttribute('data-inline', inline)
    this.listen()
  }

  private listen() {
    this.launch.addEventListener('click', () => (this.isOpen ? this.close() : this.open()))
    this.shut.addEventListener('click', () => this.close())
    this.more.addEventListener('click', () => this.deeds.earlier())
    this.panel.addEventListener('keydown', (event) => this.key(event))
    this.write.addEventListener('submit', (event) => {
      event.preventDefault()
      this.submit()
    })
    this.input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault()
        this.submit()
      }
    })
    this.input.addEventListener('input', () => {
      this.go.disabled = !this.input.value.trim()
      this.deeds.typing(!this.go.disabled)
    })
    this.clip.addEventListener('click', () => this.pick.click())
    this.pick.addEventListener('change', () => {
      this.deeds.attach([...(this.pick.files ?? [])])
      this.pick.value = ''
      this.input.focus()
    })
    const files = (event: Event, data: DataTransfer | null) => {
      if (!data?.files.length || this.clip.hidden || this.write.hidden) return
      event.preventDefault()
      this.deeds.attach([...data.files])
    }
    this.input.addEventListener('paste', (event) => files(event, event.clipboardData))
    for (const kind of ['dragover', 'dragleave', 'drop'] as const)
      this.panel.addEventListener(kind, (event) => {
        this.panel.classList.toggle('drop', kind === 'dragover' && !this.clip.hidden)
        if (kind === 'dragover') event.preventDefault()
        if (kind === 'drop') files(event, event.dataTransfer)
      })
  }
  // Escape closes; where the chat covers the whole screen Tab stays inside it.
  private key(event: KeyboardEvent) {
    if (event.key === 'Escape' && !event.isComposing) {
      event.stopPropagation()
      this.close()
    }
    if (event.key !== 'Tab' || this.inline || getComputedStyle(this.launch).display !== 'none') return
    const all = [...this.panel.querySelectorAll<HTMLElement>('a[href],button:not([disabled]),textarea,input,select,[tabindex="0"]')].filter((e) => e.offsetParent !== null)
    const [first, last] = [all[0], all[all.length - 1]]
    const at = this.root.activeElement
    if (event.shiftKey ? at === first || at === this.panel : at === last) {
      event.preventDefault()
      ;(event.shiftKey ? last : first)?.focus()
    }
  }
  private submit() {
    const text = this.input.value.trim()
    if (!text) return
    this.input.value = ''
    this.go.disabled = true
    this.deeds.typing(false)
    this.deeds.send(text)
    this.input.focus()
  }
  private t = (word: Word, fillIn?: Record<string, string | number>) => say(this.language, word, fillIn)

  open(focus = true) {
    if (this.isOpen) return
    this.isOpen = true
    this.panel.hidden = false
    this.host.toggleAttribute('data-open', true)
    this.launch.setAttribute('aria-expanded', 'true')
    this.name()
    this.bottom()
    if (focus) this.focus()
    this.deeds.open()
  }
  close() {
    if (!this.isOpen) return
    const inside = this.panel.contains(this.root.activeElement)
    this.isOpen = false
    this.panel.hidden = true
    this.host.toggleAttribute('data-open', false)
    this.launch.setAttribute('aria-expanded', 'false')
    this.name()
    if (inside) this.launch.focus()
    this.deeds.close()
  }
  private focus() {
    const target = this.form ? this.form.querySelector<HTMLElement>('input,select,textarea') : this.write.hidden ? this.panel : this.input
    target?.focus()
  }
  set draft(text: string) {
    this.input.value = text
    this.go.disabled = !text.trim()
  }
  get draft() {
    return this.input.value
  }
  private name(unread = 0) {
    const label = this.t(this.isOpen ? 'close' : 'open')
    this.launch.setAttribute('aria-label', unread ? `${label}, ${this.t('unread', { n: unread })}` : label)
  }
  private bottom() {
    this.list.scrollTop = this.list.scrollHeight
  }

  look(config: Config, language: string, direction: string) {
    const wanted = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'
    const dark = (config.scheme === 'auto' ? wanted : config.scheme) === 'dark'
    const ground = dark ? '#1c1e21' : '#ffffff'
    this.config = config
    this.language = language
    this.host.toggleAttribute('data-dark', dark)
    this.host.dataset.side = config.position
    this.host.lang = language
    this.panel.dir = direction
    const colours = `--b:${config.colour};--bt:${on(config.colour)};--bl:${against(config.colour, ground)};--bb:${against(config.colour, ground, 3)}`
    this.root.adoptedStyleSheets[1]?.replaceSync(`:host,:host([data-dark]){${colours}}`)
    this.title.textContent = config.name
    this.hours.textContent = config.hours_text
    this.hours.hidden = !config.hours_text
    this.label.textContent = this.t('write')
    this.input.placeholder = this.t('write')
    this.more.textContent = this.t('earlier')
    this.list.setAttribute('aria-label', this.t('log'))
    for (const [button, word] of [[this.shut, 'close'], [this.clip, 'attach'], [this.go, 'send']] as const) {
      button.setAttribute('aria-label', this.t(word))
      button.title = this.t(word)
    }
    this.clip.hidden = !config.files
    this.law.replaceChildren()
    fill(this.law, config.notice)
    if (/^https?:\/\//.test(config.privacy_url)) this.law.append(' ', el('a', { href: config.privacy_url, target: '_blank', rel: 'noopener noreferrer' }, this.t('privacy')))
    this.law.hidden = !this.law.textContent
    this.hello.replaceChildren()
    this.hello.hidden = !config.greeting
    if (config.greeting) {
      const bubble = el('p', { class: 'b', dir: 'auto' })
      fill(bubble, config.greeting)
      this.hello.append(el('p', { class: 'by' }, config.name), bubble)
    }
    this.formFor = ''
    this.shown.clear()
    this.name()
  }

  show(state: State) {
    const config = this.config
    if (!config) return
    const near = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 60
    this.status.replaceChildren(el('span', { class: state.online ? 'dot on' : 'dot', 'aria-hidden': 'true' }), this.t(state.online ? 'online' : 'offline') + (state.online || !state.opensAt ? '' : ` · ${this.t('opens', { when: this.soon(state.opensAt) })}`))
    this.more.hidden = !state.more
    this.badge.hidden = !state.unread || this.isOpen
    this.badge.textContent = state.unread > 99 ? '99+' : String(state.unread)
    this.name(this.badge.hidden ? 0 : state.unread)
    this.messages(state)
    this.foot(state, config)
    if (near) this.bottom()
  }
  private foot(state: State, config: Config) {
    const away = !state.online && config.offline === 'form'
    const due = state.fresh && !state.closed && (away || config.ask_name || config.ask_email || config.questions.length > 0) && !(state.known && !config.questions.length)
    const key = due ? `${away} ${state.known}` : ''
    if (key !== this.formFor) {
      const had = this.form !== null && this.form.contains(this.root.activeElement)
      const filled = this.form && [...this.form.querySelectorAll<HTMLInputElement>('input,textarea')].some((i) => i.value)
      if (!(key && filled)) {
        // Who is filling it in keeps what is there, whoever comes or goes meanwhile.
        this.form?.remove()
        this.form = due ? firstForm(config, away, state.known, this.t, (asked) => this.deeds.first(asked)) : null
        this.formFor = key
        if (this.form) this.list.after(this.form)
      }
      if (had && !this.form) this.input.focus()
    }
    this.list.hidden = this.form !== null && !config.greeting && !config.notice
    this.list.style.flex = this.form ? '0 1 auto' : ''
    this.write.hidden = this.form !== null || state.closed !== ''
    const lines: [string, string][] = []
    if (state.closed) lines.push([this.t(state.closed), 'bad'])
    else if (state.trouble) lines.push([state.trouble, 'bad'])
    else if (state.uploads[0]) lines.push([this.t('upload', { name: state.uploads[0] }), ''])
    else if (!state.connected) lines.push([this.t('lost'), 'bad'])
    else if (state.typing) lines.push([this.t('typing', { name: state.typing }), 'typing'])
    else if (!state.online && config.offline === 'chat' && !this.form) lines.push([this.t('awayChat'), ''])
    const [line, kind] = lines[0] ?? ['', '']
    const said = this.tell.dataset.said
    if (said === line + kind) return
    this.tell.dataset.said = line + kind
    this.tell.className = `tell ${kind}`
    this.tell.replaceChildren(...(kind === 'typing' ? [el('i'), el('i'), el('i')] : []), line)
    this.tell.hidden = !line
  }

  // Nodes stay as long as what they show stays, so that a screen reader hears only what is new.
  private messages(state: State) {
    const wanted: [string, string, () => HTMLElement][] = []
    const last = state.messages.filter((m) => m.from === 'visitor').at(-1)
    let before = ''
    for (const m of state.messages) {
      const by = m.from === 'team' ? m.author : '\0'
      const status = m === last && !state.queue.length ? (state.seen || state.messages.at(-1)?.from === 'team' ? 'read' : 'sent') : ''
      const follows = by === before
      wanted.push([m.id, JSON.stringify([m.text, m.edited_at, m.deleted_at, m.files.length, status, follows]), () => this.message(m, follows, status)])
      before = by
    }
    for (const q of state.queue) {
      const status: Word = q.failed ? 'failed' : state.connected ? 'sending' : 'waiting'
      wanted.push([`c${q.id}`, JSON.stringify([q.text, status, q.failed, 'q']), () => this.queued(q, status)])
    }
    const ids = new Set(wanted.map(([name]) => name))
    for (const [name, { node }] of this.shown)
      if (!ids.has(name)) {
        node.remove()
        this.shown.delete(name)
      }
    if (!this.shown.size) for (const old of this.list.querySelectorAll('.m.x')) old.remove()
    let place: Element = this.hello
    for (const [name, of, make] of wanted) {
      const known = this.shown.get(name)
      let node = known?.node
      if (!node || known?.of !== of) {
        node = make()
        node.classList.add('x')
        if (known) known.node.replaceWith(node)
        this.shown.set(name, { of, node })
      }
      if (place.nextElementSibling !== node) place.after(node)
      place = node
    }
  }
  /** When it opens again: a weekday when it is within the week. */
  private soon(at: string) {
    const date = new Date(at)
    const left = date.getTime() - Date.now()
    const day: Intl.DateTimeFormatOptions = date.toDateString() === new Date().toDateString() ? {} : left < 6 * DAY ? { weekday: 'long' } : { day: 'numeric', month: 'long' }
    return new Intl.DateTimeFormat(this.language, { ...day, hour: 'numeric', minute: '2-digit' }).format(date)
  }
  private when(at: string | number) {
    const date = new Date(at)
    const old = Date.now() - date.getTime() > DAY / 2
    return new Intl.DateTimeFormat(this.language, old ? { day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' } : { hour: 'numeric', minute: '2-digit' }).format(date)
  }
  private message(m: Message, follows: boolean, status: Word | ''): HTMLElement {
    const mine = m.from === 'visitor'
    const node = el('div', { class: `m${mine ? ' mine' : ''}${follows ? ' next' : ''}` })
    node.append(el('p', { class: mine || follows ? 'vh' : 'by' }, mine ? this.t('you') : m.author))
    if (m.deleted_at) node.append(el('p', { class: 'b gone' }, this.t('deleted')))
    else if (m.text) {
      const bubble = el('p', { class: onlyEmoji(m.text) ? 'b big' : 'b', dir: 'auto' })
      fill(bubble, m.text)
      node.append(bubble)
    }
    if (!m.deleted_at) for (const file of m.files) node.append(this.file(file))
    const words = [this.when(m.created_at), m.edited_at && !m.deleted_at ? this.t('edited') : '', status ? this.t(status) : ''].filter(Boolean)
    node.append(el('p', { class: 'st' }, words.join(' · ')))
    return node
  }
  private queued(q: Queued, status: Word): HTMLElement {
    const node = el('div', { class: 'm mine' }, el('p', { class: 'vh' }, this.t('you')))
    const text = [...(q.answers ?? []).map((a) => `${a.question}: ${a.answer}`), q.text].filter(Boolean).join('\n')
    if (text) {
      const bubble = el('p', { class: onlyEmoji(text) ? 'b big' : 'b', dir: 'auto' })
      fill(bubble, text)
      node.append(bubble)
    }
    for (const f of q.files ?? []) node.append(el('span', { class: 'f' }, icon('file'), el('bdi', {}, f.name)))
    const line = el('p', { class: q.failed ? 'st bad' : 'st' }, q.failed ? `${this.t('failed')} ${q.failed}` : this.t(status))
    if (q.failed) {
      const again = el('button', { type: 'button' }, this.t('retry'))
      again.addEventListener('click', () => this.deeds.retry(q.id))
      line.append(' ', again)
    }
    node.append(line)
    return node
  }
  // Pictures are painted, so the page's policy needs to allow no images of ours; everything else is downloaded.
  private file(file: File_): HTMLElement {
    const picture = /^image\/(png|jpeg|gif|webp)$/.test(file.mime)
    const known = this.pictures.get(file.id)
    if (known) return known
    const button = el('button', { type: 'button', class: picture ? 'pic' : 'f', 'aria-label': this.t(picture ? 'picture' : 'file', { name: file.alt || file.name }) })
    if (!picture) button.append(icon('file'), el('bdi', {}, file.name))
    button.addEventListener('click', () => void this.deeds.bytes(file).then((blob) => this.download(blob, file.name), () => {}))
    this.pictures.set(file.id, button)
    if (!picture) return button
    const scale = Math.min(1, 260 / (file.width || 260), 320 / (file.height || 320))
    const canvas = el('canvas', { width: String(Math.max(1, Math.round(file.width * scale))), height: String(Math.max(1, Math.round(file.height * scale))), 'aria-hidden': 'true' })
    button.append(canvas)
    void this.deeds.bytes(file).then(
      async (blob) => {
        const image = await createImageBitmap(blob)
        const fine = Math.min(devicePixelRatio || 1, 1 / scale)
        const [w, h] = [canvas.width, canvas.height]
        canvas.style.width = `${w}px`
        canvas.width = w * fine
        canvas.height = h * fine
        canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height)
        image.close()
      },
      () => this.pictures.delete(file.id),
    )
    return button
  }
  private download(blob: Blob, name: string) {
    const url = URL.createObjectURL(blob)
    el('a', { href: url, download: name }).click()
    setTimeout(() => URL.revokeObjectURL(url), 10_000)
  }
}
