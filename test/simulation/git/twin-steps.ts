import type { Random } from '../host.ts'
import { doAll } from './effects.ts'
import { readBlob, readCommit } from './objects.ts'
import { type CommitOutcome, isUnderWay } from './porcelain/commit.ts'
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

/** Does something to both repositories, by chance: something that can be done as they are. */
export function step(twin: Twin, random: Random): Step {
  for (;;) {
    const done = roll(random)(twin, random)
    if (done !== undefined) return done
  }
}

/** Two branches that change the same few files, and what brings them together, sometimes more than once. */
export function* branches(twin: Twin, random: Random): Generator<Step, void, void> {
  for (const [n, path] of PATHS.entries()) {
    const lines = Array.from({ length: 12 }, (_, line) => (n < 3 ? `line ${line}` : `line ${n} ${line}`))
    if (random() < 0.6) twin.write(path, path.endsWith('.bin') ? '\0' : lines.join('\n'))
  }
  yield commitAll(twin, random)
  if (twin.model.head === undefined) return
  for (const branch of ['left', 'right']) {
    twin.model.createBranch(branch)
    twin.git('branch', branch)
  }
  for (let round = 0; round < 3; round += 1) {
    for (const branch of ['left', 'right']) {
      yield switchTo(twin, branch)
      for (let n = Math.ceil(random() * 3); n > 0; n -= 1) {
        const done = pick(random, [edit, edit, moveFile, moveFile, removeFile, makeExecutable])(twin, random)
        if (done !== undefined) yield done
      }
      yield commitAll(twin, random)
    }
    const joined = pick(random, [merge, merge, merge, squash, pickOne, rebaseOnto])(twin, random)
    if (joined !== undefined) yield joined
    if (isMerging(twin) || twin.model.repo.index.unmerged.size > 0) {
      if (twin.model.repo.state('rebase-merge/todo') !== undefined) return
      settle(twin)
      yield commitAll(twin, random)
    }
    if (random() < 0.4) {
      yield switchTo(twin, 'left')
      const { repo } = twin.model
      const before = readCommit(repo.objects, repo.refs.read('refs/heads/right')!).parents[0]
      if (before !== undefined && !isMerging(twin)) yield mergeOf(twin, before, false)
      if (isMerging(twin)) {
        settle(twin)
        yield commitAll(twin, random)
      }
    }
  }
}

/** Takes our side of all conflicts: markers that are committed are no text that anybody has. */
function settle(twin: Twin): void {
  const { index, objects } = twin.model.repo
  for (const [path, [, ours]] of index.unmerged) {
    if (ours === undefined) twin.remove(path)
    else twin.write(path, Buffer.from(readBlob(objects, ours.oid)).toString('utf8'))
  }
}

function roll(random: Random): Action {
  let left = random() * WEIGHT
  for (const [weight, act] of ACTIONS) {
    left -= weight
    if (left < 0) return act
  }
  return edit
}

/** Undefined where it cannot be done, or says nothing. */
type Action = (twin: Twin, random: Random) => Step | undefined

const ACTIONS: readonly (readonly [weight: number, act: Action])[] = [
  [30, edit],
  [4, removeFile],
  [6, moveFile],
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
  [6, pickOne],
  [6, rebaseOnto],
  [6, goOn],
  [3, stash],
  [4, pop],
  [6, readTree],
  [3, refresh],
  [6, ask],
  [4, conflictByHand],
  [4, stageNamed],
  [3, moveRefs],
]
const WEIGHT = ACTIONS.reduce((sum, [weight]) => sum + weight, 0)

function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)]!
}

function nothing(name: string): Step {
  return { name, git: undefined, model: undefined }
}

/** Changes some lines of a file, so that edits of different branches meet, or do not. */
function edit(twin: Twin, random: Random): Step | undefined {
  const path = pick(random, PATHS)
  const before = twin.read(path)?.split('\n') ?? Array.from({ length: 12 }, (_, n) => `line ${n}`)
  const at = Math.floor(random() * before.length)
  const lines = random() < 0.7 ? [`edit ${Math.floor(random() * 4)}`] : []
  const after = [...before.slice(0, at), ...lines, ...before.slice(at + Math.floor(random() * 2))]
  const content = path.endsWith('.bin') ? `\0${Math.floor(random() * 3)}` : after.join('\n')
  twin.write(path, content)
  return nothing(`write ${path}: ${JSON.stringify(content)}`)
}

function removeFile(twin: Twin, random: Random): Step | undefined {
  const path = pick(random, PATHS)
  twin.remove(path)
  return nothing(`remove ${path}`)
}

/** Moves a file to another place, changed a little or not at all. */
function moveFile(twin: Twin, random: Random): Step | undefined {
  const [from, to] = [pick(random, PATHS), pick(random, PATHS)]
  const content = twin.read(from)
  if (content === undefined || from === to) return undefined
  const moved = random() < 0.5 ? content : content.replace('line 5', `moved ${Math.floor(random() * 3)}`)
  twin.remove(from)
  twin.write(to, moved)
  return nothing(`move ${from} to ${to}: ${JSON.stringify(moved)}`)
}

function touch(twin: Twin, random: Random): Step | undefined {
  const path = pick(random, PATHS)
  const content = twin.read(path)
  if (content === undefined) return undefined
  twin.write(path, content)
  return nothing(`touch ${path}`)
}

function makeExecutable(twin: Twin, random: Random): Step | undefined {
  const path = pick(random, PATHS)
  const content = twin.read(path)
  if (content === undefined) return undefined
  twin.write(path, content, 0o755)
  return nothing(`chmod ${path}`)
}

function stageAll(twin: Twin): Step | undefined {
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

function commitStaged(twin: Twin): Step | undefined {
  const model = said(twin.model.commit({ message: 'staged' }))
  return { name: 'commit', model, git: twin.git('commit', '-m', 'staged').code === 0 }
}

function amend(twin: Twin): Step | undefined {
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

/** Something is under way: most commands are for another time. */
function isMerging({ model }: Twin): boolean {
  return isUnderWay(model.repo)
}

function createBranch(twin: Twin, random: Random): Step | undefined {
  const branch = pick(random, BRANCHES)
  const { refs, head } = twin.model.repo
  if (head === undefined || refs.read(`refs/heads/${branch}`) !== undefined) return undefined
  twin.model.createBranch(branch)
  twin.git('branch', branch)
  return nothing(`branch ${branch}`)
}

function switchBranch(twin: Twin, random: Random): Step | undefined {
  const branch = pick(random, BRANCHES)
  if (twin.model.repo.refs.read(`refs/heads/${branch}`) === undefined || isMerging(twin)) return undefined
  return switchTo(twin, branch)
}

function switchTo(twin: Twin, branch: string): Step {
  const model = twin.model.switch(branch) === undefined
  return { name: `switch ${branch}`, model, git: twin.git('switch', branch).code === 0 }
}

function merge(twin: Twin, random: Random): Step | undefined {
  const branch = pick(random, BRANCHES)
  return canMerge(twin, branch) ? mergeOf(twin, branch, random() < 0.3) : undefined
}

function mergeOf(twin: Twin, branch: string, noFf: boolean): Step {
  const { kind } = twin.model.merge(branch, { noFf })
  const ended = twin.git('merge', ...(noFf ? ['--no-ff'] : []), branch)
  return { name: `merge ${branch} ${noFf}`, model: kind, git: ended.code === 0 ? kindOf(kind) : kindOfFailure(ended) }
}

function squash(twin: Twin, random: Random): Step | undefined {
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

function abort(twin: Twin): Step | undefined {
  const { repo } = twin.model
  const under = { MERGE_HEAD: 'merge', CHERRY_PICK_HEAD: 'cherry-pick', REVERT_HEAD: 'revert' }
  const found = Object.entries(under).find(([name]) => repo.state(name) !== undefined)
  if (found === undefined || repo.state('rebase-merge/todo') !== undefined) return undefined
  const { code } = twin.git(found[1], '--abort')
  if (code === 0) twin.model.abort()
  return nothing(`merge --abort ${code}`)
}

/** A cherry-pick or a revert of a commit of some branch. */
function pickOne(twin: Twin, random: Random): Step | undefined {
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

function rebaseOnto(twin: Twin, random: Random): Step | undefined {
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
function goOn(twin: Twin, random: Random): Step | undefined {
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

function resetHard(twin: Twin): Step | undefined {
  if (twin.model.head === undefined) return undefined
  twin.model.resetHard()
  twin.git('reset', '--hard')
  return nothing('reset --hard')
}

/** git's stash of its own and the one that the product asks for. */
function stash(twin: Twin): Step | undefined {
  if (twin.model.repo.index.unmerged.size > 0) return undefined
  const model = doAll(stashPush(twin.model.repo, 'aside')).ok
  const git = twin.git('stash', 'push', '--message', 'aside').code === 0
  return { name: 'stash', git, model }
}

function pop(twin: Twin, random: Random): Step | undefined {
  const { repo } = twin.model
  if (repo.refs.read('refs/stash') === undefined || repo.index.unmerged.size > 0) return undefined
  const index = random() < 0.5
  const model = doAll(stashPop(repo, 'stash@{0}', { index })).ok
  const git = twin.git('stash', 'pop', ...(index ? ['--index'] : []), 'stash@{0}').code === 0
  return { name: `stash pop ${index}`, git, model }
}

/** The product's way of moving index and work tree, between commits of two branches. */
function readTree(twin: Twin, random: Random): Step | undefined {
  const { repo } = twin.model
  const [from, to] = [repo.head, repo.refs.read(`refs/heads/${pick(random, BRANCHES)}`)]
  if (from === undefined || to === undefined) return undefined
  const args = ['read-tree', '-m', '-u', ...(random() < 0.4 ? ['-n'] : []), from, to]
  const { git, model } = twin.run(args)
  return { name: args.join(' '), git, model }
}

function refresh(twin: Twin): Step | undefined {
  const { git, model } = twin.run(['update-index', '-q', '--refresh'])
  return { name: 'update-index --refresh', git: git.code, model: model.code }
}

const GREP = ['--files-with-matches', '-z', '--full-name', '--no-color', '--no-recurse-submodules']

function twoBlobs(twin: Twin, random: Random): readonly (readonly [string, string])[] {
  const oids = [...twin.model.repo.index.entries.values()].map(({ oid }) => oid)
  return oids.length === 0 ? [] : [[pick(random, oids), pick(random, oids)]]
}

/** Puts stages into the index, or takes them out, as the product does. */
function conflictByHand(twin: Twin, random: Random): Step | undefined {
  const { repo } = twin.model
  const [first, second] = [...repo.index.entries.values()].filter(({ mode }) => mode === '100644')
  if (first === undefined || second === undefined || isMerging(twin)) return undefined
  const path = pick(random, PATHS)
  const lines = [`0 ${'0'.repeat(40)} 0\t${path}`]
  if (random() < 0.4) lines.push(`100644 ${first.oid} 1\t${path}`, `100644 ${second.oid} 2\t${path}`)
  else if (random() < 0.7) lines.push(`100644 ${second.oid} 0\t${path}`)
  const { git, model } = twin.run(['update-index', '-z', '--index-info'], lines.map((line) => `${line}\0`).join(''))
  return { name: `update-index --index-info ${lines.length} ${path}`, git: git.code, model: model.code }
}

/** Stages files by their names, in both ways that the product has. */
function stageNamed(twin: Twin, random: Random): Step {
  const path = pick(random, PATHS)
  if (random() < 0.5) {
    const { git, model } = twin.run(['update-index', '--add', '--remove', '-z', '--stdin'], `${path}\0`)
    return { name: `update-index --stdin ${path}`, git: git.code, model: model.code }
  }
  const args = ['--literal-pathspecs', 'add', '--all', '--', pick(random, [path, 'd'])]
  const { git, model } = twin.run(args)
  return { name: args.join(' '), git: git.code, model: model.code }
}

/** Moves two refs, or none, from where they are said to be. */
function moveRefs(twin: Twin, random: Random): Step | undefined {
  const { head, refs } = twin.model.repo
  if (head === undefined) return undefined
  const none = '0'.repeat(40)
  const old = pick(random, [none, head, refs.read('refs/lobby/a') ?? none])
  const input = ['refs/lobby/a', pick(random, ['refs/lobby/b', 'refs/lobby/a/below'])].map(
    (ref) => `update ${ref} ${head} ${old}\n`,
  )
  const { git, model } = twin.run(['update-ref', '-m', 'test', '--stdin'], input.join(''))
  return { name: `update-ref ${input.join('')}`, git: git.code, model: model.code }
}

function ask(twin: Twin, random: Random): Step | undefined {
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
    ['config', '--get', 'merge.directoryRenames'],
    ...(twin.exists(path) ? [['hash-object', '--', path]] : []),
    ...(head === undefined
      ? []
      : [
          ['diff-index', '--cached', '--name-only', '-z', head],
          ['diff-index', '--name-only', '-z', head],
          ['rev-list', '--max-parents=0', head],
          ['write-tree', '--missing-ok'],
          ['grep', ...GREP, '--text', '-E', '-e', '^<<<<<<<([[:space:]]|$)', head, '--', 'd', path],
          ['grep', ...GREP, '-F', '-e', 'edit 1', '-e', 'line 3', head, '--', 'd', path],
          ['rev-parse', '--verify', '--quiet', '--end-of-options', `${head.slice(0, 12)}~1`],
          ...twoBlobs(twin, random).map((pair) => [
            'diff',
            '--no-color',
            '--no-ext-diff',
            '--no-textconv',
            '--unified=3',
            ...pair,
          ]),
          ...twoBlobs(twin, random).map(([oid]) => ['cat-file', '--filters', '--path=a.txt', oid]),
        ]),
  ]
  const args = pick(random, questions)
  const { git, model } = twin.run(args)
  const heard = ({ code, stdout }: typeof git) => ({ code, stdout })
  return { name: args.join(' '), git: heard(git), model: heard(model) }
}
