import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openRuntime } from '../../src/remote-runtime/open-runtime.ts'
import { readArtifacts } from '../../src/sync/conflict-artifact.ts'
import { Editor } from '../e2e/race-editor.ts'
import { worldFields } from '../e2e/race-history.ts'
import { LiveWorld } from '../e2e/race-live.ts'
import { Pace, type Shared } from '../e2e/race-world.ts'
import { Developer, type DeveloperTally } from './developer.ts'
import { Dragger } from './dragger.ts'
import { CODE, gamedev, git, must, type Place, type Served, serve } from './processes.ts'
import { type Judged, judgeAll } from './verdict.ts'
import { placed, thing, type WorldSize, writeProject } from './world-project.ts'

export interface BurnInOptions {
  readonly runtime: 'reference' | 'public'
  readonly seed: number
  /** How long people work, in milliseconds. */
  readonly ms: number
  /** Stop earlier, when so many edits were made, in the world and in files together. */
  readonly edits: number
  readonly size: WorldSize
  readonly builders: number
  readonly draggers: number
  /** A builder's pause between two edits, in milliseconds. */
  readonly pace: number
  /** The runtime like the public one, bundled to run on its own. */
  readonly publicRuntime: () => Promise<string>
  readonly say: (text: string) => void
}

export interface BurnIn extends Judged {
  readonly operations: number
  readonly seconds: number
  readonly tally: DeveloperTally
  /** Contested fields that pulls left to people. */
  readonly conflicts: number
  /** How many rounds it took until nobody had anything to send or to take. */
  readonly rounds: number
}

/** Most is asked about; the title is for people in the world to choose, descriptions are the project's. */
const POLICY = {
  rules: [
    { type: 'settings', owner: 'runtime' },
    { type: 'blueprint', field: 'desc', owner: 'local' },
  ],
}
const WORLD = 'burn-in'
const RESTS = 12

/** Plays the rehearsal of docs/runbook.md: prepare, connect, share, work, come to rest, judge. */
export async function play(place: Place, options: BurnInOptions): Promise<BurnIn> {
  const { size, seed, say } = options
  say(
    `A world of ${size.entities} entities and ${size.blueprints} blueprints, served by the ${options.runtime} runtime`,
  )
  const project = join(place.folder, 'project')
  writeProject(project, size)
  const data = join(place.folder, 'data')
  await must(gamedev(place, place.folder, 'runtime', 'seed', project, '--data', data, '--world-id', WORLD), 'seeding')
  const world = await start(place, options, data)
  const remote = openRuntime({ url: world.url, worldId: WORLD, adminCode: CODE })
  try {
    say('Clones of it, which share their work through a server of git')
    const hot = Array.from({ length: Math.ceil(size.entities / 12) }, (_, index) => placed(index * 3))
    const all = Array.from({ length: size.entities }, (_, index) => placed(index))
    const shared: Shared = {
      // What people work on is seldom spread evenly.
      entities: [...all, ...Array.from({ length: 12 }, () => hot).flat()],
      blueprints: Array.from({ length: size.blueprints }, (_, index) => thing(index)),
      extras: [],
      pace: new Pace(),
    }
    const scripts = shared.blueprints.map((id) => `apps/${id}/index.js`)
    for (let index = 0; index < size.modules; index++) scripts.push(`shared/module${index}.js`)
    const developers = Array.from({ length: size.developers }, (_, index) => {
      return new Developer(index, seed + index, place, shared, scripts)
    })
    const { startup, begun } = await connect(place, world, developers)
    const snapshot = await remote.snapshot()
    const cursor = await remote.head()

    say('Builders in the world, developers in their clones')
    const live = await LiveWorld.open(world.url, CODE, snapshot)
    const editors = Array.from({ length: options.builders }, (_, index) => {
      return new Editor(index, seed + 1000 + index, remote, live, shared)
    })
    const draggers = Array.from({ length: options.draggers }, (_, index) => {
      return new Dragger(options.builders + index, seed + 2000 + index, remote, shared)
    })
    const began = Date.now()
    const acknowledged = () => [...editors, ...draggers].flatMap((person) => person.acknowledged)
    const edits = () => acknowledged().length + developers.reduce((sum, { tally }) => sum + tally.edits, 0)
    const failed: unknown[] = []
    const isOver = () => failed.length > 0 || Date.now() - began >= options.ms || edits() >= options.edits
    const give = (error: unknown) => void failed.push(error)
    await Promise.all([
      ...editors.map((editor) => editor.run(isOver, options.pace).catch(give)),
      ...draggers.map((dragger) => dragger.run(isOver, options.pace * 4).catch(give)),
      ...developers.map((developer) => developer.run(isOver).catch(give)),
    ])
    live.close()
    if (failed.length > 0) throw failed[0]
    const seconds = Math.round((Date.now() - began) / 1000)

    say('Everybody sends and takes what is left')
    const rounds = await comeToRest(developers, () => remote.head(), place)
    say('Judging, from the feed and from git alone')
    const start = worldFields(snapshot)
    const judged = await judgeAll({
      place,
      remote,
      developers,
      acknowledged: acknowledged(),
      cursor,
      start,
      begun,
      startup,
    })
    const conflicts = await countConflicts(developers)
    return {
      ...judged,
      conflicts,
      operations: (await remote.head()) - cursor,
      seconds,
      tally: sum(developers),
      rounds,
    }
  } finally {
    await remote.close()
    await world.stop()
  }
}

async function start(place: Place, options: BurnInOptions, data: string): Promise<Served> {
  if (options.runtime === 'public') return serve(place, [await options.publicRuntime(), data, WORLD, CODE])
  const args = ['runtime', 'start', '--data', data, '--world-id', WORLD, '--port', '0']
  return serve(place, [join(place.root, 'bin/run.js'), ...args])
}

/** The first clone is made of the world, the others of the first; nothing may be sent by any before anybody worked. */
async function connect(
  place: Place,
  world: Served,
  developers: readonly Developer[],
): Promise<{ readonly startup: number; readonly begun: string }> {
  const [first] = developers
  await must(gamedev(place, place.folder, 'sync', 'doctor', '--url', world.url), 'sync doctor')
  const named = ['-c', 'user.name=p0', '-c', 'user.email=p0@example.com']
  await must(git(place, place.folder, 'config', '--global', 'user.name', 'p0'), 'git config')
  await must(git(place, place.folder, 'config', '--global', 'user.email', 'p0@example.com'), 'git config')
  await must(gamedev(place, place.folder, 'sync', 'clone', world.url, first!.folder), 'sync clone')
  const file = join(first!.folder, 'lobby.json')
  const lobby = JSON.parse(readFileSync(file, 'utf8')) as object
  writeFileSync(file, `${JSON.stringify({ ...lobby, policy: POLICY }, null, 2)}\n`)
  await must(git(place, first!.folder, 'commit', '--quiet', '--all', '-m', 'Whose word counts'), 'git commit')
  await must(git(place, place.folder, ...named, 'init', '--quiet', '--bare', 'origin.git'), 'git init')
  await must(git(place, first!.folder, 'remote', 'add', 'origin', join(place.folder, 'origin.git')), 'git remote')
  await must(git(place, first!.folder, 'push', '--quiet', 'origin', 'HEAD:main'), 'git push')
  let startup = 0
  for (const { folder, name } of developers) {
    if (folder !== first!.folder)
      await must(git(place, place.folder, 'clone', '--quiet', 'origin.git', folder), 'git clone')
    await must(git(place, folder, 'config', 'user.name', name), 'git config')
    await must(git(place, folder, 'config', 'user.email', `${name}@example.com`), 'git config')
    await must(gamedev(place, folder, 'sync', 'merge-driver', '--install'), 'sync merge-driver')
    const planned = await must(gamedev(place, folder, 'sync', 'push', '--dry-run', '--json'), 'sync push --dry-run')
    startup += ((JSON.parse(planned) as { operations?: readonly unknown[] }).operations ?? []).length
  }
  // As the runbook has it; one clone with hooks is enough to see that they do no harm.
  await must(gamedev(place, first!.folder, 'sync', 'hooks', 'install'), 'sync hooks install')
  return { startup, begun: await must(git(place, first!.folder, 'rev-parse', 'HEAD'), 'git rev-parse') }
}

/** Everybody pulls, pushes and shares, one after the other, until the world and the shared branch stand still. */
async function comeToRest(
  developers: readonly Developer[],
  head: () => Promise<number>,
  place: Place,
): Promise<number> {
  const trees = async () => {
    const all = developers.map(({ folder }) => must(git(place, folder, 'rev-parse', 'HEAD^{tree}'), 'git rev-parse'))
    return new Set(await Promise.all(all))
  }
  for (let round = 1; round <= RESTS; round++) {
    const before = await head()
    for (const developer of developers) {
      await developer.share()
      await developer.pull()
      await developer.push()
      await developer.share()
    }
    if ((await head()) === before && (await trees()).size === 1) return round
  }
  const last = developers.map(({ name, log }) => `${name}: ${log.slice(-6).join('; ')}`)
  throw new Error(`no rest after ${RESTS} rounds:\n${last.join('\n')}`)
}

async function countConflicts(developers: readonly Developer[]): Promise<number> {
  let conflicts = 0
  for (const { folder } of developers) {
    const artifacts = await readArtifacts(join(folder, '.lobby/conflicts'), () => {})
    for (const { fields, history } of artifacts.values()) {
      conflicts += [fields, ...history.map((round) => round.fields)].flat().length
    }
  }
  return conflicts
}

function sum(developers: readonly Developer[]): DeveloperTally {
  const [first, ...rest] = developers.map(({ tally }) => tally)
  const total: Record<string, number> = { ...first! }
  for (const tally of rest) for (const [name, count] of Object.entries(tally)) total[name] = (total[name] ?? 0) + count
  return total as unknown as DeveloperTally
}
