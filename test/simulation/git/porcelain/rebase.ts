import type { Commit, Oid } from '../../../../src/git-bridge/repository.ts'
import { doAll } from '../effects.ts'
import { isAncestor, mergeBases } from '../history.ts'
import { mergeCommits } from '../merge-trees.ts'
import { addCommit, FreshObjects, readCommit } from '../objects.ts'
import type { Repo } from '../repo.ts'
import { commit, endOperation, identity } from './commit.ts'
import { conflictList, subjectOf } from './messages.ts'
import { checkOutMerge, commitAt, moveTo, type Refused, resetTo } from './operations.ts'
import { ownCommits, patchOf } from './order.ts'
import { pick, pickOf } from './pick.ts'
import { trackedChanges } from './status.ts'

export type RebaseOutcome =
  | { readonly kind: 'up-to-date' }
  | { readonly kind: 'rebased'; readonly oid: Oid }
  /** Stopped at a commit: to be continued, or given up. */
  | { readonly kind: 'conflicts'; readonly paths: readonly string[]; readonly at: Oid }
  | Refused

type Step = { readonly kind: 'reset'; readonly to: Oid } | { readonly kind: 'pick' | 'merge'; readonly commit: Oid }

/** A rebase under way, as its folder in the git dir keeps it. */
interface Todo {
  readonly branch: string | undefined
  readonly from: Oid
  /** Where the branch left its upstream: what merges it there merges the new base instead. */
  readonly base: Oid | undefined
  readonly steps: readonly Step[]
  /** Old → new commits. */
  readonly rewritten: readonly (readonly [Oid, Oid])[]
}

const PLACE = 'rebase-merge/todo'

/** `git rebase [--rebase-merges] <upstream>` */
export function rebase(repo: Repo, revision: string, options: { readonly merges?: boolean } = {}): RebaseOutcome {
  const onto = commitAt(repo, revision)
  const { head, objects } = repo
  if (head === undefined) throw new Error('a rebase of a branch without a commit')
  const dirty = trackedChanges(repo)
  if (dirty.length > 0) return { kind: 'refused', paths: dirty }
  const own = ownCommits(objects, onto, head)
  const linear = own.every(({ parents }) => parents.length === 1)
  if (isAncestor(objects, onto, head) && (linear || (options.merges === true && isOnTopOf(own, onto)))) {
    return { kind: 'up-to-date' }
  }
  const [base] = mergeBases(objects, onto, head)
  const upstream = new Set(
    ownCommits(objects, head, onto)
      .filter(({ parents }) => parents.length < 2)
      .map((known) => patchOf(objects, known)),
  )
  const isThere = (known: Commit) =>
    known.parents.length < 2 && !isEmpty(repo, known) && upstream.has(patchOf(objects, known))
  const wanted = own.filter((known) => !isThere(known))
  const steps: Step[] =
    options.merges === true
      ? withMerges(own, new Set(wanted.map(({ oid }) => oid)), { base, onto, head })
      : wanted.filter(({ parents }) => parents.length < 2).map(({ oid }) => ({ kind: 'pick', commit: oid }))
  const refused = moveTo(repo, repo.headTree, readCommit(objects, onto).tree)
  if (refused !== undefined) return refused
  const branch = repo.refs.branch()
  repo.refs.writeHead({ oid: onto })
  return goOn(repo, { branch, from: head, steps, base, rewritten: base === undefined ? [] : [[base, onto]] })
}

/** `git rebase --continue`, after the conflicts were settled and staged. */
export function rebaseContinue(repo: Repo): RebaseOutcome {
  const todo = readTodo(repo)
  const [step, ...steps] = todo.steps
  if (step === undefined || step.kind === 'reset') throw new Error('a rebase that stopped at a commit')
  const { message, author } = readCommit(repo.objects, step.commit)
  const outcome = commit(repo, { message, author })
  if (outcome.kind === 'unmerged') return { kind: 'conflicts', paths: outcome.paths, at: step.commit }
  endOperation(repo)
  const rewritten = [...todo.rewritten, [step.commit, repo.head!] as const]
  return goOn(repo, { ...todo, steps, rewritten })
}

/** `git rebase --abort` */
export function rebaseAbort(repo: Repo): void {
  const { branch, from } = readTodo(repo)
  doAll(resetTo(repo, from))
  repo.refs.writeHead(branch === undefined ? { oid: from } : { branch })
  repo.setState('rebase-merge', undefined)
  endOperation(repo)
}

function readTodo(repo: Repo): Todo {
  const text = repo.state(PLACE)
  if (text === undefined) throw new Error('no rebase is under way')
  return JSON.parse(text) as Todo
}

function goOn(repo: Repo, todo: Todo): RebaseOutcome {
  const rewritten = new Map(todo.rewritten)
  for (const [n, step] of todo.steps.entries()) {
    if (step.kind === 'reset') {
      const to = rewritten.get(step.to) ?? step.to
      const refused = moveTo(repo, repo.headTree, readCommit(repo.objects, to).tree)
      if (refused !== undefined) throw new Error(`${refused.paths.join()} in the way of a rebase`)
      repo.refs.writeHead({ oid: to })
      continue
    }
    const stopped =
      step.kind === 'pick' ? pickStep(repo, step.commit) : mergeStep(repo, step.commit, rewritten, todo.base)
    if (stopped !== undefined) {
      repo.setState(PLACE, JSON.stringify({ ...todo, steps: todo.steps.slice(n), rewritten: [...rewritten] }))
      return stopped.kind === 'refused' ? stopped : { ...stopped, at: step.commit }
    }
    rewritten.set(step.commit, repo.head!)
  }
  const oid = repo.head!
  if (todo.branch !== undefined) {
    repo.refs.write(todo.branch, oid)
    repo.refs.writeHead({ branch: todo.branch })
  }
  repo.setState('rebase-merge', undefined)
  return { kind: 'rebased', oid }
}

type Stopped = Refused | { readonly kind: 'conflicts'; readonly paths: readonly string[] }

function pickStep(repo: Repo, oid: Oid): Stopped | undefined {
  const known = readCommit(repo.objects, oid)
  if (known.parents[0] === repo.head) {
    moveForward(repo, known)
    return undefined
  }
  const outcome = pick(repo, pickOf(repo, oid))
  if (outcome.kind === 'conflicts' || outcome.kind === 'refused') {
    // What is being picked is the rebase's to know.
    repo.setState('CHERRY_PICK_HEAD', undefined)
    return outcome
  }
  // A change that is there already is dropped; one that was empty from the beginning stays.
  if (outcome.kind === 'empty' && isEmpty(repo, known)) {
    const { tree, author, message } = { ...known, tree: repo.headTree }
    repo.refs.write(
      'HEAD',
      addCommit(repo.objects, { tree, parents: [repo.head!], author, committer: identity(repo), message }),
    )
  }
  return undefined
}

/** A merge is made again, whatever it was settled to. */
function mergeStep(repo: Repo, oid: Oid, rewritten: ReadonlyMap<Oid, Oid>, base: Oid | undefined): Stopped | undefined {
  const known = readCommit(repo.objects, oid)
  const [first, second] = known.parents
  const theirs = rewritten.get(second!) ?? second!
  if (first === repo.head && theirs === second) {
    moveForward(repo, known)
    return undefined
  }
  const head = repo.head!
  if (isAncestor(repo.objects, theirs, head)) return undefined
  const objects = new FreshObjects(repo.objects)
  const labels = { ours: 'HEAD', theirs: `refs/rewritten/${second === base ? 'onto' : labelOf(known)}`, base: '' }
  const merged = mergeCommits(repo, objects, head, theirs, { labels, depth: 0, merged: undefined })
  objects.flush(repo.objects)
  const refused = checkOutMerge(repo, repo.headTree, merged)
  if (refused !== undefined) return refused
  const { author, message } = known
  if (merged.conflicts.size > 0) {
    const paths = [...merged.conflicts.keys()]
    repo.setState('MERGE_HEAD', `${theirs}\n`)
    repo.setState('MERGE_MSG', `${message}${conflictList(paths)}`)
    return { kind: 'conflicts', paths }
  }
  const content = { tree: merged.tree, parents: [head, theirs], author, committer: identity(repo), message }
  repo.refs.write('HEAD', addCommit(repo.objects, content))
  return undefined
}

/** What `rebase --rebase-merges` calls the other side of a merge, by its message. */
function labelOf({ message }: Commit): string {
  const subject = subjectOf(message)
  return (/^Merge .*?'(.*?)'/.exec(subject)?.[1] ?? subject).replace(/[^A-Za-z0-9]+/g, '-')
}

function moveForward(repo: Repo, { oid, tree }: Commit): void {
  const refused = moveTo(repo, repo.headTree, tree)
  if (refused !== undefined) throw new Error(`${refused.paths.join()} in the way of a rebase`)
  repo.refs.write('HEAD', oid)
}

/**
 * The steps of `--rebase-merges`: from each tip of a merge back to where its line began, which is moved onto the new
 * base where that was the old one, and stays where it is otherwise.
 */
function withMerges(
  own: readonly Commit[],
  wanted: ReadonlySet<Oid>,
  { base, onto, head }: { readonly base: Oid | undefined; readonly onto: Oid; readonly head: Oid },
): Step[] {
  const inside = new Map(own.map((known) => [known.oid, known]))
  const tips = own.flatMap(({ parents }) => parents.slice(1).filter((parent) => inside.has(parent)))
  const shown = new Set<Oid>()
  const steps: Step[] = []
  for (const tip of [...tips, head]) {
    const line: Commit[] = []
    let at: Oid | undefined = tip
    for (let known = inside.get(tip); known !== undefined && !shown.has(known.oid); known = at && inside.get(at)) {
      line.unshift(known)
      shown.add(known.oid)
      at = known.parents[0]
    }
    if (line.length === 0) continue
    steps.push({ kind: 'reset', to: at === undefined || at === base ? onto : at })
    for (const { oid, parents } of line) {
      if (wanted.has(oid)) steps.push({ kind: parents.length > 1 ? 'merge' : 'pick', commit: oid })
    }
  }
  return steps
}

function isOnTopOf(own: readonly Commit[], onto: Oid): boolean {
  const inside = new Set(own.map(({ oid }) => oid))
  return own.every(({ parents }) => parents.length > 0 && (inside.has(parents[0]!) || parents[0] === onto))
}

function isEmpty(repo: Repo, { tree, parents }: Commit): boolean {
  return parents[0] !== undefined && readCommit(repo.objects, parents[0]).tree === tree
}
