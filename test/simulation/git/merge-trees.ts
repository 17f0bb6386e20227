import type { FileMode, Oid } from '../../../src/git-bridge/repository.ts'
import { notModelled } from './commands/call.ts'
import { mergeBases } from './history.ts'
import type { Stages } from './index-file.ts'
import { type MergeContext, mergeContents } from './merge-contents.ts'
import { addBlob, addCommit, EMPTY_TREE, type FreshObjects, readBlob, readCommit, sortedByName } from './objects.ts'
import type { Repo } from './repo.ts'
import { diffTrees, type FileItem, lookup, TreeDraft } from './trees.ts'

export interface TreeMerge {
  /** What is to stand in the work tree: with conflicts, files with markers. */
  readonly tree: Oid
  /** The stages of the paths in conflict, in git's order. */
  readonly conflicts: ReadonlyMap<string, Stages>
}

interface Trees {
  readonly base: Oid
  readonly ours: Oid
  readonly theirs: Oid
}

const NOBODY = { name: 'nobody', email: '', time: 0, offset: 0 }

/** Merges two commits over their merge base, which is itself the merge of all of them where there are several. */
export function mergeCommits(
  repo: Repo,
  objects: FreshObjects,
  ours: Oid,
  theirs: Oid,
  context: MergeContext,
): TreeMerge {
  const [first, ...rest] = [...mergeBases(objects, ours, theirs)].reverse()
  let base = first
  for (const next of rest) {
    const labels = {
      ours: 'Temporary merge branch 1',
      theirs: 'Temporary merge branch 2',
      base: 'merged common ancestors',
    }
    const { tree } = mergeCommits(repo, objects, base!, next, { labels, virtual: true, merged: undefined })
    base = addCommit(objects, {
      tree,
      parents: [base!, next],
      author: NOBODY,
      committer: NOBODY,
      message: 'merged tree',
    })
  }
  const treeOf = (oid: Oid) => readCommit(objects, oid).tree
  const trees = { base: base === undefined ? EMPTY_TREE : treeOf(base), ours: treeOf(ours), theirs: treeOf(theirs) }
  const said = rest.length > 0 ? 'merged common ancestors' : base === undefined ? 'empty tree' : base.slice(0, 7)
  return mergeTrees(repo, objects, trees, { ...context, labels: { ...context.labels, base: said } })
}

/** Merges three trees file by file. */
export function mergeTrees(
  repo: Repo,
  objects: FreshObjects,
  { base, ours, theirs }: Trees,
  context: MergeContext,
): TreeMerge {
  const draft = new TreeDraft(objects, ours)
  const conflicts = new Map<string, Stages>()
  const changes = diffTrees(objects, base, theirs)
  // Removed before the others come: a file may be in the place of a folder, and the other way round.
  for (const { path, before, after } of [...changes].sort(
    (a, b) => Number(b.after === undefined) - Number(a.after === undefined),
  )) {
    const now = fileAt(objects, ours, path)
    const merge = mergeFile(repo, objects, path, [before, now, after], context)
    if (merge.item === undefined) draft.delete(path)
    else draft.set(path, merge.item.mode, merge.item.oid)
    if (!merge.clean) conflicts.set(path, [before, now, after])
  }
  const tree = draft.write()
  return { tree, conflicts: sortedByName(conflicts) }
}

/** The file at a path. A folder in its place, or a file above it, is more than the model knows to merge. */
function fileAt(objects: FreshObjects, tree: Oid, path: string): FileItem | undefined {
  const names = path.split('/')
  for (let n = 1; n <= names.length; n += 1) {
    const found = lookup(objects, tree, names.slice(0, n).join('/'))
    if (found === undefined) return undefined
    const { mode, oid } = found
    if (n === names.length && mode !== '40000') return { mode, oid }
    if ((n === names.length) === (mode === '40000')) throw notModelled(['merge', `with a file and a folder at ${path}`])
  }
  return undefined
}

/** One file; what is left of it, and whether anybody has to look at it. */
function mergeFile(
  repo: Repo,
  objects: FreshObjects,
  path: string,
  [base, ours, theirs]: Stages,
  context: MergeContext,
): { readonly item: FileItem | undefined; readonly clean: boolean } {
  if (isSame(ours, theirs) || isSame(base, theirs)) return { item: ours, clean: true }
  if (isSame(base, ours)) return { item: theirs, clean: true }
  if (ours === undefined || theirs === undefined) {
    return { item: context.virtual ? base : (ours ?? theirs), clean: false }
  }
  const mode = mergeModes(base?.mode, ours.mode, theirs.mode)
  const content = (item: FileItem | undefined) => (item === undefined ? new Uint8Array() : readBlob(objects, item.oid))
  if (base?.oid === ours.oid || ours.oid === theirs.oid)
    return { item: { mode: mode.mode, oid: theirs.oid }, clean: mode.clean }
  if (base?.oid === theirs.oid) return { item: { mode: mode.mode, oid: ours.oid }, clean: mode.clean }
  const contents = { base: content(base), ours: content(ours), theirs: content(theirs) }
  const { clean, bytes } = mergeContents(repo, path, contents, context)
  return { item: { mode: mode.mode, oid: addBlob(objects, bytes) }, clean: clean && mode.clean }
}

function mergeModes(base: FileMode | undefined, ours: FileMode, theirs: FileMode): { mode: FileMode; clean: boolean } {
  if (ours === theirs || base === theirs) return { mode: ours, clean: true }
  if (base === ours) return { mode: theirs, clean: true }
  return { mode: ours, clean: false }
}

function isSame(a: FileItem | undefined, b: FileItem | undefined): boolean {
  return a?.oid === b?.oid && a?.mode === b?.mode
}
