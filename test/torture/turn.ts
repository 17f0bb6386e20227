import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { checkRepository, lockFiles } from './clone-checks.ts'
import type { Blow, Ran } from './command.ts'
import type { Person } from './person.ts'
import { kindOf, type Turn } from './schedule.ts'

/** What was done in a round. */
export interface Tally {
  /** Kills by kind, those that struck. */
  readonly kills: Map<string, number>
  commands: number
  operations: number
}

/** One more kill of a kind. */
export function count({ kills }: Tally, kind: string): void {
  kills.set(kind, (kills.get(kind) ?? 0) + 1)
}

/** One command of somebody, struck or not, and a look at what it left. */
export async function takeTurn(tally: Tally, person: Person, turn: Turn, risky: boolean): Promise<void> {
  const { restart } = turn
  const { isMerging } = person
  const strike = isMerging ? turn.settling : turn.strike
  const blow = strike === undefined ? undefined : { strike, restart }
  tally.commands++
  if (isMerging) {
    if (!(await person.settle(blow)) && strike !== undefined) count(tally, kindOf(strike))
  } else {
    if (await isClean(person)) await person.edit(turn.edits)
    const ran = turn.action === 'merge' ? await mergeTeam(person, blow) : await person.sync(argsOf(turn), blow)
    if (ran !== undefined) {
      if (ran.struck !== undefined && strike !== undefined) count(tally, kindOf(strike))
      expectCode(person, ran, risky)
      const locks = lockFiles(person.folder)
      if (ran.struck === undefined && ran.code !== null && turn.action !== 'status' && locks.length > 0)
        throw new Error(`${person.name}: ${turn.action} left ${locks.join(', ')}`)
    }
  }
  if (strike === undefined) return
  const defects = await checkRepository(person)
  if (defects.length > 0) throw new Error(defects.join('\n'))
}

function argsOf({ action, oneByOne }: Turn): readonly string[] {
  if (action === 'push') return ['push', '--yes', '--allow-mass-delete', ...(oneByOne ? ['--no-batch'] : [])]
  return action === 'pull' ? ['pull', '--yes'] : [action]
}

/** Nothing is half done that the next command of ours would have to complete. */
async function isClean(person: Person): Promise<boolean> {
  return lockFiles(person.folder).length === 0 && (await person.git('status', '--porcelain')) === ''
}

/** Takes in what the others pushed to their server, with git's own merge, and pushes there. */
export async function mergeTeam(person: Person, blow?: Blow): Promise<Ran | undefined> {
  if (!(await isClean(person))) return undefined
  await person.git('fetch', '--quiet', 'origin')
  const ran = await person.run('git', ['merge', '--quiet', '--no-edit', 'origin/main'], blow)
  if (ran.code === null) {
    // git's own locks and halves: its messages say to remove them; nothing was there that is not committed.
    for (const path of lockFiles(person.folder)) rmSync(join(person.folder, '.git', path))
    await person.git('reset', '--quiet', '--hard')
    await person.git('clean', '--quiet', '-fd')
  }
  if (ran.code === 0) await person.run('git', ['push', '--quiet', 'origin', 'main'])
  return ran.struck === undefined ? undefined : ran
}

/**
 * An unstruck command succeeds, has conflicts to show, or is rejected; a push may also find that some of it was refused,
 * because somebody was faster. What is struck may fail, with its reason said.
 */
export function expectCode(person: Person, { args, code, struck, stdout, stderr }: Ran, risky: boolean): void {
  const wanted = risky || struck !== undefined ? [null, 0, 1, 2, 3, 4] : [0, 2, 3]
  if (code === 1 && /^\{\s*"kind": "pushed"/.test(stdout)) return
  const isCrash = /^\s+at .*:\d+:\d+\)?$/m.test(stderr)
  if (wanted.includes(code) && !isCrash) return
  throw new Error(`${person.name}: ${args.slice(1).join(' ')} exited with ${code}\n${stdout}${stderr}`)
}
