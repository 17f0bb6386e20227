import { createHash } from 'node:crypto'
import { LAYOUT } from '../git-bridge/layout.ts'
import type { Oid, Repository, TreeEdit } from '../git-bridge/repository.ts'
import type { LineTrailers } from '../git-bridge/trailers.ts'
import type { Cursor } from '../world/operation.ts'

/**
 * How far a branch has taken in a world, said by the branch's own files (G7): one empty file for each world,
 * `lobby.seen/<cursor>-<hash>`, that survives where merge commits do not — in squash merges.
 */
export const SEEN_FOLDER = 'lobby.seen'

/** A place in a world's feed that files say was seen. */
export interface SeenMark {
  readonly cursor: Cursor
  /** The file's name. */
  readonly name: string
}

function hash(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits)
}

type Place = Pick<LineTrailers, 'worldId' | 'cursor' | 'opId' | 'object' | 'tree'>

/**
 * The file's name for a commit of the line: its cursor, then what tells the world, then what tells the operation. Commits
 * that no operation made share the cursor and the operation of the one before them: their tree tells them apart.
 */
export function seenName({ worldId, cursor, opId, object, tree }: Place): string {
  const which = object === 'snapshot' || object === LAYOUT ? `${opId}\0${tree}` : opId
  return `${cursor}-${hash(worldId, 6)}${hash(which, 10)}`
}

/** The marks about one world in a tree, the furthest first. */
export async function readSeen(
  repository: Repository,
  treeish: Oid,
  prefix: string,
  worldId: string,
): Promise<readonly SeenMark[]> {
  const folder = await repository.lookup(treeish, prefix + SEEN_FOLDER)
  if (folder?.mode !== '40000') return []
  const world = hash(worldId, 6)
  const marks: SeenMark[] = []
  for (const { name } of await repository.readTree(folder.oid)) {
    const match = /^(\d{1,16})-([0-9a-f]{6})[0-9a-f]{10}$/.exec(name)
    const cursor = Number(match?.[1])
    if (match?.[2] === world && Number.isSafeInteger(cursor)) marks.push({ cursor, name })
  }
  return marks.sort((a, b) => b.cursor - a.cursor || (a.name < b.name ? -1 : 1))
}

/** What a merge with `tip` changes in `treeish`: the mark of the tip comes, older ones of its world go. */
export async function seenEdits(
  repository: Repository,
  treeish: Oid,
  prefix: string,
  tip: Place,
): Promise<readonly TreeEdit[]> {
  const name = seenName(tip)
  const marks = await readSeen(repository, treeish, prefix, tip.worldId)
  const at = (file: string) => `${prefix}${SEEN_FOLDER}/${file}`
  const gone = marks.filter((mark) => mark.name !== name)
  return [
    ...gone.map((mark): TreeEdit => ({ path: at(mark.name), kind: 'delete' })),
    ...(gone.length === marks.length ? [{ path: at(name), kind: 'write', bytes: new Uint8Array() } as const] : []),
  ]
}
