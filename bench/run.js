// npm run bench [-- --world 1000|10000|100000] [--runs <n>] [--only clone,pull,…] [--json]
//
// Measures the real commands (node bin/run.js, as built into dist/) against the reference runtime in a process of its
// own, each beside its floor in the same run. Asserts nothing; take only the ratios to other machines.
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { openPlace, startWorld } from './place.js'
import { git } from './processes.js'
import { cloning, fetching, idlePull, merging, pulling, pushing } from './scenarios.js'
import { table } from './table.js'

const { values: flags } = parseArgs({
  options: {
    world: { type: 'string', default: '10000' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const entities = Number(flags.world)
const runs = Number(flags.runs)
if (!Number.isInteger(entities) || entities < 1 || !Number.isInteger(runs) || runs < 1) {
  throw new Error('--world and --runs are whole numbers')
}
const only = flags.only === undefined ? undefined : new Set(flags.only.split(','))
const wanted = (name) => only === undefined || only.has(name)

const rows = []
const say = (text) => process.stderr.write(`${text}\n`)
async function collect(world, scenario) {
  for (;;) {
    const { done, value } = await scenario.next()
    if (done) return value
    rows.push({ world: world.entities, ...value })
    if (!flags.json) say(`  ${value.name.trim()}`)
  }
}

const place = await openPlace()
const worlds = []
try {
  // The small world shows what depends on the size of a world.
  for (const size of new Set([Math.min(1000, entities), entities])) {
    if (!flags.json) say(`world of ${size} entities`)
    const world = await startWorld(place, size)
    worlds.push(world)
    const large = size >= 50_000
    const repository = await collect(world, cloning(place, world, large ? 1 : Math.min(runs, 3)))
    if (wanted('idle')) await collect(world, idlePull(place, world, repository, runs * 2))
    if (wanted('pull')) await collect(world, pulling(place, world, repository, runs))
    if (size !== entities) continue
    if (wanted('merge')) await collect(world, merging(place, world))
    if (wanted('fetch')) await collect(world, fetching(place, world, repository, runs))
    if (wanted('push')) await collect(world, pushing(place, world, repository, Math.min(runs, 3)))
  }
  const gitVersion = (await git(place, ['version'])).stdout.trim()
  const machine = { node: process.version, git: gitVersion, cpus: cpus().length, cpu: cpus()[0]?.model }
  if (flags.json) process.stdout.write(`${JSON.stringify({ machine, entities, runs, rows }, null, 2)}\n`)
  else
    process.stdout.write(`\nnode ${machine.node}, ${machine.git}, ${machine.cpus} × ${machine.cpu}\n\n${table(rows)}\n`)
} finally {
  for (const world of worlds) await world.stop()
  place.close()
}
