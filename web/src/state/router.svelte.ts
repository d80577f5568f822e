// SPDX-License-Identifier: AGPL-3.0-or-later
// Where we are. Links inside the page are followed without loading it again; a fragment with a one-time
// code is taken out of the address at once, so it stays in no history.
import { read, type Route } from '../routes'

class Router {
  route = $state.raw<Route>(read(location))
  /** Where somebody wanted to go who had to sign in first. */
  wanted = ''
  #timer = 0

  start(): void {
    addEventListener('popstate', () => (this.route = read(location)))
    addEventListener('click', (event) => {
      if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
      const link = (event.target as Element).closest?.('a[href]')
      if (!(link instanceof HTMLAnchorElement) || link.target || link.origin !== location.origin) return
      if (link.hasAttribute('download') || link.pathname.startsWith('/api/')) return
      event.preventDefault()
      this.go(link.pathname + link.search + link.hash)
    })
  }

  go(url: string, replace = false): void {
    const target = new URL(url, location.origin)
    this.route = read(target)
    clearTimeout(this.#timer)
    if (replace) history.replaceState(null, '', url)
    else if (url !== location.pathname + location.search) history.pushState(null, '', url)
  }

  /** For a held-down J: the address follows when the hand rests (browsers limit these calls). */
  goSoon(url: string): void {
    this.route = read(new URL(url, location.origin))
    clearTimeout(this.#timer)
    this.#timer = window.setTimeout(() => history.replaceState(null, '', url), 150)
  }

  toSignIn(): void {
    this.wanted = location.pathname === '/' ? '' : location.pathname + location.search
    this.go('/sign-in', true)
  }

  forgetFragment(): void {
    history.replaceState(null, '', location.pathname + location.search)
  }
}
export const router = new Router()
