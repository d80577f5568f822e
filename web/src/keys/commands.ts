// SPDX-License-Identifier: AGPL-3.0-or-later
// The one table of everything a key can do. It feeds the keyboard, the palette, tooltips, key hints and
// the sheet behind "?". Two commands on one key in one place are refused by tools/check_text.mjs.
import type { IconName } from '../parts/icons'
import * as act from '../state/actions'
import { inbox } from '../state/inbox.svelte'
import { selection } from '../state/selection.svelte'
import { router } from '../state/router.svelte'
import { session } from '../state/session.svelte'
import { toasts } from '../state/toasts.svelte'
import { ui } from '../state/ui.svelte'
import { t, type Key } from '../text/text.svelte'
import { inboxUrl, settingsUrl } from '../routes'

export interface Command {
  id: string
  title: Key
  icon: IconName
  group: 'conversation' | 'list' | 'go' | 'page'
  /** Alternatives; "g i" is one after the other, "mod" is Ctrl or Cmd. */
  keys: string[]
  when?: () => boolean
  run: () => void
  /** Works while typing, too. */
  typing?: boolean
}

const opened = () => inbox.current !== null
const triage = () => (opened() || selection.any) && session.can('triage')
const inInbox = () => router.route.view === 'inbox' || router.route.view === 'conversation'
const mayMark = () => inInbox() && session.can('triage') && inbox.items.length > 0
const mayCall = () => session.can('reply') && session.channels.some((c) => c.kind === 'phone' && !['dead', 'disabled'].includes(c.state))
const goTo = (folder: string) => () => router.go(inboxUrl(folder))

export const commands: Command[] = [
  { id: 'next', title: 'cmd.next', icon: 'down', group: 'list', keys: ['j', 'ArrowDown'], when: inInbox, run: () => act.move(1) },
  { id: 'previous', title: 'cmd.previous', icon: 'up', group: 'list', keys: ['k', 'ArrowUp'], when: inInbox, run: () => act.move(-1) },
  { id: 'enter', title: 'cmd.enter', icon: 'enter', group: 'list', keys: ['Enter'], when: inInbox, run: () => (opened() ? act.focusComposer(ui.mode) : act.move(1)) },
  { id: 'search', title: 'cmd.search', icon: 'search', group: 'list', keys: ['/'], when: inInbox, run: () => document.querySelector<HTMLInputElement>('.find-in')?.focus() },
  { id: 'select', title: 'cmd.select', icon: 'check', group: 'list', keys: ['x'], when: mayMark, run: () => selection.toggle() },
  { id: 'select_range', title: 'cmd.select_range', icon: 'checks', group: 'list', keys: ['shift+x'], when: mayMark, run: () => selection.range() },
  { id: 'select_all', title: 'cmd.select_all', icon: 'list', group: 'list', keys: ['*'], when: mayMark, run: () => selection.all() },
  { id: 'read', title: 'cmd.read', icon: 'eye', group: 'list', keys: ['e'], when: () => selection.any, run: () => void selection.do({ read: true }, t('bulk.read')) },
  { id: 'save_search', title: 'cmd.save_search', icon: 'star', group: 'list', keys: ['shift+s'], when: () => inInbox() && inbox.q !== '' && !inbox.error, run: () => (ui.folder = { q: inbox.q }) },
  { id: 'edit_folder', title: 'cmd.edit_folder', icon: 'pencil', group: 'list', keys: ['shift+e'], when: () => inInbox() && !inbox.q && !!session.folder(inbox.folder)?.may_change, run: () => (ui.folder = { id: Number(inbox.folder.slice(7)) }) },
  { id: 'sort', title: 'cmd.sort', icon: 'sort', group: 'list', keys: ['s'], when: inInbox, run: () => ui.open('sort') },

  { id: 'send_next', title: 'cmd.send_next', icon: 'send', group: 'conversation', keys: ['mod+Enter'], when: () => opened() && session.can('note'), typing: true, run: () => composer.send?.(true) },
  { id: 'send', title: 'cmd.send', icon: 'send', group: 'conversation', keys: ['mod+shift+Enter'], when: () => opened() && session.can('note'), typing: true, run: () => composer.send?.(false) },
  { id: 'reply', title: 'cmd.reply', icon: 'reply', group: 'conversation', keys: ['r'], when: () => opened() && session.can('reply'), run: () => act.focusComposer('reply') },
  { id: 'note', title: 'cmd.note', icon: 'note', group: 'conversation', keys: ['n'], when: () => opened() && session.can('note'), run: () => act.focusComposer('note') },
  { id: 'messages', title: 'cmd.messages', icon: 'list', group: 'conversation', keys: ['m'], when: opened, run: () => document.querySelector<HTMLElement>('.talk')?.focus() },
  { id: 'close', title: 'cmd.close', icon: 'check', group: 'conversation', keys: ['c'], when: () => triage() && (selection.any ? inbox.folder !== 'closed' : inbox.current?.status !== 'closed'), run: act.close },
  { id: 'reopen', title: 'cmd.reopen', icon: 'reopen', group: 'conversation', keys: ['c'], when: () => triage() && (selection.any ? inbox.folder === 'closed' : inbox.current?.status === 'closed'), run: act.reopen },
  { id: 'snooze', title: 'cmd.snooze', icon: 'moon', group: 'conversation', keys: ['h'], when: triage, run: () => ui.open('snooze') },
  { id: 'assign', title: 'cmd.assign', icon: 'me', group: 'conversation', keys: ['a'], when: triage, run: () => ui.open('assign') },
  { id: 'mine', title: 'cmd.mine', icon: 'me', group: 'conversation', keys: ['i'], when: triage, run: act.assignMe },
  { id: 'team', title: 'cmd.team', icon: 'people', group: 'conversation', keys: ['shift+a'], when: () => triage() && session.teams.length > 0, run: () => ui.open('team') },
  { id: 'write_first', title: 'cmd.write_first', icon: 'pencil', group: 'list', keys: ['shift+n'], when: () => session.can('reply'), run: () => (ui.start = true) },
  { id: 'log_call', title: 'cmd.log_call', icon: 'n-phone', group: 'conversation', keys: ['shift+c'], when: () => inInbox() && mayCall(), run: () => (ui.calls = 'log') },
  { id: 'call_back', title: 'cmd.call_back', icon: 'clock', group: 'conversation', keys: ['shift+b'], when: () => opened() && session.can('triage') && (mayCall() || !!inbox.current?.callback_at), run: () => (ui.calls = 'book') },
  { id: 'steer', title: 'cmd.steer', icon: 'right', group: 'conversation', keys: ['shift+g'], when: () => opened() && session.can('reply') && !!session.channel(inbox.current?.channel_id ?? 0)?.steer_to, run: () => void composer.steer?.() },
  { id: 'hand_over', title: 'cmd.hand_over', icon: 'people', group: 'conversation', keys: ['shift+h'], when: triage, run: () => (ui.handOver = true) },
  { id: 'invite', title: 'cmd.invite', icon: 'people', group: 'conversation', keys: ['shift+i'], when: () => opened() && session.can('triage'), run: () => ui.open('invite') },
  { id: 'tag', title: 'cmd.tag', icon: 'tag', group: 'conversation', keys: ['t'], when: triage, run: () => ui.open('tag') },
  { id: 'priority', title: 'cmd.priority', icon: 'bars', group: 'conversation', keys: ['p'], when: triage, run: () => ui.open('priority') },
  { id: 'merge', title: 'cmd.merge', icon: 'rule', group: 'conversation', keys: ['shift+m'], when: () => triage() && (opened() || selection.ids.size > 1), run: () => mergeHere() },
  { id: 'split', title: 'cmd.split', icon: 'rule', group: 'conversation', keys: ['shift+p'], when: () => opened() && session.can('triage'), run: () => ui.open('split') },
  { id: 'link', title: 'cmd.link', icon: 'link', group: 'conversation', keys: ['shift+l'], when: () => opened() && session.can('triage'), run: () => ui.open('link') },
  { id: 'like', title: 'cmd.like', icon: 'heart', group: 'conversation', keys: ['f'], when: () => opened() && session.can('reply') && (session.kind(inbox.current?.channel_kind ?? '')?.can.includes('like') ?? false), run: () => act.like() },
  { id: 'spam', title: 'cmd.spam', icon: 'shield', group: 'conversation', keys: ['!'], when: () => triage() && (selection.any ? inbox.folder !== 'spam' : !inbox.current?.spam), run: act.spam },
  { id: 'not_spam', title: 'cmd.not_spam', icon: 'shield', group: 'conversation', keys: ['!'], when: () => triage() && (selection.any ? inbox.folder === 'spam' : !!inbox.current?.spam), run: act.spam },
  { id: 'undo', title: 'cmd.undo', icon: 'undo', group: 'conversation', keys: ['z'], when: () => toasts.canUndo, run: () => void toasts.undo() },

  { id: 'go_unanswered', title: 'folder.unanswered', icon: 'inbox', group: 'go', keys: ['g u'], run: goTo('unanswered') },
  { id: 'go_mine', title: 'folder.mine', icon: 'me', group: 'go', keys: ['g m'], run: goTo('mine') },
  { id: 'go_mentions', title: 'folder.mentions', icon: 'bell', group: 'go', keys: ['g e'], run: goTo('mentions') },
  { id: 'go_unassigned', title: 'folder.unassigned', icon: 'nobody', group: 'go', keys: ['g n'], run: goTo('unassigned') },
  { id: 'go_snoozed', title: 'folder.snoozed', icon: 'moon', group: 'go', keys: ['g z'], run: goTo('snoozed') },
  { id: 'go_closed', title: 'folder.closed', icon: 'check', group: 'go', keys: ['g c'], run: goTo('closed') },
  { id: 'go_all', title: 'folder.all', icon: 'list', group: 'go', keys: ['g a'], run: goTo('all') },
  { id: 'go_folder', title: 'cmd.go_folder', icon: 'folder', group: 'go', keys: ['g f'], when: inInbox, run: () => ui.open('folder', document.querySelector<HTMLElement>('.list-bar h1')) },
  { id: 'pings', title: 'cmd.pings', icon: 'bell', group: 'go', keys: ['g b'], run: () => (ui.bell = true) },
  { id: 'callbacks', title: 'callback.list', icon: 'clock', group: 'go', keys: ['g k'], when: inInbox, run: () => (ui.calls = 'list') },
  { id: 'go_channels', title: 'settings.channels', icon: 'plug', group: 'go', keys: ['g h'], run: () => router.go(settingsUrl('channels')) },
  { id: 'go_agents', title: 'settings.agents', icon: 'people', group: 'go', keys: ['g p'], run: () => router.go(settingsUrl('agents')) },
  { id: 'go_settings', title: 'settings.title', icon: 'gear', group: 'go', keys: ['g s'], run: () => router.go(settingsUrl('me')) },

  { id: 'palette', title: 'cmd.palette', icon: 'key', group: 'page', keys: ['mod+k'], typing: true, run: () => (ui.palette = !ui.palette) },
  { id: 'sheet', title: 'cmd.sheet', icon: 'key', group: 'page', keys: ['?'], run: () => (ui.sheet = true) },
  { id: 'rail', title: 'cmd.rail', icon: 'list', group: 'page', keys: ['['], when: inInbox, run: () => toggle('rail') },
  { id: 'panel', title: 'cmd.panel', icon: 'panel', group: 'page', keys: [']'], when: () => inInbox() && opened(), run: () => toggle('panel') },
  { id: 'theme', title: 'cmd.theme', icon: 'sun', group: 'page', keys: ['g t'], run: toggleTheme },
  { id: 'density', title: 'cmd.density', icon: 'rows', group: 'page', keys: ['g d'], run: () => void session.saveSettings({ density: session.settings.density ? undefined : 'compact' } as object) },
]

/** All that are marked go into the open one, if it is among them, else into the first; one alone asks with which. */
function mergeHere(): void {
  const ids = inbox.items.map((c) => c.id).filter((id) => selection.ids.has(id))
  const into = inbox.known(ids.includes(inbox.currentId) ? inbox.currentId : (ids[0] ?? 0))
  if (ids.length > 1 && into) void import('../state/join').then((m) => m.merge(into, ids.filter((id) => id !== into.id)))
  else if (opened()) ui.open('merge')
}

/** Set by the composer while it is on the screen. */
export const composer: { send?: (andNext: boolean) => void; steer?: () => Promise<void> } = {}

export function toggle(side: 'rail' | 'panel'): void {
  const narrow = side === 'rail' ? matchMedia('(max-width: 1080px)').matches : !ui.wide
  if (narrow) ui[side] = !ui[side]
  else void session.saveSettings({ [side]: session.settings[side] === false ? undefined : false } as object)
}
export function toggleTheme(): void {
  const dark = getComputedStyle(document.documentElement).colorScheme === 'dark' || (!session.settings.theme && matchMedia('(prefers-color-scheme: dark)').matches)
  void session.saveSettings({ theme: dark ? 'light' : 'dark' })
}

export const command = (id: string): Command | undefined => commands.find((c) => c.id === id)
/** One's own keys come before the table's; none at all: switched off. */
export const keysOf = (c: Command): string[] => session.settings.keys?.[c.id] ?? c.keys
export const available = (c: Command): boolean => c.when?.() ?? true

const mac = /Mac|iP(hone|ad|od)/.test(navigator.platform)
const caps: Record<string, string> = { Enter: '↵', Escape: 'Esc', ArrowDown: '↓', ArrowUp: '↑', shift: mac ? '⇧' : 'Shift', mod: mac ? '⌘' : 'Ctrl' }
/** "mod+Enter" to ["Ctrl", "↵"]. */
export function keycaps(keys: string): string[] {
  return keys.split(/[+ ]/).map((key) => caps[key] ?? key.toUpperCase())
}
/** For title attributes: "Close (C)"; nothing when single keys are switched off. */
export function hint(id: string): string {
  const c = command(id)
  const keys = c && keysOf(c)[0]
  if (!keys || (!session.singleKeys && isSingle(keys))) return ''
  return ` (${keycaps(keys).join(keys.includes('+') ? '+' : ' ')})`
}
export const isSingle = (keys: string): boolean => !keys.includes('mod+') && !/^(Enter|Arrow)/.test(keys)

const field = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName) || (target instanceof HTMLInputElement && !/^(checkbox|radio|button|submit|range)$/.test(target.type)))

/** The key as the table names it. On Korean and other layouts the letter comes from its place. */
export function named(event: KeyboardEvent): string {
  let key = event.key
  if (/^[^\x20-\x7e]$/.test(key) && /^Key[A-Z]$/.test(event.code)) key = event.code.slice(3)
  const letter = /^[a-z]$/i.test(key)
  if (letter) key = key.toLowerCase()
  const mod = event.ctrlKey || event.metaKey
  const shift = event.shiftKey && (letter || key.length > 1)
  return `${mod ? 'mod+' : ''}${shift ? 'shift+' : ''}${key}`
}

let first = ''
let firstTimer = 0

export function onKey(event: KeyboardEvent): void {
  if (event.isComposing || event.defaultPrevented || event.altKey || /^(Shift|Control|Meta|Alt)$/.test(event.key)) return
  const key = named(event)
  if (key === 'Escape') {
    if (escape()) event.preventDefault()
    return
  }
  if (ui.over && key !== 'mod+k') return
  const typing = field(event.target)
  const control = event.target instanceof HTMLElement && event.target.matches('a, button, [role="option"], summary')
  const row = event.target instanceof HTMLElement && event.target.matches('[data-row]')
  const sequence = first ? `${first} ${key}` : key
  clearTimeout(firstTimer)
  first = ''
  for (const c of commands) {
    const hit = keysOf(c).find((k) => k === sequence)
    if (!hit || (typing && !c.typing) || !available(c)) continue
    if (!session.singleKeys && isSingle(hit)) continue
    if (/^(Enter|Arrow)/.test(hit) && control && !row) continue // a focused button keeps its own keys
    if (hit === 'Enter' && row && (event.target as HTMLElement).dataset.row !== String(inbox.currentId)) continue
    if (/^Arrow/.test(hit) && !row && event.target !== document.body) continue
    event.preventDefault()
    c.run()
    return
  }
  if (!typing && session.singleKeys && !sequence.includes(' ') && commands.some((c) => keysOf(c).some((k) => k.startsWith(`${sequence} `)))) {
    first = sequence
    firstTimer = window.setTimeout(() => (first = ''), 1200)
  }
}

/** One level at a time; focus goes back to the list. Dialogs and pickers close themselves. */
function escape(): boolean {
  if (ui.over) return false
  const at = document.activeElement
  if (at instanceof HTMLElement && at.closest('.composer, .find, .talk')) {
    if (at.closest('.composer') && ui.replyTo) {
      ui.replyTo = 0
      return true
    }
    at.blur()
    document.querySelector<HTMLElement>('[data-row][aria-current]')?.focus({ preventScroll: true })
    return true
  }
  if (selection.any) {
    selection.clear()
    return true
  }
  if (ui.panel || ui.rail) {
    ui.panel = ui.rail = false
    return true
  }
  if (ui.phone && inbox.currentId) {
    act.closeThread()
    return true
  }
  if (inbox.q && inInbox()) {
    router.go(inboxUrl(inbox.folder))
    return true
  }
  return false
}
