import type { Oid, Signature } from '../../../../src/git-bridge/repository.ts'
import type { Index } from '../index-file.ts'
import { addCommit, FreshObjects, readCommit, sortNames } from '../objects.ts'
import type { Repo } from '../repo.ts'
import { treeOfFiles } from '../trees.ts'
import { fileItem, filesBelow, isUnchanged, nodeAt, refreshed, seenAt } from '../work-tree.ts'
import { cleanMessage } from './messages.ts'

export interface CommitOptions {
  /** By default what git has prepared: the message of a merge, of a squash. */
  readonly message?: string
  /** Stages everything first, as `git add -A` does. */
  readonly all?: boolean
  readonly amend?: boolean
  readonly allowEmpty?: boolean
  readonly author?: Pick<Signature, 'name' | 'email'> & Partial<Signature>
}

export type CommitOutcome =
  | { readonly kind: 'committed'; readonly oid: Oid }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'unmerged'; readonly paths: readonly string[] }

/** What says that an operation is under way, and is gone when it is concluded. */
const UNDER_WAY = [
  'MERGE_HEAD',
  'MERGE_MODE',
  'MERGE_MSG',
  'CHERRY_PICK_HEAD',
  'REVERT_HEAD',
  'SQUASH_MSG',
  'AUTO_MERGE',
]

/** `git add -A -- <path>…`; everything by default. */
export function stage(repo: Repo, paths?: readonly string[]): void {
  const index = repo.index.copy()
  const wanted = (path: string) =>
    paths === undefined || paths.some((place) => path === place || path.startsWith(`${place}/`))
  const chosen = new Set(index.paths().filter(wanted))
  for (const path of filesBelow(repo, '')) if (wanted(path)) chosen.add(path)
  for (const path of sortNames([...chosen])) {
    const known = index.entries.get(path)
    if (known !== undefined && isUnchanged(repo, path, known)) continue
    const item = fileItem(repo, path, repo.objects)
    if (item === undefined) index.delete(path)
    else index.set(path, { ...item, seen: seenAt(repo, path) })
  }
  repo.writeIndex(index)
}

/** Commits the index, and concludes what is under way. */
export function commit(repo: Repo, options: CommitOptions): CommitOutcome {
  if (options.all === true) stage(repo)
  const index = refreshed(repo, repo.index)
  if (index.unmerged.size > 0) return { kind: 'unmerged', paths: sortNames([...index.unmerged.keys()]) }
  repo.writeIndex(index)
  const { head } = repo
  const last = head === undefined ? undefined : readCommit(repo.objects, head)
  const merging = mergeHeads(repo)
  const objects = new FreshObjects(repo.objects)
  const tree = treeOfIndex(objects, index)
  const amended = options.amend === true ? last : undefined
  const parents = amended?.parents ?? [...(head === undefined ? [] : [head]), ...merging]
  const isEmpty = last === undefined ? index.entries.size === 0 : tree === last.tree
  const counts = merging.length > 0 || amended !== undefined || options.allowEmpty === true
  if (isEmpty && !counts) return { kind: 'nothing' }

  const prepared = repo.state('MERGE_MSG') ?? repo.state('SQUASH_MSG')
  const message =
    options.message !== undefined
      ? cleanMessage(options.message, { comments: true })
      : amended !== undefined
        ? amended.message
        : cleanMessage(prepared ?? '', { comments: false })
  const committer = identity(repo)
  const picked = repo.state('CHERRY_PICK_HEAD') as Oid | undefined
  const known = amended ?? (picked === undefined ? undefined : readCommit(repo.objects, picked))
  const author = options.author === undefined ? (known?.author ?? committer) : { ...committer, ...options.author }
  const oid = addCommit(objects, { tree, parents, author, committer, message })
  objects.flush(repo.objects)
  repo.refs.write('HEAD', oid)
  endOperation(repo)
  return { kind: 'committed', oid }
}

/** Forgets that a merge, a cherry-pick or a revert is under way. */
export function endOperation(repo: Repo): void {
  for (const name of UNDER_WAY) repo.setState(name, undefined)
}

/** Whether a merge, a rebase, a cherry-pick or a revert waits to be concluded. */
export function isUnderWay(repo: Repo): boolean {
  return ['MERGE_HEAD', 'CHERRY_PICK_HEAD', 'REVERT_HEAD', 'rebase-merge/todo'].some(
    (name) => repo.state(name) !== undefined,
  )
}

export function treeOfIndex(objects: FreshObjects, index: Index): Oid {
  return treeOfFiles(objects, index.entries)
}

export function mergeHeads(repo: Repo): readonly Oid[] {
  return (repo.state('MERGE_HEAD') ?? '').split('\n').filter((line) => line !== '') as Oid[]
}

export function identity(repo: Repo): Signature {
  const found = repo.identity
  if (found === undefined) throw new Error('a user with a name')
  return found
}

/** `git rm`: from index and work tree. */
export function remove(repo: Repo, paths: readonly string[]): void {
  for (const path of paths)
    if (nodeAt(repo, path) !== undefined) repo.disk.rm(`${repo.workTree}/${path}`, { recursive: true })
  stage(repo, paths)
}

/** `git mv` of a file or a folder. */
export function move(repo: Repo, from: string, to: string): void {
  const parent = to.slice(0, Math.max(0, to.lastIndexOf('/')))
  repo.disk.mkdir(`${repo.workTree}/${parent}`, { recursive: true })
  repo.disk.rename(`${repo.workTree}/${from}`, `${repo.workTree}/${to}`)
  stage(repo, [from, to])
}
