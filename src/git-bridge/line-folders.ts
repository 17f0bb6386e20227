import { isAssetValue, parseAssetValue } from '../projection/asset-value.ts'
import { blueprintFile, classify, foldPath } from '../projection/paths.ts'
import type { WireScript } from '../projection/wire.ts'
import { assert } from '../world/errors.ts'
import { type JsonObject, own } from '../world/json.ts'
import type { Overlay } from './overlay.ts'
import type { Oid } from './repository.ts'

/** What an app folder of the line holds. */
export interface Folder {
  /** Path of the JSON → id of its blueprint. */
  readonly blueprints: Map<string, string>
  /** Project path → content. */
  readonly scripts: Map<string, Oid>
  /** Blueprints that use these scripts in their own name: those without a `scriptRef`. */
  readonly owners: Set<string>
}

export function emptyFolder(): Folder {
  return { blueprints: new Map(), scripts: new Map(), owners: new Set() }
}

/** The app folders of a line, and where each blueprint is. */
export async function readFolders(
  tree: Overlay,
): Promise<{ readonly folders: Map<string, Folder>; readonly paths: Map<string, string> }> {
  const folders = new Map<string, Folder>()
  const paths = new Map<string, string>()
  for (const [path, oid] of await tree.list('apps/')) {
    const kind = classify(path)
    if (kind.kind !== 'blueprint' && kind.kind !== 'script') continue
    const folder = folders.get(kind.folder) ?? emptyFolder()
    folders.set(kind.folder, folder)
    if (kind.kind === 'script') {
      folder.scripts.set(path, oid)
      continue
    }
    const { id, owner } = identityOf(await tree.bytes(path))
    assert(id !== undefined, `${path} of the line has no id`)
    folder.blueprints.set(path, id)
    if (owner) folder.owners.add(id)
    paths.set(id, path)
  }
  return { folders, paths }
}

/** The app folder of a path below `apps/`. */
export function folderOf(path: string): string {
  return path.split('/')[1]!
}

/**
 * Where a blueprint's JSON is, or goes: an object's file stays where the tree says it is (M8), unless it got scripts of
 * its own that differ from those of the blueprints beside it: these need a folder of their own. `root` is the file of the
 * blueprint whose scripts it shares.
 */
export function placeBlueprint(
  id: string,
  blueprint: {
    readonly name: string | undefined
    readonly root: string | undefined
    readonly scripts: readonly WireScript[]
  },
  folders: ReadonlyMap<string, Folder>,
  paths: ReadonlyMap<string, string>,
): string {
  const { name, root, scripts } = blueprint
  const others = new Set<string>()
  for (const [other, path] of paths) if (other !== id) others.add(foldPath(path))
  const isTaken = (path: string) => others.has(foldPath(path))
  const crowded = (name: string): boolean => {
    const folder = folders.get(name)
    if (folder === undefined || scripts.length === 0) return false
    if (![...folder.owners].some((owner) => owner !== id)) return false
    const same = ({ path, value }: WireScript) =>
      isAssetValue(value) && folder.scripts.get(`apps/${name}/${path}`) === parseAssetValue(value)?.oid
    return folder.scripts.size !== scripts.length || !scripts.every(same)
  }
  const present = paths.get(id)
  if (present !== undefined && !crowded(folderOf(present))) return present
  // Where case folds, folders that differ in nothing else are one.
  const twin = (name: string): boolean =>
    [...folders.keys()].some((other) => other !== name && foldPath(other) === foldPath(name))
  const folder = root === undefined ? undefined : folderOf(root)
  return blueprintFile(id, name, folder, isTaken, (folder) => crowded(folder) || twin(folder))
}

function identityOf(bytes: Uint8Array | undefined): { readonly id: string | undefined; readonly owner: boolean } {
  if (bytes === undefined) return { id: undefined, owner: false }
  const document = JSON.parse(new TextDecoder().decode(bytes)) as JsonObject
  const id = own(document, 'id')
  const owner = typeof own(document, 'scriptRef') !== 'string' && own(document, 'scriptEntry') !== null
  return { id: typeof id === 'string' ? id : undefined, owner }
}
