import type { FileMode, Oid } from '../../../src/git-bridge/repository.ts'
import { mergeBases } from './history.ts'
import type { Stages } from './index-file.ts'
import { type MergeContext, mergeContents } from './merge-contents.ts'
import { type MergeEntry, planMerge } from './merge-stages.ts'
import { addBlob, addCommit, EMPTY_TREE, type FreshObjects, readBlob, readCommit, sortedByName } from './objects.ts'
import type { Repo } from './repo.ts'
import { type FileItem, TreeDraft } from './trees.ts'

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
    const { tree } = mergeCommits(repo, objects, base!, next, { labels, depth: context.depth + 1, merged: undefined })
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

/** Merges three trees file by file; files that a side has renamed with what they were. */
export function mergeTrees(repo: Repo, objects: FreshObjects, trees: Trees, context: MergeContext): TreeMerge {
  const mergeOne = (path: string, entry: MergeEntry, inner = false) =>
    mergeFile(repo, objects, path, entry, { ...context, inner })
  const plan = planMerge(objects, trees, mergeOne)
  const draft = new TreeDraft(objects, trees.ours)
  const conflicts = new Map<string, Stages>()
  const merged = [...plan.entries].map(([path, entry]) => ({ path, entry, ...mergeOne(path, entry) }))
  // Removed before the others come: a file may be in the place of a folder, and the other way round.
  for (const path of plan.gone) draft.delete(path)
  for (const { path, item } of merged) if (item === undefined) draft.delete(path)
  for (const { path, entry, item, clean } of merged) {
    if (item !== undefined) draft.set(path, item.mode, item.oid)
    if (!clean) conflicts.set(path, entry.stages)
  }
  return { tree: draft.write(), conflicts: sortedByName(conflicts) }
}

/** One file; what is left of it, and whether anybody has to look at it. */
function mergeFile(
  repo: Repo,
  objects: FreshObjects,
  path: string,
  { stages: [base, ours, theirs], names, open }: MergeEntry,
  context: MergeContext,
): { readonly item: FileItem | undefined; readonly clean: boolean } {
  if (open === true && (ours === undefined || theirs === undefined)) {
    if (ours === undefined && theirs === undefined) return { item: undefined, clean: false }
    return { item: context.depth > 0 && base !== undefined ? base : (ours ?? theirs), clean: false }
  }
  const mayBeClean = open !== true
  if (isSame(ours, theirs) || isSame(base, theirs)) return { item: ours, clean: mayBeClean }
  if (isSame(base, ours)) return { item: theirs, clean: mayBeClean }
  if (ours === undefined || theirs === undefined) {
    return { item: context.depth > 0 ? base : (ours ?? theirs), clean: false }
  }
  const { mode, clean: cleanMode } = mergeModes(base?.mode, ours.mode, theirs.mode)
  const clean = mayBeClean && cleanMode
  if (base?.oid === ours.oid || ours.oid === theirs.oid) return { item: { mode, oid: theirs.oid }, clean }
  if (base?.oid === theirs.oid) return { item: { mode, oid: ours.oid }, clean }
  const content = (item: FileItem | undefined) => (item === undefined ? new Uint8Array() : readBlob(objects, item.oid))
  const contents = { base: content(base), ours: content(ours), theirs: content(theirs) }
  const labels = names === undefined ? context.labels : named(context.labels, names)
  const merged = mergeContents(repo, path, contents, { ...context, labels })
  return { item: { mode, oid: addBlob(objects, merged.bytes) }, clean: clean && merged.clean }
}

/** Markers say where a file was, where it was renamed. */
function named(
  labels: MergeContext['labels'],
  [base, ours, theirs]: NonNullable<MergeEntry['names']>,
): MergeContext['labels'] {
  return {
    ours: `${labels.ours}:${ours}`,
    theirs: `${labels.theirs}:${theirs}`,
    base: `${labels.base}:${base}`,
  }
}

function mergeModes(base: FileMode | undefined, ours: FileMode, theirs: FileMode): { mode: FileMode; clean: boolean } {
  if (ours === theirs || base === theirs) return { mode: ours, clean: true }
  if (base === ours) return { mode: theirs, clean: true }
  return { mode: ours, clean: false }
}

function isSame(a: FileItem | undefined, b: FileItem | undefined): boolean {
  return a?.oid === b?.oid && a?.mode === b?.mode
}
