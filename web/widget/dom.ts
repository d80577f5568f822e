// SPDX-License-Identifier: AGPL-3.0-or-later
// Elements in one line each. Texts are always text nodes.
type Child = Node | string | false | null | undefined
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Record<string, string | boolean | null | undefined> = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value === true ? '' : value)
  for (const child of children) if (child) made.append(child)
  return made
}
const SHAPES = {
  chat: 'M4 5h16v11H10l-5 4v-4H4z',
  close: 'M6 6l12 12M18 6L6 18',
  clip: 'M19 11l-7.5 7.500a4.500 4.500 0 0 1-6.400-6.400L13 4.300a3 3 0 0 1 4.300 4.300L9.500 16.400a1.500 1.500 0 0 1-2.100-2.100L14.500 7',
  send: 'M12 19V5M6 11l6-6 6 6',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
}
export function icon(name: keyof typeof SHAPES): SVGElement {
  const space = 'http://www.w3.org/2000/svg'
  const svg = document.createElementNS(space, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS(space, 'path')
  path.setAttribute('d', SHAPES[name])
  svg.append(path)
  return svg
}
