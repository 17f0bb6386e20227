import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openConflicts } from './conflicts.ts'
import { count, few, information, ok, problem, type Said } from './doctor-finding.ts'
import { lockHolder } from './process-lock.ts'
import type { Project } from './session.ts'
import { exists, operationUnderWay } from './working-tree.ts'

/** Files of `.git/lobby` that say that something was begun and not ended (G13, P6). */
const BEGUN: readonly (readonly [name: RegExp, what: string, hint: string])[] = [
  [
    /^push-.*\.json$/,
    'a push was interrupted',
    'Run "gamedev sync pull" or "push": it finds out what landed, and ends it.',
  ],
  [/^merge-.*\.json$/, 'a merge with the world was interrupted', 'Run "gamedev sync pull": it completes the merge.'],
  [/^first-commit$/, 'connecting with the world was interrupted', 'Run the "gamedev sync init" or "clone" again.'],
  [
    /^autostash$/,
    'local changes were put aside and are not back yet',
    'Run "gamedev sync pull": it brings them back; "git stash list" has them.',
  ],
]
const DAMAGED = /\.damaged$/

/** What commands that were killed, or that run just now, have left in the repository (S4, P6). */
export async function examineLeftovers(project: Project): Promise<readonly Said[]> {
  const { repository, stateFolder } = project
  const found: Said[] = []
  const holder = await lockHolder(stateFolder)
  const running = holder?.alive === true && holder.pid !== process.pid
  if (holder !== undefined && holder.pid !== process.pid) {
    const who = `"gamedev ${holder.command}" (process ${holder.pid} on ${holder.host})`
    const more = { path: holder.path }
    if (holder.alive === true)
      found.push(
        information(`${who} is running here`, {
          ...more,
          hint: `If that process is another program by now, remove ${holder.path}.`,
        }),
      )
    else if (holder.alive === false)
      found.push(information(`${who} left its lock: the next command takes it over`, more))
    else
      found.push(
        problem(`${who} holds the lock, on another machine`, {
          ...more,
          hint: `Wait for it to end; if it is gone for good, remove ${holder.path}.`,
        }),
      )
  }
  const names = (await readdir(stateFolder).catch(() => [])).sort()
  for (const [pattern, what, hint] of BEGUN) {
    const left = names.filter((name) => pattern.test(name))
    if (left.length === 0) continue
    const more = { path: join(stateFolder, left[0]!) }
    found.push(running ? information(`${what}, or is under way`, more) : problem(what, { ...more, hint }))
  }
  for (const name of names.filter((name) => DAMAGED.test(name))) {
    const path = join(stateFolder, name)
    const hint = 'Look at it, compare "git log refs/lobby/remote" with what you pushed, and remove it.'
    found.push(information('a journal that could not be read was put aside', { path, hint }))
  }
  const beside = [...(await repository.listRefs('refs/lobby/rebuild/')).keys()]
  if (beside.length > 0 && !running) {
    found.push(
      information('a rebuild was interrupted; nothing reads what it left', {
        path: few(beside),
        hint: 'The next "gamedev sync rebuild" removes it.',
      }),
    )
  }
  const indexLock = join(repository.gitDir, 'index.lock')
  if ((await exists(indexLock)) && !running) {
    const hint = `If no git is running here, remove ${indexLock}.`
    found.push(problem('git has left its lock of the index, or is running', { path: indexLock, hint }))
  }
  return found.length > 0 ? found : [ok('no command is running, and none was interrupted')]
}

/** Open conflicts, and what is written down about them, against the index of git (C3, C4). */
export async function examineConflicts(project: Project): Promise<readonly Said[]> {
  const found: Said[] = []
  const { conflicts, stale, invalid } = await openConflicts(project)
  const underWay = await operationUnderWay(project)
  if (conflicts.length > 0) {
    const names = few(conflicts.map(({ object, path }) => object ?? path))
    const hint = 'See "gamedev sync conflicts"; nothing is pushed while conflicts are open.'
    found.push(problem(`${count(conflicts.length, 'conflict')} open: ${names}`, { hint }))
  } else if (underWay !== undefined) {
    const [, what, conclude, abort] = underWay
    const hint = `Conclude it with "${conclude}", or give it up with "${abort}".`
    found.push(information(`${what} is in progress in this checkout`, { hint }))
  }
  for (const { object, path } of stale) {
    const hint = 'Run "gamedev sync resolve --restage" to have it merged by field again.'
    found.push(information(`what is written down about ${object} is not what the index has`, { path, hint }))
  }
  for (const path of invalid) {
    found.push(
      problem('this artifact of a conflict cannot be read', { path, hint: 'Restore it from git, or remove it.' }),
    )
  }
  return found.length > 0 ? found : [ok('none open')]
}
