import { readApp } from '../projection/app.ts'
import { type AssetValue, type AssetValues, assetValue, extensionOf } from '../projection/asset-value.ts'
import { readClaimedEntity } from '../projection/entity.ts'
import { AS_SAID, type Claim, type Identities } from '../projection/identities.ts'
import type { FileProblem } from '../projection/json-file.ts'
import { type Manifest, readManifest } from '../projection/manifest.ts'
import { classify } from '../projection/paths.ts'
import { readSettingsFile } from '../projection/settings.ts'
import { readSpawnFile } from '../projection/spawn.ts'
import { type ObjectKey, objectKey, SETTINGS, SPAWN, type WorldObject } from '../world/state.ts'
import type { FileEntry, Oid, Repository, TreeMode } from './repository.ts'
import type { Units } from './units.ts'

/** An object and the file that holds it (M8: the tree says where an object's file is). */
export interface PlacedObject {
  readonly object: WorldObject
  readonly path: string
  /** The file does not say it so (M8): whoever writes a merge writes it anew. */
  readonly unsaid?: true
}

/** Some units of a tree, read. */
export interface TreeObjects {
  readonly objects: ReadonlyMap<ObjectKey, PlacedObject>
  readonly problems: readonly FileProblem[]
  /** What the files of blueprints and entities say about whose they are; a manifest's entities are not among them. */
  readonly claims: readonly Claim[]
  /** Path → content of every file below `assets/`. */
  readonly assets: ReadonlyMap<string, Oid>
  /** What stands below `assets/` and is no file: symbolic links, submodules. */
  readonly links: ReadonlySet<string>
  /** Paths of the scripts in the folders that were read, of blueprints or not. */
  readonly scripts: ReadonlySet<string>
  /** The manifest, where it was among the units and the tree has one. */
  readonly manifest: Manifest | undefined
}

/**
 * Reads units of a tree: only what was asked for, in two streams (names, then contents). `treeish` undefined stands for
 * the empty tree. Paths are relative to `prefix`.
 */
export async function readUnits(
  repository: Repository,
  treeish: Oid | undefined,
  prefix: string,
  units: Units,
  identities: Identities = AS_SAID,
): Promise<TreeObjects> {
  const objects = new Map<ObjectKey, PlacedObject>()
  const problems: FileProblem[] = []
  const claims: Claim[] = []
  const assets = new Map<string, Oid>()
  const links = new Set<string>()
  const allScripts = new Set<string>()
  if (treeish === undefined)
    return { objects, problems, claims, assets, links, scripts: allScripts, manifest: undefined }

  for (const file of await repository.listFiles(treeish, `${prefix}assets`)) {
    const path = file.path.slice(prefix.length)
    if (isFile(file.mode)) assets.set(path, file.oid)
    else links.add(path)
  }
  const values: AssetValues = { valueOf: (path) => contentAt(assets, path) }

  const single = new Map<string, Oid>()
  await Promise.all(
    [...units.files].map(async (path) => {
      const found = await repository.lookup(treeish, prefix + path)
      if (found !== undefined && isFile(found.mode)) single.set(path, found.oid)
    }),
  )
  const folders = new Map<string, readonly FileEntry[]>()
  await Promise.all(
    [...units.folders].map(async (folder) => {
      const files = await repository.listFiles(treeish, `${prefix}apps/${folder}`)
      folders.set(
        folder,
        files.filter(({ mode }) => isFile(mode)),
      )
    }),
  )
  const wanted: Oid[] = []
  for (const [path, oid] of single) if (classify(path).kind !== 'shared') wanted.push(oid)
  for (const files of folders.values()) {
    for (const file of files) if (classify(file.path.slice(prefix.length)).kind === 'blueprint') wanted.push(file.oid)
  }
  const blobs = await repository.readBlobs(wanted)

  const place = (key: ObjectKey, object: WorldObject, path: string): void => {
    const other = objects.get(key)
    const unsaid = identities.ids.has(path) || identities.foreignUids.has(path)
    if (other === undefined) objects.set(key, unsaid ? { object, path, unsaid } : { object, path })
    else problems.push(duplicate(object, path, other))
  }
  let manifest: Manifest | undefined
  for (const path of [...single.keys()].sort()) {
    const oid = single.get(path)!
    const kind = classify(path)
    if (kind.kind === 'shared') {
      const content = assetValue(oid, extensionOf(path))
      place(objectKey('shared', kind.path), { kind: 'shared', id: kind.path, fields: { content } }, path)
      continue
    }
    const bytes = blobs.get(oid)!
    if (kind.kind === 'manifest') {
      const read = readManifest(path, bytes, values)
      if (read.kind === 'invalid') problems.push(read.problem)
      else {
        manifest = read.manifest
        for (const [key, object] of read.manifest.objects) place(key, object, path)
      }
      continue
    }
    const { read, claim } =
      kind.kind === 'entity'
        ? readClaimedEntity(path, bytes, values, identities)
        : { read: (kind.kind === 'settings' ? readSettingsFile : readSpawnFile)(path, bytes), claim: undefined }
    if (claim !== undefined) claims.push(claim)
    if (read.kind === 'invalid') problems.push(read.problem)
    else place(keyOf(read.object), read.object, path)
  }
  for (const folder of [...folders.keys()].sort()) {
    const blueprints: { path: string; bytes: Uint8Array }[] = []
    const scripts: { path: string; value: AssetValue }[] = []
    for (const file of folders.get(folder)!) {
      const path = file.path.slice(prefix.length)
      const kind = classify(path)
      if (kind.kind === 'blueprint') blueprints.push({ path, bytes: blobs.get(file.oid)! })
      else if (kind.kind === 'script') {
        scripts.push({ path, value: assetValue(file.oid, extensionOf(path)) })
        allScripts.add(path)
      }
    }
    if (blueprints.length === 0) continue
    const app = readApp(folder, { blueprints, scripts }, values, { identities })
    problems.push(...app.problems)
    claims.push(...app.claims)
    for (const object of app.objects) {
      const key = keyOf(object)
      const path = app.paths.get(key)
      if (path !== undefined) place(key, object, path)
    }
  }
  return {
    objects,
    problems: problems.map((problem) => aboutLink(problem, links)),
    claims,
    assets,
    links,
    scripts: allScripts,
    manifest,
  }
}

function duplicate(object: WorldObject, path: string, other: PlacedObject): FileProblem {
  const message = `the id ${JSON.stringify(object.id)} is claimed by ${other.path} as well`
  return { code: 'duplicate_id', path, message }
}

/** A missing asset whose name is there, but is a link: nobody finds that out from "missing". */
function aboutLink(problem: FileProblem, links: ReadonlySet<string>): FileProblem {
  if (problem.code !== 'missing_asset') return problem
  const link = [...links].find((path) => `${problem.message} `.includes(` names ${path} `))
  if (link === undefined) return problem
  return { ...problem, message: `${problem.message}: that is a symbolic link, an asset is a file` }
}

/**
 * What two readings of one tree found, the units of which do not overlap. An object that both found is one id in two
 * files.
 */
export function joinUnits(first: TreeObjects, second: TreeObjects): TreeObjects {
  const objects = new Map(first.objects)
  const problems = [...first.problems, ...second.problems]
  for (const [key, placed] of second.objects) {
    const other = objects.get(key)
    if (other === undefined) objects.set(key, placed)
    else problems.push(duplicate(placed.object, placed.path, other))
  }
  return {
    ...first,
    objects,
    problems,
    claims: [...first.claims, ...second.claims],
    scripts: new Set([...first.scripts, ...second.scripts]),
    manifest: first.manifest ?? second.manifest,
  }
}

/** Links and submodules are no files of a world: what they name is elsewhere (S1). */
export function isFile(mode: TreeMode): boolean {
  return mode === '100644' || mode === '100755'
}

/** The content of an asset's file, as a value. */
export function contentAt(assets: ReadonlyMap<string, Oid>, path: string): AssetValue | undefined {
  const oid = assets.get(path)
  return oid === undefined ? undefined : assetValue(oid, extensionOf(path))
}

export function keyOf(object: WorldObject): ObjectKey {
  if (object.kind === 'settings') return SETTINGS
  if (object.kind === 'spawn') return SPAWN
  return objectKey(object.kind, object.id)
}
