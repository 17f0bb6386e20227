import type { Random } from '../host.ts'
import { doAll } from './effects.ts'
import type { CommitOutcome } from './porcelain/commit.ts'
import { stashPop, stashPush } from './porcelain/stash.ts'
import type { Ended, Twin } from './twin.ts'

/** A command that both sides were given, and what each answered, as far as anybody reads it. */
export interface Step {
  readonly name: string
  readonly git: unknown
  readonly model: unknown
}

const PATHS = ['a.txt', 'b.txt', 'c.bin', 'd/a.txt', 'd/b.txt', 'd/e/f.txt', 'd-x', 'Ü.txt'] as const
const BRANCHES = ['main', 'left', 'right'] as const

/** Does something to both repositories, by chance. */
export function step(twin: Twin, random: Random): Step {
  const roll = random() * WEIGHT
  let sum = 0
  for (const [weight, act] of ACTIONS) {
    sum += weight
    if (roll < sum) return act(twin, random)
  }
  throw new Error('a roll within the weights')
}

type Action = (twin: Twin, random: Random) => Step

const ACTIONS: readonly (readonly [weight: number, act: Action])[] = [
  [30, edit],
  [4, removeFile],
  [3, touch],
  [3, makeExecutable],
  [3, stageAll],
  [20, commitAll],
  [3, commitStaged],
  [2, amend],
  [8, createBranch],
  [8, switchBranch],
  [14, merge],
  [4, squash],
  [4, abort],
  [3, resetHard],
  [3, stash],
  [4, pop],
  [6, readTree],
  [3, refresh],
  [6, ask],
]
const WEIGHT = ACTIONS.reduce((sum, [weight]) => sum + weight, 0)

function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)]!
}

function nothing(name: string): Step {
  return { name, git: undefined, model: undefined }
}

/** Changes some lines of a file, so that edits of different branches meet, or do not. */
function edit(twin: Twin, random: Random): Step {
  const path = pick(random, PATHS)
  const before = twin.read(path)?.split('\n') ?? Array.from({ length: 12 }, (_, n) => `line ${n}`)
  const at = Math.floor(random() * before.length)
  const lines = random() < 0.7 ? [`edit ${Math.floor(random() * 4)}`] : []
  const after = [...before.slice(0, at), ...lines, ...before.slice(at + Math.floor(random() * 2))]
  const content = path.endsWith('.bin') ? `\0${Math.floor(random() * 3)}` : after.join('\n')
  twin.write(path, content)
  return nothing(`write ${path}: ${JSON.stringify(content)}`)
}

function removeFile(twin: Twin, random: Random): Step {
  const path = pick(random, PATHS)
  twin.remove(path)
  return nothing(`remove ${path}`)
}

function touch(twin: Twin, random: Random): Step {
  const path = pick(random, PATHS)
  const content = twin.read(path)
  if (content !== undefined) twin.write(path, content)
  return nothing(`touch ${path}`)
}

function makeExecutable(twin: Twin, random: Random): Step {
  const path = pick(random, PATHS)
  const content = twin.read(path)
  if (content !== undefined) twin.write(path, content, 0o755)
  return nothing(`chmod ${path}`)
}

function stageAll(twin: Twin): Step {
  twin.model.add()
  twin.git('add', '-A')
  return nothing('add')
}

function commitAll(twin: Twin, random: Random): Step {
  const message = `commit ${Math.floor(random() * 100)}`
  const model = said(twin.model.commit({ message, all: true }))
  twin.git('add', '-A')
  return { name: `commit -a ${message}`, model, git: twin.git('commit', '-m', message).code === 0 }
}

function commitStaged(twin: Twin): Step {
  const model = said(twin.model.commit({ message: 'staged' }))
  return { name: 'commit', model, git: twin.git('commit', '-m', 'staged').code === 0 }
}

function amend(twin: Twin): Step {
  if (twin.model.head === undefined || isMerging(twin)) return nothing('no amend')
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

function isMerging(twin: Twin): boolean {
  return twin.model.repo.state('MERGE_HEAD') !== undefined
}

function createBranch(twin: Twin, random: Random): Step {
  const branch = pick(random, BRANCHES)
  const { refs, head } = twin.model.repo
  if (head === undefined || refs.read(`refs/heads/${branch}`) !== undefined) return nothing('no branch')
  twin.model.createBranch(branch)
  twin.git('branch', branch)
  return nothing(`branch ${branch}`)
}

function switchBranch(twin: Twin, random: Random): Step {
  const branch = pick(random, BRANCHES)
  if (twin.model.repo.refs.read(`refs/heads/${branch}`) === undefined || isMerging(twin)) return nothing('no switch')
  const model = twin.model.switch(branch) === undefined
  return { name: `switch ${branch}`, model, git: twin.git('switch', branch).code === 0 }
}

function merge(twin: Twin, random: Random): Step {
  const branch = pick(random, BRANCHES)
  if (!canMerge(twin, branch)) return nothing('no merge')
  const noFf = random() < 0.3
  const { kind } = twin.model.merge(branch, { noFf })
  const ended = twin.git('merge', ...(noFf ? ['--no-ff'] : []), branch)
  return { name: `merge ${branch} ${noFf}`, model: kind, git: ended.code === 0 ? kindOf(kind) : kindOfFailure(ended) }
}

function squash(twin: Twin, random: Random): Step {
  const branch = pick(random, BRANCHES)
  if (!canMerge(twin, branch)) return nothing('no squash')
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
  if (/^Automatic merge failed/m.test(stdout)) return 'conflicts'
  if (/unrelated histories/.test(stderr)) return 'unrelated'
  return /overwritten by merge|removed by merge|would lose|needs merge/.test(stderr) ? 'refused' : stdout + stderr
}

function abort(twin: Twin): Step {
  if (!isMerging(twin)) return nothing('no abort')
  const { code } = twin.git('merge', '--abort')
  if (code === 0) twin.model.abort()
  return nothing(`merge --abort ${code}`)
}

function resetHard(twin: Twin): Step {
  if (twin.model.head === undefined) return nothing('no reset')
  twin.model.resetHard()
  twin.git('reset', '--hard')
  return nothing('reset --hard')
}

/** git's stash of its own and the one that the product asks for. */
function stash(twin: Twin): Step {
  if (twin.model.repo.index.unmerged.size > 0) return nothing('no stash')
  const model = doAll(stashPush(twin.model.repo, 'aside')).ok
  const git = twin.git('stash', 'push', '--message', 'aside').code === 0
  return { name: 'stash', git, model }
}

function pop(twin: Twin, random: Random): Step {
  const { repo } = twin.model
  if (repo.refs.read('refs/stash') === undefined || repo.index.unmerged.size > 0) return nothing('no pop')
  const index = random() < 0.5
  const model = doAll(stashPop(repo, 'stash@{0}', { index })).ok
  const git = twin.git('stash', 'pop', ...(index ? ['--index'] : []), 'stash@{0}').code === 0
  return { name: `stash pop ${index}`, git, model }
}

/** The product's way of moving index and work tree, between commits of two branches. */
function readTree(twin: Twin, random: Random): Step {
  const { repo } = twin.model
  const [from, to] = [repo.head, repo.refs.read(`refs/heads/${pick(random, BRANCHES)}`)]
  if (from === undefined || to === undefined) return nothing('no read-tree')
  const args = ['read-tree', '-m', '-u', ...(random() < 0.4 ? ['-n'] : []), from, to]
  const { git, model } = twin.run(args)
  return { name: args.join(' '), git, model }
}

function refresh(twin: Twin): Step {
  const { git, model } = twin.run(['update-index', '-q', '--refresh'])
  return { name: 'update-index --refresh', git: git.code, model: model.code }
}

function ask(twin: Twin, random: Random): Step {
  const head = twin.model.head
  const path = pick(random, PATHS)
  const questions: readonly (readonly string[])[] = [
    ['ls-files', '--unmerged', '-z'],
    ['ls-files', '-z', '--', 'd', path],
    ['symbolic-ref', '--quiet', 'HEAD'],
    ['symbolic-ref', '--short', '--quiet', 'HEAD'],
    ['var', 'GIT_COMMITTER_IDENT'],
    ['check-ignore', '--quiet', '--', path],
    ['rev-parse', '--verify', '--quiet', '--end-of-options', 'refs/heads/left'],
    ['config', '--get', 'merge.renames'],
    ...(twin.exists(path) ? [['hash-object', '--', path]] : []),
    ...(head === undefined
      ? []
      : [
          ['diff-index', '--cached', '--name-only', '-z', head],
          ['diff-index', '--name-only', '-z', head],
          ['rev-list', '--max-parents=0', head],
          ['write-tree', '--missing-ok'],
        ]),
  ]
  const args = pick(random, questions)
  const { git, model } = twin.run(args)
  const heard = ({ code, stdout }: typeof git) => ({ code, stdout })
  return { name: args.join(' '), git: heard(git), model: heard(model) }
}
