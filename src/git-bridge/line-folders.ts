import { classify } from '../projection/paths.ts'
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

function identityOf(bytes: Uint8Array | undefined): { readonly id: string | undefined; readonly owner: boolean } {
  if (bytes === undefined) return { id: undefined, owner: false }
  const document = JSON.parse(new TextDecoder().decode(bytes)) as JsonObject
  const id = own(document, 'id')
  const owner = typeof own(document, 'scriptRef') !== 'string' && own(document, 'scriptEntry') !== null
  return { id: typeof id === 'string' ? id : undefined, owner }
}
