// SPDX-License-Identifier: AGPL-3.0-or-later
// Sensible moments for an answer that goes out later, in the agent's own time zone.
export function later(now: number): { id: string; at: Date }[] {
  const at = (days: number, hour: number) => {
    const date = new Date(now)
    date.setDate(date.getDate() + days)
    date.setHours(hour, 0, 0, 0)
    return date
  }
  const today = new Date(now)
  const list = [{ id: 'hour', at: new Date(now + 3_600_000) }, { id: 'hours', at: new Date(now + 3 * 3_600_000) }]
  if (today.getHours() < 17) list.push({ id: 'evening', at: at(0, 18) })
  list.push({ id: 'tomorrow', at: at(1, 9) })
  list.push({ id: 'monday', at: at((8 - today.getDay()) % 7 || 7, 9) })
  return list
}
