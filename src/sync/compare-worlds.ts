import { refuseLosses } from '../git-bridge/merge-guards.ts'
import { parseOid } from '../git-bridge/repository.ts'
import { readUnits } from '../git-bridge/tree-objects.ts'
import { unitsOf } from '../git-bridge/units.ts'
import type { AssetValue } from '../projection/asset-value.ts'
import { MANIFEST_FILE, SETTINGS_FILE } from '../projection/paths.ts'
import { settingsObject } from '../projection/settings.ts'
import { fromWire } from '../projection/wire.ts'
import { fieldEquality } from '../resolvers/equality.ts'
import { diffObjects, type FieldChange } from '../resolvers/fields.ts'
import { type JsonObject, own, withKey } from '../world/json.ts'
import { type ObjectKey, objectKey, SETTINGS, SPAWN, type WorldObject, type WorldState } from '../world/state.ts'
import type { WireWorld } from '../world/wire-world.ts'
import { assumeAssets } from './compare-assets.ts'
import { LineWriter } from './line.ts'
import type { LineChange } from './line-changes.ts'
import { lastOpIdOf } from './seen-ops.ts'
import type { Session } from './session.ts'
import type { LineCommit } from './tip.ts'

/** An object that a world has otherwise than its line does. */
export interface Difference {
  readonly key: ObjectKey
  /** Which has it: the line alone, the world alone, or both. */
  readonly kind: 'missing' | 'extra' | 'changed'
  /** For `changed`: `before` as on the line, `after` as in the world. */
  readonly fields: readonly FieldChange[]
  /** What brings the line to it. */
  readonly change: LineChange
  /** The operation that the world says it was last written by. */
  readonly lastOpId: string | undefined
}

export interface Compared {
  readonly differences: readonly Difference[]
  /** Every blueprint and entity of the world that the line has or could have: how it would be written there, by whom last. */
  readonly objects: ReadonlyMap<ObjectKey, { readonly change: LineChange; readonly lastOpId: string | undefined }>
  /** Shared modules of which a blueprint of the world names the line's edition. */
  readonly standing: ReadonlySet<string>
  /** What the writer of the line must know (see {@link assumeAssets}). */
  readonly assumed: ReadonlyMap<string, AssetValue>
}

const TRANSFORM = ['position', 'quaternion', 'scale'] as const

/**
 * Compares a world with a commit of its line, object by object. No difference are: bookkeeping and `state`, a uid, noise
 * in the digits of a transform, the transform of what somebody holds in their hand, settings that snapshots never carry,
 * assets whose bytes are gone, and what cannot be written at all (S1).
 *
 * Reads the whole line and the whole world. Throws `invalid_files` when the line cannot be read.
 */
export async function compareWorlds(
  session: Session,
  worldId: string,
  line: LineCommit,
  world: WireWorld,
): Promise<Compared> {
  const { repository, prefix } = session
  const paths = (await repository.listFiles(line.oid, prefix.slice(0, -1) || undefined)).map(({ path }) =>
    path.slice(prefix.length),
  )
  const read = await readUnits(repository, line.oid, prefix, unitsOf(paths))
  refuseLosses(read.problems)
  const state: WorldState = new Map([...read.objects].map(([key, { object }]) => [key, object]))
  const assumed = new Map<string, AssetValue>()
  // Before anything is downloaded: it is cleaned by the rules of the line (G5).
  const writer = await LineWriter.after(session, worldId, line, assumed)
  for (const [url, value] of await assumeAssets(session, state, world)) assumed.set(url, value)
  const assetOf = (url: string) => session.assets.valueOf(url) ?? assumed.get(url)

  const differences: Difference[] = []
  const objects = new Map<ObjectKey, { readonly change: LineChange; readonly lastOpId: string | undefined }>()
  const refused = new Set<ObjectKey>()
  const modules = new Modules(state)
  for (const kind of ['blueprint', 'entity'] as const) {
    const all = [...(kind === 'blueprint' ? world.blueprints : world.entities)]
    // As they are written: roots before their variants.
    const rank = ([, wire]: readonly [string, JsonObject]) => Number(typeof own(wire, 'scriptRef') === 'string')
    for (const [id, wire] of all.toSorted((a, b) => rank(a) - rank(b) || (a[0] < b[0] ? -1 : 1))) {
      const key = objectKey(kind, id)
      const known = state.get(key)
      const object = likeKnown(kind, wire, known)
      const is = fromWire(kind, object, assetOf)
      if (is.kind === 'refused') {
        refused.add(key)
        continue
      }
      const change: LineChange = { kind: 'put', of: kind, id, object }
      const lastOpId = lastOpIdOf(wire)
      const fields = known === undefined ? [] : diffObjects(known, is.object)
      if (kind === 'blueprint') for (const module of is.shared) modules.named(module.path, module.value, key)
      // How a folder of scripts is read and written is not quite the same: only what both see is a change.
      const touches = known === undefined || (kind === 'blueprint' && fields.length > 0)
      const written = !touches || (await writer.edits(change)).some(({ path }) => !path.startsWith(`${prefix}shared/`))
      const isManifest = kind === 'entity' && read.manifest !== undefined
      if (known === undefined && !written && !isManifest) {
        refused.add(key)
        continue
      }
      objects.set(key, { change, lastOpId })
      if (known === undefined) differences.push({ key, kind: 'extra', fields, change, lastOpId })
      else if (fields.length > 0 && written) differences.push({ key, kind: 'changed', fields, change, lastOpId })
    }
  }
  const differing = new Set(differences.map(({ key }) => key))
  for (const [key, fields] of modules.changed()) {
    const object = objects.get(key)
    if (object !== undefined && !differing.has(key)) differences.push({ key, kind: 'changed', fields, ...object })
  }
  for (const [key, { kind, id }] of state) {
    if ((kind !== 'blueprint' && kind !== 'entity') || objects.has(key) || refused.has(key)) continue
    const change: LineChange = { kind: 'remove', of: kind, id, object: undefined }
    differences.push({ key, kind: 'missing', fields: [], change, lastOpId: undefined })
  }
  differences.push(...(await compareSettings(session, line, state, world.settings)))
  differences.push(...compareSpawn(state.get(SPAWN), world.spawn))
  return { differences, objects, standing: modules.standing(), assumed }
}

/** An object as the runtime says it, but for what is no change of it: these are as the line has them. */
function likeKnown(kind: 'blueprint' | 'entity', wire: JsonObject, known: WorldObject | undefined): JsonObject {
  if (known === undefined) return wire
  let object = withKey(wire, 'uid', own(known.fields, 'uid'))
  if (kind === 'blueprint') return object
  const mover = own(wire, 'mover')
  const held = typeof mover === 'string' && mover !== ''
  for (const field of TRANSFORM) {
    const was = own(known.fields, field)
    if (held || fieldEquality(kind, field)(was, own(wire, field))) object = withKey(object, field, was)
  }
  return object
}

/** The shared modules: each blueprint that uses one names it, and may have an older one than another names. */
class Modules {
  readonly #state: WorldState
  readonly #named = new Map<string, { readonly values: Set<string>; readonly by: Set<ObjectKey> }>()

  constructor(state: WorldState) {
    this.#state = state
  }

  named(path: string, value: string, by: ObjectKey): void {
    const module = this.#named.get(path) ?? { values: new Set(), by: new Set() }
    this.#named.set(path, module)
    module.values.add(value)
    module.by.add(by)
  }

  /** The modules of which at least one has the line's content. */
  standing(): ReadonlySet<string> {
    return new Set(
      [...this.#named].filter(([path, { values }]) => values.has(this.#onLine(path))).map(([path]) => path),
    )
  }

  #onLine(path: string): string {
    return String(this.#state.get(objectKey('shared', path))?.fields.content)
  }

  /** The blueprints that name modules of which none has the line's content. */
  changed(): ReadonlyMap<ObjectKey, readonly FieldChange[]> {
    const changed = new Map<ObjectKey, FieldChange[]>()
    for (const [path, { values, by }] of this.#named) {
      const was = this.#state.get(objectKey('shared', path))?.fields.content
      if (was === undefined || (typeof was === 'string' && values.has(was))) continue
      for (const key of by) {
        const fields = changed.get(key) ?? []
        changed.set(key, fields)
        fields.push({ path: ['scriptFiles', `@shared/${path}`], before: was, after: [...values].sort()[0] })
      }
    }
    return changed
  }
}

async function compareSettings(
  session: Session,
  line: LineCommit,
  state: WorldState,
  wire: JsonObject,
): Promise<readonly Difference[]> {
  const known = state.get(SETTINGS)
  let settings = settingsObject(wire).fields
  const gone = Object.keys(known?.fields ?? {}).filter((key) => !Object.hasOwn(settings, key))
  if (gone.length > 0) {
    // What a snapshot never carried is not gone because this one does not carry it either.
    const carried = await carriedSettings(session, line)
    for (const key of gone) {
      if (carried === undefined || !Object.hasOwn(carried, key)) settings = withKey(settings, key, known!.fields[key])
    }
  }
  if (fromWire('settings', settings, () => undefined).kind === 'refused') return []
  const fields = diffObjects(known, { kind: 'settings', id: 'settings', fields: settings })
  if (known !== undefined && fields.length === 0) return []
  return [{ key: SETTINGS, kind: 'changed', fields, change: { kind: 'settings', settings }, lastOpId: undefined }]
}

/** The settings that the snapshot had with which the line begins; later ones may hold what was kept. */
async function carriedSettings(session: Session, line: LineCommit): Promise<JsonObject | undefined> {
  const { repository, prefix } = session
  const roots = (await repository.run(['rev-list', '--max-parents=0', line.oid])).stdout.toString('latin1')
  const root = roots.trim().split('\n').at(-1)
  if (root === undefined || root === '') return undefined
  const read = await readUnits(repository, parseOid(root), prefix, unitsOf([SETTINGS_FILE, MANIFEST_FILE]))
  return read.objects.get(SETTINGS)?.object.fields
}

function compareSpawn(known: WorldObject | undefined, wire: JsonObject): readonly Difference[] {
  let spawn = wire
  for (const field of ['position', 'quaternion'] as const) {
    const was = own(known?.fields ?? {}, field)
    if (was !== undefined && fieldEquality('spawn', field)(was, own(wire, field))) spawn = withKey(spawn, field, was)
  }
  const is = fromWire('spawn', spawn, () => undefined)
  if (is.kind === 'refused') return []
  const fields = diffObjects(known, is.object)
  if (known !== undefined && fields.length === 0) return []
  return [{ key: SPAWN, kind: 'changed', fields, change: { kind: 'spawn', spawn }, lastOpId: undefined }]
}
