import { join } from 'node:path'
import { expect, it } from 'vitest'
import { clone } from '../../src/sync/init.ts'
import { Checkout, temporaryFolder } from '../sync/support.ts'
import { type Case, killEverywhere, onBothRuntimes, type RuntimeKind } from './kill-cases.ts'
import { type Copy, Lab, pointsOf, type Stepped } from './kill-lab.ts'
import type { Recorded, Seen } from './kill-live.ts'
import { pick } from './kill-seed.ts'
import { described, expectSame, expectTidy, lines, lyingAbout } from './kill-state.ts'
import { commitThirty, furnish, SCOPES, THIRTY, worldMovesOn } from './kill-world.ts'
import { PATIENCE } from './long.ts'

/**
 * What comes after the kill: another push; first a look at where things stand; first a pull; somebody in the world who
 * edits another field of what we write, or the same field; another kill.
 */
const AFTERWARDS = ['push', 'status', 'pull', 'elsewhere', 'same-field', 'killed-again'] as const
type Afterwards = (typeof AFTERWARDS)[number]

/** A push that nothing struck. */
interface Whole {
  readonly kind: RuntimeKind
  readonly lab: Lab
  readonly ran: Stepped
  readonly seen: Seen
  readonly feed: readonly Recorded[]
  readonly described: Readonly<Record<string, unknown>>
  readonly lying: readonly string[]
}

it('a push that is killed at any step is finished by the next run: nothing lost, nothing twice (P6)', {
  timeout: PATIENCE,
}, async () => {
  await onBothRuntimes(async (kind) => {
    const whole = await pushWhole(kind)
    const points = pointsOf(whole.ran, kind.name)
    await killEverywhere(`push, ${kind.name}`, points, AFTERWARDS, { sampled: 2 }, (one) => struckPush(whole, one))
  })
})

async function pushWhole(kind: RuntimeKind): Promise<Whole> {
  const lab = await Lab.prepare(kind.options, furnish, worldMovesOn, commitThirty)
  const copy = await lab.copy()
  try {
    const { project, world } = copy
    const ran = await copy.sync(['push'])
    expect(ran.code, ran.stderr).toBe(0)
    expect(ran.stdout).toContain(`Pushed ${THIRTY} operations`)
    const whole = {
      kind,
      lab,
      ran,
      seen: await world.seen(),
      feed: await world.feed(),
      described: described(project),
      lying: lyingAbout(project),
    }
    expect(whole.feed).toHaveLength(THIRTY)
    expect(whole.lying.join()).not.toMatch(/push|lock|new/)
    await expectTidy(project, whole.lying)
    // What HEAD says is what anybody else finds in the world.
    const fresh = new Checkout(join(temporaryFolder(), 'fresh'))
    const context = { ...fresh.context(), cwd: temporaryFolder() }
    await clone(context, { url: world.url, folder: fresh.folder, worldId: undefined })
    expect(described(fresh)).toEqual(whole.described)
    return whole
  } finally {
    await copy.close()
  }
}

async function struckPush(whole: Whole, { point, afterwards, tell }: Case<Afterwards>): Promise<boolean> {
  const copy = await whole.lab.copy()
  try {
    const struck = await copy.sync(['push'], point)
    tell(`struck: ${struck.struck ?? 'nothing, it had ended'}`, struck)
    const landed = ours(await copy.world.feed())
    tell(`${landed.length} landed`)
    if (whole.kind.options.publicLike !== true) expect([0, THIRTY]).toContain(landed.length)
    if (struck.struck === undefined) expect(struck.code).toBe(0)
    const expected = await afterTheKill(whole, copy, landed, afterwards, tell)
    await expectWhole(whole, copy, expected)
    return struck.struck !== undefined
  } finally {
    await copy.close()
  }
}

type StatusSaid =
  | { readonly kind: 'merging'; readonly conflicts: readonly unknown[] }
  | {
      readonly kind: 'status'
      readonly outgoing: readonly { readonly kind: string; readonly id: string }[]
      readonly interrupted: { readonly operations: number } | null
    }

/** What is different from a push that nothing struck. */
interface Difference {
  readonly lamp?: { readonly scale?: readonly number[]; readonly position?: readonly number[] }
  readonly feed?: readonly Recorded[]
}

async function afterTheKill(
  whole: Whole,
  copy: Copy,
  landed: readonly Recorded[],
  afterwards: Afterwards,
  tell: Case<Afterwards>['tell'],
): Promise<Difference> {
  const run = async (...args: string[]): Promise<Stepped> => {
    const ran = await copy.sync(args)
    tell(`sync ${args.join(' ')}`, ran)
    return ran
  }
  const finish = async (): Promise<void> => {
    const before = ours(await copy.world.feed()).length
    const last = await run('push')
    expect(last.code).toBe(0)
    expect(pushedBy(last)).toBe(THIRTY - before)
  }
  switch (afterwards) {
    case 'push': {
      const last = await run('push')
      expect(last.code).toBe(0)
      expect(pushedBy(last)).toBe(THIRTY - landed.length)
      expectTold(last, landed)
      return {}
    }
    case 'status': {
      const status = await run('status', '--json')
      expect(status.code).toBe(0)
      const said = JSON.parse(status.stdout) as StatusSaid
      const left = whole.feed.filter(({ what }) => !landed.some((one) => one.what === what))
      // Its closing merge stands there, without conflicts: then everything is in the world.
      if (said.kind === 'merging') expect({ left, ...said }).toMatchObject({ left: [], conflicts: [] })
      else {
        // Which scripts are owed for a shared module's sake, only the end of the interrupted push finds out.
        const isTold = ({ kind }: { readonly kind: string }) => said.interrupted === null || kind !== 'blueprint.update'
        expectSame(objectsOf(said.outgoing.filter(isTold)), objectsOf(left.filter(isTold)))
        if (landed.length > 0 && landed.length < THIRTY) expect(said.interrupted).toMatchObject({ operations: THIRTY })
      }
      await finish()
      return {}
    }
    case 'pull': {
      const pulled = await run('pull')
      expect(pulled.code).toBe(0)
      expectTold(pulled, landed)
      await finish()
      return {}
    }
    case 'elsewhere': {
      await copy.world.edit('bob', 'lamp0004', { scale: [3, 3, 3] })
      await finish()
      // Where nothing was left to push, the edit is still to be pulled.
      expect((await run('pull')).code).toBe(0)
      return { lamp: { scale: [3, 3, 3] } }
    }
    case 'same-field': {
      await copy.world.edit('bob', 'lamp0004', { position: [9, 9, 9] })
      const pushed = await run('push')
      if (pushed.code !== 0) {
        // Both changed it, and ours was not sent: nothing more is, until somebody has decided.
        expect(`${pushed.stdout}${pushed.stderr}`).toMatch(/lamp0004|Conflicts are open/)
        expect(landed.some(isLamp)).toBe(false)
        expect(ours(await copy.world.feed())).toEqual(landed)
        // Where the merge that ends the killed push is the contested one, it stands there already.
        if (pushed.code === 3) expect((await run('pull')).code).toBe(2)
        else expect(pushed.code).toBe(2)
        expect((await run('resolve', '--all', '--use', 'remote')).code).toBe(0)
        copy.project.git('commit', '--quiet', '--no-edit')
        expect((await run('push')).code).toBe(0)
        return { lamp: { position: [9, 9, 9] }, feed: whole.feed.filter((one) => !isLamp(one)) }
      }
      expect(landed.some(isLamp)).toBe(true)
      expect((await run('pull')).code).toBe(0)
      return { lamp: { position: [9, 9, 9] } }
    }
    case 'killed-again': {
      const second = pick(pointsOf(whole.ran, 'again'), `${landed.length} ${copy.project.git('rev-parse', 'HEAD')}`)
      tell(`killed again ${JSON.stringify(second)}`, await copy.sync(['push'], second))
      await finish()
      return {}
    }
  }
}

async function expectWhole(whole: Whole, { project, world }: Copy, { lamp, feed }: Difference): Promise<void> {
  const { entities, blueprints, ...rest } = whole.seen
  const seen = await world.seen()
  expectSame(lines(seen.entities), lines({ ...entities, lamp0004: { ...entities.lamp0004, ...lamp } }))
  expectSame(lines(seen.blueprints), lines(blueprints))
  expect(seen).toMatchObject(rest)
  const file = 'world lamp0004'
  const held = { ...(whole.described[file] as object), ...lamp }
  expectSame(lines(described(project)), lines({ ...whole.described, [file]: held }))

  const recorded = await world.feed()
  expectSame(
    ours(recorded).map(({ what }) => what),
    (feed ?? whole.feed).map(({ what }) => what),
  )
  expect(new Set(recorded.map(({ opId }) => opId)).size).toBe(recorded.length)
  // The public server applies an id that it knows again, and skips a cursor instead of recording it.
  expect(recorded.at(-1)?.cursor).toBe(whole.lab.start + recorded.length)
  expect(await world.locked(SCOPES)).toEqual([])
  await expectTidy(project, whole.lying)
}

/** A push that landed in part is spoken of, whoever finds out. */
function expectTold({ stderr }: Stepped, landed: readonly Recorded[]): void {
  if (landed.length === 0 || landed.length === THIRTY) return
  expect(stderr).toContain(`An interrupted push of ${THIRTY} operations`)
  expect(stderr).toContain(`${landed.length} landed, ${THIRTY - landed.length} did not`)
}

function ours(feed: readonly Recorded[]): readonly Recorded[] {
  return feed.filter(({ actor }) => actor !== 'bob')
}

function isLamp({ what }: Recorded): boolean {
  return what.includes('"lamp0004"') && what.includes('"position"')
}

function pushedBy({ stdout }: Stepped): number {
  return Number(/Pushed (\d+) operation/.exec(stdout)?.[1] ?? 0)
}

function objectsOf(operations: readonly { readonly kind: string; readonly id: string }[]): readonly string[] {
  return operations
    .filter(({ kind }) => !/^(?:settings|spawn)/.test(kind))
    .map(({ kind, id }) => `${kind} ${id}`)
    .sort()
}
