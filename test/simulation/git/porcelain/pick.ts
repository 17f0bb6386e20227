import type { Oid, Signature } from '../../../../src/git-bridge/repository.ts'
import { addCommit, EMPTY_TREE, readCommit } from '../objects.ts'
import type { Repo } from '../repo.ts'
import { identity } from './commit.ts'
import { cleanMessage, conflictList, subjectOf } from './messages.ts'
import { applyCommit, commitAt, parentOf, type Refused } from './operations.ts'

export type PickOutcome =
  | { readonly kind: 'picked'; readonly oid: Oid }
  /** HEAD has all of the change already. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'conflicts'; readonly paths: readonly string[] }
  | Refused

interface Pick {
  readonly base: Oid
  readonly theirs: Oid
  readonly labels: { readonly ours: string; readonly theirs: string; readonly base: string }
  readonly message: string
  readonly author: Signature
  /** The file that says what is under way where it ends in conflicts. */
  readonly state: 'CHERRY_PICK_HEAD' | 'REVERT_HEAD'
  readonly of: Oid
}

/** `git cherry-pick [-m <n>] <revision>` */
export function cherryPick(repo: Repo, revision: string, mainline?: number): PickOutcome {
  return pick(repo, pickOf(repo, commitAt(repo, revision), mainline))
}

/** `git revert --no-edit [-m <n>] <revision>` */
export function revert(repo: Repo, revision: string, mainline?: number): PickOutcome {
  const of = commitAt(repo, revision)
  const { tree, message, parents } = readCommit(repo.objects, of)
  const theirs = parents.length === 0 ? EMPTY_TREE : readCommit(repo.objects, parentOf(repo, of, mainline)).tree
  const subject = subjectOf(message)
  const name = `${of.slice(0, 7)} (${subject})`
  const why =
    mainline === undefined
      ? `This reverts commit ${of}.`
      : `This reverts commit ${of}, reversing\nchanges made to ${parentOf(repo, of, mainline)}.`
  return pick(repo, {
    base: tree,
    theirs,
    labels: { ours: 'HEAD', theirs: `parent of ${name}`, base: name },
    message: `Revert "${subject}"\n\n${why}\n`,
    author: identity(repo),
    state: 'REVERT_HEAD',
    of,
  })
}

/** What picking a commit means: its change against its parent, by its author. */
export function pickOf(repo: Repo, of: Oid, mainline?: number): Pick {
  const { tree, author, message, parents } = readCommit(repo.objects, of)
  const base = parents.length === 0 ? EMPTY_TREE : readCommit(repo.objects, parentOf(repo, of, mainline)).tree
  const name = `${of.slice(0, 7)} (${subjectOf(message)})`
  const labels = { ours: 'HEAD', theirs: name, base: `parent of ${name}` }
  return { base, theirs: tree, labels, message, author, state: 'CHERRY_PICK_HEAD', of }
}

export function pick(repo: Repo, { base, theirs, labels, message, author, state, of }: Pick): PickOutcome {
  const { head, headTree } = repo
  const applied = applyCommit(repo, { base, theirs }, labels)
  if (applied.kind === 'refused') return applied
  if (applied.kind === 'conflicts') {
    repo.setState(state, `${of}\n`)
    repo.setState('MERGE_MSG', `${message}${conflictList(applied.paths)}`)
    return applied
  }
  if (applied.tree === headTree) {
    return { kind: 'empty' }
  }
  const committer = identity(repo)
  const parents = head === undefined ? [] : [head]
  const text = state === 'REVERT_HEAD' ? cleanMessage(message, { comments: true }) : message
  const oid = addCommit(repo.objects, { tree: applied.tree, parents, author, committer, message: text })
  repo.refs.write('HEAD', oid)
  return { kind: 'picked', oid }
}
