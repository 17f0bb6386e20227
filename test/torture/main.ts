import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { KillProxy } from '../faults/kill-proxy.ts'
import { Lab } from './lab.ts'
import { type Options, readOptions } from './options.ts'
import { openPlace, type Place } from './place.ts'
import { type Failure, line, Summary } from './report.ts'
import { playRound } from './round.ts'
import { planRound, type RuntimeKind } from './schedule.ts'
import type { Tally } from './turn.ts'

/** The round's runtime goes by its number, so that `--round` needs no more. */
function runtimeOf({ runtimes }: Options, round: number): RuntimeKind {
  return runtimes[(round - 1) % runtimes.length]!
}

/**
 * `npm run torture`: rounds of real processes that are killed, until the time is over. Returns the exit code: 1 when
 * anything failed. `root` is where the built command is, `publicRuntime` the bundled program of the public server's stand-in.
 */
export async function torture(root: string, publicRuntime: string, args: readonly string[]): Promise<number> {
  const options = readOptions(args, Math.floor(Math.random() * 1e6))
  const place = openPlace(root, publicRuntime)
  const proxy = await KillProxy.listen()
  const summary = new Summary(options)
  // No runtime stays behind.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
  try {
    const labs = new Map<RuntimeKind, Lab>()
    for (const kind of options.runtimes) labs.set(kind, await Lab.prepare(place, proxy, kind))
    const end = performance.now() + options.minutes * 60_000
    for (let round = options.round ?? 1; ; round++) {
      const failure = await oneRound({ place, lab: labs.get(runtimeOf(options, round))! }, options, round, summary)
      if (failure !== undefined) process.stderr.write(`${line(failure)}\n`)
      if (options.round !== undefined || performance.now() >= end) break
    }
  } finally {
    proxy.close()
    if (summary.failures.length === 0) place.remove()
  }
  process.stdout.write(options.json ? `${JSON.stringify(summary.facts(), null, 2)}\n` : `${summary.text()}\n`)
  return summary.failures.length === 0 ? 0 : 1
}

async function oneRound(
  { place, lab }: { readonly place: Place; readonly lab: Lab },
  options: Options,
  round: number,
  summary: Summary,
): Promise<Failure | undefined> {
  const runtime = runtimeOf(options, round)
  const plan = planRound(options.seed, round, runtime)
  const tally: Tally = { kills: new Map(), commands: 0, operations: 0 }
  const begun = performance.now()
  const name = `round-${round}`
  let failure: Failure | undefined
  const bench = await lab.copy(name, plan.people)
  try {
    await playRound(bench, plan, tally)
  } catch (error) {
    failure = {
      seed: options.seed,
      round,
      runtime,
      folder: join(place.folder, name),
      message: (error as Error).message,
    }
  } finally {
    await bench.close(failure !== undefined)
  }
  summary.add(tally, failure)
  if (failure !== undefined) writeFileSync(join(failure.folder, 'failure.txt'), line(failure))
  if (!options.json) {
    const kills = [...tally.kills.values()].reduce((sum, count) => sum + count, 0)
    const seconds = ((performance.now() - begun) / 1000).toFixed(1)
    const how = failure === undefined ? 'ok' : 'FAILED'
    process.stdout.write(
      `round ${round} ${runtime}: ${tally.commands} commands, ${kills} kills, ${tally.operations} operations, ${seconds} s, ${how}\n`,
    )
  }
  return failure
}
