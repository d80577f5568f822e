// SPDX-License-Identifier: AGPL-3.0-or-later
// A-FZ4: foreign HTML and its mutations, cleaned and then put into a page that forbids nothing and has no frame
// around it: nothing may run, nothing may be fetched, and cleaning twice changes nothing more.
import http from 'node:http'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { check, equal, say, test } from '../lib/run.mjs'

const web = fileURLToPath(new URL('../../../web/', import.meta.url))
const RUN = 'top.hacked=(top.hacked||0)+1'
const FULL = process.env.HEED_TRUST === 'full'
const MUTATIONS = FULL ? 1_000_000 : 3000
const SEED = Number(process.env.HEED_SEED ?? 4711)

const TAGS = 'a abbr article audio b base blockquote body br button canvas center code col details dialog div embed fieldset font form frame frameset h1 head hr html i iframe img input isindex keygen label li link marquee math menu meta meter noscript object ol option p picture plaintext pre q script section select source span style summary svg table tbody td template textarea th title tr track u ul video xmp x-own image animate set foreignObject use mtext mglyph annotation-xml'.split(' ')
const EVENTS = 'onload onerror onclick onfocus onmouseover onanimationstart ontransitionend ontoggle onbegin onpageshow onscroll onbeforetoggle oncontentvisibilityautostatechange onpointerrawupdate onwheel oninput'.split(' ')
const PLACES = 'href src action formaction xlink:href data srcdoc background poster cite longdesc ping manifest srcset codebase code classid dynsrc lowsrc profile usemap style values to from by content http-equiv icon'.split(' ')
const SCHEMES = ['javascript:', 'JaVaScRiPt:', ' javascript:', '\tjava\nscript:', 'java&#115;cript:', '&#x6A;avascript:', 'javascript&colon;', 'javascript&Tab;:', '\u0001javascript:', 'vbscript:', 'data:text/html,<script>', 'data:image/svg+xml,<svg onload=', 'feed:javascript:', 'blob:', 'view-source:javascript:']
const NESTS = [
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=RUN&gt;"></mglyph></table></mtext></math>', '<svg><style><img src=x onerror=RUN></style></svg>', '<noscript><p title="</noscript><img src=x onerror=RUN>"></noscript>',
  '<form><math><mtext></form><form><mglyph><style></math><img src onerror=RUN>', '<svg></p><style><a id="</style><img src=1 onerror=RUN>">', '<math><annotation-xml encoding="text/html"><svg><script>RUN</script></svg></annotation-xml></math>',
  '<template><script>RUN</script></template>', '<select><template><img src=x onerror=RUN></template></select>', '<textarea><img title="</textarea><img src=x onerror=RUN>"></textarea>', '<title><a title="</title><img src=x onerror=RUN>">',
  '<xmp><p title="</xmp><svg/onload=RUN>">', '<iframe><p title="</iframe><img src onerror=RUN>">', '<style><!--</style><script>RUN</script>-->', '<!--><img src=x onerror=RUN>-->', '<!--a--!><img src=x onerror=RUN>', '<![CDATA[<img src=x onerror=RUN>]]>',
  '<svg><![CDATA[><img src=x onerror=RUN>]]></svg>', '<?xml version="1.0"?><img src=x onerror=RUN>', '<a href="x" href="javascript:RUN">a</a>', '<a/href=javascript:RUN>a', '<img src=x:x onerror\n=\nRUN>', '<img/src=`x`onerror=RUN>', '<img """><script>RUN</script>">',
  '<svg><use href="data:image/svg+xml,<svg id=x xmlns=http://www.w3.org/2000/svg><image href=x onerror=RUN /></svg>#x"/></svg>', '<svg><animate onbegin=RUN attributeName=x dur=1s>', '<svg><a><animate attributeName=href values=javascript:RUN /><text>x</text></a></svg>',
  '<svg><set attributeName=onload to=RUN></svg>', '<object data="data:text/html,<script>RUN</script>">', '<embed src="data:text/html,<script>RUN</script>">', '<iframe srcdoc="<script>RUN</script>">', '<meta http-equiv=refresh content="0;javascript:RUN">', '<base href="javascript:RUN//"><a href=1>x</a>',
  '<table><caption><svg><title><table><desc></caption></table><img src=x onerror=RUN>', '<b><p><b><p><svg onload=RUN>'.repeat(3), `${'<div>'.repeat(600)}<img src=x onerror=RUN>`, '<plaintext><img src=x onerror=RUN>', '<a id=cookie><a id=cookie name=x><form id=attributes><input name=nodeName>', '<form id=x><input name=attributes><input name=parentNode></form>',
]
const FETCHES = ['<img src="URL">', '<img srcset="URL 1x">', '<picture><source srcset="URL"><img></picture>', '<link rel=stylesheet href="URL">', '<link rel=preload as=image href="URL">', '<style>@import "URL"</style>', '<style>*{background:url(URL)}</style>', '<p style="background:url(URL)">', '<p style="behavior:url(URL)">',
  '<table background="URL">', '<td background=URL>', '<body background="URL">', '<video poster="URL">', '<video src="URL" autoplay>', '<audio src="URL" autoplay>', '<svg><image href="URL"/></svg>', '<svg><feImage href="URL"/></svg>', '<svg><use href="URL#x"/></svg>', '<input type=image src="URL">', '<iframe src="URL">', '<object data="URL">',
  '<embed src="URL">', '<script src="URL"></script>', '<base href="URL"><img src=x>', '<meta http-equiv=refresh content="0;url=URL">', '<form action="URL"><button autofocus>', '<track src="URL">', '<frameset><frame src="URL"></frameset>', '<isindex action="URL">', '<bgsound src="URL">', '<image src="URL">', '<link rel=dns-prefetch href="URL">', '<a ping="URL" href="#">', '<math href="URL"><mi>x</mi></math>']

/** Every form there is; well over 5,000. */
function vectors(canary) {
  const out = [...NESTS, ...FETCHES.map((v) => v.replaceAll('URL', canary))]
  for (const tag of TAGS) {
    for (const event of EVENTS) {
      out.push(`<${tag} ${event}=${RUN} src=x autofocus open contenteditable>x`, `<${tag}/${event.toUpperCase()}="${RUN}"/href=x>x</${tag}>`, `<svg><${tag} ${event}='${RUN}'>`)
    }
    for (const place of PLACES) out.push(`<${tag} ${place}="${SCHEMES[(tag.length * 7 + place.length) % SCHEMES.length]}${RUN}">x</${tag}>`, `<math><${tag} ${place}='javascript:${RUN}'>`, `<${tag} ${place}="${canary}/${tag}">x`)
  }
  for (const scheme of SCHEMES) for (const place of PLACES) out.push(`<a ${place}="${scheme}${RUN}">x</a>`)
  return out.map((v) => v.replaceAll('RUN', RUN))
}

/** In the page: the vectors, then mutations of them; what was wrong. */
function attack({ vectors, from, count, seed }) {
  let state = (seed + from) >>> 0 || 1
  const random = (n) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % n
  }
  const bits = ['<', '>', '"', "'", '/', '\0', '\n', '<!--', '-->', '&', ';', '=', '`', '</', '<svg>', '</svg>', '<math>', '<style>', '</style>', '<noscript>', '<template>', '<select>', '<table>', '<title>', '</p>', '<form>', '&lt;', '&#x3c', ' ', '<![CDATA[', ']]>', '\u2028', 'xmlns=']
  const mutate = () => {
    let text = vectors[random(vectors.length)]
    for (let n = 1 + random(4); n > 0; n--) {
      const at = random(text.length + 1)
      const other = vectors[random(vectors.length)]
      const how = random(5)
      if (how === 0) text = text.slice(0, at) + other + text.slice(at)
      else if (how === 1) text = text.slice(0, at) + bits[random(bits.length)] + text.slice(at)
      else if (how === 2) text = text.slice(0, at) + text.slice(Math.min(text.length, at + 1 + random(6)))
      else if (how === 3) text = text.slice(0, at) + other.slice(random(other.length))
      else text = text.slice(0, at) + text.slice(at).toUpperCase()
      if (text.length > 4000) text = text.slice(0, 4000)
    }
    return text
  }
  const place = document.getElementById('place')
  const wrong = []
  for (let i = from; i < from + count && wrong.length < 5; i++) {
    const text = i < vectors.length ? vectors[i] : mutate()
    const once = cleaner.clean(text).html
    const twice = cleaner.clean(once).html
    if (twice !== once) wrong.push(['cleaned twice it changes', text, once, twice])
    place.innerHTML = once
    for (const node of place.querySelectorAll('*')) {
      const bad = [...node.attributes].find((a) => /^on/i.test(a.name) || /^\s*(javascript|vbscript|data):/i.test(a.value) || ['style', 'srcset', 'id', 'name', 'class'].includes(a.name))
      if (bad) wrong.push([`keeps ${bad.name}`, text, once])
    }
    const before = top.hacked
    for (const link of place.querySelectorAll('a, [tabindex]')) link.focus()
    if (top.hacked !== before) wrong.push(['runs', text, once])
  }
  place.innerHTML = ''
  return wrong
}

export async function cleaner({ browser }) {
  test('foreign HTML is harmless after cleaning: thousands of attacks and mutations, no script, no request', async () => {
    const esbuild = createRequire(`${web}package.json`)('esbuild')
    const built = await esbuild.build({ entryPoints: [`${web}src/state/mail_clean.ts`], bundle: true, write: false, format: 'iife', globalName: 'cleaner' })
    const asked = []
    const server = http.createServer((req, res) => {
      if (req.url === '/') return res.end('<!doctype html><body><script src="/cleaner.js"></script><div id="place"></div>')
      if (req.url === '/cleaner.js') return res.end(built.outputFiles[0].text)
      if (req.url !== '/favicon.ico') asked.push(req.url)
      res.end()
    })
    await new Promise((done) => server.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${server.address().port}`
    const context = await browser.chromium.newContext()
    try {
      const page = await context.newPage()
      await page.goto(`${url}/`)
      const all = vectors(`${url}/canary`)
      check(all.length > 5000, `${all.length} vectors`)
      // It can fail: uncleaned, the same place runs scripts and fetches.
      await page.evaluate((html) => (document.getElementById('place').innerHTML = html), `<img src="${url}/canary/first" onload="${RUN}"><img src=x onerror="${RUN}">`)
      await page.waitForFunction(() => top.hacked > 0)
      check(asked.length > 0, 'the canary sings')
      await page.reload()
      asked.length = 0
      const total = all.length + MUTATIONS
      for (let from = 0; from < total; from += 2000) {
        equal(await page.evaluate(attack, { vectors: all, from, count: Math.min(2000, total - from), seed: SEED }), [], `seed ${SEED}, from ${from}:`)
      }
      await page.waitForTimeout(300) // handlers of what could not be loaded come later
      equal(await page.evaluate(() => top.hacked ?? 0), 0, 'scripts that ran:')
      equal(asked, [], 'requests:')
      equal(page.url(), `${url}/`)
      say(`${total} documents cleaned twice`)
    } finally {
      await context.close()
      server.close()
    }
  })
}
