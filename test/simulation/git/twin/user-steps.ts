import type { Random } from '../../host.ts'
import { doAll } from '../effects.ts'
import { readCommit } from '../objects.ts'
import type { CommitOutcome } from '../porcelain/commit.ts'
import { stashPop, stashPush } from '../porcelain/stash.ts'
import type { Ended, Twin } from './twin.ts'
import { BRANCHES, isMerging, nothing, pick, type Step } from './vocabulary.ts'

export function stageAll(twin: Twin): Step | undefined {
  twin.model.add()
  twin.git('add', '-A')
  return nothing('add')
}

export function commitAll(twin: Twin, random: Random): Step {
  const message = `commit ${Math.floor(random() * 100)}`
  const model = said(twin.model.commit({ message, all: true }))
  twin.git('add', '-A')
  return { name: `commit -a ${message}`, model, git: twin.git('commit', '-m', message).code === 0 }
}

export function commitStaged(twin: Twin): Step | undefined {
  const model = said(twin.model.commit({ message: 'staged' }))
  return { name: 'commit', model, git: twin.git('commit', '-m', 'staged').code === 0 }
}

export function amend(twin: Twin): Step | undefined {
  if (twin.model.head === undefined || isMerging(twin)) return undefined
  const model = said(twin.model.commit({ message: 'amended', all: true, amend: true }))
  twin.git('add', '-A')
  return {
    name: 'commit --amend',
    model,
    git: twin.git('commit', '--amend', '--allow-empty', '-m', 'amended').code === 0,
  }
}

function said(outcome: CommitOutcome): boolean {
  return outcome.kind === 'committed'
}

export function createBranch(twin: Twin, random: Random): Step | undefined {
  const branch = pick(random, BRANCHES)
  const { refs, head } = twin.model.repo
  if (head === undefined || refs.read(`refs/heads/${branch}`) !== undefined) return undefined
  twin.model.createBranch(branch)
  twin.git('branch', branch)
  return nothing(`branch ${branch}`)
}

export function switchBranch(twin: Twin, random: Random): Step | undefined {
  const branch = pick(random, BRANCHES)
  if (twin.model.repo.refs.read(`refs/heads/${branch}`) === undefined || isMerging(twin)) return undefined
  return switchTo(twin, branch)
}

export function switchTo(twin: Twin, branch: string): Step {
  const model = twin.model.switch(branch) === undefined
  return { name: `switch ${branch}`, model, git: twin.git('switch', branch).code === 0 }
}

export function merge(twin: Twin, random: Random): Step | undefined {
  const branch = pick(random, BRANCHES)
  return canMerge(twin, branch) ? mergeOf(twin, branch, random() < 0.3) : undefined
}

export function mergeOf(twin: Twin, branch: string, noFf: boolean): Step {
  const { kind } = twin.model.merge(branch, { noFf })
  const ended = twin.git('merge', ...(noFf ? ['--no-ff'] : []), branch)
  return { name: `merge ${branch} ${noFf}`, model: kind, git: ended.code === 0 ? kindOf(kind) : kindOfFailure(ended) }
}

export function squash(twin: Twin, random: Random): Step | undefined {
  const branch = pick(random, BRANCHES)
  if (!canMerge(twin, branch)) return undefined
  const { kind } = twin.model.merge(branch, { squash: true })
  const ended = twin.git('merge', '--squash', branch)
  return { name: `merge --squash ${branch}`, model: kind, git: ended.code === 0 ? kindOf(kind) : kindOfFailure(ended) }
}

function canMerge(twin: Twin, branch: string): boolean {
  const { repo } = twin.model
  return (
    repo.refs.read(`refs/heads/${branch}`) !== undefined &&
    repo.head !== undefined &&
    repo.index.unmerged.size === 0 &&
    !isMerging(twin)
  )
}

/** What a success was is told by the refs. */
function kindOf(kind: string): string {
  return kind === 'conflicts' || kind === 'refused' ? 'success' : kind
}

function kindOfFailure({ stdout, stderr }: Ended): string {
  if (/^(?:Automatic merge failed|CONFLICT)/m.test(stdout)) return 'conflicts'
  if (/is now empty|nothing to commit/.test(stderr + stdout)) return 'empty'
  if (/unrelated histories/.test(stderr)) return 'unrelated'
  return /overwritten by (?:merge|checkout)|removed by (?:merge|checkout)|would lose|needs merge|cannot rebase|local changes would be/.test(
    stderr,
  )
    ? 'refused'
    : stdout + stderr
}

export function abort(twin: Twin): Step | undefined {
  const { repo } = twin.model
  const under = { MERGE_HEAD: 'merge', CHERRY_PICK_HEAD: 'cherry-pick', REVERT_HEAD: 'revert' }
  const found = Object.entries(under).find(([name]) => repo.state(name) !== undefined)
  if (found === undefined || repo.state('rebase-merge/todo') !== undefined) return undefined
  const { code } = twin.git(found[1], '--abort')
  if (code === 0) twin.model.abort()
  return nothing(`merge --abort ${code}`)
}

/** A cherry-pick or a revert of a commit of some branch. */
export function pickOne(twin: Twin, random: Random): Step | undefined {
  const branch = pick(random, BRANCHES)
  const { model } = twin
  if (!canMerge(twin, branch)) return undefined
  const oid = model.repo.refs.read(`refs/heads/${branch}`)!
  const { parents } = readCommit(model.repo.objects, oid)
  const mainline = parents.length > 1 ? 1 : undefined
  const flags = mainline === undefined ? [] : ['-m', '1']
  const isRevert = random() < 0.5
  const { kind } = isRevert ? model.revert(oid, mainline) : model.cherryPick(oid, mainline)
  const ended = twin.git(isRevert ? 'revert' : 'cherry-pick', ...(isRevert ? ['--no-edit'] : []), ...flags, oid)
  // git leaves an empty one open.
  if (kind === 'empty') twin.git('cherry-pick', '--quit')
  return {
    name: `${isRevert ? 'revert' : 'cherry-pick'} ${branch}`,
    model: kind,
    git: ended.code === 0 ? kindOf(kind) : kindOfFailure(ended),
  }
}

export function rebaseOnto(twin: Twin, random: Random): Step | undefined {
  const branch = pick(random, BRANCHES)
  if (!canMerge(twin, branch)) return undefined
  const merges = random() < 0.5
  const { kind } = twin.model.rebase(branch, { merges })
  const ended = twin.git('rebase', ...(merges ? ['--rebase-merges'] : []), branch)
  return {
    name: `rebase ${branch} ${merges}`,
    model: kind,
    git: ended.code === 0 ? kindOf(kind) : kindOfFailure(ended),
  }
}

/** Goes on with what is under way, conflicts taken as they are, or gives it up. */
export function goOn(twin: Twin, random: Random): Step | undefined {
  const { repo } = twin.model
  if (repo.state('rebase-merge/todo') === undefined) return undefined
  if (random() < 0.3) {
    twin.model.rebaseAbort()
    return { name: 'rebase --abort', model: true, git: twin.git('rebase', '--abort').code === 0 }
  }
  twin.model.add()
  twin.git('add', '-A')
  const { kind } = twin.model.rebaseContinue()
  const ended = twin.git('rebase', '--continue')
  return { name: 'rebase --continue', model: kind, git: ended.code === 0 ? kindOf(kind) : kindOfFailure(ended) }
}

export function resetHard(twin: Twin): Step | undefined {
  if (twin.model.head === undefined) return undefined
  twin.model.resetHard()
  twin.git('reset', '--hard')
  return nothing('reset --hard')
}

/** git's stash of its own and the one that the product asks for. */
export function stash(twin: Twin): Step | undefined {
  if (twin.model.repo.index.unmerged.size > 0) return undefined
  const model = doAll(stashPush(twin.model.repo, 'aside')).ok
  const git = twin.git('stash', 'push', '--message', 'aside').code === 0
  return { name: 'stash', git, model }
}

export function pop(twin: Twin, random: Random): Step | undefined {
  const { repo } = twin.model
  if (repo.refs.read('refs/stash') === undefined || repo.index.unmerged.size > 0) return undefined
  const index = random() < 0.5
  const model = doAll(stashPop(repo, 'stash@{0}', { index })).ok
  const git = twin.git('stash', 'pop', ...(index ? ['--index'] : []), 'stash@{0}').code === 0
  return { name: `stash pop ${index}`, git, model }
}
