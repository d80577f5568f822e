// SPDX-License-Identifier: AGPL-3.0-or-later
// A change to many conversations: started, watched until it is over, stopped, taken back.
import { api } from '../api/client'
import type { Bulk } from '../api/shapes'
import { t } from '../text/text.svelte'
import { reason } from './actions'
import { inbox } from './inbox.svelte'
import { selection, type Many } from './selection.svelte'
import { toasts } from './toasts.svelte'

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

async function watch(bulk: Bulk, said: string): Promise<Bulk> {
  for (let wait = 150; bulk.state === 'running' || bulk.state === 'undoing'; wait = Math.min(1000, wait * 1.5)) {
    selection.job = { id: bulk.id, done: bulk.state === 'undoing' ? bulk.total - bulk.done : bulk.done + bulk.failed, total: bulk.total, grows: !bulk.found_all, said }
    await pause(wait)
    bulk = await api.get<Bulk>(`/bulk/${bulk.id}`).catch(() => bulk) // a blink of the network; the job goes on
  }
  selection.job = null
  return bulk
}

export async function run(change: Many, said: string): Promise<void> {
  const which = selection.whole ? { q: inbox.query } : { ids: [...selection.ids].slice(0, 1000) }
  try {
    const bulk = await api.post<Bulk>('/bulk', { ...which, ...change })
    selection.clear()
    tell(await watch(bulk, said), said)
  } catch (error) {
    selection.job = null
    toasts.error(reason(error))
  }
}

function tell(bulk: Bulk, said: string): void {
  const undo = () => void takeBack(bulk.id, said)
  if (bulk.failed) toasts.error(t('bulk.failed', { n: bulk.failed, reason: bulk.error }))
  if (bulk.state === 'failed') toasts.error(bulk.error)
  else if (bulk.done) toasts.show(t(bulk.state === 'stopped' ? 'bulk.stopped' : 'bulk.done', { n: bulk.done, what: said }), { undo })
  if (inbox.q || inbox.saved) void inbox.reload()
}

async function takeBack(id: number, said: string): Promise<void> {
  try {
    const bulk = await watch(await api.post<Bulk>(`/bulk/${id}/undo`), said)
    if (bulk.failed) toasts.error(t('bulk.failed', { n: bulk.failed, reason: bulk.error }))
    else toasts.show(t('bulk.undone'))
    if (inbox.q || inbox.saved) void inbox.reload()
  } catch (error) {
    selection.job = null
    toasts.error(reason(error))
  }
}

export async function stop(): Promise<void> {
  if (selection.job) await api.post(`/bulk/${selection.job.id}/stop`).catch((error: unknown) => toasts.error(reason(error)))
}
