import { expect, test } from 'vitest'
import { leaveUnsaid, saysAsWell, saysNoLess, understand } from '../../src/resolvers/unsaid.ts'
import type { JsonObject } from '../../src/world/json.ts'
import type { ObjectKind, WorldObject } from '../../src/world/state.ts'

const of = (kind: ObjectKind, fields: JsonObject): WorldObject => ({ kind, id: 'one', fields })

interface Case {
  readonly name: string
  readonly kind?: ObjectKind
  readonly base?: JsonObject
  readonly ours: JsonObject
  readonly theirs?: JsonObject
  readonly connected?: boolean
  /** Our fields, understood, and as the file goes on saying them. */
  readonly gives: JsonObject
  readonly file?: JsonObject
}

const FULL = { uid: 'u', scope: 's', managedBy: 'shared', keep: false, props: {}, createdAt: 't', desc: null }
const cases: readonly Case[] = [
  {
    name: 'all that is filled in, at a first meeting',
    ours: {},
    theirs: FULL,
    connected: false,
    gives: FULL,
    file: {},
  },
  { name: 'the same once they have met', base: FULL, ours: {}, theirs: FULL, gives: FULL, file: {} },
  { name: 'our own push coming back says it for the first time', ours: {}, theirs: FULL, gives: FULL, file: FULL },
  { name: 'as the base has it, where the world has no such object', base: FULL, ours: {}, gives: FULL, file: {} },
  {
    name: 'what the world changed comes into the file',
    base: { scope: 'a', managedBy: 'shared' },
    ours: {},
    theirs: { scope: 'b', managedBy: 'shared' },
    gives: { scope: 'b', managedBy: 'shared' },
    file: { scope: 'b' },
  },
  {
    name: 'what we say counts, but for the runtime’s own word',
    base: { uid: 'u', createdAt: 't', scope: 's', keep: false },
    ours: { uid: 'x', createdAt: 'x', scope: 'x', keep: true },
    theirs: { uid: 'u', createdAt: 't', scope: 's', keep: false },
    gives: { uid: 'u', createdAt: 't', scope: 'x', keep: true },
    file: { uid: 'x', createdAt: 'x', scope: 'x', keep: true },
  },
  {
    name: 'a default only where it was one: all else was removed here',
    base: { keep: true, props: { a: 1 }, desc: 'x' },
    ours: {},
    theirs: { keep: true, props: { a: 1 }, desc: 'x' },
    gives: {},
  },
  {
    name: 'a default that the world changed since is the world’s change',
    base: { props: {}, desc: null },
    ours: {},
    theirs: { props: { a: 1 }, desc: 'x' },
    gives: { props: {}, desc: null },
  },
  {
    name: 'the format of scripts that are the world’s',
    base: { scriptFiles: { 'index.js': '1' }, scriptEntry: 'index.js', scriptFormat: 'module' },
    ours: { scriptFiles: { 'index.js': '1' }, scriptEntry: 'index.js' },
    theirs: { scriptFiles: { 'index.js': '1' }, scriptEntry: 'index.js', scriptFormat: 'module' },
    gives: { scriptFiles: { 'index.js': '1' }, scriptEntry: 'index.js', scriptFormat: 'module' },
    file: { scriptFiles: { 'index.js': '1' }, scriptEntry: 'index.js' },
  },
  {
    name: 'other scripts may have another format',
    base: { scriptFiles: { 'index.js': '1' }, scriptFormat: 'module' },
    ours: { scriptFiles: { 'index.js': '2' } },
    theirs: { scriptFiles: { 'index.js': '1' }, scriptFormat: 'module' },
    gives: { scriptFiles: { 'index.js': '2' } },
  },
  {
    name: 'what the world does not have is as we say it',
    base: {},
    ours: { uid: 'x', createdAt: 'x', scope: 'x' },
    theirs: {},
    gives: { uid: 'x', createdAt: 'x', scope: 'x' },
  },
  {
    name: 'null only where we say nothing',
    base: { desc: null },
    ours: { desc: 'x' },
    theirs: { desc: null },
    gives: { desc: 'x' },
  },
  {
    name: 'a format that we say counts',
    base: { scriptFiles: { 'index.js': '1' }, scriptFormat: 'module' },
    ours: { scriptFiles: { 'index.js': '1' }, scriptFormat: 'legacy' },
    theirs: { scriptFiles: { 'index.js': '1' }, scriptFormat: 'module' },
    gives: { scriptFiles: { 'index.js': '1' }, scriptFormat: 'legacy' },
  },
  {
    name: 'a format that the world changed since is the world’s change',
    base: { scriptFiles: { 'index.js': '1' }, scriptFormat: 'legacy' },
    ours: { scriptFiles: { 'index.js': '1' } },
    theirs: { scriptFiles: { 'index.js': '1' }, scriptFormat: 'module' },
    gives: { scriptFiles: { 'index.js': '1' } },
  },
  {
    name: 'a format that is no text is not filled in',
    base: { scriptFiles: { 'index.js': '1' }, scriptFormat: 5 },
    ours: { scriptFiles: { 'index.js': '1' } },
    theirs: { scriptFiles: { 'index.js': '1' }, scriptFormat: 5 },
    gives: { scriptFiles: { 'index.js': '1' } },
  },
  {
    name: 'without scripts there is no format of theirs',
    base: { scriptFormat: 'module' },
    ours: {},
    theirs: { scriptFormat: 'module' },
    gives: {},
  },
  {
    name: 'another entry may have another format',
    base: { scriptFiles: { 'a.js': '1' }, scriptEntry: 'a.js', scriptFormat: 'module' },
    ours: { scriptFiles: { 'a.js': '1' }, scriptEntry: 'b.js' },
    theirs: { scriptFiles: { 'a.js': '1' }, scriptEntry: 'a.js', scriptFormat: 'module' },
    gives: { scriptFiles: { 'a.js': '1' }, scriptEntry: 'b.js' },
  },
  {
    name: 'entities leave unsaid what blueprints do',
    kind: 'entity',
    base: { uid: 'u', scope: 's', desc: null },
    ours: { uid: 'x' },
    theirs: { uid: 'u', scope: 's', desc: null },
    gives: { uid: 'u', scope: 's', desc: null },
    file: { uid: 'x' },
  },
  { name: 'entities have no date', kind: 'entity', ours: {}, theirs: { createdAt: 't' }, connected: false, gives: {} },
  { name: 'settings say all there is', kind: 'settings', ours: {}, theirs: { scope: 's', desc: null }, gives: {} },
  { name: 'nobody else has it', ours: { scope: 's' }, gives: { scope: 's' } },
]

test.each(cases)('$name', ({ kind = 'blueprint', base, ours, theirs, connected = true, gives, file = gives }) => {
  const optional = (fields: JsonObject | undefined) => (fields === undefined ? undefined : of(kind, fields))
  const { object, left } = understand(of(kind, ours), optional(base), optional(theirs), connected)
  expect(object.fields).toEqual(gives)
  expect(leaveUnsaid(object, left).fields).toEqual(file)
})

test('an object of which nothing is unsaid is the object itself, and its file is left as it is', () => {
  const said = of('blueprint', { uid: 'u', scope: 's', desc: 'x' })
  for (const other of [said.fields, {}]) {
    const { object, left } = understand(said, of('blueprint', other), of('blueprint', other), true)
    expect(object).toBe(said)
    expect([...left]).toEqual([])
    expect(leaveUnsaid(said, left)).toBe(said)
  }
})

test('an object says as well what it says itself', () => {
  const one = of('entity', { position: [1, 0, 0] })
  expect(saysAsWell(one, one, false)).toBe(true)
  expect(saysAsWell(one, one, true)).toBe(true)
})

test('a file says as well what it says within the tolerance, at a first meeting only', () => {
  const [here, there] = [of('entity', { position: [1, 0, 0] }), of('entity', { position: [1.00000001, 0, 0] })]
  expect(saysAsWell(here, there, true)).toBe(true)
  expect(saysAsWell(here, there, false)).toBe(false)
  expect(saysAsWell(here, of('entity', { position: [1, 0, 0], uid: 'u' }), true)).toBe(false)
})

test('a file says no less than the world where it lacks nothing but what that fills in', () => {
  const world = of('blueprint', { ...FULL, name: 'Lamp' })
  expect(saysNoLess(of('blueprint', { name: 'Lamp' }), world)).toBe(true)
  expect(saysNoLess(of('blueprint', { name: 'Lamp', scope: 'other' }), world)).toBe(false)
  expect(saysNoLess(of('blueprint', {}), world)).toBe(false)
  expect(saysNoLess(of('blueprint', { name: 'Lamp', more: 1 }), world)).toBe(false)
})
