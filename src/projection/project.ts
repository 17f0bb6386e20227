import { own } from '../world/json.ts'
import { type ObjectKey, objectKey, TEMPLATE_BLUEPRINTS, type WorldObject, type WorldState } from '../world/state.ts'
import { readApp } from './app.ts'
import { type AssetPaths, type AssetValue, type AssetValues, assetValue, extensionOf } from './asset-value.ts'
import { readClaimedEntity } from './entity.ts'
import type { ReadObject } from './file-object.ts'
import { AS_SAID, type Claim, type Identities } from './identities.ts'
import type { FileProblem } from './json-file.ts'
import { readManifest } from './manifest.ts'
import { classify, MANIFEST_FILE } from './paths.ts'
import { readSettingsFile } from './settings.ts'
import { readSpawnFile } from './spawn.ts'

/** How a tree says its entities, settings and spawn (G8). */
export type Layout = 'split' | 'manifest' | 'none'

export interface Project {
  /** `split` also where both layouts stand in the tree, which is a problem. */
  readonly layout: Layout
  readonly state: WorldState
  /** The file of each object; in a manifest, `world.json`. */
  readonly paths: ReadonlyMap<ObjectKey, string>
  /** Content of each file below `assets/`. */
  readonly assets: ReadonlyMap<string, AssetValue>
  readonly problems: readonly FileProblem[]
  /** What the files of blueprints and entities say about whose they are. */
  readonly claims: readonly Claim[]
}

/** The layout that paths of a tree show; `both` is an error (G8). */
export function layoutOf(paths: Iterable<string>): Layout | 'both' {
  let split = false
  let manifest = false
  for (const path of paths) {
    const { kind } = classify(path)
    if (kind === 'manifest') manifest = true
    else if (kind === 'entity' || kind === 'settings' || kind === 'spawn') split = true
  }
  if (split && manifest) return 'both'
  return split ? 'split' : manifest ? 'manifest' : 'none'
}

/** Where content is, for writers. Of several files with one content, the first in order of name. */
export function assetPaths(assets: ReadonlyMap<string, AssetValue>): AssetPaths {
  const paths = new Map<AssetValue, string>()
  for (const [path, value] of assets) {
    const other = paths.get(value)
    if (other === undefined || path < other) paths.set(value, path)
  }
  return { pathOf: (value) => paths.get(value) }
}

/**
 * Reads a whole project: the world state that its files say, and what is wrong with them. Files that are wrong are left
 * out of the state, so the state may be used only where there are no problems.
 *
 * `files` are all files of the tree with their blobs; `bytesOf` is asked for JSON files only.
 */
export function readProject(
  files: readonly { readonly path: string; readonly oid: string }[],
  bytesOf: (path: string) => Uint8Array | undefined,
  identities: Identities = AS_SAID,
): Project {
  const reader = new ProjectReader(bytesOf, identities)
  for (const { path, oid } of files) {
    if (path.startsWith('assets/') && classify(path).kind === 'asset') {
      reader.assets.set(path, assetValue(oid, extensionOf(path)))
    }
  }
  const layout = layoutOf(files.map((file) => file.path))
  if (layout === 'both') {
    const message = 'both world.json and files below world/ say the world: keep one of them'
    reader.problems.push({ path: MANIFEST_FILE, code: 'both_layouts', message })
  }
  for (const { path, oid } of files) reader.take(path, oid, layout === 'both')
  reader.takeApps()
  reader.checkBlueprints()
  const { state, paths, assets, problems, claims } = reader
  return { layout: layout === 'both' ? 'split' : layout, state, paths, assets, problems, claims }
}

interface AppFolder {
  readonly blueprints: { path: string; bytes: Uint8Array }[]
  readonly scripts: { path: string; value: AssetValue }[]
}

class ProjectReader {
  readonly state = new Map<ObjectKey, WorldObject>()
  readonly paths = new Map<ObjectKey, string>()
  readonly assets = new Map<string, AssetValue>()
  readonly problems: FileProblem[] = []
  readonly claims: Claim[] = []
  private readonly identities: Identities
  private readonly apps = new Map<string, AppFolder>()
  private readonly bytesOf: (path: string) => Uint8Array | undefined
  private readonly values: AssetValues = { valueOf: (path) => this.assets.get(path) }

  constructor(bytesOf: (path: string) => Uint8Array | undefined, identities: Identities) {
    this.bytesOf = bytesOf
    this.identities = identities
  }

  /** Reads one file; those of apps are only gathered, since a folder is read as a whole. */
  take(path: string, oid: string, skipManifest: boolean): void {
    const place = classify(path)
    switch (place.kind) {
      case 'entity':
        this.object(path, (bytes) => {
          const { read, claim } = readClaimedEntity(path, bytes, this.values, this.identities)
          if (claim !== undefined) this.claims.push(claim)
          return read
        })
        break
      case 'settings':
        this.object(path, (bytes) => readSettingsFile(path, bytes))
        break
      case 'spawn':
        this.object(path, (bytes) => readSpawnFile(path, bytes))
        break
      case 'manifest':
        if (!skipManifest) this.manifest(path)
        break
      case 'blueprint': {
        const bytes = this.bytes(path)
        if (bytes !== undefined) this.app(place.folder).blueprints.push({ path, bytes })
        break
      }
      case 'script':
        this.app(place.folder).scripts.push({ path, value: assetValue(oid, extensionOf(path)) })
        break
      case 'shared': {
        const content = assetValue(oid, extensionOf(path))
        this.add({ kind: 'shared', id: place.path, fields: { content } }, path)
        break
      }
      case 'asset':
      case 'other':
        break
    }
  }

  takeApps(): void {
    for (const [folder, files] of this.apps) {
      const app = readApp(folder, files, this.values, { identities: this.identities })
      this.problems.push(...app.problems)
      this.claims.push(...app.claims)
      for (const object of app.objects) this.add(object, app.paths.get(objectKey('blueprint', object.id))!)
    }
  }

  /** An entity of a blueprint that nobody has. The runtime allows it, so a world's own files may say it too. */
  checkBlueprints(): void {
    for (const [key, { kind, id, fields }] of this.state) {
      if (kind !== 'entity') continue
      const blueprint = own(fields, 'blueprint') as string
      if (this.state.has(objectKey('blueprint', blueprint)) || TEMPLATE_BLUEPRINTS.has(blueprint)) continue
      const message = `entity ${id} names the blueprint ${blueprint}, which does not exist`
      this.problems.push({ path: this.paths.get(key)!, code: 'unknown_blueprint', message })
    }
  }

  private app(folder: string): AppFolder {
    let files = this.apps.get(folder)
    if (files === undefined) {
      files = { blueprints: [], scripts: [] }
      this.apps.set(folder, files)
    }
    return files
  }

  private bytes(path: string): Uint8Array | undefined {
    const bytes = this.bytesOf(path)
    if (bytes === undefined) this.problems.push({ path, code: 'missing_file', message: 'cannot be read' })
    return bytes
  }

  private object(path: string, read: (bytes: Uint8Array) => ReadObject): void {
    const bytes = this.bytes(path)
    if (bytes === undefined) return
    const result = read(bytes)
    if (result.kind === 'ok') this.add(result.object, path)
    else this.problems.push(result.problem)
  }

  private manifest(path: string): void {
    const bytes = this.bytes(path)
    if (bytes === undefined) return
    const result = readManifest(path, bytes, this.values)
    if (result.kind === 'invalid') this.problems.push(...result.problems)
    else for (const object of result.manifest.objects.values()) this.add(object, path)
  }

  private add(object: WorldObject, path: string): void {
    const key = objectKey(object.kind, object.id)
    const other = this.paths.get(key)
    if (other === undefined) {
      this.state.set(key, object)
      this.paths.set(key, path)
      return
    }
    const message = `${other} and ${path} have the same id: ${object.id}`
    this.problems.push({ path, code: 'duplicate_id', message })
  }
}
