import type { Oid } from '../../../src/git-bridge/repository.ts'
import type { Work } from './effects.ts'
import { isIgnored } from './ignore.ts'
import { Index, type IndexEntry } from './index-file.ts'
import { treeOf } from './objects.ts'
import type { Repo } from './repo.ts'
import { diffTrees, type FileItem, listFiles } from './trees.ts'
import { applyChange, filesBelow, isUnchanged, nodeAt } from './work-tree.ts'

/** Why a file stops a move, and what `git read-tree` says then; `switch` and `merge` say it otherwise. */
export interface Refusal {
  readonly kind: 'overwritten' | 'not-uptodate' | 'lost-folder' | 'untracked-overwritten' | 'untracked-removed'
  readonly path: string
}

/** The work tree and the index of a move from one tree to another. */
interface Move {
  readonly index: Index
  readonly remove: string[]
  readonly write: Map<string, FileItem>
}

/** What `git read-tree` says of a refusal. */
export function plumbingMessage({ kind, path }: Refusal): string {
  switch (kind) {
    case 'overwritten':
      return `error: Entry '${path}' would be overwritten by merge. Cannot merge.\n`
    case 'not-uptodate':
      return `error: Entry '${path}' not uptodate. Cannot merge.\n`
    case 'lost-folder':
      return `error: Updating '${path}' would lose untracked files in it\n`
    case 'untracked-overwritten':
      return `error: Untracked working tree file '${path}' would be overwritten by merge.\n`
    case 'untracked-removed':
      return `error: Untracked working tree file '${path}' would be removed by merge.\n`
  }
}

export interface MoveOptions {
  /** Changes nothing. */
  readonly dryRun?: boolean
  /** Files that git ignores are in nobody's way. `switch` and `merge` do so, and so does `read-tree`. */
  readonly all?: boolean
}

/**
 * Moves index and work tree from one tree to another as `git read-tree -m -u <from> <to>` does (git's two-tree merge):
 * local changes stay where neither tree differs. Returns what stops it, the first such file or `all`, with nothing
 * changed; nothing when it is done. The index must be without conflicts.
 */
export function* twoTrees(repo: Repo, from: Oid, to: Oid, options: MoveOptions = {}): Work<readonly Refusal[]> {
  const { index } = repo
  const unborn = repo.disk.file(`${repo.gitDir}/index`) === undefined
  const move: Move = { index: index.copy(), remove: [], write: new Map() }
  const refused: Refusal[] = []
  // Where both trees agree, the index stays as it is, whatever it holds.
  for (const { path, before, after } of diffTrees(repo.objects, treeOf(repo.objects, from), treeOf(repo.objects, to))) {
    const refusal = decide(repo, unborn, move, index.entries.get(path), path, before, after)
    if (refusal === undefined) continue
    refused.push(refusal)
    if (options.all !== true) return refused
  }
  if (refused.length === 0 && options.dryRun !== true) yield* applyChange(repo, move)
  return refused
}

function decide(
  repo: Repo,
  unborn: boolean,
  move: Move,
  current: IndexEntry | undefined,
  path: string,
  before: FileItem | undefined,
  after: FileItem | undefined,
): Refusal | undefined {
  if (current === undefined) {
    if (after === undefined) return absent(repo, path, 'untracked-removed', move)
    if (before !== undefined && !unborn) return { kind: 'overwritten', path }
    return put(repo, move, path, after)
  }
  if (after !== undefined && same(current, after)) return undefined
  if (before === undefined || !same(current, before)) return { kind: 'overwritten', path }
  if (!isUpToDate(repo, path, current)) return { kind: 'not-uptodate', path }
  if (after === undefined) {
    move.index.delete(path)
    move.remove.push(path)
  } else {
    move.index.set(path, { ...after, seen: undefined })
    move.write.set(path, after)
  }
  return undefined
}

function put(repo: Repo, move: Move, path: string, after: FileItem): Refusal | undefined {
  const refusal = absent(repo, path, 'untracked-overwritten', move)
  if (refusal !== undefined) return refusal
  move.index.set(path, { ...after, seen: undefined })
  move.write.set(path, after)
  return undefined
}

function same(a: FileItem, b: FileItem): boolean {
  return a.oid === b.oid && a.mode === b.mode
}

/** A file that is gone stands in nobody's way. */
function isUpToDate(repo: Repo, path: string, entry: IndexEntry): boolean {
  return nodeAt(repo, path) === undefined ? leadingFile(repo, path) === undefined : isUnchanged(repo, path, entry)
}

/** The part of a path that is a file where a folder should be. */
function leadingFile(repo: Repo, path: string): string | undefined {
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const node = nodeAt(repo, path.slice(0, at))
    if (node === undefined) return undefined
    if (node.kind !== 'folder') return path.slice(0, at)
  }
  return undefined
}

/** What stands untracked in the place of a file; what git ignores, or is going to be removed, does not count. */
function absent(repo: Repo, path: string, kind: Refusal['kind'], move: Move): Refusal | undefined {
  const leading = leadingFile(repo, path)
  const at = leading ?? path
  const node = nodeAt(repo, at)
  if (node === undefined || isIgnored(repo, at)) return undefined
  if (node.kind !== 'folder') return move.remove.includes(at) ? undefined : { kind, path: at }
  for (const file of filesBelow(repo, at)) {
    const entry = repo.index.entries.get(file)
    if (entry === undefined) return { kind: 'lost-folder', path }
    if (!isUpToDate(repo, file, entry)) return { kind: 'not-uptodate', path: file }
  }
  return undefined
}

/** An index of a tree's files, nothing seen of them. */
export function indexOfTree(repo: Repo, tree: Oid): Index {
  return new Index(listFiles(repo.objects, tree).map(({ path, mode, oid }) => [path, { mode, oid, seen: undefined }]))
}
