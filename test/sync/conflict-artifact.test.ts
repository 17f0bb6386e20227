import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ArtifactField,
  type ArtifactSide,
  type ArtifactWho,
  artifactSide,
  artifactText,
  type ConflictArtifact,
  conflictId,
  parseArtifact,
  readArtifacts,
  roundOf,
  sideValue,
  writeArtifact,
} from '../../src/sync/conflict-artifact.ts'
import { contestedName } from '../../src/sync/contested-name.ts'
import { type Json, jsonEquals } from '../../src/world/json.ts'
import { type ObjectKey, objectKey, SETTINGS, SPAWN } from '../../src/world/state.ts'
import { temporaryFolder } from './support.ts'

const text = fc.string({ maxLength: 12, unit: 'binary' })
const name = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'toString', '', 'a.b', '\u0000'))
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constant(JSON.parse('{"__proto__":{"x":[1]}}')),
) as fc.Arbitrary<Json>
const side: fc.Arbitrary<ArtifactSide> = fc.oneof(
  json.map((value) => ({ value })),
  fc.constant({ absent: true as const }),
)
const oid = fc.stringMatching(/^[0-9a-f]{40}$/)
const time = fc
  .date({ noInvalidDate: true, min: new Date(0), max: new Date('2099-01-01') })
  .map((date) => date.toISOString())

/** A record whose optional keys are there or not: undefined is no JSON. */
function record<T extends object>(
  required: { [K in keyof T]: fc.Arbitrary<T[K]> },
  optional: readonly (keyof T & string)[],
) {
  const keys = Object.keys(required).filter((key) => !(optional as readonly string[]).includes(key))
  return fc.record(required, { requiredKeys: keys as never }) as unknown as fc.Arbitrary<T>
}

const who = record<ArtifactWho>({ name, commit: oid, at: time, cursor: fc.maxSafeNat() }, ['cursor'])
const field = record<ArtifactField>(
  {
    field: name,
    path: fc.array(name, { maxLength: 3 }),
    base: side,
    local: side,
    remote: side,
    localBy: who,
    remoteBy: who,
    dangling: fc.array(name, { maxLength: 2 }),
    files: fc.array(name, { maxLength: 2 }),
    status: fc.constantFrom('open', 'local', 'remote', 'merged'),
  },
  ['localBy', 'remoteBy', 'dangling'],
)
const resolved = fc.record({
  field: name,
  path: fc.array(name, { maxLength: 3 }),
  base: side,
  local: side,
  remote: side,
  value: side,
  by: fc.constantFrom('local' as const, 'runtime' as const, 'set' as const, 'text' as const),
})
const roundParts = {
  openedAt: time,
  closedAt: time,
  status: fc.constantFrom('open' as const, 'resolved' as const, 'abandoned' as const),
  base: fc.option(oid),
  local: oid,
  remote: oid,
  cursor: fc.maxSafeNat(),
  fields: fc.array(field, { maxLength: 3 }),
  autoResolved: fc.array(resolved, { maxLength: 2 }),
}
const round = record<ConflictArtifact['history'][number]>(roundParts, ['closedAt'])
const stages = record<ConflictArtifact['files'][number]['stages']>({ base: oid, local: oid, remote: oid }, [
  'base',
  'local',
  'remote',
])
const artifact = record<ConflictArtifact>(
  {
    format: fc.constant(1 as const),
    id: fc.stringMatching(/^[0-9a-f]{8,64}$/),
    worldId: name,
    object: fc.oneof(
      fc.constantFrom(SETTINGS, SPAWN),
      name.map((id) => objectKey('entity', id)),
    ),
    uid: name,
    path: name,
    ...roundParts,
    files: fc.array(fc.record({ path: name, stages, working: oid }), { maxLength: 2 }),
    history: fc.array(round, { maxLength: 2 }),
  },
  ['uid', 'closedAt'],
)

const PLAIN: ConflictArtifact = {
  format: 1,
  id: conflictId('plaza', objectKey('entity', 'lamp')),
  worldId: 'plaza',
  object: objectKey('entity', 'lamp'),
  path: 'world/entities/00/lamp.json',
  openedAt: '2026-01-01T00:00:00.000Z',
  status: 'open',
  base: null,
  local: 'a'.repeat(40),
  remote: 'b'.repeat(40),
  cursor: 3,
  fields: [],
  autoResolved: [],
  files: [],
  history: [],
}

describe('C3: a conflict as a file', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(artifact, (one) => {
        const read = parseArtifact(artifactText(one))
        expect(read === undefined ? undefined : artifactText(read)).toBe(artifactText(one))
      }),
      { numRuns: 60 },
    )
  })

  it('a value, null and absence are three things (M4)', () => {
    fc.assert(
      fc.property(json, (value) => jsonEquals(sideValue(artifactSide(value)), value)),
      { numRuns: 30 },
    )
    expect(artifactSide(undefined)).toEqual({ absent: true })
    expect(artifactSide(null)).toEqual({ value: null })
    expect(sideValue({ absent: true })).toBeUndefined()
    expect(sideValue({ value: null })).toBeNull()
  })

  it.each<readonly [string, unknown]>([
    ['no JSON', '{'],
    ['markers', `<<<<<<< HEAD\n${artifactText(PLAIN)}=======\n`],
    ['nothing', ''],
    ['null', null],
    ['a list', [PLAIN]],
    ['another format', { ...PLAIN, format: 2 }],
    ['a format in words', { ...PLAIN, format: '1' }],
    ['an id that is a path', { ...PLAIN, id: '../../etc' }],
    ['a short id', { ...PLAIN, id: 'abcdef' }],
    ['an id in capitals', { ...PLAIN, id: 'ABCDEF12' }],
    ['an id with a line end', { ...PLAIN, id: 'abcdef12\n' }],
    ['an object that is no text', { ...PLAIN, object: { toString: 'x' } }],
    ['something more', { ...PLAIN, more: 1 }],
    ['something less', { ...PLAIN, fields: undefined }],
    ['a cursor between operations', { ...PLAIN, cursor: 1.5 }],
    ['fields as a record', { ...PLAIN, fields: { color: 1 } }],
    ['a field without a path', { ...PLAIN, fields: [{ field: 'a', status: 'open' }] }],
    ['a status that is none', { ...PLAIN, status: 'closed' }],
    ['a file without stages', { ...PLAIN, files: [{ path: 'x', working: 'y' }] }],
    ['history as text', { ...PLAIN, history: 'long' }],
  ])('%s is no artifact', (_, document) => {
    expect(parseArtifact(typeof document === 'string' ? document : JSON.stringify(document))).toBeUndefined()
  })

  it('S3: values nested deeper than any file may be are no artifact', () => {
    for (const depth of [300, 20_000]) {
      const text = artifactText({ ...PLAIN, path: 'DEEP' })
      const field = `{"field":"a","path":["a"],"base":{"absent":true},"local":{"value":${'['.repeat(depth)}${']'.repeat(depth)}},"remote":{"absent":true},"files":[],"status":"open"}`
      expect(parseArtifact(text.replace('"fields": []', `"fields": [${field}]`))).toBeUndefined()
      const shallow = field.replace(/\[{300,}\]{300,}/, '[[]]')
      expect(parseArtifact(text.replace('"fields": []', `"fields": [${shallow}]`))).toBeDefined()
    }
  })

  it('a large one is read in no time to speak of', () => {
    const side = { value: 'x'.repeat(1000) }
    const fields = Array.from({ length: 5000 }, (_, n) => ({
      field: `props.${n}`,
      path: ['props', String(n)],
      base: side,
      local: side,
      remote: side,
      files: [],
      status: 'open' as const,
    }))
    expect(parseArtifact(artifactText({ ...PLAIN, fields }))?.fields).toHaveLength(5000)
  })

  it('ids are short, stable, and those of one object of one world', () => {
    expect(PLAIN.id).toBe(conflictId('plaza', objectKey('entity', 'lamp')))
    expect(PLAIN.id).toMatch(/^[0-9a-f]{8}$/)
    expect(conflictId('garden', PLAIN.object)).not.toBe(PLAIN.id)
    expect(conflictId('plaza', objectKey('blueprint', 'lamp'))).not.toBe(PLAIN.id)
    // Neither half can pass for a part of the other.
    expect(conflictId('a', 'b:c' as ObjectKey)).not.toBe(conflictId('ab', ':c' as ObjectKey))
    expect(contestedName([])).toBe('(object)')
    expect(contestedName(['props', 'color'])).toBe('props.color')
  })

  it('an earlier conflict of the same object is kept as a round', () => {
    const { id: _, ...rest } = roundOf({ ...PLAIN, closedAt: 'x', status: 'resolved' }) as ConflictArtifact
    expect(rest).toEqual({
      openedAt: PLAIN.openedAt,
      closedAt: 'x',
      status: 'resolved',
      base: null,
      local: PLAIN.local,
      remote: PLAIN.remote,
      cursor: 3,
      fields: [],
      autoResolved: [],
    })
    expect('closedAt' in roundOf(PLAIN)).toBe(false)
  })

  it('a folder of them: what is none is named, other files are nobody’s business', async () => {
    const folder = join(temporaryFolder(), 'conflicts')
    expect(await readArtifacts(folder)).toEqual(new Map())
    await writeArtifact(folder, PLAIN)
    await writeArtifact(folder, { ...PLAIN, cursor: 4 })
    const other = { ...PLAIN, id: 'deadbeef' }
    mkdirSync(join(folder, 'deeper'))
    writeFileSync(join(folder, 'deeper', `${PLAIN.id}.json`), '{')
    // A folder may have the name of an artifact: it came through git from somebody else.
    mkdirSync(join(folder, 'cafebabe.json'))
    writeFileSync(join(folder, 'README.md'), 'notes')
    writeFileSync(join(folder, 'readme.json'), '{}')
    writeFileSync(join(folder, 'feedface.json'), artifactText(other))
    writeFileSync(join(folder, '0123456789ab.json'), '{')
    const invalid: string[] = []
    const read = await readArtifacts(folder, (file) => invalid.push(file))
    expect([...read]).toEqual([[PLAIN.id, { ...PLAIN, cursor: 4 }]])
    expect(invalid).toEqual(['0123456789ab.json', 'cafebabe.json', 'feedface.json'])
    await expect(writeArtifact(folder, { ...PLAIN, id: '../../evil' })).rejects.toMatchObject({
      code: 'invalid_artifact',
    })
    expect(readdirSync(folder).filter((file) => file.endsWith('.new'))).toEqual([])
  })
})
