# SPDX-License-Identifier: AGPL-3.0-or-later
"""The official JavaScript client, in Node, against a real Heed."""
import json
import os
import shutil
import subprocess

from lib.heed import ROOT, Channel, until

NODE = str(ROOT / ".tools" / "node") if (ROOT / ".tools" / "node").exists() else shutil.which("node")

SCRIPT = """
import { createServer } from 'node:http'
const { Heed, HeedError, verifyWebhook } = await import(process.env.CLIENT)
const heed = new Heed({ url: process.env.HEED_URL, token: process.env.HEED_TOKEN })
const say = {}
say.me = (await heed.getMe()).email
const seen = []
for await (const c of heed.each.listConversations({ q: 'is:any', sort: 'created', limit: 2 })) seen.push(c.id)
say.seen = seen
const stop = new AbortController()
const frames = heed.events({ signal: stop.signal })
say.hello = (await frames.next()).value.event
const draft = { id: seen[0], body: { kind: 'note', text: 'from the client' } }
const first = await heed.OPERATION(draft, { idempotencyKey: 'once-and-only' })
const second = await heed.OPERATION(draft, { idempotencyKey: 'once-and-only' })
say.once = first.id === second.id
for await (const frame of frames) if (frame.event === 'message' && frame.data.text === 'from the client') break
say.streamed = true
stop.abort()
try {
  await heed.getConversation({ id: 999999 })
} catch (error) {
  say.missing = [error instanceof HeedError, error.status]
}
try {
  await heed.listConversations({ q: 'is:nonsense' })
} catch (error) {
  say.field = error.errors[0].field
}
try {
  await heed.listConversations({ nonsense: 1 })
} catch (error) {
  say.typo = error instanceof TypeError
}
const bytes = new Uint8Array([0, 1, 2, 3, 255])
const file = await heed.putFile({ name: 'a.bin', body: bytes })
say.file = file.size
// 429 and 503 are waited out.
let asked = 0
const busy = createServer((request, response) => {
  asked++
  if (asked < 3) response.writeHead(asked === 1 ? 503 : 429, { 'Retry-After': '0' }).end('{}')
  else response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"email":"late@example.com"}')
})
await new Promise((done) => busy.listen(0, '127.0.0.1', done))
say.patient = (await new Heed({ url: `http://127.0.0.1:${busy.address().port}`, token: 'x' }).getMe()).email
say.asked = asked
busy.close()
// The vector of the specification's form, worked out elsewhere.
const body = '{"type":"conversation.created","timestamp":"2026-01-01T00:00:00Z","data":{"id":"c1"}}'
const headers = { 'webhook-id': 'msg_1', 'webhook-timestamp': '1700000000', 'webhook-signature': 'v1,8EhKGOzRHbZcZZCyeoe8MvaRaB7KTmDrLMhNIl7/cck=' }
const secret = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX'
say.webhook = (await verifyWebhook(secret, headers, body, 1700000000000)).type
say.forged = await verifyWebhook(secret, headers, body + ' ', 1700000000000).then(() => 'taken', () => 'refused')
say.old = await verifyWebhook(secret, headers, body, 1700000301000).then(() => 'taken', () => 'refused')
console.log(JSON.stringify(say))
process.exit(0)
"""


def operation(path, method):
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    return document["paths"][path][method]["operationId"]


def test_the_client_reads_writes_listens_and_waits(world):
    receiver = world.receiver()
    server = world(allow=[receiver.host])
    api = server.api()
    channel = Channel(api, deliver_url=receiver.url)
    for n in range(5):
        channel.customer(f"hello {n}", thread=f"t{n}")
    until(lambda: len(api.conversations()) == 5)
    script = SCRIPT.replace("OPERATION", operation("/api/v1/conversations/{id}/messages", "post"))
    done = subprocess.run([NODE, "--input-type=module", "-e", script], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "CLIENT": (ROOT / "clients/javascript/index.js").as_uri(), "HEED_URL": server.url, "HEED_TOKEN": api.token})
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["me"] == "owner@example.com" and said["hello"] == "hello" and said["streamed"]
    assert sorted(said["seen"]) == sorted(c["id"] for c in api.conversations()) and len(said["seen"]) == 5
    assert said["once"] and len([m for m in api.messages(said["seen"][0]) if m["text"] == "from the client"]) == 1
    assert said["missing"] == [True, 404] and said["field"] == "q" and said["typo"]
    assert said["file"] == 5 and said["patient"] == "late@example.com" and said["asked"] == 3
    assert (said["webhook"], said["forged"], said["old"]) == ("conversation.created", "refused", "refused")


def test_the_clients_files_are_what_the_document_says(world, backend):
    if backend != "sqlite":
        return
    assert world
    document = (ROOT / "docs" / "openapi.json").read_text()
    for part, name in (("operations", "operations.js"), ("types", "index.d.ts")):
        made = subprocess.run([NODE, str(ROOT / "tools/client.mjs"), part], input=document, capture_output=True, text=True, check=True).stdout
        assert made == (ROOT / "clients/javascript" / name).read_text(), f"{name} is old: run tools/generated.py"
