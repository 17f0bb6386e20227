import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportStream, importStream, keepObjects } from './floors.js'
import { exchange, get, moves, post } from './place.js'
import { emptyCommand, gamedev, gamedevWithMemory, git, inside } from './processes.js'
import { least, measure, median } from './statistics.js'
import { entityId } from './world-seed.js'

/**
 * The scenarios. Each yields rows: what was measured, its floor (the least that the same work costs without us, measured
 * in the same run, alternating with it) and what the floor is.
 */

const REF = 'refs/lobby/remote'
const OPERATIONS = 1000
const CHANGES = 50

async function tipOf(place, repository, ref = REF) {
  return (await git(place, ['rev-parse', ref], { cwd: repository })).stdout.trim()
}

/** Clones the world; the clone stays for the scenarios that follow. */
export async function* cloning(place, world, runs) {
  const { url, entities } = world
  const repository = join(place.folder, `clone-${entities}`)
  const samples = { clone: [], import: [], checkout: [], get: [], memory: [] }
  let stream
  for (let count = 0; count < runs + 1; count++) {
    rmSync(repository, { recursive: true, force: true })
    const clone = await gamedevWithMemory(place, ['sync', 'clone', url, repository])
    stream ??= await exportStream(place, repository, undefined, REF)
    const imported = await importStream(place, stream, undefined, REF, await tipOf(place, repository))
    const checkout = await checkOut(place, repository, entities)
    const snapshot = await get(`${url}/admin/snapshot`)
    if (count === 0 && runs > 1) continue
    samples.clone.push(clone.ms)
    samples.memory.push(clone.bytes)
    samples.import.push(imported)
    samples.checkout.push(checkout)
    samples.get.push(snapshot.ms)
    if (runs === 1) break
  }
  rmSync(stream)
  const [imported, checkout, snapshot] = [samples.import, samples.checkout, samples.get].map(median)
  yield {
    name: 'clone',
    ms: median(samples.clone),
    floor: imported + checkout + snapshot,
    of: 'GET snapshot + git fast-import + git checkout of the same',
    parts: { import: imported, checkout, snapshot },
  }
  yield { name: 'clone, peak memory of its node process', bytes: Math.max(...samples.memory) }
  return repository
}

/** What plain git takes to write the files of a commit into an empty folder. */
async function checkOut(place, repository, entities) {
  const folder = join(place.folder, `checkout-${entities}`)
  await git(place, ['clone', '--quiet', '--no-checkout', '--shared', repository, folder])
  const { ms } = await git(place, ['checkout', '--quiet', 'HEAD'], { cwd: folder })
  rmSync(folder, { recursive: true, force: true })
  return ms
}

/** A pull that finds nothing. */
export async function* idlePull(place, world, repository, runs) {
  const { url } = world
  const cursor = (await JSON.parse((await get(`${url}/admin/changes?cursor=latest`)).text)).cursor
  const urls = [`${url}/status`, `${url}/admin/changes?cursor=${Math.max(0, cursor - 1)}&limit=1000`]
  const samples = await measure(runs, {
    pull: async () => (await gamedev(place, ['sync', 'pull'], { cwd: repository })).ms,
    empty: async () => (await emptyCommand(place)).ms,
    asking: async () => (await emptyCommand(place, urls)).ms,
  })
  yield {
    name: 'no-op pull',
    ms: samples.pull,
    floor: samples.asking,
    of: 'an empty command with the same two GETs by node:http',
    parts: { 'empty command': samples.empty },
  }
}

/** Fetching operations, each a commit, into a split world. */
export async function* fetching(place, world, repository, runs) {
  const samples = { command: [], use: [], import: [], empty: [] }
  for (let count = 0; count < (runs + 1) * 2; count++) {
    const before = await tipOf(place, repository)
    const objects = keepObjects(place, repository)
    await world.move(OPERATIONS)
    // The command and the use case alone take turns.
    const whole = count % 2 === 0
    const ms = whole
      ? (await gamedev(place, ['sync', 'fetch'], { cwd: repository })).ms
      : (await inside(place, ['fetch'], { cwd: repository })).ms
    const stream = await exportStream(place, repository, before, REF)
    const imported = await importStream(place, stream, objects, REF, await tipOf(place, repository))
    const empty = await emptyCommand(place)
    rmSync(stream)
    rmSync(objects, { recursive: true, force: true })
    if (count < 2) continue
    samples[whole ? 'command' : 'use'].push(ms)
    samples.import.push(imported)
    samples.empty.push(empty.ms)
  }
  const floor = median(samples.import)
  const of = 'git fast-import of the same commits'
  yield { name: `fetch of ${OPERATIONS} operations`, ms: median(samples.command), floor, of }
  yield { name: '  the use case alone, in a fresh process', ms: median(samples.use), floor, of }
  yield {
    name: '  the whole command',
    ms: median(samples.command),
    floor: floor + median(samples.empty),
    of: 'an empty command, then git fast-import of the same commits',
  }
}

/** Pulling some changes into branch and files. */
export async function* pulling(place, world, repository, runs) {
  await gamedev(place, ['sync', 'pull'], { cwd: repository })
  const samples = { pull: [], merge: [], import: [], empty: [] }
  for (let count = 0; count < runs + 1; count++) {
    const before = await tipOf(place, repository)
    const head = await tipOf(place, repository, 'HEAD')
    const objects = keepObjects(place, repository)
    await world.move(CHANGES)
    const pull = await gamedev(place, ['sync', 'pull'], { cwd: repository })
    const stream = await exportStream(place, repository, before, REF)
    const imported = await importStream(place, stream, objects, REF, await tipOf(place, repository))
    // The same merge by git, in the same checkout.
    const merged = await tipOf(place, repository, 'HEAD')
    await git(place, ['reset', '--quiet', '--hard', head], { cwd: repository })
    const merge = await git(place, ['merge', '--quiet', '--no-edit', '--no-ff', REF], { cwd: repository })
    await git(place, ['reset', '--quiet', '--hard', merged], { cwd: repository })
    const empty = await emptyCommand(place)
    rmSync(stream)
    rmSync(objects, { recursive: true, force: true })
    if (count === 0) continue
    samples.pull.push(pull.ms)
    samples.merge.push(merge.ms)
    samples.import.push(imported)
    samples.empty.push(empty.ms)
  }
  const [merge, imported, empty] = [samples.merge, samples.import, samples.empty].map(median)
  yield {
    name: `pull of ${CHANGES} changes`,
    ms: median(samples.pull),
    floor: empty + imported + merge,
    of: 'an empty command, git fast-import and git merge of the same',
    parts: { empty, import: imported, merge },
  }
}

/** Edits files of entities and commits them. */
async function commitEdits(place, repository, count, round) {
  const folders = new Map()
  const base = join(repository, 'world', 'entities')
  for (const shard of readdirSync(base)) {
    for (const file of readdirSync(join(base, shard))) folders.set(file, join(base, shard, file))
  }
  const files = [...folders.values()].sort()
  const ids = new Set(Array.from({ length: count }, (_, index) => entityId(index)))
  for (const file of files) {
    const text = await readFile(file, 'utf8')
    const entity = JSON.parse(text)
    if (!ids.has(entity.id)) continue
    await writeFile(file, text.replace(/"position": \[[^\]]*\]/, `"position": [${round + 0.25}, 1, 2]`))
  }
  await git(place, ['commit', '--quiet', '--all', '-m', `move ${count} things, ${round}`], { cwd: repository })
}

/** Pushing a commit that changes many entities. */
export async function* pushing(place, world, repository, runs) {
  const { url, entities } = world
  await gamedev(place, ['sync', 'pull'], { cwd: repository })
  const samples = { batch: [], post: [], empty: [], pipelined: [], sending: [], one: [], wire: [] }
  for (let round = 1; round <= runs + 1; round++) {
    await commitEdits(place, repository, OPERATIONS, round * 2)
    const batch = await gamedev(place, ['sync', 'push'], { cwd: repository })
    await commitEdits(place, repository, OPERATIONS, round * 2 + 1)
    const from = JSON.parse((await get(`${url}/admin/changes?cursor=latest`)).text).cursor
    const pipelined = await gamedev(place, ['sync', 'push', '--no-batch'], { cwd: repository })
    const sending = await recordedSpan(url, from)
    const plain = await post(url, moves(OPERATIONS, 1_000_000 + round, entities))
    const one = await inside(place, ['commands', url, String(OPERATIONS), 'one'])
    const wire = await inside(place, ['commands', url, String(OPERATIONS), 'many'])
    await gamedev(place, ['sync', 'pull'], { cwd: repository })
    const empty = await emptyCommand(place)
    if (round === 1) continue
    samples.batch.push(batch.ms)
    samples.pipelined.push(pipelined.ms)
    samples.sending.push(sending)
    samples.post.push(plain.ms)
    samples.one.push(one.ms)
    samples.wire.push(wire.ms)
    samples.empty.push(empty.ms)
  }
  const empty = median(samples.empty)
  const plain = median(samples.post)
  const one = median(samples.one)
  yield {
    name: `push of ${OPERATIONS} entity changes, ops.batch`,
    ms: median(samples.batch),
    floor: empty + plain,
    of: 'an empty command, and one POST of the same by node:http',
    parts: { empty, post: plain },
  }
  yield {
    name: `push of ${OPERATIONS} entity changes, WebSocket pipelined (--no-batch)`,
    ms: median(samples.pipelined),
    floor: empty + one,
    of: 'an empty command, and the same commands one at a time',
  }
  yield {
    name: '  its sending, by the times in the feed',
    ms: median(samples.sending),
    floor: one,
    of: 'the same commands one at a time',
  }
  yield {
    name: '  the client alone, all commands at once',
    ms: median(samples.wire),
    floor: one,
    of: 'the same commands one at a time',
  }
}

/** Milliseconds between the first and the last operation that the feed recorded after a cursor. */
async function recordedSpan(url, cursor) {
  const page = JSON.parse((await exchange(`${url}/admin/changes?cursor=${cursor}&limit=1000`, 'GET')).text)
  const times = page.operations.map(({ ts }) => Date.parse(ts))
  return Math.max(...times) - least(times)
}

/** Merges two worlds in memory of which each side changed one entity in a hundred; no world is asked. */
export async function* merging(place, { entities }) {
  for (const layout of ['split', 'manifest']) {
    const cwd = mkdtempSync(join(place.folder, 'merge-'))
    const { merge, parse } = await inside(place, ['merge', layout, String(entities)], { cwd })
    rmSync(cwd, { recursive: true, force: true })
    yield {
      name: `merge, 1 % changed on each side, ${layout}`,
      ms: merge,
      floor: parse,
      of: 'parsing the three worlds',
      parts: { parse },
    }
  }
}
