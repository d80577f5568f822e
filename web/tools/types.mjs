// SPDX-License-Identifier: AGPL-3.0-or-later
// Turns the OpenAPI document into src/api/types.ts.
//   heed openapi | node tools/types.mjs            writes the file
//   heed openapi | node tools/types.mjs --check    fails when the file is not what it would write
//   heed openapi | node tools/types.mjs --stdout   prints it
//   node tools/types.mjs http://127.0.0.1:8100/api/v1/openapi.json
import { readFileSync, writeFileSync } from 'node:fs'

const target = new URL('../src/api/types.ts', import.meta.url).pathname
const from = process.argv.slice(2).find((arg) => !arg.startsWith('--'))
const document = from ? await (await fetch(from)).json() : JSON.parse(readFileSync(0, 'utf8'))

function type(schema, indent) {
  if (schema.$ref) return schema.$ref.split('/').pop()
  if (schema.enum) return schema.enum.map((value) => (value === null ? 'null' : `'${value}'`)).join(' | ')
  const kinds = [schema.type ?? 'unknown'].flat()
  const nullable = kinds.includes('null')
  const kind = kinds.find((k) => k !== 'null')
  const text =
    kind === 'string' ? 'string'
    : kind === 'integer' || kind === 'number' ? 'number'
    : kind === 'boolean' ? 'boolean'
    : kind === 'array' ? list(type(schema.items ?? {}, indent))
    : kind === 'object' && schema.properties ? object(schema, indent)
    : kind === 'object' ? 'Record<string, unknown>'
    : 'unknown'
  return nullable && text !== 'unknown' ? `${text} | null` : text
}
const list = (item) => (/[ |{]/.test(item) && !item.startsWith('{') ? `(${item})[]` : `${item}[]`)
function object(schema, indent) {
  const required = new Set(schema.required ?? [])
  const lines = Object.entries(schema.properties).map(([name, property]) => {
    const doc = property.description ? `${indent}  /** ${property.description} */\n` : ''
    return `${doc}${indent}  ${name}${required.has(name) ? '' : '?'}: ${type(property, `${indent}  `)}`
  })
  return `{\n${lines.join('\n')}\n${indent}}`
}

const out = [
  '// SPDX-License-Identifier: AGPL-3.0-or-later',
  '// The shapes of /api/v1, made from its OpenAPI document by tools/types.mjs. Do not edit.',
  '',
]
for (const [name, schema] of Object.entries(document.components.schemas)) {
  if (schema.properties) out.push(`export interface ${name} ${object(schema, '')}`, '')
  else out.push(`export type ${name} = ${type(schema, '')}`, '')
}
const text = out.join('\n')
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    console.error('web/src/api/types.ts is not what the OpenAPI document says: heed openapi | (cd web && node tools/types.mjs)')
    process.exit(1)
  }
} else if (process.argv.includes('--stdout')) process.stdout.write(text)
else writeFileSync(target, text)
