import fc from 'fast-check'
import { assetsToFile } from '../../../src/projection/file-object.ts'
import type { PolicyRule } from '../../../src/resolvers/policy.ts'
import { fromEntries, isJsonObject, type Json, type JsonObject, own } from '../../../src/world/json.ts'
import { ASSETS, assets, blueprintFields, entityFields, settings, spawn } from '../../projection/worlds.ts'
import { fields as smallFields } from '../../resolvers/fixture.ts'
import type { World } from './worlds.ts'

/** A world and what two sides made of it. */
export interface Generated {
  readonly base: World
  readonly ours: World
  readonly theirs: World
}

type Maybe = JsonObject | undefined
type Triple<T> = readonly [base: T, ours: T, theirs: T]

/**
 * A record as some of another's keys make it: `mask` says which, record by record. So two sides often share a change,
 * or change neighbours.
 */
function mixed(was: JsonObject, fresh: JsonObject, mask: number, depth = 0): JsonObject {
  const entries: [string, Json][] = []
  const keys = [...new Set([...Object.keys(was), ...Object.keys(fresh)])]
  for (const [i, key] of keys.entries()) {
    const [before, after] = [own(was, key), own(fresh, key)]
    const take = ((mask >> (i % 16)) & 1) === 1
    const value =
      depth === 0 && isJsonObject(before) && isJsonObject(after)
        ? mixed(before, after, mask >> 1, 1)
        : take
          ? after
          : before
    if (value !== undefined) entries.push([key, value])
  }
  return fromEntries(entries)
}

type Doing =
  | { readonly kind: 'same' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'new'; readonly mask: number; readonly which: 0 | 1 }
const doing: fc.Arbitrary<Doing> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ kind: 'same' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'gone' } as const) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('new' as const),
      mask: fc.nat(0xffff),
      which: fc.constantFrom(0 as const, 1 as const),
    }),
  },
)

function done(was: Maybe, fresh: readonly [JsonObject, JsonObject], what: Doing, needed: readonly string[]): Maybe {
  if (what.kind !== 'new') return what.kind === 'same' ? was : undefined
  const made = was === undefined ? fresh[what.which]! : mixed(was, fresh[what.which]!, what.mask)
  // What an object cannot be without.
  const missing = needed.filter((key) => !Object.hasOwn(made, key)).map((key) => [key, fresh[0][key]!] as const)
  return missing.length === 0 ? made : fromEntries([...Object.entries(made), ...missing])
}

/** One object or none in the base, and what each side did to it. */
function object(fields: fc.Arbitrary<JsonObject>, needed: readonly string[]): fc.Arbitrary<Triple<Maybe>> {
  return fc
    .tuple(fields, fields, fields, fc.nat(4), doing, doing)
    .map(([was, fresh, other, there, here, away]): Triple<Maybe> => {
      const base = there === 0 ? undefined : was
      return [base, done(base, [fresh, other], here, needed), done(base, [fresh, other], away, needed)]
    })
}

/** Always there: settings and the spawn cannot go. */
function singleton(fields: fc.Arbitrary<JsonObject>): fc.Arbitrary<Triple<JsonObject>> {
  return object(fields, []).map(([base, ours, theirs]) => [base ?? {}, ours ?? base ?? {}, theirs ?? base ?? {}])
}

const BLUEPRINTS = ['Lamp', 'Tree', 'Model', 'Nowhere'] as const
const entity = fc
  .tuple(fc.oneof(entityFields, smallFields), fc.constantFrom(...BLUEPRINTS))
  .map(([fields, blueprint]): JsonObject => {
    const { pinned, state: _, id: __, type: ___, ...rest } = fields
    const flag = pinned === null || typeof pinned === 'boolean' ? { pinned } : {}
    return assetsToFile('entity', { ...rest, ...flag, blueprint }, assets)
  })
const blueprint = blueprintFields.map((fields) => assetsToFile('blueprint', fields, assets))

const LINES = ['one', 'two', 'three', 'four', 'five', 'six', 'seven']
/** A text, and edits of its lines: which line, and what becomes of it. */
const text: fc.Arbitrary<string> = fc
  .array(fc.tuple(fc.nat(LINES.length - 1), fc.constantFrom('x', 'y', '')), { maxLength: 2 })
  .map((edits) => {
    const lines = LINES.map((line) => `${line}\n`)
    for (const [at, line] of edits) lines[at] = line === '' ? '' : `${line}\n`
    return lines.join('')
  })
const texts = fc.tuple(
  fc.option(text, { nil: undefined, freq: 6 }),
  fc.option(text, { nil: undefined, freq: 6 }),
  fc.option(text, { nil: undefined, freq: 6 }),
)
const sameTexts = text.map((one): Triple<string | undefined> => [one, one, one])
const script: fc.Arbitrary<Triple<string | undefined>> = fc.oneof(texts, sameTexts)

const content: fc.Arbitrary<Triple<string>> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(['was', 'was', 'was'] as const) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant('was'), fc.constantFrom('was', 'ours'), fc.constantFrom('was', 'theirs')),
  },
)

const FILES = ['apps/Lamp/index.js', 'apps/Lamp/lib/a.js', 'apps/Tree/index.js', 'shared/util.js'] as const
const IDS = ['one', 'two', '$scene', 'constructor'] as const

export const worlds: fc.Arbitrary<Generated> = fc
  .record({
    settings: singleton(settings.map(({ fields }) => fields)),
    spawn: singleton(spawn.map(({ fields }) => fields)),
    entities: fc.tuple(...IDS.map(() => object(entity, ['blueprint']))),
    lamp: object(blueprint, ['name']),
    tree: object(blueprint, ['name']),
    small: object(blueprint, ['name']),
    texts: fc.tuple(...FILES.map(() => script)),
    contents: fc.tuple(...ASSETS.map(() => content)),
  })
  .map(({ settings, spawn, entities, lamp, tree, small, texts, contents }) => {
    const side = (i: 0 | 1 | 2): World => {
      const files = new Map<string, string | JsonObject>()
      for (const [n, [path]] of ASSETS.entries()) files.set(path, `${path} ${contents[n]![i]}`)
      for (const [id, path, triple] of [
        ['Lamp', 'apps/Lamp/Lamp.json', lamp],
        ['Tree', 'apps/Tree/Tree.json', tree],
        ['Lamp__small', 'apps/Lamp/small.json', small],
      ] as const) {
        const fields = triple[i]
        // A variant says whose it is, so that it is nobody's root, whoever else goes or comes.
        if (fields !== undefined) files.set(path, { ...fields, id, ...(triple === small ? { scriptRef: 'Lamp' } : {}) })
      }
      for (const [n, path] of FILES.entries()) {
        const text = texts[n]![i]
        const owner = path.startsWith('apps/Lamp/') ? lamp[i] : path.startsWith('apps/Tree/') ? tree[i] : true
        if (text !== undefined && owner !== undefined) files.set(path, text)
      }
      const placed = IDS.flatMap((id, n) => (entities[n]![i] === undefined ? [] : [[id, entities[n]![i]!] as const]))
      return { settings: settings[i], spawn: spawn[i], entities: new Map(placed), places: new Map(), files }
    }
    return { base: side(0), ours: side(1), theirs: side(2) }
  })

/** Rules that say something about the worlds above; who manages an object would not be swapped with the sides. */
export const policies: fc.Arbitrary<readonly PolicyRule[]> = fc
  .array(
    fc.record(
      {
        type: fc.constantFrom('entity', 'blueprint', 'settings', 'spawn', 'shared'),
        id: fc.constantFrom('one', 't*', 'Lamp', '*'),
        field: fc.constantFrom('props', 'position', '*', 'scriptFiles', 'name', 'a'),
        owner: fc.constantFrom('local', 'runtime', 'shared'),
        merge: fc.constant('set' as const),
      },
      { requiredKeys: [] },
    ),
    { maxLength: 3 },
  )
  .map((rules) => [{ owner: 'shared' }, ...rules] as readonly PolicyRule[])
