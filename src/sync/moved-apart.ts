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

/**
 * The file of one side alone, by path, where its object is another than the one that stood there before: both sides
 * deleted that, and git took what one of them added for it, moved. Nothing is contested in it, and it stays.
 *
 * @returns undefined where it may be the same object
 */
export async function anotherObject(
  { repository, prefix }: Project,
  { path, base, ours, theirs }: UnmergedPath,
): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
  const side = ours === undefined ? theirs : ours
  const alone = ours === undefined || theirs === undefined
  const within = path.slice(prefix.length)
  if (base === undefined || side === undefined || !alone || !isJsonPath(within)) return undefined
  const blobs = await repository.readBlobs([base, side])
  const [before, now] = [base, side].map((oid) => idIn(within, blobs.get(oid)))
  return before === undefined || now === undefined || before === now ? undefined : new Map([[path, blobs.get(side)!]])
}

async function fileAt(
  { repository, prefix }: Project,
  commit: Oid | undefined,
  path = '',
): Promise<{ readonly id: string; readonly bytes: Uint8Array } | undefined> {
  const within = path.slice(prefix.length)
  const oid = commit === undefined || !isJsonPath(within) ? undefined : (await repository.lookup(commit, path))?.oid
  const bytes = oid === undefined ? undefined : (await repository.readBlobs([oid])).get(oid)
  const id = idIn(within, bytes)
  return bytes === undefined || id === undefined ? undefined : { id, bytes }
}

function idIn(within: string, bytes: Uint8Array | undefined): string | undefined {
  const id = bytes === undefined ? undefined : readDoc(within, bytes)?.id
  return typeof id === 'string' ? id : undefined
}

function sidesOf({ ours, theirs }: UnmergedPath): 'both' | 'ours' | 'theirs' | 'none' {
  if (ours === undefined) return theirs === undefined ? 'none' : 'theirs'
  return theirs === undefined ? 'ours' : 'both'
}
