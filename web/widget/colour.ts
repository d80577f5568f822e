// SPDX-License-Identifier: AGPL-3.0-or-later
// The brand's colour made readable: whatever was chosen, text on it and lines in it keep WCAG's contrast.
type Rgb = [number, number, number]

const parse = (hex: string): Rgb => {
  const n = parseInt(/^#[0-9a-f]{6}$/.test(hex) ? hex.slice(1) : '1d4ed8', 16)
  return [n >> 16, (n >> 8) & 255, n & 255]
}
const format = (c: Rgb) => `#${c.map((v) => Math.round(v).toString(16).padStart(2, '0')).join('')}`
const part = (v: number) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)
const light = (c: Rgb) => 0.2126 * part(c[0]) + 0.7152 * part(c[1]) + 0.0722 * part(c[2])

export function contrast(a: string, b: string): number {
  const [x, y] = [light(parse(a)), light(parse(b))]
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05)
}
// Black or white, whichever is read better on it.
export const on = (colour: string) => (contrast(colour, '#ffffff') >= contrast(colour, '#101010') ? '#ffffff' : '#101010')

// The same hue, moved towards black or white until it stands out enough from the ground.
export function against(colour: string, ground: string, least = 4.5): string {
  const end: Rgb = light(parse(ground)) > 0.4 ? [0, 0, 0] : [255, 255, 255]
  const start = parse(colour)
  for (let step = 0; step <= 20; step++) {
    const mixed = format(start.map((v, i) => v + ((end[i] ?? 0) - v) * (step / 20)) as Rgb)
    if (contrast(mixed, ground) >= least) return mixed
  }
  return format(end)
}
