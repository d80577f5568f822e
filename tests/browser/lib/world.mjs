// SPDX-License-Identifier: AGPL-3.0-or-later
// A Heed with three colleagues, a shop behind a custom channel and a morning's messages: what most tests begin with.
import { Heed, message, startShop } from './heed.mjs'
import { until } from './run.mjs'

export const PASSWORD = 'four plain words here'
export const [MAREN, DIMAS, VERA] = ['maren@saltmarsh.example', 'dimas@saltmarsh.example', 'vera@saltmarsh.example']
export const HOSTILE = ['<img src=x onerror="window.hacked=1">', '"><script>window.hacked=1</script>', "';window.hacked=1;//", '<svg/onload=window.hacked=1>', 'javascript:window.hacked=1', '{{constructor.constructor("window.hacked=1")()}}', '<a href="javascript:window.hacked=1">x</a>', '\u202Eevil\u202C <b>bold</b>']

export async function makeWorld() {
  const shop = await startShop()
  const heed = await Heed.start({ allow: [`127.0.0.1:${shop.port}`] })
  heed.user(MAREN, 'Maren Tamm', 'owner', PASSWORD)
  heed.user(DIMAS, 'Dimas Putra', 'agent', PASSWORD)
  heed.user(VERA, 'Vera Viewer', 'viewer', PASSWORD)
  await heed.asProgram(MAREN)
  const channel = await heed.channel('Shop chat', shop.url)
  await heed.hook(channel, [
    message('rizky', 'Rizky Aditya', 'Halo kak, paket saya belum sampai padahal sudah lima hari. Bisa dicek?', 320),
    message('rizky', 'Rizky Aditya', 'Kak?', 300),
    message('rizky', 'Rizky Aditya', 'Tolong dibalas ya, saya tunggu.', 280),
    message('seoyeon', '박서연', '환불은 보통 며칠 걸리나요? 주문번호 SM-20977입니다.', 236),
    message('helen', 'Helen Okafor', 'Lovely, but I sent mine back on 4 November and the refund still isn’t here.', 60, { visibility: 'public' }),
    message('helen', 'Helen Okafor', 'Two e-mails, no answer. https://track.example/SM-20418', 58, { visibility: 'public' }),
    message('kadri', 'Kadri Lepik', 'Tere! Kas vihmajope Tide on M suuruses veel laos?', 24),
    message('mikko', 'Mikko Laine', 'Takin vetoketju hajosi jo toisella käyttökerralla. Kuuluuko tämä takuun piiriin?', 22),
    message('sara', 'سارة الحربي', 'مرحبا، أين طلبي رقم SM-21004؟', 20),
    ...HOSTILE.map((text, i) => message(`hostile${i}`, text, `${text} ${i}`, 10 + i)),
  ])
  const find = async (q) => (await heed.api('GET', `/conversations?q=${encodeURIComponent(q)}`)).items
  await until(async () => (await find('is:open')).length === 6 + HOSTILE.length, 'the seed arrives')
  const plain = (name) => name.replace(/[\u202A-\u202E]/g, '') // direction overrides do not survive in names
  const byName = async (name) => {
    for (let cursor = ''; cursor != null;) {
      const { items, next } = await heed.api('GET', `/conversations?q=is:any&limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)
      const found = items.find((c) => plain(c.contact?.name ?? '') === plain(name))
      if (found) return found
      cursor = next
    }
  }
  const stop = async () => {
    await heed.stop()
    shop.stop()
  }
  return { heed, shop, channel, find, byName, stop }
}
