import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { checkRepository, lockFiles } from './clone-checks.ts'
import type { Blow, Ran } from './command.ts'
import { Editor } from './editor.ts'
import { checkEnd, comeToRest } from './ending.ts'
import type { Bench } from './lab.ts'
import { Person } from './person.ts'
import { kindOf, type Round, type Turn, victimOf } from './schedule.ts'
import { type Beginning, findDefects, findLostAssets, readBeginning, readHeld } from './world-checks.ts'

/** What was done in a round. */
export interface Tally {
  /** Kills by kind, those that struck. */
  readonly kills: Map<string, number>
  commands: number
  operations: number
}

/** A round that is being played: who takes part, and where it began. */
export interface Game {
  readonly plan: Round
  readonly bench: Bench
  readonly people: readonly Person[]
  readonly editors: readonly Editor[]
  readonly beginning: Beginning
  /** The commit that all clones began with. */
  readonly root: string
  readonly tally: Tally
}

/** Plays a round and throws what is wrong: a check that failed, or a command that did what it must not. */
export async function playRound(bench: Bench, plan: Round, tally: Tally): Promise<void> {
  const extras: string[] = []
  const seed = plan.seed * 1000 + plan.round * 10
  const { runtime } = bench.rack
  const people = bench.clones.map((folder, index) => new Person(bench.rack, index, folder, seed + index, extras))
  const editors = Array.from({ length: plan.editors }, (_, index) => {
    return new Editor(index, seed + 5 + index, () => runtime.url, plan.runtime === 'reference', extras)
  })
  const beginning = await readBeginning(runtime.url)
  const root = await people[0]!.git('rev-parse', 'HEAD')
  const game: Game = { plan, bench, people, editors, beginning, root, tally }
  try {
    for (const editor of editors) editor.begin()
    for (const step of plan.steps) {
      const kills = runtime.kills
      if (step.kind === 'burst') await burst(game, step.answers)
      else if (step.kind === 'outage') await outage(game)
      else {
        const risky = step.turns.some(({ strike }) => victimOf(strike) === 'runtime')
        await all(step.turns.map((turn) => takeTurn(game, people[turn.person]!, turn, risky)))
      }
      if (runtime.kills > kills) await checkRuntime(game)
    }
    await all(editors.map((editor) => editor.rest()))
    await comeToRest(game)
    await checkEnd(game)
  } catch (error) {
    throw new Error(`${(error as Error).message}\n\n${people.map(story).join('\n\n')}`, { cause: error })
  } finally {
    await Promise.all(editors.map((editor) => editor.rest()))
  }
}

/** Waits for all, and throws what went wrong first: nothing runs on behind. */
async function all(work: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find(({ status }) => status === 'rejected')
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason
}

function story({ name, log }: Person): string {
  return `${name}:\n${log
    .slice(-40)
    .map((line) => `  ${line.replaceAll('\n', '\n    ')}`)
    .join('\n')}`
}

/** Everybody in the world writes without waiting, until the runtime is killed. */
async function burst({ bench, editors, tally }: Game, answers: number): Promise<void> {
  const { runtime } = bench.rack
  let answered = 0
  const writes = Array.from({ length: 100 }, (_, index) =>
    editors[index % editors.length]!.edit().then((outcome) => {
      if (outcome !== 'unknown' && ++answered === answers) runtime.kill()
    }),
  )
  await Promise.all(writes)
  await runtime.start()
  count(tally, 'runtime in a burst')
}

async function outage({ bench, editors, tally }: Game): Promise<void> {
  const { runtime } = bench.rack
  await all(editors.map((editor) => editor.rest()))
  // Asking for the feed waits until it is written (protocol, section 2).
  await fetch(`${runtime.url}/admin/changes`)
  await runtime.save()
  runtime.kill()
  await runtime.start()
  count(tally, 'runtime with everything saved')
  for (const editor of editors) editor.begin()
}

async function checkRuntime({ plan, bench, editors, beginning }: Game): Promise<void> {
  if (plan.runtime === 'public') return
  const { url } = bench.rack.runtime
  // What is acknowledged from now on may not be in what is read.
  const acknowledged = editors.map(({ acknowledged }) => ({
    ...acknowledged,
    operations: [...acknowledged.operations],
    batches: [],
  }))
  const assets = new Map(editors.flatMap((editor) => [...editor.acknowledged.assets].slice(-3)))
  const defects = [
    ...findDefects(await readHeld(url, beginning), beginning, acknowledged),
    ...(await findLostAssets(url, assets)),
  ]
  if (defects.length > 0) throw new Error(`the runtime was killed:\n${defects.slice(0, 20).join('\n')}`)
}

/** One command of somebody, struck or not, and a look at what it left. */
async function takeTurn({ tally }: Game, person: Person, turn: Turn, risky: boolean): Promise<void> {
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
  if (ran.code === null && !person.isMerging) {
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

function count({ kills }: Tally, kind: string): void {
  kills.set(kind, (kills.get(kind) ?? 0) + 1)
}
