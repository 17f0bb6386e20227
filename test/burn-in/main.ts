import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type BurnIn, type BurnInOptions, play } from './play.ts'
import { openPlace } from './processes.ts'

const HELP = `npm run burn-in -- [--minutes N] [--edits N] [--seed S] [--runtime reference|public]
  [--entities N] [--json] [--keep]

Plays the rehearsal of docs/runbook.md: a world of a few hundred entities, builders in it, developers in several clones,
strict conflicts; then judges from the feed and from git whether any edit was lost. Exit code 1 when anything is wrong.
--minutes is how long people work (1.2 by default), --edits stops them earlier. Few --entities make for
many conflicts. --keep leaves the folder for a look.`

/** Runs a burn-in as its arguments say; returns the exit code. `publicRuntime` is the file of a runtime like the public one. */
export async function main(
  root: string,
  args: readonly string[],
  publicRuntime: () => Promise<string>,
): Promise<number> {
  const { values: flags } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '1.2' },
      edits: { type: 'string', default: 'Infinity' },
      entities: { type: 'string', default: '300' },
      seed: { type: 'string' },
      runtime: { type: 'string', default: 'reference' },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (flags.help) {
    process.stdout.write(`${HELP}\n`)
    return 0
  }
  const { runtime } = flags
  const [minutes, edits, entities] = [Number(flags.minutes), Number(flags.edits), Number(flags.entities)]
  const seed = Number(flags.seed ?? Math.floor(Math.random() * 1e9))
  const whole = Number.isInteger(seed) && Number.isInteger(entities) && entities >= 4
  if (!(minutes > 0) || !(edits > 0) || !whole || (runtime !== 'reference' && runtime !== 'public')) {
    process.stderr.write(`${HELP}\n`)
    return 1
  }
  const blueprints = Math.ceil(entities / 8)
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'gamedev-burn-in-')))
  const say = (text: string) => void process.stderr.write(`${text}\n`)
  const options: BurnInOptions = {
    ...{ runtime, seed, edits, publicRuntime, say },
    ms: minutes * 60_000,
    size: { entities, blueprints, modules: Math.min(6, blueprints), assets: 12, developers: 3 },
    ...{ builders: 4, draggers: 2, pace: 700 },
  }
  let kept = flags.keep
  try {
    say(`Seed ${seed}${kept ? `, in ${folder}` : ''}`)
    const burnIn = await play(openPlace(root, folder), options)
    const ok = burnIn.checks.every((check) => check.ok)
    process.stdout.write(
      flags.json ? `${JSON.stringify({ ok, seed, runtime, ...burnIn }, null, 2)}\n` : report(burnIn, ok),
    )
    if (!ok) kept = true
    return ok ? 0 : 1
  } catch (error) {
    kept = true
    say(
      `The burn-in could not be played to its end, with seed ${seed}:\n${error instanceof Error ? error.stack : error}`,
    )
    return 1
  } finally {
    if (kept) say(`Everything is left in ${folder}.`)
    else rmSync(folder, { recursive: true, force: true })
  }
}

/** What people read. */
function report(burnIn: BurnIn, ok: boolean): string {
  const { tally, ends } = burnIn
  const settled = tally.local + tally.remote + tally.merged + tally.withGit
  const rows: readonly (readonly [string, string])[] = [
    ['in the world', `${burnIn.fromWorld} operations in ${burnIn.seconds} s`],
    ['in files', `${tally.edits} edits in ${tally.commits} commits`],
    ['to the world', `${burnIn.fromFiles} operations landed, in ${tally.pushes} pushes`],
    [
      'from the world',
      `${tally.pulls} pulls; ${tally.merges} merges among the developers, ${tally.shared} times shared`,
    ],
    [
      'conflicts',
      `${burnIn.conflicts} fields contested in pulls, ${tally.ruled} settled by rules, ${tally.texts} texts merged`,
    ],
    [
      'settled',
      `${settled}: local ${tally.local}, remote ${tally.remote}, merged ${tally.merged}, with git ${tally.withGit}`,
    ],
    [
      'overwrites prevented',
      `${tally.prevented} fields in ${tally.stopped} pushes that were stopped; ${tally.held} held back`,
    ],
    ['reported afterwards', `${tally.reported} fields that others wrote while a push was on its way`],
    [
      'overwrites at start',
      burnIn.checks.find(({ name }) => name === 'nothing is overwritten at the start')!.ok ? '0' : 'see below',
    ],
    ['at rest', `after ${burnIn.rounds} rounds`],
    [
      'edits',
      Object.entries(ends)
        .map(([end, count]) => `${end} ${count}`)
        .join(', '),
    ],
  ]
  const counted = Object.entries(burnIn.counted).map(([name, value]) => `${name} ${value}`)
  const lines = [...rows, ['counted by itself', counted.join(', ')] as const].map(
    ([name, text]) => `  ${name.padEnd(22)}${text}`,
  )
  const checks = burnIn.checks.map(({ name, ok, detail }) => {
    return `  ${ok ? 'ok ' : 'BAD'}  ${name}: ${detail.replaceAll('\n', '\n         ')}`
  })
  return `\n${lines.join('\n')}\n\n${checks.join('\n')}\n\n${ok ? 'Good: no edit was lost.' : 'BAD: see above.'}\n`
}
