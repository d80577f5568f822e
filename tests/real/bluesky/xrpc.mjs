// SPDX-License-Identifier: AGPL-3.0-or-later
// A customer of the network, with plain HTTP, as a foreign client would be.
const PASSWORD = 'local-test-password'

export async function xrpc(base, method, nsid, { jwt, params, body, headers = {} } = {}) {
  const url = new URL(`${base}/xrpc/${nsid}`)
  for (const [k, v] of Object.entries(params ?? {})) for (const one of [v].flat()) url.searchParams.append(k, one)
  const raw = body instanceof Uint8Array
  const res = await fetch(url, {
    method,
    headers: { ...(jwt ? { authorization: `Bearer ${jwt}` } : {}), ...(body && !raw ? { 'content-type': 'application/json' } : {}), ...headers },
    body: body ? (raw ? body : JSON.stringify(body)) : undefined,
  })
  const text = await res.text()
  let json
  try { json = JSON.parse(text) } catch { json = { text } }
  return { status: res.status, json }
}

export class Account {
  static async open(net, name) {
    const a = new Account()
    a.net = net
    a.handle = `${name}.test`
    let r = await xrpc(net.pds, 'POST', 'com.atproto.server.createSession', { body: { identifier: a.handle, password: PASSWORD } })
    if (r.status !== 200)
      r = await xrpc(net.pds, 'POST', 'com.atproto.server.createAccount', { body: { handle: a.handle, email: `${name}@mail.test`, password: PASSWORD } })
    if (r.status !== 200) throw new Error(`account ${name}: ${JSON.stringify(r.json)}`)
    a.did = r.json.did
    a.jwt = r.json.accessJwt
    return a
  }

  call(method, nsid, options = {}) {
    return xrpc(this.net.pds, method, nsid, { jwt: this.jwt, ...options })
  }

  async record(collection, record, rkey) {
    const r = await this.call('POST', 'com.atproto.repo.createRecord', { body: { repo: this.did, collection, ...(rkey ? { rkey } : {}), record } })
    if (r.status !== 200) throw new Error(`record: ${JSON.stringify(r.json)}`)
    return { uri: r.json.uri, cid: r.json.cid }
  }

  // A post; `mentions` are accounts whose @handle in the text becomes a facet.
  post(text, { mentions = [], parent, root, embed, createdAt } = {}) {
    const facets = mentions.map((m) => {
      const start = Buffer.byteLength(text.slice(0, text.indexOf(`@${m.handle}`)))
      return { index: { byteStart: start, byteEnd: start + m.handle.length + 1 }, features: [{ $type: 'app.bsky.richtext.facet#mention', did: m.did }] }
    })
    return this.record('app.bsky.feed.post', {
      $type: 'app.bsky.feed.post', text, createdAt: createdAt ?? new Date().toISOString(), langs: ['en'],
      ...(facets.length ? { facets } : {}), ...(parent ? { reply: { root: root ?? parent, parent } } : {}), ...(embed ? { embed } : {}),
    })
  }

  async upload(bytes, mime) {
    return (await this.call('POST', 'com.atproto.repo.uploadBlob', { body: new Uint8Array(bytes), headers: { 'content-type': mime } })).json.blob
  }

  async delete(uri) {
    const [, , , collection, rkey] = uri.split('/')
    return this.call('POST', 'com.atproto.repo.deleteRecord', { body: { repo: this.did, collection, rkey } })
  }

  async get(uri) {
    const [, , repo, collection, rkey] = uri.split('/')
    return this.call('GET', 'com.atproto.repo.getRecord', { params: { repo, collection, rkey } })
  }

  async appPassword(name, privileged = false) {
    return (await this.call('POST', 'com.atproto.server.createAppPassword', { body: { name, privileged } })).json.password
  }

  revoke(name) {
    return this.call('POST', 'com.atproto.server.revokeAppPassword', { body: { name } })
  }
}
