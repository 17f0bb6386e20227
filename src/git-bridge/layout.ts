import { classify, MANIFEST_FILE, SETTINGS_FILE, SPAWN_FILE } from '../projection/paths.ts'
import { SyncError } from '../world/errors.ts'
import type { Layout } from './materializer.ts'
import type { Commit, Oid, Repository } from './repository.ts'
import { readTrailers } from './trailers.ts'

/** What `Lobby-Object` and `Lobby-Source` say of a commit of the line that changes nothing but its layout (G8). */
export const LAYOUT = 'layout'

/** Whether a commit of the line changes nothing but the layout: its cursor is the one before's. */
export function isLayoutChange(commit: Pick<Commit, 'message' | 'tree'>): boolean {
  return readTrailers(commit)?.object === LAYOUT
}

/** How a tree says its entities, settings and spawn (G8); undefined where it has none of them. Throws `both_layouts`. */
export async function layoutAt(repository: Repository, treeish: Oid, prefix: string): Promise<Layout | undefined> {
  const [manifest, ...singles] = await Promise.all(
    [MANIFEST_FILE, SETTINGS_FILE, SPAWN_FILE].map((path) => repository.lookup(treeish, prefix + path)),
  )
  // A folder that holds nothing but notes is no layout.
  const hasEntities = async () => {
    const files = await repository.listFiles(treeish, `${prefix}world/entities`)
    return files.some(({ path }) => classify(path.slice(prefix.length)).kind === 'entity')
  }
  const split = singles.some((file) => file !== undefined) || (await hasEntities())
  if (manifest === undefined) return split ? 'split' : undefined
  if (!split) return 'manifest'
  throw new SyncError('both_layouts', `The project has both ${MANIFEST_FILE} and a folder world/.`, {
    hint: 'Keep the one that holds your world and remove the other.',
  })
}

/** What people call a layout. */
export function layoutName(layout: Layout): string {
  return layout === 'split' ? 'one file per entity' : `all in ${MANIFEST_FILE}`
}

/** G8: a tree has one layout, and all sides of a merge the same. Throws `both_layouts`, `layout_mismatch`. */
export async function requireOneLayout(
  repository: Repository,
  prefix: string,
  sides: { readonly base: Oid | undefined; readonly ours: Oid; readonly theirs: Oid },
): Promise<void> {
  const [base, ours, theirs] = await Promise.all(
    [sides.base, sides.ours, sides.theirs].map((side) => side && layoutAt(repository, side, prefix)),
  )
  const differs = (side: Layout | undefined) => side !== undefined && side !== theirs
  if (theirs === undefined || (!differs(ours) && !differs(base))) return
  const message =
    'This branch and the remote ref have different layouts of the world: one file per entity, and world.json.'
  throw new SyncError('layout_mismatch', message, {
    hint: '"gamedev sync pull" takes over a layout that was changed for all; where the branch alone has another one, "gamedev sync layout split" (or manifest) brings both to that.',
    data: { base, ours, theirs },
  })
}
