import { expect, test } from 'vitest'
import { leaveUnsaid, saysAsWell, understand } from '../../src/resolvers/unsaid.ts'
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

test('a file says as well what it says within the tolerance, at a first meeting only', () => {
  const [here, there] = [of('entity', { position: [1, 0, 0] }), of('entity', { position: [1.00000001, 0, 0] })]
  expect(saysAsWell(here, there, true)).toBe(true)
  expect(saysAsWell(here, there, false)).toBe(false)
  expect(saysAsWell(here, of('entity', { position: [1, 0, 0], uid: 'u' }), true)).toBe(false)
})
