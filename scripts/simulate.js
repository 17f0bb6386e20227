// Plays simulated worlds, many a second, and tells what went wrong in them.
//
//   npm run simulate -- --seed 1 --steps 200 --runs 1000     these seeds
//   npm run simulate -- --minutes 10                         as long as told, from a seed of its own
//   npm run simulate -- --losses                             servers also lose what they had not saved, and forget
//   npm run simulate -- --plain                              one world, one layout, no shared module
//   npm run simulate -- --seed 17 --steps 200 --trace        one run, step by step
//   npm run simulate -- --seed 17 --only 3,8,41 --trace      a run of these steps alone, as a failure names them
//
// Ends with 1 when a run failed. `--json` prints one document instead.
import { fork } from 'node:child_process'
import { rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { bundleSimulation } from './simulation-bundle.js'

const OPTIONS = /** @type {const} */ ({
  seed: { type: 'string' },
  steps: { type: 'string', default: '200' },
  runs: { type: 'string' },
  minutes: { type: 'string' },
  workers: { type: 'string' },
  only: { type: 'string' },
  trace: { type: 'boolean', default: false },
  losses: { type: 'boolean', default: false },
  plain: { type: 'boolean', default: false },
  'no-shrink': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
})

/** @param {string} text @param {string} name */
function whole(text, name) {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 0) throw new Error(`--${name} takes a whole number, not "${text}"`)
  return number
}

async function main() {
  const { values } = parseArgs({ options: OPTIONS })
  const steps = whole(values.steps, 'steps')
  const seed = values.seed === undefined ? Date.now() % 1_000_000_000 : whole(values.seed, 'seed')
  const file = await bundleSimulation()
  try {
    if (values.trace || values.only !== undefined) return await showOne(file, seed, steps, values)
    const minutes = values.minutes === undefined ? undefined : Number(values.minutes)
    const runs =
      values.runs === undefined ? (minutes === undefined ? 1_000 : Number.MAX_SAFE_INTEGER) : whole(values.runs, 'runs')
    const workers = Math.min(
      values.workers === undefined ? availableParallelism() : whole(values.workers, 'workers'),
      runs,
    )
    await many(file, {
      seed,
      steps,
      runs,
      minutes,
      workers,
      shrink: !values['no-shrink'],
      losses: values.losses,
      plain: values.plain,
      json: values.json,
    })
  } finally {
    rmSync(file, { force: true })
  }
}

/**
 * @param {string} file
 * @param {number} seed
 * @param {number} steps
 * @param {{ readonly only?: string | undefined, readonly losses: boolean, readonly plain: boolean }} values
 */
async function showOne(file, seed, steps, { only, losses, plain }) {
  const { allSteps, digest, safely } = await import(pathToFileURL(file).href)
  const chosen = only === undefined ? allSteps(steps) : only.split(',').map((text) => whole(text, 'only'))
  const outcome = await safely({ seed, steps: chosen, losses, plain })
  for (const line of outcome.trace) console.log(line)
  for (const defect of outcome.defects) console.log(`DEFECT ${defect}`)
  console.log(`seed ${seed}: ${outcome.defects.length === 0 ? 'sound' : 'failed'}, trace ${digest(outcome)}`)
  if (outcome.defects.length > 0) process.exitCode = 1
}

/**
 * @param {string} file
 * @param {{ seed: number, steps: number, runs: number, minutes: number | undefined, workers: number, shrink: boolean, losses: boolean, plain: boolean, json: boolean }} order
 */
async function many(file, { seed, steps, runs, minutes, workers, shrink, losses, plain, json }) {
  const begun = performance.now()
  const until = minutes === undefined ? undefined : Date.now() + minutes * 60_000
  let done = 0
  /** @type {Record<string, number>} */
  const counts = {}
  /** @type {{ seed: number, steps: readonly number[], defects: readonly string[] }[]} */
  const failures = []
  const rate = () => done / ((performance.now() - begun) / 1000)
  const said = setInterval(() => {
    if (!json) process.stderr.write(`${done} runs, ${rate().toFixed(1)} a second, ${failures.length} failed\n`)
  }, 10_000)
  const children = Array.from({ length: workers }, (_, index) => {
    const share = Math.floor(runs / workers) + (index < runs % workers ? 1 : 0)
    const child = fork(fileURLToPath(new URL('./simulate-worker.js', import.meta.url)), [file], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    child.send({ seed: seed + index, stride: workers, steps, runs: share, until, shrink, losses, plain })
    child.on('message', (/** @type {any} */ report) => {
      if (report.kind === 'progress') {
        done += report.runs
        for (const [name, count] of Object.entries(report.counts)) counts[name] = (counts[name] ?? 0) + Number(count)
        return
      }
      failures.push(report)
      if (json) return
      console.log(`\nseed ${report.seed} failed:`)
      for (const defect of report.defects.slice(0, 5)) console.log(`  ${defect}`)
      const which = report.steps.length === steps ? `--steps ${steps}` : `--only ${report.steps.join(',')}`
      console.log(
        `  again: npm run simulate -- --seed ${report.seed} ${which}${losses ? ' --losses' : ''}${plain ? ' --plain' : ''} --trace`,
      )
    })
    return new Promise((resolve) => child.on('exit', resolve))
  })
  const codes = await Promise.all(children)
  clearInterval(said)
  const broken = codes.filter((code) => code !== 0).length
  const seconds = (performance.now() - begun) / 1000
  const summary = {
    seed,
    steps,
    runs: done,
    seconds: Number(seconds.toFixed(1)),
    runsPerSecond: Number((done / seconds).toFixed(1)),
    failed: failures.length,
    brokenWorkers: broken,
    counts,
    failures,
  }
  if (json) console.log(JSON.stringify(summary))
  else {
    for (const [name, count] of Object.entries(counts).sort()) console.log(`${String(count).padStart(9)}  ${name}`)
    console.log(
      `seed ${seed}: ${done} runs of ${steps} steps in ${seconds.toFixed(1)} s, ${rate().toFixed(1)} a second (${Math.round(rate() * 60)} a minute), ${failures.length} failed`,
    )
  }
  if (failures.length > 0 || broken > 0) process.exitCode = 1
}

await main()
