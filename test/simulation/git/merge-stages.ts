import type { Oid } from '../../../src/git-bridge/repository.ts'
import { notModelled } from './commands/call.ts'
import type { Stages } from './index-file.ts'
import type { FreshObjects } from './objects.ts'
import { findRenames } from './renames.ts'
import { diffTrees, type FileItem, lookup } from './trees.ts'

/** A path of a merge. */
export interface MergeEntry {
  readonly stages: Stages
  /** The paths of the three versions, where they differ: markers name them. */
  readonly names?: readonly [base: string, ours: string, theirs: string]
  /** In conflict whatever its content is. */
  readonly open?: true
}

export interface MergePlan {
  /** What is to be merged, by its path. */
  readonly entries: ReadonlyMap<string, MergeEntry>
  /** Files of ours that are somewhere else now. */
  readonly gone: ReadonlySet<string>
}

/** Merges a file that was renamed, on its way into another one. */
type MergeFile = (
  path: string,
  entry: MergeEntry,
  inner: boolean,
) => { readonly item: FileItem | undefined; readonly clean: boolean }

interface Trees {
  readonly base: Oid
  readonly ours: Oid
  readonly theirs: Oid
}

/** Which versions a merge brings together: those of one path, or of a file that a side has renamed. */
export function planMerge(objects: FreshObjects, { base, ours, theirs }: Trees, merge: MergeFile): MergePlan {
  const entries = new Map<string, MergeEntry>()
  const gone = new Set<string>()
  const there = diffTrees(objects, base, theirs)
  for (const { path, before, after } of there)
    entries.set(path, { stages: [before, fileAt(objects, ours, path), after] })
  const here = diffTrees(objects, base, ours)
  const ourRenames = findRenames(objects, here, new Set(there.map(({ path }) => path)))
  const theirRenames = findRenames(objects, there, new Set(here.map(({ path }) => path)))
  for (const old of [...new Set([...ourRenames.keys(), ...theirRenames.keys()])].sort()) {
    const [left, right] = [ourRenames.get(old), theirRenames.get(old)]
    const was = fileAt(objects, base, old)
    const ourFile = fileAt(objects, ours, left ?? old)
    const theirFile = fileAt(objects, theirs, right ?? old)
    entries.delete(old)
    gone.add(old)
    if (left !== undefined && right !== undefined && left !== right) {
      const { item } = merge(left, { stages: [was, ourFile, theirFile], names: [old, left, right] }, true)
      entries.set(old, { stages: [was, undefined, undefined], open: true })
      // Others may have come to these places as well.
      entries.set(left, { stages: [undefined, item, fileAt(objects, theirs, left)], open: true })
      entries.set(right, { stages: [undefined, fileAt(objects, ours, right), item], open: true })
      continue
    }
    const path = (left ?? right)!
    const names = [old, left ?? old, right ?? old] as const
    const stages: Stages = [was, ourFile, theirFile]
    // What the other side has at the new place, as it was, or renamed to it before.
    const known = entries.get(path)
    const side = left === undefined ? 1 : 2
    const isBoth = left !== undefined && right !== undefined
    const other = isBoth ? undefined : (known?.stages[side] ?? fileAt(objects, side === 1 ? ours : theirs, path))
    if (other === undefined) {
      const deleted = ourFile === undefined || theirFile === undefined
      entries.set(path, { stages, names, ...(deleted ? { open: true } : {}) })
      continue
    }
    const { item, clean } = merge(path, { stages, names }, true)
    const own = item ?? ourFile ?? theirFile
    const both: Stages = side === 1 ? [undefined, other, own] : [undefined, own, other]
    entries.set(path, { stages: both, ...(clean && known?.open !== true ? {} : { open: true }) })
  }
  return { entries, gone }
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
