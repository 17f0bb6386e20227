import { sortNames } from '../objects.ts'
import type { Repo } from '../repo.ts'
import { listFiles } from '../trees.ts'
import { filesBelow, isModified } from '../work-tree.ts'

/** The files that `git status` names: tracked ones that differ from HEAD or the index, then untracked ones. */
export function changedFiles(repo: Repo): string[] {
  const untracked = [...filesBelow(repo, '')].filter((path) => !repo.index.has(path))
  return [...trackedChanges(repo), ...sortNames(untracked)]
}

/** Tracked files that differ from HEAD or from the index. */
export function trackedChanges(repo: Repo): string[] {
  const { index } = repo
  const head = new Map(listFiles(repo.objects, repo.headTree).map((file) => [file.path, file]))
  const tracked = new Set([...head.keys(), ...index.paths()])
  const changed = [...tracked].filter((path) => {
    const [was, is] = [head.get(path), index.entries.get(path)]
    if (was === undefined || is === undefined || was.oid !== is.oid || was.mode !== is.mode) return true
    return isModified(repo, path, is)
  })
  return sortNames(changed)
}
