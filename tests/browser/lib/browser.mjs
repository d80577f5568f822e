// SPDX-License-Identifier: AGPL-3.0-or-later
// Debian's Chromium, and pages that remember everything that went wrong on them.
import { chromium } from 'playwright-core'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export class Browser {
  problems = []
  static async start() {
    const browser = new Browser()
    browser.chromium = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })
    return browser
  }
  stop() {
    return this.chromium.close()
  }
  /** A page in a context of its own (or in one that exists: another tab). */
  async page({ width = 1440, height = 900, theme = 'light', context, name = '', locale = 'en-GB', ...rest } = {}) {
    const own =
      context ??
      (await this.chromium.newContext({
        viewport: { width, height }, colorScheme: theme, locale, timezoneId: 'Europe/Tallinn', ...(width < 900 ? { hasTouch: true, isMobile: true } : {}), ...rest,
      }))
    const page = await own.newPage()
    page.setDefaultTimeout(12_000)
    const note = (text) => {
      if (rest.serviceWorkers === 'block' && text.endsWith('Service Worker registration blocked by Playwright')) return // as was asked for
      this.problems.push(`${name} ${text}`.trim())
    }
    page.on('pageerror', (error) => note(`error: ${error.message}`))
    page.on('dialog', (dialog) => (note(`dialog: ${dialog.message()}`), dialog.dismiss()))
    page.on('console', (message) => {
      // The browser itself logs each answer of 400 and above; those that a test provokes are no fault of the page.
      if (['error', 'warning'].includes(message.type()) && !/Failed to load resource|ERR_/.test(message.text())) note(`console: ${message.text()}`)
    })
    await page.addInitScript(() => {
      window.violations = []
      document.addEventListener('securitypolicyviolation', (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`))
    })
    return page
  }
  async violations(page) {
    return page.evaluate(() => window.violations)
  }
}

export async function signIn(page, heed, email, password) {
  await page.goto(`${heed.url}/sign-in`)
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.waitForURL('**/inbox/**')
  await page.waitForSelector('.st-live', { state: 'attached' })
}

/** Waits until nothing has moved or been drawn anew for a moment: what comes after the first paint is there. */
export async function still(page, ms = 150) {
  await page.evaluate((ms) => new Promise((done) => {
    const end = performance.now() + 4000
    let moved = performance.now()
    const watch = new MutationObserver(() => (moved = performance.now()))
    watch.observe(document, { subtree: true, childList: true, characterData: true, attributes: true })
    const look = () => {
      const now = performance.now()
      if (document.getAnimations().some((a) => a.playState === 'running' && a.effect?.getComputedTiming().endTime !== Infinity) || document.querySelector('[aria-busy=true]')) moved = now
      if (now - moved < ms && now < end) return void setTimeout(look, 25)
      watch.disconnect()
      done()
    }
    look()
  }), ms)
}

/** Says how long keys take from being pressed to being on the screen, in ms and in order. */
export async function keyToPaint(page, keys, pause = 60) {
  await page.evaluate(() => {
    window.paints = []
    if (window.measures) return
    window.measures = true
    addEventListener('keydown', () => {
      const start = performance.now()
      requestAnimationFrame(() => {
        const channel = new MessageChannel()
        channel.port1.onmessage = () => window.paints.push(performance.now() - start)
        channel.port2.postMessage(0)
      })
    }, true)
  })
  for (const key of keys) {
    await page.keyboard.press(key)
    await page.waitForTimeout(pause)
  }
  const paints = await page.evaluate(() => window.paints)
  if (paints.length !== keys.length) throw new Error(`${paints.length} of ${keys.length} keys measured`)
  return paints.sort((a, b) => a - b)
}

/** What axe finds, in words; empty is good. */
export async function axe(page) {
  // The rest of a language comes a moment after the first paint; what is still empty then is a mistake.
  await page.waitForFunction(() => [...document.querySelectorAll('h1, h2, h3')].every((h) => h.textContent.trim()), null, { timeout: 3000 }).catch(() => {})
  await page.evaluate(axeSource)
  return page.evaluate(async () => {
    const result = await window.axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
    return result.violations.map((v) => `${v.id}: ${v.help} (${v.nodes.length}) ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} ${n.any?.[0]?.message ?? ''}`).join(' | ')}`)
  })
}
