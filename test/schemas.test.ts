import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parseLobbyFile } from '../src/sync/lobby-file.ts'
import { isJsonObject, type Json, type JsonObject, jsonEquals, own } from '../src/world/json.ts'

interface Script {
  schemas(): Promise<Readonly<Record<string, unknown>>>
  schemaText(name: string, document: unknown): string
}

const { schemas, schemaText } = (await import(pathToFileURL(resolve('scripts/schemas.js')).href)) as Script

const FOLDER = resolve(import.meta.dirname, '../schemas')
const published = (name: string): JsonObject => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as JsonObject

const ANNOTATIONS = new Set(['$schema', 'title', 'description', 'then'])

/** As much of JSON schema, draft 7, as our schemas use; a keyword that is not here is an error. */
function valid(schema: Json, value: Json): boolean {
  if (typeof schema === 'boolean') return schema
  if (!isJsonObject(schema)) throw new Error(`${JSON.stringify(schema)} is no schema`)
  return Object.entries(schema).every(([keyword, said]) => {
    if (ANNOTATIONS.has(keyword)) return true
    return keywordHolds(schema, keyword, said, value)
  })
}

function keywordHolds(schema: JsonObject, keyword: string, said: Json, value: Json): boolean {
  const list = said as readonly Json[]
  const record = isJsonObject(value) ? value : undefined
  const items = Array.isArray(value) ? (value as readonly Json[]) : undefined
  switch (keyword) {
    case 'type':
      return said === (items !== undefined ? 'array' : value === null ? 'null' : typeof value)
    case 'const':
      return jsonEquals(said, value)
    case 'enum':
      return list.some((item) => jsonEquals(item, value))
    case 'pattern':
      return typeof value !== 'string' || new RegExp(said as string, 'u').test(value)
    case 'minLength':
      return typeof value !== 'string' || value.length >= (said as number)
    case 'minItems':
      return items === undefined || items.length >= (said as number)
    case 'items':
      if (items === undefined) return true
      if (Array.isArray(said)) return list.every((inner, i) => i >= items.length || valid(inner, items[i]!))
      return items.every((item) => valid(said, item))
    case 'required':
      return record === undefined || list.every((key) => Object.hasOwn(record, key as string))
    case 'properties':
      return Object.entries(said as JsonObject).every(
        ([key, inner]) => record === undefined || !Object.hasOwn(record, key) || valid(inner, record[key]!),
      )
    case 'propertyNames':
      return Object.keys(record ?? {}).every((key) => valid(said, key))
    case 'additionalProperties': {
      const known = own(schema, 'properties') ?? {}
      return Object.entries(record ?? {}).every(
        ([key, item]) => Object.hasOwn(known as object, key) || valid(said, item),
      )
    }
    case 'anyOf':
      return list.some((inner) => valid(inner, value))
    case 'allOf':
      return list.every((inner) => valid(inner, value))
    case 'not':
      return !valid(said, value)
    case 'if':
      return !valid(said, value) || valid(own(schema, 'then') ?? true, value)
    default:
      throw new Error(`the keyword ${keyword} is not known here`)
  }
}

function accepted(text: string): boolean {
  try {
    parseLobbyFile(text)
    return true
  } catch {
    return false
  }
}

const target = { worldUrl: 'u', worldId: 'w' }
const rules = (...all: readonly unknown[]) => ({ policy: { rules: all } })

describe('schemas/', () => {
  it('is what the sources say; "npm run schemas" writes it', async () => {
    const made = await schemas()
    expect(readdirSync(FOLDER).sort()).toEqual(Object.keys(made).sort())
    for (const [name, document] of Object.entries(made)) {
      expect(readFileSync(join(FOLDER, name), 'utf8')).toBe(schemaText(name, document))
    }
  })

  it('has a description for everything that can be written, and no address', () => {
    const schema = published('lobby.schema.json')
    const undescribed: string[] = []
    const walk = (at: string, value: Json): void => {
      if (!isJsonObject(value)) return
      for (const [key, inner] of Object.entries((own(value, 'properties') ?? {}) as JsonObject)) {
        if (typeof own(inner as JsonObject, 'description') !== 'string') undescribed.push(`${at}.${key}`)
        walk(`${at}.${key}`, inner)
      }
      for (const inner of ['items', 'additionalProperties']) walk(at, own(value, inner) ?? true)
    }
    walk('', schema)
    expect(undescribed).toEqual([])
    const { $schema: dialect, ...rest } = schema
    expect(dialect).toContain('draft-07')
    expect(JSON.stringify(rest)).not.toMatch(/https?:/)
  })
})

describe('lobby.schema.json agrees with the program', () => {
  const schema = published('lobby.schema.json')

  it.each<[document: unknown]>([
    [{}],
    [{ $schema: './x', defaultTarget: 'a', targets: { a: target }, anything: { else: 1 } }],
    [{ targets: { 'a-B_1': { ...target, confirm: true, requireConfirm: false, note: 'x' } } }],
    [{ policy: { rules: [] } }],
    [rules({ owner: 'local' }, { merge: 'set' }, { owner: 'shared', merge: 'set' })],
    [rules({ type: 'entity', id: 'lamp-*', scope: 'a*', field: 'props.*.x', owner: 'runtime' })],
    [rules({ field: 'scriptFiles.index.js', owner: 'local' }, { field: ['props', 'a.b*', ''], owner: 'local' })],
    [rules({ type: 'settings', id: 'settings', field: 'title', owner: 'runtime' })],
    [rules({ field: 'state', owner: 'runtime' }, { type: 'blueprint', field: ['state'], owner: 'local' })],
    [rules({ field: 'statement', owner: 'local' }, { field: ['props', 'state'], owner: 'local' })],
  ])('%j is accepted', (document) => {
    expect(accepted(JSON.stringify(document))).toBe(true)
    expect(valid(schema, document as Json)).toBe(true)
  })

  it.each<[document: unknown]>([
    [[]],
    [{ $schema: 1 }],
    [{ defaultTarget: 1 }],
    [{ targets: [] }],
    [{ targets: null }],
    [{ targets: { 'a b': target } }],
    [{ targets: { a: {} } }],
    [{ targets: { a: { worldUrl: '', worldId: 'w' } } }],
    [{ targets: { a: { ...target, confirm: 'yes' } } }],
    [{ targets: { a: { ...target, adminCode: 'x' } } }],
    [{ policy: [] }],
    [{ policy: {} }],
    [{ policy: { rules: {} } }],
    [{ policy: { rules: [], rule: [] } }],
    [rules('local')],
    [rules({})],
    [rules({ owner: 'local' }, { id: 'x' })],
    [rules({ owner: 'theirs' })],
    [rules({ merge: 'union' })],
    [rules({ type: 'world', owner: 'local' })],
    [rules({ id: '', owner: 'local' })],
    [rules({ scope: 3, owner: 'local' })],
    [rules({ feild: 'a', owner: 'local' })],
    [rules({ field: '', owner: 'local' })],
    [rules({ field: [], owner: 'local' })],
    [rules({ field: ['a', 1], owner: 'local' })],
    [rules({ field: 'a..b', owner: 'local' })],
    [rules({ field: 'a.b*', owner: 'local' })],
    [rules({ type: 'spawn', scope: 'a', owner: 'local' })],
    [rules({ field: 'state', owner: 'local' })],
    [rules({ type: 'entity', field: 'state.mode', owner: 'shared' })],
    [rules({ type: 'entity', field: ['state'], merge: 'set' })],
  ])('%j is refused', (document) => {
    expect(accepted(JSON.stringify(document))).toBe(false)
    expect(valid(schema, document as Json)).toBe(false)
  })

  // What JSON schema has no words for, only the program refuses.
  it.each<[document: unknown]>([
    [{ defaultTarget: 'b', targets: { a: target } }],
    [rules({ type: 'settings', id: 'title', owner: 'local' })],
    [rules({ type: 'entity', field: 'position', merge: 'set' })],
  ])('%j is refused by the program alone', (document) => {
    expect(accepted(JSON.stringify(document))).toBe(false)
    expect(valid(schema, document as Json)).toBe(true)
  })
})
