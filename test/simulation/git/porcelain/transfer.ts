import type { Oid } from '../../../../src/git-bridge/repository.ts'
import { isAncestor } from '../history.ts'
import { readCommit, readTree } from '../objects.ts'
import type { Repo } from '../repo.ts'

export type PushOutcome =
  | { readonly kind: 'pushed' | 'up-to-date' }
  | { readonly kind: 'rejected'; readonly theirs: Oid }

/** Brings a commit and all that it needs into another repository. */
export function transfer(from: Repo, to: Repo, tip: Oid): void {
  const open = [tip]
  const copy = (oid: Oid): boolean => {
    const object = from.objects.get(oid)
    if (object === undefined || to.objects.has(oid)) return false
    to.objects.add(oid, object)
    return true
  }
  const copyTree = (tree: Oid): void => {
    if (!copy(tree)) return
    for (const { mode, oid } of readTree(from.objects, tree).values()) {
      if (mode === '40000') copyTree(oid)
      else copy(oid)
    }
  }
  for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
    if (!copy(oid)) continue
    const { tree, parents } = readCommit(from.objects, oid)
    copyTree(tree)
    open.push(...parents)
  }
}

/** `git fetch <from> <ref>:<as>`: branches into `refs/remotes/origin/`, whatever they were; other refs as asked. */
export function fetch(to: Repo, from: Repo, refs: ReadonlyMap<string, string>): void {
  for (const [ref, as] of refs) {
    const tip = from.refs.read(ref)
    if (tip === undefined) continue
    transfer(from, to, tip)
    to.refs.write(as, tip)
  }
}

/** `git push <to> <ref>:<as>`: forward only, unless forced; undefined deletes. */
export function push(
  from: Repo,
  to: Repo,
  ref: string,
  as: string,
  options: { readonly force?: boolean },
): PushOutcome {
  const tip = from.refs.read(ref)
  if (tip === undefined) throw new Error(`${ref} is not there to be pushed`)
  const now = to.refs.read(as)
  if (now === tip) return { kind: 'up-to-date' }
  const forward = now === undefined || (from.objects.has(now) && isAncestor(from.objects, now, tip))
  if (!forward && options.force !== true) return { kind: 'rejected', theirs: now }
  transfer(from, to, tip)
  to.refs.write(as, tip)
  return { kind: 'pushed' }
}
