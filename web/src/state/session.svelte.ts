// SPDX-License-Identifier: AGPL-3.0-or-later
// Who is signed in, and the workspace's own lists that everything else refers to by id.
import { api, onSessionEnd } from '../api/client'
import type { Agent, Brand, Channel, ChannelKind, Counts, Folder, Me, MeSettings, Page, QueryField, Right, ServerStatus, Tag, Team } from '../api/shapes'
import { browserLanguage, languages, text, type Language } from '../text/text.svelte'
import { router } from './router.svelte'

/** The short lists (agents, tags, …) come whole. */
export const all = async <T>(path: string): Promise<T[]> => (await api.get<Page<T>>(path)).items

class Session {
  me = $state.raw<Me | null>(null)
  agents = $state.raw<Agent[]>([])
  teams = $state.raw<Team[]>([])
  tags = $state.raw<Tag[]>([])
  channels = $state.raw<Channel[]>([])
  brands = $state.raw<Brand[]>([])
  /** Saved folders; null until they are here. */
  folders = $state.raw<Folder[] | null>(null)
  kinds = $state.raw<ChannelKind[]>([])
  fields = $state.raw<QueryField[]>([])
  counts = $state.raw<Record<string, number>>({})
  /** Counts of saved folders that are not certain. */
  about = $state.raw<Record<string, boolean>>({})
  status = $state.raw<ServerStatus | null>(null)
  settings = $derived<MeSettings>(this.me?.settings ?? {})
  singleKeys = $derived(this.settings.single_keys !== false)
  #tagTimer = 0

  can(right: Right): boolean {
    return this.me?.rights.includes(right) ?? false
  }
  agent(id: number): Agent | undefined {
    return this.agents.find((a) => a.id === id)
  }
  channel(id: number): Channel | undefined {
    return this.channels.find((c) => c.id === id)
  }
  /** Whose a channel is. */
  brand(channel: number): Brand | undefined {
    const id = this.channel(channel)?.brand_id
    return id ? this.brands.find((b) => b.id === id) : undefined
  }
  async loadFolders(): Promise<void> {
    this.folders = await all<Folder>('/folders')
  }
  /** The saved folder behind "folder:7". */
  folder(name: string): Folder | undefined {
    return name.startsWith('folder:') ? this.folders?.find((f) => f.id === Number(name.slice(7))) : undefined
  }
  kind(kind: string): ChannelKind | undefined {
    return this.kinds.find((k) => k.kind === kind)
  }
  /** A channel's name for people: handle first, that is what customers see. */
  account(id: number): string {
    const channel = this.channel(id)
    return channel?.handle || channel?.name || ''
  }

  /** Asks who we are. False: nobody, go and sign in. */
  async load(): Promise<boolean> {
    try {
      await this.enter(await api.get<Me>('/me', { quiet401: true }))
      return true
    } catch (error) {
      if ((error as { status?: number }).status === 401) {
        void leave(false)
        return false
      }
      throw error
    }
  }

  async enter(me: Me): Promise<void> {
    this.me = me
    applyLook(me.settings)
    const language = (me.language in languages ? me.language : browserLanguage()) as Language
    if (language !== text.language) await text.use(language)
  }

  /** Everything the inbox refers to; called whenever the live feed starts afresh. */
  async refresh(): Promise<void> {
    const set = <T>(path: string, put: (items: T[]) => void) => all<T>(path).then(put)
    await Promise.allSettled([
      set<Agent>('/agents', (items) => (this.agents = items)),
      set<Team>('/teams', (items) => (this.teams = items)),
      set<Tag>('/tags', (items) => (this.tags = items)),
      set<Channel>('/channels', (items) => (this.channels = items)),
      set<Brand>('/brands', (items) => (this.brands = items)),
      this.loadFolders(),
      this.kinds.length ? null : set<ChannelKind>('/channel-kinds', (items) => (this.kinds = items)),
      this.refreshCounts(),
      this.refreshStatus(),
    ])
  }

  async refreshCounts(): Promise<void> {
    this.takeCounts(await api.get<Counts>('/counts'))
  }
  async refreshStatus(): Promise<void> {
    this.status = await api.get<ServerStatus>('/status')
  }
  async loadFields(): Promise<void> {
    if (!this.fields.length) this.fields = await all<QueryField>('/query-fields')
  }

  /** Counts come flat ("channel:7") in frames, nested from the list. */
  takeCounts(counts: Counts): void {
    const flat = { ...this.counts }
    const about = { ...this.about }
    for (const [folder, n] of Object.entries(counts)) {
      if (typeof n === 'number') flat[folder] = n
      else
        for (const [id, m] of Object.entries(n)) {
          if (typeof m === 'number') flat[`channel:${id}`] = m
          else {
            flat[`folder:${id}`] = m.n
            about[`folder:${id}`] = m.about
          }
        }
    }
    this.about = about
    this.counts = flat
    // Tag counts have no frame of their own; they follow, at most once in 5 s.
    this.#tagTimer ||= window.setTimeout(() => {
      this.#tagTimer = 0
      if (document.visibilityState === 'visible') void all<Tag>('/tags').then((tags) => (this.tags = tags), () => {})
    }, 5000)
  }

  takeChannel(channel: Channel): void {
    const known = this.channels.some((c) => c.id === channel.id)
    this.channels = known ? this.channels.map((c) => (c.id === channel.id ? { ...c, ...channel } : c)) : [...this.channels, channel]
  }

  async saveSettings(change: MeSettings): Promise<void> {
    if (!this.me) return
    const settings: MeSettings = { ...this.me.settings, ...change }
    for (const key of Object.keys(settings) as (keyof MeSettings)[]) if (settings[key] === undefined) delete settings[key]
    this.me = { ...this.me, settings }
    applyLook(settings)
    await api.patch('/me', { settings })
  }

  async signOut(): Promise<void> {
    await api.del('/session').catch(() => {})
    await leave(true)
    location.assign('/sign-in')
  }
}
export const session = new Session()

/** Theme and density live in attributes that tokens.css reads; kept locally too, so the next start does not flash. */
export function applyLook(settings: MeSettings): void {
  const root = document.documentElement
  if (settings.theme) root.dataset.theme = settings.theme
  else delete root.dataset.theme
  if (settings.density) root.dataset.density = settings.density
  else delete root.dataset.density
  try {
    localStorage.setItem('heed.look', JSON.stringify({ theme: settings.theme, density: settings.density }))
  } catch {
    // Storage refused (private window): the look still applies, only not before the next sign-in.
  }
}
export function rememberedLook(): void {
  try {
    applyLook(JSON.parse(localStorage.getItem('heed.look') ?? '{}') as MeSettings)
  } catch {
    // Nothing remembered.
  }
}

/** What was begun stays for whoever is asked to sign in again, and goes with whoever signs out. */
function forgetDrafts(): void {
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith('heed.draft.')) localStorage.removeItem(key)
  } catch {
    // Storage refused: nothing was kept there.
  }
}

/** Nothing of this person stays on the device. */
const leave = (all: boolean) =>
  Promise.all([all ? forgetDrafts() : null, import('./offline.svelte').then((m) => m.offline.clear(all)), import('./worker').then((m) => m.unsubscribe())]).then(() => {}, () => {})

onSessionEnd(() => {
  if (!session.me) return
  void leave(false)
  session.me = null
  router.toSignIn()
})
