import { Editor } from './editor.ts'
import { checkEnd, comeToRest } from './ending.ts'
import type { Bench } from './lab.ts'
import { Person } from './person.ts'
import { type Round, victimOf } from './schedule.ts'
import { count, type Tally, takeTurn } from './turn.ts'
import { type Beginning, findDefects, findLostAssets, readBeginning, readHeld } from './world-checks.ts'

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
        await all(step.turns.map((turn) => takeTurn(tally, people[turn.person]!, turn, risky)))
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
