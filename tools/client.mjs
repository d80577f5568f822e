// SPDX-License-Identifier: AGPL-3.0-or-later
// Makes the JavaScript client's operations and types out of the OpenAPI document.
//   heed openapi | node tools/client.mjs operations   prints clients/javascript/operations.js
//   heed openapi | node tools/client.mjs types        prints clients/javascript/index.d.ts
import { readFileSync } from 'node:fs'

const document = JSON.parse(readFileSync(0, 'utf8'))
const json = (content) => content?.['application/json']?.schema
// Chat and form routes are for visitors with tokens of their own; hooks and health are no programs' business.
const all = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(() => path.startsWith('/api/v1/'))
    .map(([method, o]) => {
      const success = Object.entries(o.responses).find(([status]) => status.startsWith('2'))?.[1] ?? {}
      const out = json(success.content)
      return {
        name: o.operationId,
        summary: o.summary,
        method: method.toUpperCase(),
        path,
        inPath: (o.parameters ?? []).filter((p) => p.in === 'path'),
        inQuery: (o.parameters ?? []).filter((p) => p.in === 'query'),
        body: json(o.requestBody?.content),
        raw: !!o.requestBody && !json(o.requestBody.content),
        list: out?.properties?.items && out.properties.next ? out.properties.items.items : undefined,
        out,
        bytes: !out && !!success.content && !success.content['application/json'],
      }
    }),
)

function type(schema, indent) {
  if (!schema) return 'unknown'
  if (schema.$ref) return schema.$ref.split('/').pop()
  if (schema.const) return `'${schema.const}'`
  if (schema.enum) return schema.enum.map((value) => (value === null ? 'null' : `'${value}'`)).join(' | ')
  const kinds = [schema.type ?? 'unknown'].flat()
  const kind = kinds.find((k) => k !== 'null')
  const text =
    kind === 'string' ? 'string'
    : kind === 'integer' || kind === 'number' ? 'number'
    : kind === 'boolean' ? 'boolean'
    : kind === 'array' ? `Array<${type(schema.items, indent)}>`
    : kind === 'object' && schema.properties ? object(schema, indent)
    : kind === 'object' ? 'Record<string, unknown>'
    : 'unknown'
  return kinds.includes('null') && text !== 'unknown' ? `${text} | null` : text
}
function object(schema, indent) {
  const required = new Set(schema.required ?? [])
  const lines = Object.entries(schema.properties).map(([name, property]) => {
    const doc = property.description ? `${indent}  /** ${property.description} */\n` : ''
    return `${doc}${indent}  ${name}${required.has(name) ? '' : '?'}: ${type(property, `${indent}  `)}`
  })
  return `{\n${lines.join('\n')}\n${indent}}`
}

function operations() {
  const lines = all.map((o) => {
    const kind = o.list ? 'list' : o.bytes ? 'bytes' : 'value'
    return `  ${o.name}: { method: '${o.method}', path: '${o.path}', query: ${JSON.stringify(o.inQuery.map((p) => p.name))}, body: '${o.raw ? 'bytes' : o.body ? 'json' : ''}', kind: '${kind}' },`
  })
  return ['// SPDX-License-Identifier: AGPL-3.0-or-later', '// Every operation of the API, made from its OpenAPI document by tools/client.mjs. Do not edit.', 'export const operations = {', ...lines, '}', ''].join('\n')
}

function params(o) {
  const parts = [
    ...o.inPath.map((p) => `${p.name}: ${type(p.schema, '')}`),
    ...o.inQuery.map((p) => `${p.name}?: ${type(p.schema, '')}`),
    ...(o.body ? [`body: ${type(o.body, '')}`] : o.raw ? ['body: Uint8Array | ArrayBuffer | Blob | string'] : []),
  ]
  const needed = o.inPath.length > 0 || o.body || o.raw
  return `params${needed ? '' : '?'}: { ${parts.join('; ')} }${parts.length ? '' : ' | undefined'}, options?: Options`
}

function types() {
  const shapes = Object.entries(document.components.schemas).map(([name, schema]) => (schema.properties ? `export interface ${name} ${object(schema, '')}\n` : `export type ${name} = ${type(schema, '')}\n`))
  const result = (o) => (o.list ? `Page<${type(o.list, '')}>` : o.bytes ? 'Uint8Array' : o.out ? type(o.out, '') : 'void')
  const methods = all.map((o) => `  /** ${o.summary} */\n  ${o.name}(${params(o)}): Promise<${result(o)}>`)
  const lists = all.filter((o) => o.list).map((o) => `    ${o.name}(${params(o)}): AsyncGenerator<${type(o.list, '')}, void, undefined>`)
  return `// SPDX-License-Identifier: AGPL-3.0-or-later
// The client's types, made from the API's OpenAPI document by tools/client.mjs. Do not edit.

export interface Options {
  signal?: AbortSignal
  /** Of a POST: the same key does the thing once, however often it is sent. Made up when it is not given. */
  idempotencyKey?: string
}
export interface Settings {
  /** Where Heed is: "https://desk.example" */
  url: string
  token: string
  /** How often a request is tried again after 429, 503 or a lost connection; 4. */
  retries?: number
  fetch?: typeof fetch
}
export interface Page<T> {
  items: T[]
  next: string | null
}
export interface HeedEvent {
  id: string
  event: string
  data: unknown
}
export class HeedError extends Error {
  /** HTTP status; 0: no answer came. */
  status: number
  errors: { field: string; code: string; detail: string }[]
  requestId: string
}

${shapes.join('\n')}
export class Heed {
  constructor(settings: Settings)
  /** The same lists, item by item over all pages. */
  readonly each: {
${lists.join('\n')}
  }
  /** The live stream; connects again by itself and goes on where it was. */
  events(options?: { signal?: AbortSignal; lastEventId?: string }): AsyncGenerator<HeedEvent, void, undefined>
${methods.join('\n')}
}
/** Checks what a webhook of Heed brought (Standard Webhooks); answers with the event or throws. */
export function verifyWebhook(secret: string, headers: Headers | Record<string, string | string[] | undefined>, body: Uint8Array | string, now?: number): Promise<{ type: string; timestamp: string; data: Record<string, unknown> }>
`
}

process.stdout.write(process.argv[2] === 'types' ? types() : operations())
