import type { Oid } from '../../../../src/git-bridge/repository.ts'
import type { Work } from '../effects.ts'
import { Index } from '../index-file.ts'
import { mergeTrees } from '../merge-trees.ts'
import { addCommit, FreshObjects, readCommit } from '../objects.ts'
import { twoTrees } from '../read-tree.ts'
import type { Repo } from '../repo.ts'
import { stashes } from '../revision.ts'
import { diffTrees, type FileItem, listFiles, TreeDraft, treeOfFiles } from '../trees.ts'
import { fileItem, isModified, refreshed } from '../work-tree.ts'
import { identity } from './commit.ts'
import { subjectOf } from './messages.ts'
import { resetTo } from './operations.ts'

/** What git says, and whether it did what it was asked. */
export interface StashOutcome {
  readonly ok: boolean
  readonly said: string
}

/** `git stash push --message <message>`: what is tracked and differs from HEAD is put aside. */
export function* stashPush(repo: Repo, message: string): Work<StashOutcome> {
  const { head } = repo
  const index = refreshed(repo, repo.index)
  if (head === undefined) return { ok: false, said: 'You do not have the initial commit yet' }
  if (index.unmerged.size > 0) return { ok: false, said: `${[...index.unmerged.keys()][0]}: needs merge` }
  const objects = new FreshObjects(repo.objects)
  const staged = treeOfFiles(objects, index.entries)
  const work = worksTree(repo, objects, index)
  const { tree, message: headMessage } = readCommit(repo.objects, head)
  if (staged === tree && work === tree) return { ok: true, said: 'No local changes to save' }

  const who = identity(repo)
  const branch = repo.refs.branch()?.replace(/^refs\/heads\//, '') ?? '(no branch)'
  const commit = (tree: Oid, parents: readonly Oid[], message: string) =>
    addCommit(objects, { tree, parents, author: who, committer: who, message })
  const ofIndex = commit(staged, [head], `index on ${branch}: ${head.slice(0, 7)} ${subjectOf(headMessage)}\n`)
  const title = `On ${branch}: ${message}`
  const oid = commit(work, [head, ofIndex], title)
  yield { name: 'stash objects', act: () => objects.flush(repo.objects) }
  yield { name: 'stash', act: () => stashStore(repo, oid, title) }
  yield* resetTo(repo, head)
  return { ok: true, said: `Saved working directory and index state ${title}` }
}

/** The tracked files as they are. */
function worksTree(repo: Repo, objects: FreshObjects, index: Index): Oid {
  const files = new Map<string, FileItem>()
  for (const [path, entry] of index.entries) {
    const item = isModified(repo, path, entry) ? fileItem(repo, path, objects) : entry
    if (item !== undefined) files.set(path, item)
  }
  return treeOfFiles(objects, files)
}

function setStashes(repo: Repo, all: readonly { readonly oid: Oid; readonly message: string }[]): void {
  const last = all.at(-1)
  repo.setState('logs/refs/stash', last && all.map(({ oid, message }) => `${oid} ${message}\n`).join(''))
  repo.refs.write('refs/stash', last?.oid)
}

/** Keeps a commit that `git stash` has made: what could not be brought back stays safe. */
export function stashStore(repo: Repo, oid: Oid, message: string): void {
  setStashes(repo, [...stashes(repo)].reverse().concat({ oid, message }))
}

export function* stashDrop(repo: Repo, name: string): Work<StashOutcome> {
  const at = placeOf(name)
  const all = stashes(repo)
  if (all[at] === undefined) return { ok: false, said: `${name} is not a valid reference` }
  yield { name: 'stash', act: () => setStashes(repo, all.filter((_, n) => n !== at).reverse()) }
  return { ok: true, said: `Dropped ${name}` }
}

/** `git stash pop [--index] <name>`: applied, and dropped where it fits without conflicts. */
export function* stashPop(repo: Repo, name: string, options: { readonly index: boolean }): Work<StashOutcome> {
  const entry = stashes(repo)[placeOf(name)]
  if (entry === undefined) return { ok: false, said: `${name} is not a valid reference` }
  const applied = yield* stashApply(repo, entry.oid, options)
  if (!applied.ok) return applied
  return yield* stashDrop(repo, name)
}

/** Applies a commit that a stash has made; `git commit` does so with what a merge has put aside. */
export function* stashApply(repo: Repo, oid: Oid, options: { readonly index: boolean }): Work<StashOutcome> {
  const before = refreshed(repo, repo.index)
  if (before.unmerged.size > 0) return { ok: false, said: 'cannot apply a stash in the middle of a merge' }
  const { tree: theirs, parents } = readCommit(repo.objects, oid)
  const [base, staged] = parents.map((parent) => readCommit(repo.objects, parent).tree)
  const objects = new FreshObjects(repo.objects)
  const ours = treeOfFiles(objects, before.entries)
  const withIndex = options.index && staged !== base && staged !== ours
  const next = withIndex ? stagedAgain(objects, ours, base!, staged!) : undefined
  if (withIndex && next === undefined) return { ok: false, said: 'conflicts in index. Try without --index.' }

  const labels = {
    ours: base === ours ? 'Version stash was based on' : 'Updated upstream',
    theirs: 'Stashed changes',
    base: 'Stash base',
  }
  const merge = mergeTrees(repo, objects, { base: base!, ours, theirs }, { labels, depth: 0, merged: undefined })
  if (objects.size > 0) yield { name: 'stash objects', act: () => objects.flush(repo.objects) }
  if (before !== repo.index) yield { name: 'index', act: () => repo.writeIndex(before) }
  const refused = yield* twoTrees(repo, ours, merge.tree, { all: true })
  if (refused.length > 0)
    return { ok: false, said: 'Your local changes to the following files would be overwritten by merge' }
  if (merge.conflicts.size > 0) {
    yield { name: 'index', act: () => repo.writeIndex(withStages(repo, merge.conflicts)) }
    return { ok: false, said: 'CONFLICT' }
  }
  yield { name: 'index', act: () => repo.writeIndex(unstaged(repo, next ?? ours, { keepNew: next === undefined })) }
  return { ok: true, said: '' }
}

/** The staged changes on top of another index; undefined where they do not fit. */
function stagedAgain(objects: FreshObjects, ours: Oid, base: Oid, staged: Oid): Oid | undefined {
  const here = new Map(listFiles(objects, ours).map((file) => [file.path, file.oid]))
  const draft = new TreeDraft(objects, ours)
  for (const { path, before, after } of diffTrees(objects, base, staged)) {
    if (here.get(path) !== before?.oid) return undefined
    if (after === undefined) draft.delete(path)
    else draft.set(path, after.mode, after.oid)
  }
  return draft.write()
}

function withStages(repo: Repo, conflicts: ReturnType<typeof mergeTrees>['conflicts']): Index {
  const index = repo.index.copy()
  for (const [path, stages] of conflicts) index.setStages(path, stages)
  return index
}

/** The index as a tree has it, what was seen of unchanged files kept; new files stay in it where asked. */
function unstaged(repo: Repo, tree: Oid, { keepNew }: { readonly keepNew: boolean }): Index {
  const { index } = repo
  const files = new Map(listFiles(repo.objects, tree).map((file) => [file.path, file]))
  const next = new Index()
  for (const [path, { mode, oid }] of files) {
    const known = index.entries.get(path)
    const same = known?.oid === oid && known.mode === mode
    next.entries.set(path, same ? known : { mode, oid, seen: undefined })
  }
  if (keepNew) {
    for (const [path, entry] of index.entries) if (!files.has(path)) next.entries.set(path, entry)
  }
  return refreshed(repo, next)
}

function placeOf(name: string): number {
  return Number(/\{(\d+)\}$/.exec(name)?.[1] ?? 0)
}
