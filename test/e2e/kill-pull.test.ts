import { expect, it } from 'vitest'
import { type Case, killEverywhere, onBothRuntimes, type RuntimeKind } from './kill-cases.ts'
import { type Copy, Lab, pointsOf, type Stepped } from './kill-lab.ts'
import type { Recorded, Seen } from './kill-live.ts'
import { pick } from './kill-seed.ts'
import { described, expectSame, expectTidy, lines, lyingAbout } from './kill-state.ts'
import { commitBesides, furnish, worldChanges } from './kill-world.ts'
import { PATIENCE } from './long.ts'

/** What comes after the kill: another pull; first a look; an edit in the world; another kill; a push. */
const AFTERWARDS = ['pull', 'status', 'elsewhere', 'killed-again', 'push'] as const
type Afterwards = (typeof AFTERWARDS)[number]

/** A pull that nothing struck, and what a push makes of it. */
interface Whole {
  readonly lab: Lab
  readonly ran: Stepped
  readonly tip: string
  readonly tree: string
  readonly described: Readonly<Record<string, unknown>>
  readonly lying: readonly string[]
  readonly pushed: { readonly seen: Seen; readonly feed: readonly Recorded[]; readonly lying: readonly string[] }
}

it('a pull that is killed at any step is finished by the next run, and wrote nothing to the world', {
  timeout: PATIENCE,
}, async () => {
  await onBothRuntimes(async (kind) => {
    const whole = await pullWhole(kind)
    const points = pointsOf(whole.ran, kind.name)
    await killEverywhere(`pull, ${kind.name}`, points, AFTERWARDS, { sampled: 1 }, (one) => struckPull(whole, one))
  })
})

async function pullWhole(kind: RuntimeKind): Promise<Whole> {
  const lab = await Lab.prepare(kind.options, furnish, worldChanges, commitBesides)
  const copy = await lab.copy()
  const { project, world } = copy
  try {
    const ran = await copy.sync(['pull'])
    expect(ran.code, ran.stderr).toBe(0)
    expect(await world.feed()).toEqual([])
    const whole = {
      lab,
      ran,
      tip: project.git('rev-parse', 'refs/lobby/remote'),
      tree: project.git('rev-parse', 'HEAD^{tree}'),
      described: described(project),
      lying: lyingAbout(project),
    }
    expect(whole.lying.join()).not.toMatch(/MERGE|lock|new/)
    expect(oneMerge(project)).toBe('1')
    const pushed = await copy.sync(['push'])
    expect(pushed.code, pushed.stderr).toBe(0)
    expectSame(lines(described(project)), lines(whole.described))
    const lying = lyingAbout(project)
    await expectTidy(project, lying)
    return { ...whole, pushed: { seen: await world.seen(), feed: await world.feed(), lying } }
  } finally {
    await copy.close()
  }
}

function oneMerge(project: Copy['project']): string {
  return project.git('rev-list', '--count', '--first-parent', '--merges', 'HEAD')
}

async function struckPull(whole: Whole, { point, afterwards, tell }: Case<Afterwards>): Promise<boolean> {
  const copy = await whole.lab.copy()
  const { project, world } = copy
  const run = async (...args: string[]): Promise<Stepped> => {
    const ran = await copy.sync(args)
    tell(`sync ${args.join(' ')}`, ran)
    expect(ran.code).toBe(0)
    return ran
  }
  try {
    const struck = await copy.sync(['pull'], point)
    tell(`struck: ${struck.struck ?? 'nothing, it had ended'}`, struck)
    if (struck.struck === undefined) expect(struck.code).toBe(0)
    if (afterwards === 'push') {
      // A push takes in what it meets (P1), and sends what a push after the pull would have sent.
      await run('push')
      const seen = await world.seen()
      expectSame(lines(seen.entities), lines(whole.pushed.seen.entities))
      expectSame(lines(seen.blueprints), lines(whole.pushed.seen.blueprints))
      const feed = await world.feed()
      expectSame(whatOf(feed), whatOf(whole.pushed.feed))
      expectSame(lines(described(project)), lines(whole.described))
      await expectTidy(project, whole.pushed.lying)
      return struck.struck !== undefined
    }
    let moved = {}
    if (afterwards === 'status') await run('status')
    if (afterwards === 'elsewhere') {
      await world.edit('bob', 'lamp0004', { scale: [3, 3, 3] })
      moved = { scale: [3, 3, 3] }
    }
    if (afterwards === 'killed-again') {
      const second = pick(pointsOf(whole.ran, 'again'), `${JSON.stringify(point)} ${whole.tip}`)
      tell(`killed again ${JSON.stringify(second)}`, await copy.sync(['pull'], second))
    }
    await run('pull')
    expect(await world.feed()).toHaveLength(afterwards === 'elsewhere' ? 1 : 0)
    const file = 'world lamp0004'
    expectSame(
      lines(described(project)),
      lines({ ...whole.described, [file]: { ...(whole.described[file] as object), ...moved } }),
    )
    if (afterwards !== 'elsewhere') {
      // The line is a function of the feed (G4), the merge of what it merges (M7).
      expect(project.git('rev-parse', 'refs/lobby/remote', 'HEAD^2')).toBe(`${whole.tip}\n${whole.tip}`)
      expect(project.git('rev-parse', 'HEAD^{tree}')).toBe(whole.tree)
      expect(oneMerge(project)).toBe('1')
    }
    await expectPulled(copy, whole)
    return struck.struck !== undefined
  } finally {
    await copy.close()
  }
}

/** Nothing lies about, and what is left to do is the push of what was committed here. */
async function expectPulled({ project }: Copy, { lying }: Whole): Promise<void> {
  expect(project.git('status', '--porcelain')).toBe('')
  expect(lyingAbout(project).filter((path) => !lying.includes(path))).toEqual([])
  project.check()
}

function whatOf(feed: readonly Recorded[]): readonly string[] {
  return feed.map(({ what }) => what)
}
