// SPDX-License-Identifier: AGPL-3.0-or-later
// What the forms about call-backs send: when, and who is to call.
export interface Plan {
  when: string // a name of writing/times.ts, "own", or "" for none
  own: string // datetime-local
  who: string // a:ID, t:ID
  note: string
}
export const plan = (me: number): Plan => ({ when: '', own: '', who: `a:${me}`, note: '' })
/** For <input type="datetime-local">, in the agent's own time zone. */
export const local = (at: Date): string => new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)

export function booking(p: Plan, times: { id: string; at: Date }[]): { due_at: string; agent_id?: number; team_id?: number; note: string } | null {
  const at = p.when === 'own' ? new Date(p.own) : times.find((x) => x.id === p.when)?.at
  if (!at || Number.isNaN(at.getTime())) return null
  const id = Number(p.who.slice(2))
  return { due_at: at.toISOString(), ...(p.who.startsWith('t:') ? { team_id: id } : { agent_id: id }), note: p.note.trim() }
}
