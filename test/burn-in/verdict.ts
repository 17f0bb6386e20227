import type { RemoteRuntime } from '../../src/remote-runtime/remote-runtime.ts'
import { flat, headFields, git as read, readFeed, readLine, worldFields } from '../e2e/race-history.ts'
import { countEnds, type History, judge, storyOf } from '../e2e/race-judge.ts'
import type { Fields } from '../e2e/race-world.ts'
import type { Developer } from './developer.ts'
import { gamedev, git, must, type Place } from './processes.ts'
import { readTeam, withPushers } from './team-history.ts'
import { scriptLine } from './world-project.ts'

/** One thing that must hold in the end. */
export interface Check {
  readonly name: string
  readonly ok: boolean
  /** What was seen; where it does not hold, all that is known about it. */
  readonly detail: string
}

/** Where a burn-in began, and who took part. */
export interface Played {
  readonly place: Place
  readonly remote: RemoteRuntime
  readonly developers: readonly Developer[]
  /** Operations that the runtime acknowledged to people in the world. */
  readonly acknowledged: readonly string[]
  readonly cursor: number
  readonly start: ReadonlyMap<string, Fields>
  /** The commit from which all clones were alike. */
  readonly begun: string
  /** Operations that a push of a fresh clone would have sent. */
  readonly startup: number
}

export interface Judged {
  readonly checks: readonly Check[]
  /** What became of the edits: who wrote them and their end → how many. */
  readonly ends: Readonly<Record<string, number>>
  /** Operations of the feed, by whether a push sent them. */
  readonly fromWorld: number
  readonly fromFiles: number
  /** What the program itself has counted, in all clones together. */
  readonly counted: Readonly<Record<string, number>>
}

/** Judges a burn-in that has come to rest, from the feed and from git; asks the built program only what it thinks itself. */
export async function judgeAll(played: Played): Promise<Judged> {
  const { place, remote, developers, cursor } = played
  const final = worldFields(await remote.snapshot())
  const feed = withPushers(await readFeed(remote, cursor, played.start), developers)
  const history: History = { feed, clones: await readTeam(developers, played.begun), final: flat(final) }
  const { verdicts, defects } = judge(history)
  const bad = verdicts.filter(({ end }) => end === 'lost' || end === 'local')
  const recorded = new Set(feed.map(({ opId }) => opId))
  const unrecorded = played.acknowledged.filter((opId) => !recorded.has(opId))
  const applied = (await remote.head()) - cursor
  const counted = await figures(played)
  const startup = counted['sync.overwrites.startup'] ?? 0
  const checks: Check[] = [
    check(
      'no edit is lost',
      bad.map((verdict) => storyOf(history, verdict)),
      `${verdicts.length} edits accounted for`,
    ),
    check('the feed is sound', defects, `${feed.length} operations`),
    check('what was acknowledged is in the feed', unrecorded, `${played.acknowledged.length} acknowledged`),
    check(
      'nothing was applied twice',
      applied === feed.length ? [] : [`${applied} cursors, ${feed.length} operations`],
      'every cursor is an operation',
    ),
    check(
      'nothing is overwritten at the start',
      played.startup + startup === 0 ? [] : [`${played.startup} operations, ${startup} counted`],
      'the first push of a fresh clone sends nothing, and none was counted',
    ),
    await convergence(developers, flat(final)),
    await scripts(developers),
    await everywhere(played, 'sync check', (developer) => gamedev(place, developer.folder, 'sync', 'check')),
    await everywhere(played, 'sync doctor', (developer) => gamedev(place, developer.folder, 'sync', 'doctor')),
    await everywhere(played, 'git fsck', (developer) =>
      git(place, developer.folder, 'fsck', '--strict', '--no-dangling', '--no-progress'),
    ),
  ]
  const fromFiles = feed.filter(({ source, pusher }) => source.startsWith('git:') || pusher !== undefined).length
  const ends = Object.fromEntries(countEnds(verdicts))
  return { checks, ends, fromWorld: feed.length - fromFiles, fromFiles, counted }
}

function check(name: string, wrong: readonly string[], well: string): Check {
  const more = wrong.length > 5 ? [`… and ${wrong.length - 5} more`] : []
  return wrong.length === 0
    ? { name, ok: true, detail: well }
    : { name, ok: false, detail: [...wrong.slice(0, 5), ...more].join('\n') }
}

/** Said otherwise in files than by the world; "sync doctor" compares their content, and all clones must have the same. */
const CONTENT = new Set(['image', 'model', 'script', 'scriptEntry', 'scriptFormat'])

/** Every clone holds what the world holds, the same line, the same files, and nothing besides. */
async function convergence(developers: readonly Developer[], world: ReadonlyMap<string, string>): Promise<Check> {
  const wrong: string[] = []
  const lines = new Set<string>()
  const files = new Set<string>()
  for (const { name, folder } of developers) {
    const here = flat(await headFields(folder))
    for (const field of new Set([...here.keys(), ...world.keys()])) {
      if (CONTENT.has(field.slice(field.indexOf(' ') + 1))) continue
      if (here.get(field) !== world.get(field))
        wrong.push(`${name}: ${field} is ${here.get(field)}, in the world ${world.get(field)}`)
    }
    if ((await read(folder, 'status', '--porcelain')) !== '') wrong.push(`${name}: not everything is committed`)
    lines.add(JSON.stringify(await readLine(folder)))
    files.add(await read(folder, 'ls-tree', 'HEAD', 'apps', 'assets', 'shared', 'world'))
  }
  if (lines.size > 1) wrong.push(`${lines.size} different lines`)
  if (files.size > 1) wrong.push(`${files.size} different trees`)
  return check('everybody has what the world has', wrong, `${world.size} fields in ${developers.length} clones`)
}

/** Each developer's own lines of the scripts hold what they committed last. */
async function scripts(developers: readonly Developer[]): Promise<Check> {
  const wrong: string[] = []
  let lines = 0
  for (const { name, folder, lines: own } of developers) {
    for (const [file, value] of own) {
      lines++
      const text = await read(folder, 'show', `HEAD:${file}`)
      if (!text.split('\n').includes(scriptLine(name, value)))
        wrong.push(`${file}: "${scriptLine(name, value)}" is gone`)
    }
  }
  return check('no line of a script is lost', wrong, `${lines} lines`)
}

/** The counters of all clones, by name, their kinds added up. */
async function figures({ place, developers }: Played): Promise<Readonly<Record<string, number>>> {
  const counted: Record<string, number> = {}
  for (const { name, folder } of developers) {
    const text = await must(gamedev(place, folder, 'sync', 'metrics', '--json'), `${name}: sync metrics`)
    const { metrics } = JSON.parse(text) as {
      metrics: readonly { name: string; kind: string; points: readonly { value?: number }[] }[]
    }
    for (const { name: figure, kind, points } of metrics) {
      if (kind !== 'counter') continue
      counted[figure] = points.reduce((sum, { value = 0 }) => sum + value, counted[figure] ?? 0)
    }
  }
  return counted
}

async function everywhere(
  { developers }: Played,
  name: string,
  look: (developer: Developer) => ReturnType<typeof gamedev>,
): Promise<Check> {
  const wrong: string[] = []
  for (const developer of developers) {
    const { code, out, err } = await look(developer)
    if (code !== 0) wrong.push(`${developer.name}: exit code ${code}\n${out}${err}`)
  }
  return check(name, wrong, `${developers.length} clones`)
}
