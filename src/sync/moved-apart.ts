import { isJsonPath, readDoc } from '../git-bridge/object-docs.ts'
import type { Oid } from '../git-bridge/repository.ts'
import type { UnmergedPath } from './index-stages.ts'
import type { Project } from './session.ts'

/**
 * Files that both sides of a git merge moved, each to a place of its own. git leaves three paths of such a file: the old
 * one with the base alone, and the new ones with a side each, both holding what it merged of the content. They are one
 * conflict: settled one by one, each answer could be right and the file be gone from both places.
 *
 * @returns groups of paths: our place, theirs, and the old one where it is known
 */
export function movedApart(unmerged: Iterable<UnmergedPath>): readonly (readonly UnmergedPath[])[] {
  const entries = [...unmerged]
  const bySide = (side: 'ours' | 'theirs') =>
    entries.filter((entry) => entry.base === undefined && sidesOf(entry) === side)
  const there = bySide('theirs')
  const pairs = bySide('ours').flatMap((ours) => {
    const index = there.findIndex(({ theirs }) => theirs === ours.ours)
    return index < 0 ? [] : [[ours, there.splice(index, 1)[0]!]]
  })
  // Neither side has anything at an old place: whichever of these moves it belongs to, it is left empty.
  const left = entries.filter((entry) => sidesOf(entry) === 'none')
  return pairs.map((pair, index) => [...pair, ...(index === pairs.length - 1 ? left : left.splice(0, 1))])
}

/**
 * The sides' own files of {@link movedApart}, by path, where they are two objects, as their ids say: what is deleted, and
 * what is added and looks like it, git takes for one file that was moved. Nothing is contested in them, and both stay.
 *
 * @returns undefined where they may be one
 */
export async function twoObjects(
  project: Project,
  [ours, theirs, ...old]: readonly UnmergedPath[],
  mergeHead: Oid | undefined,
): Promise<ReadonlyMap<string, Uint8Array | undefined> | undefined> {
  const head = await project.repository.resolve('HEAD')
  const here = await fileAt(project, head, ours?.path)
  const there = await fileAt(project, mergeHead, theirs?.path)
  if (here === undefined || there === undefined || here.id === there.id) return undefined
  return new Map([
    [ours!.path, here.bytes],
    [theirs!.path, there.bytes],
    ...old.map(({ path }) => [path, undefined] as const),
  ])
}

async function fileAt(
  { repository, prefix }: Project,
  commit: Oid | undefined,
  path = '',
): Promise<{ readonly id: string; readonly bytes: Uint8Array } | undefined> {
  const within = path.slice(prefix.length)
  const oid = commit === undefined || !isJsonPath(within) ? undefined : (await repository.lookup(commit, path))?.oid
  const bytes = oid === undefined ? undefined : (await repository.readBlobs([oid])).get(oid)
  const id = bytes === undefined ? undefined : readDoc(within, bytes)?.id
  return bytes === undefined || typeof id !== 'string' ? undefined : { id, bytes }
}

function sidesOf({ ours, theirs }: UnmergedPath): 'both' | 'ours' | 'theirs' | 'none' {
  if (ours === undefined) return theirs === undefined ? 'none' : 'theirs'
  return theirs === undefined ? 'ours' : 'both'
}
