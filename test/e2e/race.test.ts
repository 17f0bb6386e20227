import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { RuntimeOptions } from '../../src/runtime/index.ts'
import { statusLocked } from '../../src/sync/status.ts'
import { CODE, cloneWorld, startWorld, temporaryFolder } from '../sync/support.ts'
import { Editor } from './race-editor.ts'
import { flat, git, headFields, readClone, readFeed, readLine, worldFields } from './race-history.ts'
import { countEnds, type History, judge, storyOf } from './race-judge.ts'
import { LiveWorld } from './race-live.ts'
import { Pusher, type PusherTally } from './race-pusher.ts'
import { furnish } from './race-world.ts'

/**
 * Many people at once, in their checkouts and in the world, on the same few objects: whatever anybody wrote is in the
 * world in the end, or whoever overwrote it had seen it, or a conflict lists it (P1, P5, M2; see race-judge.ts).
 *
 * What each does is decided by a seed; when it happens is not, so a failure tells all that is known about the field.
 */
const SIZE = {
  ...(process.env.LONG === 'all'
    ? { pushers: 20, editors: 20, objects: 50, seconds: 60, pace: 3000 }
    : { pushers: 4, editors: 8, objects: 16, seconds: 2, pace: 800 }),
  ...(JSON.parse(process.env.RACE_SIZE ?? '{}') as Record<string, number>),
}

const SEED = Number(process.env.RACE_SEED ?? Math.floor(Math.random() * 1e9))

const FAILING = `seed ${SEED}`

/** Who commits: the helpers' somebody, or what each clone's own configuration says. */
const SOMEBODY = Object.entries(process.env).filter(([name]) => /^GIT_(?:AUTHOR|COMMITTER)_/.test(name))

function asSomebody(yes: boolean): void {
  for (const [name, value] of SOMEBODY) {
    if (yes) process.env[name] = value
    else delete process.env[name]
  }
}

describe.each([
  ['the reference runtime', {}],
  ['a runtime like the public one', { publicLike: true }],
] as const)('a race on %s', (name, options: Partial<RuntimeOptions>) => {
  afterEach(() => asSomebody(true))

  it('loses no edit', { timeout: (SIZE.seconds * 10 + 240) * 1000 }, async () => {
    const world = await startWorld(options)
    const shared = await furnish(world, SIZE.objects)
    const folder = temporaryFolder()
    asSomebody(true)
    const first = await cloneWorld(world, join(folder, 'p0'))
    asSomebody(false)
    await git(first.folder, 'config', 'gc.auto', '0')
    const begun = await git(first.folder, 'rev-parse', 'HEAD')
    const snapshot = await world.remote.snapshot()
    const start = worldFields(snapshot)
    const cursor = await world.head()
    const pushers = await Promise.all(
      Array.from({ length: SIZE.pushers }, async (_, index) => {
        const place = join(folder, `p${index}`)
        if (index > 0) await cp(first.folder, place, { recursive: true, preserveTimestamps: true })
        await git(place, 'config', 'user.name', `p${index}`)
        await git(place, 'config', 'user.email', `p${index}@example.com`)
        return new Pusher(index, SEED + index, place, shared)
      }),
    )
    const live = await LiveWorld.open(world.runtime.url, CODE, snapshot)
    const editors = Array.from({ length: SIZE.editors }, (_, index) => {
      return new Editor(index, SEED + 1000 + index, world.remote, live, shared)
    })

    let over = false
    const timer = setTimeout(() => {
      over = true
    }, SIZE.seconds * 1000)
    const isOver = () => over
    const failed: unknown[] = []
    const give = (error: unknown) => {
      failed.push(error)
      over = true
    }
    await Promise.all([
      ...pushers.map((pusher) => pusher.run(isOver).catch((error) => give(told(pusher, error)))),
      ...editors.map((editor) => editor.run(isOver, SIZE.pace).catch(give)),
    ])
    clearTimeout(timer)
    live.close()
    if (failed.length > 0) throw failed[0]
    await comeToRest(pushers, () => world.head())

    const final = worldFields(await world.remote.snapshot())
    const history: History = {
      feed: await readFeed(world.remote, cursor, start),
      clones: await Promise.all(
        pushers.map(async ({ name: who, checkout, reported }) => {
          const clone = await readClone(checkout.folder, who, begun)
          return { ...clone, listed: [...clone.listed, ...reported] }
        }),
      ),
      final: flat(final),
    }
    const { verdicts, defects, writtenBack } = judge(history)
    const tally = sum(pushers.map((pusher) => pusher.tally))
    const total = (of: 'refused' | 'repaired') => editors.reduce((count, editor) => count + editor[of], 0)
    const acknowledged = editors.flatMap((editor) => editor.acknowledged)
    console.log(
      [
        `${name}, seed ${SEED}: ${history.feed.length} operations`,
        `pushers: ${JSON.stringify(tally)}`,
        `in the world: ${acknowledged.length} accepted, ${total('refused')} refused, ${writtenBack} props written back unseen, ${total('repaired')} put right`,
        `edits: ${JSON.stringify(Object.fromEntries(countEnds(verdicts)))}`,
      ].join('\n'),
    )
    const stories = verdicts
      .filter(({ end }) => end === 'lost' || end === 'local')
      .map((verdict) => {
        const log = pushers.find((pusher) => pusher.name === verdict.clone)?.log ?? []
        return [storyOf(history, verdict), ...log.slice(-200).map((line) => `  ${verdict.clone}: ${line}`)].join('\n')
      })
    expect(stories.slice(0, 5), FAILING).toEqual([])
    expect(defects, FAILING).toEqual([])
    const recorded = new Set(history.feed.map(({ opId }) => opId))
    expect(
      acknowledged.filter((opId) => !recorded.has(opId)),
      FAILING,
    ).toEqual([])
    // A gap: something was applied once more, under an opId that was there already (P3; protocol, section 5).
    expect(history.feed.length, FAILING).toBe((await world.head()) - cursor)
    expect(tally.landed, FAILING).toBeGreaterThan(0)

    const lines = await Promise.all(pushers.map(({ checkout }) => readLine(checkout.folder)))
    for (const line of lines) expect(line, FAILING).toEqual(lines[0])
    for (const { name: who, checkout } of pushers) {
      expect(flat(await headFields(checkout.folder)), `${who}, ${FAILING}`).toEqual(history.final)
      expect(await git(checkout.folder, 'status', '--porcelain'), `${who}, ${FAILING}`).toBe('')
    }
    for (const { checkout } of pushers.slice(0, 2)) checkout.check()
  })
})

/** What a pusher could not go on from, with what it did before. */
function told({ name, log }: Pusher, error: unknown): unknown {
  if (error instanceof Error) error.message = [`${name}, ${FAILING}: ${error.message}`, ...log.slice(-20)].join('\n  ')
  return error
}

/** Everybody pulls, settles and pushes what they still have, until nobody has anything to do. */
async function comeToRest(pushers: readonly Pusher[], head: () => Promise<number>): Promise<void> {
  for (let round = 1; ; round++) {
    await byTwo(pushers, async (pusher) => {
      await pusher.pull()
      await pusher.push()
    })
    const before = await head()
    await byTwo(pushers, (pusher) => pusher.pull())
    const restless = await byTwo(pushers, ({ checkout }) => checkout.session(statusLocked))
    const quiet = { kind: 'status', incoming: new Map(), outgoing: [], contested: [], kept: [], uncommitted: [] }
    if ((await head()) === before && restless.every((status) => equals(status, expect.objectContaining(quiet)))) return
    if (round === 10) throw new Error(`no rest: ${pushers.map(({ name, log }) => `${name} ${log.at(-1)}`).join('; ')}`)
  }
}

/** Two at a time: there are not many cores. */
async function byTwo<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  for (let at = 0; at < all.length; at += 2) results.push(...(await Promise.all(all.slice(at, at + 2).map(work))))
  return results
}

function equals(status: unknown, wanted: unknown): boolean {
  try {
    expect(status).toEqual(wanted)
    return true
  } catch {
    return false
  }
}

function sum(tallies: readonly PusherTally[]): PusherTally {
  return tallies.reduce((total, tally) => {
    const entries = Object.entries(tally).map(([name, count]) => [name, count + total[name as keyof PusherTally]])
    return Object.fromEntries(entries) as PusherTally
  })
}
