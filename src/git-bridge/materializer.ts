import { type AssetValue, isAssetValue, parseAssetValue } from '../projection/asset-value.ts'
import { writeBlueprintFile } from '../projection/blueprint.ts'
import { writeEntityFile } from '../projection/entity.ts'
import { formatJson, inOrder } from '../projection/json-file.ts'
import { type Manifest, readManifest, writeManifest } from '../projection/manifest.ts'
import { entityFile, foldPath, MANIFEST_FILE, SETTINGS_FILE, SPAWN_FILE, unsafePath } from '../projection/paths.ts'
import { readSettingsFile, writeSettingsFile } from '../projection/settings.ts'
import { writeSpawnFile } from '../projection/spawn.ts'
import { type FromWire, fromWire, type WireScript } from '../projection/wire.ts'
import { assert } from '../world/errors.ts'
import { type JsonObject, own, withKey } from '../world/json.ts'
import { type ObjectKey, objectKey, SETTINGS, SPAWN, type WorldObject } from '../world/state.ts'
import { type Effect, keepsSetting } from '../world/wire-world.ts'
import { LineAssets } from './line-assets.ts'
import { emptyFolder, type Folder, folderOf, placeBlueprint, readFolders } from './line-folders.ts'
import type { Overlay } from './overlay.ts'
import { type Oid, parseOid } from './repository.ts'

export type Layout = 'split' | 'manifest'

/** Says of an edition that a blueprint names of a shared module, whether it is no news: it is not written then. */
export type StaleModules = (path: string, oid: Oid) => boolean

/** An object and where the line has it, scripts left out: in a file's spelling or a manifest's. */
export interface PresentObject {
  readonly path: string
  readonly fields: JsonObject
}

/** One object on both sides of an operation, spelled like that. */
export interface ObjectStep {
  readonly path: string
  readonly before: JsonObject
  readonly after: JsonObject
  /** What the operation brings, in project spelling. */
  readonly object: WorldObject
}

/**
 * Turns effects of operations into changes of files, in the tree of a line: a pure function of that tree and the
 * effects (G4), reading no more of the tree than the effects need. In a split layout an entity costs one file; the
 * blueprints' index and the assets' are read once, when the first blueprint or asset turns up.
 *
 * What the runtime says is not trusted (S1): an object that cannot be written safely is refused by name and left as it
 * is, the rest goes on.
 */
export class Materializer {
  readonly #tree: Overlay
  readonly #layout: Layout
  readonly #assetOf: (url: string) => AssetValue | undefined
  readonly #refuse: (key: ObjectKey, reason: string) => void
  readonly #fetched = new Map<Oid, Uint8Array>()
  /** What was just read of the wire, to be written once: what stands behind its URLs may come later. */
  #read: { readonly wire: JsonObject; readonly read: FromWire } | undefined
  #folders: Map<string, Folder> | undefined
  #blueprintPaths = new Map<string, string>()
  readonly #assets: LineAssets
  /** Paths of shared modules. */
  #shared: Set<string> | undefined
  #manifest: { readonly previous: Manifest | undefined; readonly objects: Map<ObjectKey, WorldObject> } | undefined

  constructor(
    tree: Overlay,
    layout: Layout,
    options: {
      /** The content of an `asset://` URL; undefined when its bytes cannot be had. */
      readonly assetOf: (url: string) => AssetValue | undefined
      /** Told of every object that is refused. */
      readonly refuse: (key: ObjectKey, reason: string) => void
    },
  ) {
    this.#tree = tree
    this.#assets = new LineAssets(tree)
    this.#layout = layout
    this.#assetOf = options.assetOf
    this.#refuse = options.refuse
  }

  /** The files that the effects will ask for, fetched in one go. */
  async prefetch(effects: readonly Effect[]): Promise<void> {
    if (this.#layout === 'manifest') return
    const paths = new Set<string>()
    for (const effect of effects) {
      if ((effect.kind === 'put' || effect.kind === 'remove') && effect.of === 'entity')
        paths.add(entityFile(effect.id))
    }
    await this.#tree.prefetch(paths)
    this.#fetched.clear()
    await Promise.all(
      [...paths].map(async (path) => {
        const [oid, bytes] = await Promise.all([this.#tree.oid(path), this.#tree.bytes(path)])
        if (oid !== undefined && bytes !== undefined) this.#fetched.set(oid, bytes)
      }),
    )
  }

  async apply(effect: Effect, stale: StaleModules = () => false): Promise<void> {
    switch (effect.kind) {
      case 'put':
        return effect.of === 'entity'
          ? this.#putEntity(effect.id, effect.object)
          : this.#putBlueprint(effect.id, effect.object, stale)
      case 'remove':
        return effect.of === 'entity' ? this.#removeEntity(effect.id) : this.#removeBlueprint(effect.id)
      case 'setting':
        return this.#setSetting(effect.key, effect.value)
      case 'spawn':
        return this.#putSingleton('spawn', effect.spawn)
      case 'none':
        return
    }
  }

  /** An object that the line has, before and after an operation; undefined where it is new or refused. */
  async step(effect: Effect & { readonly kind: 'put' }): Promise<ObjectStep | undefined> {
    const { of, id } = effect
    const known = await this.present(of, id)
    if (known === undefined) return undefined
    const read = fromWire(of, effect.object, this.#assetOf)
    this.#read = { wire: effect.object, read }
    if (read.kind !== 'ok') return undefined
    const { object } = read
    const step = { path: known.path, before: known.fields, object }
    if (known.path === MANIFEST_FILE) return { ...step, after: object.fields }
    await this.#assets.place(object)
    const text = (of === 'entity' ? writeEntityFile : writeBlueprintFile)(object, this.#assets)
    return { ...step, after: JSON.parse(text) as JsonObject }
  }

  /** An object that the line has. */
  async present(of: 'blueprint' | 'entity', id: string): Promise<PresentObject | undefined> {
    if (of === 'entity' && this.#layout === 'manifest') {
      const object = (await this.#loadManifest()).objects.get(objectKey(of, id))
      return object === undefined ? undefined : { path: MANIFEST_FILE, fields: object.fields }
    }
    if (of === 'blueprint') await this.#loadFolders()
    const path = of === 'entity' ? entityFile(id) : this.#blueprintPaths.get(id)
    const oid = path === undefined ? undefined : await this.#tree.oid(path)
    if (path === undefined || oid === undefined) return undefined
    const bytes = this.#fetched.get(oid) ?? (await this.#tree.bytes(path))
    return { path, fields: JSON.parse(decoder.decode(bytes)) as JsonObject }
  }

  #fromWire(of: 'blueprint' | 'entity', wire: JsonObject): FromWire {
    const known = this.#read
    this.#read = undefined
    return known?.wire === wire ? known.read : fromWire(of, wire, this.#assetOf)
  }

  /** Writes an object that {@link step} found with other fields, in the spelling that this had, where it is now. */
  async amend(step: ObjectStep, fields: JsonObject): Promise<void> {
    const { object, after } = step
    if (step.path === MANIFEST_FILE) {
      ;(await this.#loadManifest()).objects.set(objectKey(object.kind, object.id), { ...object, fields })
      return this.finish()
    }
    const path = object.kind === 'blueprint' ? this.#blueprintPaths.get(object.id)! : step.path
    const ordered = inOrder(fields, Object.keys(after))
    await this.#tree.write(path, encode(formatJson(ordered, { inlineNumbers: object.kind === 'entity' })))
  }

  /** All settings at once, as a snapshot says them. */
  async putSettings(settings: JsonObject): Promise<void> {
    await this.#putSingleton('settings', settings)
  }

  /** Writes the manifest, where there is one: once after all effects of a commit. */
  async finish(): Promise<void> {
    if (this.#manifest === undefined) return
    const { objects, previous } = this.#manifest
    await this.#tree.write(MANIFEST_FILE, encode(writeManifest(objects, previous, this.#assets)))
  }

  async #putEntity(id: string, wire: JsonObject): Promise<void> {
    const key = objectKey('entity', id)
    const read = this.#fromWire('entity', wire)
    if (read.kind === 'refused') return this.#refuse(key, read.reason)
    await this.#assets.place(read.object)
    if (this.#layout === 'split') {
      return this.#tree.write(entityFile(id), encode(writeEntityFile(read.object, this.#assets)))
    }
    const manifest = await this.#loadManifest()
    manifest.objects.set(key, read.object)
  }

  async #removeEntity(id: string): Promise<void> {
    if (this.#layout === 'split') return this.#tree.delete(entityFile(id))
    const manifest = await this.#loadManifest()
    const key = objectKey('entity', id)
    manifest.objects.delete(key)
    // Should it come back it is a new one, as it is for whoever reads the manifest only then (G4).
    manifest.previous?.objects.delete(key)
    manifest.previous?.states.delete(key)
  }

  async #setSetting(key: string, value: JsonObject[string] | undefined): Promise<void> {
    const settings = await this.#settings()
    if (!keepsSetting(settings, key)) return
    await this.#putSingleton('settings', withKey(settings, key, value))
  }

  async #settings(): Promise<JsonObject> {
    if (this.#layout === 'manifest') return (await this.#loadManifest()).objects.get(SETTINGS)?.fields ?? {}
    const bytes = await this.#tree.bytes(SETTINGS_FILE)
    if (bytes === undefined) return {}
    const read = readSettingsFile(SETTINGS_FILE, bytes)
    assert(read.kind === 'ok', `${SETTINGS_FILE} of the line does not parse`)
    return read.object.fields
  }

  async #putSingleton(kind: 'settings' | 'spawn', wire: JsonObject): Promise<void> {
    const key = kind === 'settings' ? SETTINGS : SPAWN
    const read = fromWire(kind, wire, this.#assetOf)
    if (read.kind === 'refused') return this.#refuse(key, read.reason)
    if (this.#layout === 'manifest') {
      const manifest = await this.#loadManifest()
      manifest.objects.set(key, read.object)
    } else if (kind === 'settings') {
      await this.#tree.write(SETTINGS_FILE, encode(writeSettingsFile(read.object)))
    } else {
      await this.#tree.write(SPAWN_FILE, encode(writeSpawnFile(read.object)))
    }
  }

  async #loadManifest(): Promise<{
    readonly previous: Manifest | undefined
    readonly objects: Map<ObjectKey, WorldObject>
  }> {
    if (this.#manifest !== undefined) return this.#manifest
    const values = await this.#assets.values()
    const bytes = await this.#tree.bytes(MANIFEST_FILE)
    let previous: Manifest | undefined
    if (bytes !== undefined) {
      const read = readManifest(MANIFEST_FILE, bytes, values)
      assert(read.kind === 'ok', `${MANIFEST_FILE} of the line does not parse`)
      previous = read.manifest
    }
    this.#manifest = { previous, objects: new Map(previous?.objects) }
    return this.#manifest
  }

  /** The shared modules, by path, of which an object names another edition than the line has, and which. */
  async otherModules(effect: Effect): Promise<ReadonlyMap<string, Oid>> {
    const found = new Map<string, Oid>()
    if (effect.kind !== 'put' || effect.of !== 'blueprint') return found
    const read = fromWire('blueprint', effect.object, this.#assetOf)
    for (const { path, value } of read.kind === 'ok' ? read.shared : []) {
      const is = await this.#tree.oid(`shared/${path}`)
      const named = isAssetValue(value) ? oidOf(value) : is
      if (is !== undefined && named !== undefined && named !== is) found.set(path, named)
    }
    return found
  }

  async #putBlueprint(id: string, wire: JsonObject, stale: StaleModules): Promise<void> {
    const key = objectKey('blueprint', id)
    const read = this.#fromWire('blueprint', wire)
    if (read.kind === 'refused') return this.#refuse(key, read.reason)
    for (const reason of read.refused) this.#refuse(key, reason)
    const folders = await this.#loadFolders()
    await this.#assets.place(read.object)

    const name = own(read.object.fields, 'name')
    const ref = own(read.object.fields, 'scriptRef')
    const root = typeof ref === 'string' ? this.#blueprintPaths.get(ref) : undefined
    const named = typeof name === 'string' ? name : undefined
    const path = placeBlueprint(id, { name: named, root, scripts: read.scripts }, folders, this.#blueprintPaths)
    const unsafe = unsafePath(path)
    if (unsafe !== undefined) return this.#refuse(key, `its file ${JSON.stringify(path)}: ${unsafe}`)
    if (this.#blueprintPaths.has(id) && this.#blueprintPaths.get(id) !== path) await this.#removeBlueprint(id)
    const folderName = folderOf(path)
    const folder = folders.get(folderName) ?? emptyFolder()
    folders.set(folderName, folder)
    const scriptless = typeof ref !== 'string' && read.scripts.length === 0
    const beside = scriptless && folder.scripts.size > 0 && !(folder.owners.size === 1 && folder.owners.has(id))
    folder.blueprints.set(path, id)
    if (typeof ref === 'string' || beside) folder.owners.delete(id)
    else folder.owners.add(id)
    this.#blueprintPaths.set(id, path)
    const text = writeBlueprintFile(read.object, this.#assets, { folderHasScripts: beside })
    await this.#tree.write(path, encode(text))
    if (folder.owners.has(id)) await this.#putScripts(key, folderName, folder, read.scripts)
    else await this.#dropUnowned(folder)
    for (const module of read.shared) {
      const at = `shared/${module.path}`
      const reason = unsafePath(at) ?? (await this.#inTheWay(at))
      if (reason !== undefined) this.#refuse(key, `shared module ${JSON.stringify(module.path)}: ${reason}`)
      else if (isAssetValue(module.value)) {
        const oid = oidOf(module.value)
        // What the line does not have at all is news.
        if (stale(module.path, oid) && (await this.#tree.oid(at)) !== undefined) continue
        this.#shared?.add(at)
        await this.#tree.put(at, oid)
      }
    }
  }

  /** Why a shared module cannot stand beside those of other blueprints: a path is a file or a folder. */
  async #inTheWay(at: string): Promise<string | undefined> {
    this.#shared ??= new Set((await this.#tree.list('shared/')).keys())
    const fold = foldPath(at)
    for (const path of this.#shared) {
      if (path === at) continue
      const other = foldPath(path)
      if (other === fold) return `is ${JSON.stringify(path)} where case folds`
      if (other.startsWith(`${fold}/`)) return 'is a folder of another blueprint'
      if (fold.startsWith(`${other}/`)) return 'has a folder that is a file of another blueprint'
    }
    return undefined
  }

  /**
   * Takes away scripts that nobody uses in their own name any more. Left there they would fall to a blueprint beside
   * them, or to none, and the folder could not be read.
   */
  async #dropUnowned(folder: Folder): Promise<void> {
    if (folder.owners.size > 0) return
    for (const at of folder.scripts.keys()) await this.#tree.delete(at)
    folder.scripts.clear()
  }

  /**
   * The script root speaks for its folder: what it does not name any more is gone. A script whose bytes could not be had
   * is no reason to delete the file that is there (G4).
   */
  async #putScripts(key: ObjectKey, name: string, folder: Folder, scripts: readonly WireScript[]): Promise<void> {
    // First what goes: a file may be in the way of a folder of its name.
    const kept = new Set(scripts.map((script) => `apps/${name}/${script.path}`))
    for (const at of [...folder.scripts.keys()]) {
      if (kept.has(at)) continue
      folder.scripts.delete(at)
      await this.#tree.delete(at)
    }
    for (const script of scripts) {
      const at = `apps/${name}/${script.path}`
      const reason = unsafePath(at)
      if (reason !== undefined) this.#refuse(key, `script ${JSON.stringify(script.path)}: ${reason}`)
      else if (isAssetValue(script.value)) {
        const oid = oidOf(script.value)
        folder.scripts.set(at, oid)
        await this.#tree.put(at, oid)
      }
    }
  }

  async #removeBlueprint(id: string): Promise<void> {
    const folders = await this.#loadFolders()
    const path = this.#blueprintPaths.get(id)
    if (path === undefined) return
    const folder = folders.get(folderOf(path))
    assert(folder !== undefined, `the folder of blueprint ${id} is known`)
    this.#blueprintPaths.delete(id)
    folder.blueprints.delete(path)
    folder.owners.delete(id)
    await this.#tree.delete(path)
    await this.#dropUnowned(folder)
    if (folder.blueprints.size === 0) folders.delete(folderOf(path))
  }

  async #loadFolders(): Promise<Map<string, Folder>> {
    if (this.#folders !== undefined) return this.#folders
    const { folders, paths } = await readFolders(this.#tree)
    this.#blueprintPaths = paths
    this.#folders = folders
    return folders
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

function encode(text: string): Uint8Array {
  return encoder.encode(text)
}

function oidOf(value: AssetValue): Oid {
  const parsed = parseAssetValue(value)
  assert(parsed !== undefined, `${value} is an asset's content`)
  return parseOid(parsed.oid)
}
