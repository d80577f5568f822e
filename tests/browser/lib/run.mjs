// SPDX-License-Identifier: AGPL-3.0-or-later
// The smallest test runner that says what failed; names are sentences. Tests stand in lanes, each with data of its
// own. One runs after another: a browser draws without a graphics card, so two tests at once take as long as two. What
// measures time or looks at what all the others did is in the lane "alone" and runs when the other lanes have ended.
import { AsyncLocalStorage } from 'node:async_hooks'

const TEST_MS = 240_000
const lanes = new Map()
const lines = new AsyncLocalStorage()
let open = 'first'
export function test(name, run) {
  if (!lanes.has(open)) lanes.set(open, [])
  lanes.get(open).push({ name, run })
}
/** What is registered inside stands in this lane. */
export async function lane(name, register) {
  const before = open
  open = name
  await register()
  open = before
}
/** A line of one's own; it comes out with the test's result, whatever runs beside it. */
export function say(text) {
  lines.getStore()?.push(`     ${text}`)
}
export function check(condition, words) {
  if (!condition) throw new Error(words)
}
export function equal(got, wanted, words = '') {
  const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)]
  if (a !== b) throw new Error(`${words} got ${a}, wanted ${b}`.trim())
}
/** Waits until fn gives something true; its last answer. */
export async function until(fn, words, ms = 10_000) {
  const end = Date.now() + ms
  for (;;) {
    const got = await fn()
    if (got) return got
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${words}`)
    await new Promise((done) => setTimeout(done, 40))
  }
}

/** failing(lane, n): the n-th test failed, in this lane; may say() what it saw. */
export async function runAll(only, failing = () => {}) {
  let passed = 0
  let failed = 0
  const chosen = ({ name }) => !only || only.split('|').some((words) => name.includes(words))
  // A browser that no longer answers is a test that failed, not a stage that never ends.
  const within = (run) => {
    let timer
    const late = new Promise((_, fail) => (timer = setTimeout(() => fail(new Error(`not done within ${TEST_MS / 1000} s`)), TEST_MS)))
    return Promise.race([run(), late]).finally(() => clearTimeout(timer))
  }
  const one = async (lane, { name, run }) => {
    const said = []
    const start = Date.now()
    try {
      await lines.run(said, () => within(run))
      passed++
      said.push(`ok   ${name} (${Date.now() - start} ms)`)
    } catch (error) {
      const n = ++failed
      await lines.run(said, async () => failing(lane, n)).catch(() => {})
      said.push(`FAIL ${name}`, `     ${String(error.message ?? error).split('\n').slice(0, 12).join('\n     ')}`)
    }
    console.log(said.join('\n'))
  }
  const walk = async (lane) => {
    const start = Date.now()
    const tests = (lanes.get(lane) ?? []).filter(chosen)
    for (const each of tests) await one(lane, each)
    if (tests.length > 1) console.log(`     lane "${lane}": ${tests.length} tests, ${Math.round((Date.now() - start) / 1000)} s`)
  }
  for (const lane of lanes.keys()) if (lane !== 'alone') await walk(lane)
  await walk('alone')
  return { passed, failed }
}
