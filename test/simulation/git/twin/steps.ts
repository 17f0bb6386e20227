import type { Random } from '../../host.ts'
import { readBlob, readCommit } from '../objects.ts'
import { edit, makeExecutable, moveFile, removeFile, touch } from './file-steps.ts'
import { ask, conflictByHand, moveRefs, readTree, refresh, stageNamed } from './product-steps.ts'
import type { Twin } from './twin.ts'
import {
  abort,
  amend,
  commitAll,
  commitStaged,
  createBranch,
  goOn,
  merge,
  mergeOf,
  pickOne,
  pop,
  rebaseOnto,
  resetHard,
  squash,
  stageAll,
  stash,
  switchBranch,
  switchTo,
} from './user-steps.ts'
import { type Action, isMerging, PATHS, pick, type Step } from './vocabulary.ts'

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
