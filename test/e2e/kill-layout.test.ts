import { expect, it } from 'vitest'
import { type Case, killEverywhere, onBothRuntimes, type RuntimeKind } from './kill-cases.ts'
import { Lab, pointsOf, type Stepped } from './kill-lab.ts'
import { lyingAbout } from './kill-state.ts'
import { commitBesides, furnish, worldChanges } from './kill-world.ts'
import { PATIENCE } from './long.ts'

/** What comes after the kill: the same again; a pull, which completes a change that was begun, and the same then. */
const AFTERWARDS = ['again', 'pull'] as const
type Afterwards = (typeof AFTERWARDS)[number]

/** A change of the layout that nothing struck. */
interface Whole {
  readonly lab: Lab
  readonly ran: Stepped
  readonly tip: string
  readonly tree: string
  readonly lying: readonly string[]
}

const CHANGE = ['layout', 'manifest']

it('G8: a change of the layout that is killed at any step is finished by the next run, and made once', {
  timeout: PATIENCE,
}, async () => {
  await onBothRuntimes(async (kind) => {
    const whole = await changeWhole(kind)
    const points = pointsOf(whole.ran, kind.name)
    await killEverywhere(`layout, ${kind.name}`, points, AFTERWARDS, { sampled: 1 }, (one) => struckChange(whole, one))
  })
})

async function changeWhole(kind: RuntimeKind): Promise<Whole> {
  const lab = await Lab.prepare(kind.options, furnish, worldChanges, commitBesides)
  const { project, world, sync, close } = await lab.copy()
  try {
    const ran = await sync(CHANGE)
    expect(ran.code, ran.stderr).toBe(0)
    expect(await world.feed()).toEqual([])
    const lying = lyingAbout(project)
    expect(lying.join()).not.toMatch(/MERGE|lock|new/)
    const [tip, tree] = ['refs/lobby/remote', 'HEAD^{tree}'].map((name) => project.git('rev-parse', name))
    return { lab, ran, tip: tip!, tree: tree!, lying }
  } finally {
    await close()
  }
}

async function struckChange(whole: Whole, { point, afterwards, tell }: Case<Afterwards>): Promise<boolean> {
  const { project, world, sync, close } = await whole.lab.copy()
  const run = async (...args: string[]) => {
    const ran = await sync(args)
    tell(`sync ${args.join(' ')}`, ran)
    expect(ran.code).toBe(0)
  }
  try {
    const struck = await sync(CHANGE, point)
    tell(`struck: ${struck.struck ?? 'nothing, it had ended'}`, struck)
    if (struck.struck === undefined) expect(struck.code).toBe(0)
    if (afterwards === 'pull') await run('pull')
    await run(...CHANGE)
    expect(await world.feed()).toEqual([])
    // Whoever makes it, and whenever: of the same tip it is the same commit.
    expect(project.git('rev-parse', 'refs/lobby/remote')).toBe(whole.tip)
    expect(project.git('rev-parse', 'HEAD^{tree}')).toBe(whole.tree)
    expect(project.git('log', '--format=%H', '--author=layout', 'HEAD').split('\n')).toEqual([whole.tip])
    expect(project.git('status', '--porcelain')).toBe('')
    expect(lyingAbout(project).filter((path) => !whole.lying.includes(path))).toEqual([])
    project.check()
    return struck.struck !== undefined
  } finally {
    await close()
  }
}
