import type { Oid } from '../../../../src/git-bridge/repository.ts'
import { isAncestor, mergeBases } from '../history.ts'
import { mergeCommits } from '../merge-trees.ts'
import { addCommit, FreshObjects, readCommit } from '../objects.ts'
import type { Repo } from '../repo.ts'
import { endOperation, identity } from './commit.ts'
import { cleanMessage, conflictList } from './messages.ts'
import { checkOutMerge, commitAt, moveTo, type Refused, resetMerge, stagedChanges } from './operations.ts'

export type MergeOutcome =
  | { readonly kind: 'up-to-date' }
  | { readonly kind: 'forwarded' | 'merged'; readonly oid: Oid }
  /** `--squash`: the change stands in index and work tree, nothing is committed. */
  | { readonly kind: 'squashed' }
  | { readonly kind: 'conflicts'; readonly paths: readonly string[] }
  /** `--ff-only`, and there is something on both sides. */
  | { readonly kind: 'diverged' }
  /** The two have no commit in common. */
  | { readonly kind: 'unrelated' }
  | Refused

export interface MergeOptions {
  readonly message?: string
  readonly noFf?: boolean
  readonly ffOnly?: boolean
  readonly squash?: boolean
  readonly allowUnrelated?: boolean
}

/** `git merge <revision>`. */
export function merge(repo: Repo, revision: string, options: MergeOptions = {}): MergeOutcome {
  const theirs = commitAt(repo, revision)
  const { head } = repo
  if (head === undefined) throw new Error('a merge into a branch without a commit')
  if (isAncestor(repo.objects, theirs, head)) return { kind: 'up-to-date' }
  if (isAncestor(repo.objects, head, theirs) && options.noFf !== true) {
    const refused = moveTo(repo, repo.headTree, readCommit(repo.objects, theirs).tree)
    if (refused !== undefined) return refused
    if (options.squash === true) {
      repo.setState('SQUASH_MSG', squashMessage(repo, head, theirs))
      return { kind: 'squashed' }
    }
    repo.refs.write('HEAD', theirs)
    return { kind: 'forwarded', oid: theirs }
  }
  if (options.ffOnly === true) return { kind: 'diverged' }
  const isRelated = mergeBases(repo.objects, head, theirs).length > 0
  if (!isRelated && options.allowUnrelated !== true) return { kind: 'unrelated' }
  const staged = stagedChanges(repo)
  if (staged.length > 0) return { kind: 'refused', paths: staged }

  const objects = new FreshObjects(repo.objects)
  const labels = { ours: 'HEAD', theirs: revision, base: '' }
  const merged = mergeCommits(repo, objects, head, theirs, { labels, depth: 0, merged: theirs })
  objects.flush(repo.objects)
  const refused = checkOutMerge(repo, repo.headTree, merged)
  if (refused !== undefined) return refused
  const message = options.message ?? defaultMessage(repo, revision)
  if (options.squash === true) {
    repo.setState('SQUASH_MSG', squashMessage(repo, head, theirs))
    return merged.conflicts.size > 0 ? { kind: 'conflicts', paths: [...merged.conflicts.keys()] } : { kind: 'squashed' }
  }
  if (merged.conflicts.size > 0) {
    repo.setState('MERGE_HEAD', `${theirs}\n`)
    repo.setState('MERGE_MODE', options.noFf === true ? 'no-ff' : '')
    repo.setState('MERGE_MSG', `${message}\n${conflictList(merged.conflicts.keys())}`)
    return { kind: 'conflicts', paths: [...merged.conflicts.keys()] }
  }
  const who = identity(repo)
  const content = { tree: merged.tree, parents: [head, theirs], author: who, committer: who }
  const oid = addCommit(repo.objects, { ...content, message: cleanMessage(message, { comments: false }) })
  repo.refs.write('HEAD', oid)
  return { kind: 'merged', oid }
}

/** `git merge --abort`, and that of a cherry-pick or a revert. */
export function abort(repo: Repo): void {
  resetMerge(repo, repo.head!)
  endOperation(repo)
}

/** As git words it: by the kind of ref that the revision names. */
function defaultMessage(repo: Repo, revision: string): string {
  const into = repo.refs.branch()?.replace(/^refs\/heads\//, '') ?? 'HEAD'
  const where = into === 'main' || into === 'master' ? '' : ` into ${into}`
  return `Merge ${describe(repo, revision)}${where}`
}

function describe(repo: Repo, revision: string): string {
  const branch = revision.replace(/^refs\/heads\//, '')
  if (repo.refs.read(`refs/heads/${branch}`) !== undefined) return `branch '${branch}'`
  const remote = revision.replace(/^refs\/remotes\//, '')
  if (repo.refs.read(`refs/remotes/${remote}`) !== undefined) return `remote-tracking branch '${remote}'`
  return `commit '${revision}'`
}

/** git lists the commits; nobody reads on here. */
function squashMessage(repo: Repo, head: Oid, theirs: Oid): string {
  const subjects: string[] = []
  const open = [theirs]
  for (let oid = open.shift(); oid !== undefined; oid = open.shift()) {
    if (isAncestor(repo.objects, oid, head)) continue
    const { message, parents } = readCommit(repo.objects, oid)
    subjects.push(`commit ${oid}\n\n    ${message.split('\n', 1)[0]}\n`)
    open.push(...parents.slice(0, 1))
  }
  return `Squashed commit of the following:\n\n${subjects.join('\n')}`
}
