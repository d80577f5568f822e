// SPDX-License-Identifier: AGPL-3.0-or-later
// The smallest test runner that says what failed: tests run one after another, names are sentences.
const tests = []
export const test = (name, run) => tests.push({ name, run })
export function check(condition, words) {
  if (!condition) throw new Error(words)
}
export function equal(got, wanted, words = '') {
  const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)]
  if (a !== b) throw new Error(`${words} got ${a}, wanted ${b}`.trim())
}
/** Waits until fn gives something true; its last answer. */
export async function until(fn, words, ms = 6000) {
  const end = Date.now() + ms
  for (;;) {
    const got = await fn()
    if (got) return got
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${words}`)
    await new Promise((done) => setTimeout(done, 40))
  }
}
export async function runAll(only, failing = () => {}) {
  let passed = 0
  let failed = 0
  for (const { name, run } of tests) {
    if (only && !only.split('|').some((words) => name.includes(words))) continue
    const start = Date.now()
    try {
      await run()
      passed++
      console.log(`ok   ${name} (${Date.now() - start} ms)`)
    } catch (error) {
      failed++
      await Promise.resolve(failing(failed)).catch(() => {})
      console.log(`FAIL ${name}\n     ${String(error.message ?? error).split('\n').slice(0, 12).join('\n     ')}`)
    }
  }
  return { passed, failed }
}
