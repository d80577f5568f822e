// Foreign HTML made harmless: parsed to a tree, kept by a list of what may stay, written back. No styles, forms,
// frames, vectors or scripts; nothing that is fetched from anywhere. Shown in a sandboxed frame all the same.
import DOMPurify from 'dompurify'

const TAGS = ['a', 'abbr', 'b', 'bdi', 'bdo', 'blockquote', 'br', 'caption', 'center', 'code', 'col', 'colgroup', 'dd', 'del', 'div', 'dl', 'dt', 'em', 'font', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'i', 'img', 'ins', 'kbd', 'li', 'ol', 'p', 'pre', 'q', 's', 'samp', 'small', 'span', 'strike', 'strong', 'sub', 'sup', 'table', 'tbody', 'td', 'tfoot', 'th', 'thead', 'tr', 'tt', 'u', 'ul', 'var']
const ATTRIBUTES = ['align', 'alt', 'bgcolor', 'border', 'cellpadding', 'cellspacing', 'cite', 'color', 'cols', 'colspan', 'dir', 'face', 'height', 'href', 'lang', 'rowspan', 'size', 'src', 'start', 'title', 'valign', 'width']

export interface Clean {
  html: string
  remote: string[] // addresses of pictures from the net that are not shown, each once
  lost: number // other pictures that cannot be shown
}

const own = (map: Record<string, string>, key: string) => (Object.hasOwn(map, key) ? map[key] : undefined)
/** An address as it is compared: without what no browser reads of it. The server does the same. */
const plain = (url: string) => url.replace(/[\t\n\r]/g, '').replace(/^[\0-\x20]+|[\0-\x20]+$/g, '')

/** pictures: what cid:… stands for, and loaded: what addresses on the net stand for, as data: addresses. */
export function clean(html: string, pictures: Record<string, string> = {}, loaded: Record<string, string> = {}): Clean {
  const remote = new Set<string>()
  const known = new Set([...Object.values(pictures), ...Object.values(loaded)])
  let lost = 0
  const purify = DOMPurify()
  purify.addHook('uponSanitizeAttribute', (node, data) => {
    if (data.attrName !== 'src') return
    const cid = /^cid:(.+)$/i.exec(data.attrValue.trim())?.[1]
    let name = cid ?? ''
    try {
      name = decodeURIComponent(name)
    } catch {
      // as it is
    }
    const url = plain(data.attrValue)
    const picture = own(pictures, name) ?? own(loaded, url) ?? (known.has(data.attrValue) ? data.attrValue : undefined)
    if (picture) data.attrValue = picture
    else {
      data.keepAttr = false
      if (node.nodeName !== 'IMG') return
      if (/^(https?:)?\/\//i.test(url)) remote.add(url)
      else if (!cid) lost++
    }
  })
  purify.addHook('afterSanitizeAttributes', (node) => {
    if (node.tagName !== 'IMG') node.removeAttribute('src')
    if (node.tagName !== 'A') return node.removeAttribute('href')
    const href = node.getAttribute('href') ?? ''
    if (!/^(https?:|mailto:|tel:)/i.test(href)) node.removeAttribute('href')
    node.setAttribute('target', '_blank')
    node.setAttribute('rel', 'noopener noreferrer nofollow ugc')
  })
  const out = purify.sanitize(html, { ALLOWED_TAGS: TAGS, ALLOWED_ATTR: [...ATTRIBUTES, 'target', 'rel'], ALLOW_DATA_ATTR: false, ALLOW_ARIA_ATTR: false, KEEP_CONTENT: true, WHOLE_DOCUMENT: false })
  return { html: out, remote: [...remote], lost }
}

/** The frame's whole document: its own policy besides the page's, and the page's colours. */
export function frameDocument(body: string, dark: boolean): string {
  const policy = "default-src 'none'; img-src data:; style-src 'none'; form-action 'none'; base-uri 'none'"
  return `<!doctype html><html><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="referrer" content="no-referrer"><meta name="color-scheme" content="${dark ? 'dark' : 'light'}"></head><body dir="auto">${body}</body></html>`
}
