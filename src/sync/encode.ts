import { type Oid, parseOid } from '../git-bridge/repository.ts'
import { contentAt } from '../git-bridge/tree-objects.ts'
import { type AssetValue, mapAssetUrls, parseAssetValue } from '../projection/asset-value.ts'
import { collectShared, scriptFormatOf } from '../projection/imports.ts'
import { toWire, wireAssetUrls } from '../projection/wire.ts'
import type { BatchOperation } from '../protocol/schemas.ts'
import { SyncError } from '../world/errors.ts'
import { fromEntries, isJsonObject, type Json, type JsonObject, own } from '../world/json.ts'
import { parseObjectKey, type WorldObject } from '../world/state.ts'
import type { PlannedOperation } from './plan.ts'
import type { Session } from './session.ts'

/** A planned operation in the wire's spelling, ready for either way of sending. */
export interface EncodedOperation {
  readonly planned: PlannedOperation
  /** The whole object, for additions. */
  readonly object: JsonObject | undefined
  /** Top-level fields with their new values. */
  readonly fields: JsonObject
  /** Top-level fields that go. */
  readonly gone: readonly string[]
  /** The same change as narrow as the fields of the merge: dotted below `props` (protocol, section 9). */
  readonly patch: JsonObject
  readonly remove: readonly string[]
  /** What we believe the fields to hold (P5). */
  readonly expect: JsonObject
  /** The lock domain that must be held, for operations with scripts. */
  readonly scope: string | undefined
}

/** The files of the merged tree that scripts are made of. */
export interface ScriptSources {
  /** Content of a shared module by its path below `shared/`. */
  readonly sharedOid: (path: string) => Oid | undefined
}

/** A value as an expectation: a missing field is not the value null (protocol, section 9). */
function believed(value: Json | undefined): Json {
  return value === undefined ? { absent: true } : value
}

/**
 * Spells operations for the wire, uploading the assets and scripts that they name first (P4). `send` false only works
 * out what would be sent.
 */
export class Encoder {
  readonly #session: Session
  readonly #sources: ScriptSources
  readonly #send: boolean
  readonly #urls = new Map<AssetValue, string>()
  readonly #texts = new Map<Oid, string>()

  constructor(session: Session, sources: ScriptSources, send: boolean) {
    this.#session = session
    this.#sources = sources
    this.#send = send
  }

  async encode(planned: PlannedOperation, current: JsonObject | undefined): Promise<EncodedOperation> {
    const { before, after } = planned
    try {
      for (const object of [before, after]) if (object !== undefined) await this.#publish(object)
    } catch (error) {
      if (!(error instanceof SyncError) || error.code !== 'invalid_asset_name') throw error
      throw new SyncError(
        'invalid_files',
        `${planned.key} names a file below assets/ whose extension the runtime does not take.`,
        {
          hint: 'Give the file an extension of letters and digits.',
          data: { key: planned.key },
          cause: error,
        },
      )
    }
    const scripts = planned.scripts && after !== undefined ? await this.#scripts(after, before) : {}
    const bare = {
      planned,
      object: undefined,
      fields: {},
      gone: [],
      patch: {},
      remove: [],
      expect: {},
      scope: undefined,
    }
    const scope = planned.scripts
      ? (own(before?.fields ?? {}, 'scope') ?? own(after?.fields ?? {}, 'scope'))
      : undefined
    switch (planned.kind) {
      case 'blueprint.add':
        return {
          ...bare,
          object: { ...this.#wire(after!), ...scripts, version: 0 },
          expect: { exists: false },
          scope: typeof scope === 'string' ? scope : undefined,
        }
      case 'entity.add':
        return {
          ...bare,
          object: { ...this.#wire(after!), mover: null, uploader: null, state: {} },
          expect: { exists: false },
        }
      case 'blueprint.remove':
      case 'entity.remove':
        // Whoever changed the object meanwhile did not mean to lose that: the removal names all that we have seen.
        return {
          ...bare,
          expect: without(this.#wire(before!), [
            'id',
            'type',
            'uid',
            'script',
            'scriptFiles',
            'scriptEntry',
            'scriptFormat',
          ]),
        }
      case 'settings.update': {
        const key = planned.setting!
        return { ...bare, expect: { [key]: believed(own(before?.fields ?? {}, key)) } }
      }
      case 'spawn.update': {
        const expect = fromEntries(
          planned.changes.map(({ path }) => [path[0]!, believed(own(before?.fields ?? {}, path[0]!))]),
        )
        return { ...bare, expect }
      }
      default: {
        const change = this.#change(before!, after!, planned)
        const expect = planned.scripts
          ? {
              ...change.expect,
              ...fromEntries(Object.keys(scripts).map((field) => [field, believed(own(current ?? {}, field))])),
            }
          : change.expect
        const withScripts = <T extends JsonObject>(fields: T): JsonObject => ({ ...fields, ...scripts })
        return {
          ...bare,
          ...change,
          fields: withScripts(change.fields),
          patch: withScripts(change.patch),
          expect,
          scope: typeof scope === 'string' ? scope : undefined,
        }
      }
    }
  }

  /** The changed fields of an object, both whole and narrow. */
  #change(
    before: WorldObject,
    after: WorldObject,
    planned: PlannedOperation,
  ): Pick<EncodedOperation, 'fields' | 'gone' | 'patch' | 'remove' | 'expect'> {
    const was = this.#wire(before)
    const is = this.#wire(after)
    const fields: [string, Json][] = []
    const gone: string[] = []
    const patch: [string, Json][] = []
    const remove: string[] = []
    const expect: [string, Json][] = []
    for (const field of new Set(
      planned.changes.map((change) => change.path[0]).filter((field) => field !== undefined),
    )) {
      const value = own(is, field)
      if (value === undefined) gone.push(field)
      else fields.push([field, value])
    }
    for (const path of narrowed(planned)) {
      const old = at(was, path)
      const next = at(is, path)
      const name = path.join('.')
      expect.push([name, believed(old)])
      if (next === undefined) remove.push(name)
      else patch.push([name, next])
    }
    return { fields: fromEntries(fields), gone, patch: fromEntries(patch), remove, expect: fromEntries(expect) }
  }

  #wire(object: WorldObject): JsonObject {
    const wire = toWire(object, (value) => this.#urls.get(value)!)
    if (object.kind !== 'blueprint') return wire
    return without(wire, ['script', 'scriptFiles', 'scriptEntry', 'scriptFormat', 'scriptRef'])
  }

  /** The script fields of a blueprint: its own files with the shared modules they import, or a variant's reference. */
  async #scripts(blueprint: WorldObject, before: WorldObject | undefined): Promise<JsonObject> {
    const ref = own(blueprint.fields, 'scriptRef')
    if (typeof ref === 'string') return { scriptRef: ref }
    // A variant that gets scripts of its own, or none, must be told to let go of its root.
    const released = typeof own(before?.fields ?? {}, 'scriptRef') === 'string' ? { scriptRef: null } : {}
    const own_ = own(blueprint.fields, 'scriptFiles')
    if (!isJsonObject(own_))
      return { script: '', scriptEntry: null, scriptFiles: null, scriptFormat: null, ...released }
    const files: [string, Json][] = []
    const sources: { path: string; source: string }[] = []
    for (const [path, value] of Object.entries(own_)) {
      const asset = parseAssetValue(value)
      files.push([path, asset === undefined ? value : this.#urls.get(value as AssetValue)!])
      if (asset !== undefined) sources.push({ path, source: await this.#text(parseOid(asset.oid)) })
    }
    const shared = await this.#shared(blueprint, sources)
    for (const module of shared) {
      const value = contentAt(new Map([[module, this.#sources.sharedOid(module)!]]), module)!
      await this.#publishValue(value)
      files.push([`@shared/${module}`, this.#urls.get(value)!])
    }
    const entry = own(blueprint.fields, 'scriptEntry')
    const entryFile = files.find(([path]) => path === entry)
    const source = sources.find(({ path }) => path === entry)?.source
    const format = own(blueprint.fields, 'scriptFormat') ?? (source === undefined ? undefined : scriptFormatOf(source))
    return fromEntries([
      ...(entryFile === undefined ? [] : [['script', entryFile[1]] as const]),
      ...(entry === undefined ? [] : [['scriptEntry', entry] as const]),
      ['scriptFiles', fromEntries(files)],
      ...(format === undefined ? [] : [['scriptFormat', format] as const]),
      ...Object.entries(released),
    ])
  }

  async #shared(
    blueprint: WorldObject,
    sources: readonly { path: string; source: string }[],
  ): Promise<readonly string[]> {
    // Modules are read before they are asked for: the walk itself is pure.
    const texts = new Map<string, string>()
    for (;;) {
      const missing: string[] = []
      const read = (path: string): string | undefined => {
        if (!texts.has(path) && this.#sources.sharedOid(path) !== undefined) missing.push(path)
        return texts.get(path)
      }
      const entries = sources.map(({ path, source }) => ({ path: `apps/${blueprint.id}/${path}`, source }))
      const { shared, problems } = collectShared(entries, read)
      if (missing.length === 0) {
        const first = problems[0]
        if (first === undefined) return shared
        throw new SyncError('invalid_files', `A script of blueprint ${blueprint.id}: ${first.message}`, {
          data: { problems },
        })
      }
      for (const path of missing) texts.set(path, await this.#text(this.#sources.sharedOid(path)!))
    }
  }

  async #text(oid: Oid): Promise<string> {
    const known = this.#texts.get(oid)
    if (known !== undefined) return known
    const bytes = (await this.#session.repository.readBlobs([oid])).get(oid)!
    const text = new TextDecoder().decode(bytes)
    this.#texts.set(oid, text)
    return text
  }

  /** Makes the URL of every asset that an object names known. */
  async #publish(object: WorldObject): Promise<void> {
    const values: AssetValue[] = []
    if (object.kind === 'entity' || object.kind === 'blueprint') {
      mapAssetUrls(object.kind, object.fields, (value) => {
        if (parseAssetValue(value) !== undefined) values.push(value as AssetValue)
        return value
      })
    }
    const scripts = own(object.fields, 'scriptFiles')
    if (isJsonObject(scripts)) {
      for (const value of Object.values(scripts))
        if (parseAssetValue(value) !== undefined) values.push(value as AssetValue)
    }
    for (const value of values) await this.#publishValue(value)
  }

  async #publishValue(value: AssetValue): Promise<void> {
    if (!this.#urls.has(value)) this.#urls.set(value, await this.#session.assets.publish(value, this.#send))
  }
}

/** The changed paths, as deep as a dotted name can say it: one key below `props`, else whole fields. */
function narrowed(planned: PlannedOperation): readonly (readonly string[])[] {
  const paths = new Map<string, readonly string[]>()
  for (const { path } of planned.changes) {
    if (path.length === 0) continue
    const plain = path[0] === 'props' && path.length > 1 && path[1] !== '' && !path[1]!.includes('.')
    const narrow = plain ? path.slice(0, 2) : path.slice(0, 1)
    paths.set(narrow.join('.'), narrow)
  }
  // The whole of `props` covers its keys.
  if (paths.has('props')) for (const key of [...paths.keys()]) if (key.startsWith('props.')) paths.delete(key)
  return [...paths.values()]
}

function at(object: JsonObject, path: readonly string[]): Json | undefined {
  let value: Json | undefined = object
  for (const key of path) value = isJsonObject(value) ? own(value, key) : undefined
  return value
}

function without(object: JsonObject, keys: readonly string[]): JsonObject {
  return fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)))
}

/** An operation as `POST /admin/ops` takes it (protocol, section 9). */
export function toBatch(encoded: EncodedOperation): BatchOperation {
  const { planned, expect } = encoded
  const head = { opId: planned.opId, actor: planned.by.actor, source: sourceOf(planned), expect }
  switch (planned.kind) {
    case 'blueprint.add':
      return { ...head, kind: planned.kind, blueprint: encoded.object! }
    case 'entity.add':
      return { ...head, kind: planned.kind, entity: encoded.object! }
    case 'blueprint.update':
    case 'entity.update':
      return { ...head, kind: planned.kind, id: planned.id, patch: encoded.patch, remove: encoded.remove }
    case 'blueprint.remove':
    case 'entity.remove':
      return { ...head, kind: planned.kind, id: planned.id }
    case 'settings.update':
      return { ...head, kind: planned.kind, key: planned.setting!, value: own(planned.after!.fields, planned.setting!) }
    case 'spawn.update': {
      const { position, quaternion } = planned.after!.fields
      return { ...head, kind: planned.kind, position: position!, quaternion: quaternion! }
    }
  }
}

/** `source` of an operation that a push sends (P2). */
export function sourceOf(planned: PlannedOperation): string {
  return planned.by.source ?? `git:${planned.by.commit}`
}

/** All asset URLs that blueprints and entities of a snapshot name, for the objects of a plan. */
export function urlsFor(
  operations: readonly PlannedOperation[],
  wire: (kind: 'blueprint' | 'entity', id: string) => JsonObject | undefined,
): readonly string[] {
  return operations.flatMap((planned) => {
    const { kind, id } = parseObjectKey(planned.key)
    if (kind !== 'blueprint' && kind !== 'entity') return []
    const object = wire(kind, id)
    return object === undefined ? [] : wireAssetUrls(kind, object)
  })
}
