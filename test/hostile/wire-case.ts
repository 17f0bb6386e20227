import { createHash } from 'node:crypto'
import type { CaseReport } from './case.ts'
import { copyOfTemplate, editFiles, moveOn } from './cloned-world.ts'
import type { CommandName } from './commands.ts'
import { Draw } from './draw.ts'
import type { Tamper } from './hostile-world.ts'
import { LIES, type Lie } from './lies.ts'
import { describe } from './sandbox.ts'
import { judgeLine } from './tree-judge.ts'

const COMMANDS: readonly (readonly [CommandName, ...string[]])[] = [
  ['pull', '--yes'],
  ['pull', '--yes', '--json'],
  ['pull', '--yes', '--verify'],
  ['pull', '--yes', '--accept-loss'],
  ['pull', '--yes', '--restore'],
  ['push', '--yes', '--allow-mass-delete'],
  ['push', '--yes', '--json'],
  ['status'],
  ['status', '--json'],
  ['fetch'],
  ['diff', '--fetch'],
  ['doctor'],
  ['doctor', '--json'],
  ['list'],
  ['rebuild', '--yes'],
]

/** Which lie an answer gets is a matter of the seed and of what was asked for the how manieth time, never of time. */
function liar(seed: number, lies: readonly Lie[], often: number, told: Set<Lie>): Tamper {
  const counts = new Map<string, number>()
  return (asked, honest, response) => {
    const what = `${asked.method} ${asked.path}?${asked.query}`
    const count = (counts.get(what) ?? 0) + 1
    counts.set(what, count)
    const draw = new Draw(createHash('sha1').update(`${seed} ${count} ${what}`).digest().readUInt32LE())
    const fitting = lies.filter(({ about }) => about.test(asked.path))
    if (fitting.length === 0 || !draw.chance(often)) return undefined
    const lie = draw.pick(fitting)
    told.add(lie)
    const answer = lie.tell(draw, honest(), asked)
    if (answer !== 'cut') return answer
    response.writeHead(200, { 'content-length': '1000' })
    response.write('{"cur', () => response.destroy())
    return 'done'
  }
}

/** A server whose answers are lies: every command says so in words, keeps the user's work, and goes on when they end. */
export async function wireCase(seed: number): Promise<CaseReport> {
  const draw = new Draw(seed)
  const { world, sandbox } = await copyOfTemplate()
  const told = new Set<Lie>()
  try {
    moveOn(draw, world)
    editFiles(draw, sandbox)
    const mine = sandbox.git('rev-parse', 'HEAD').trim()
    const lies = draw.some(LIES, draw.int(1, 3))
    const often = draw.pick([0.15, 0.5, 1])
    sandbox.story.push(`lies: ${lies.map(({ name }) => name).join(', ')}, ${often}`)
    world.tamper = liar(seed, lies, often, told)
    for (let n = draw.int(1, 4); n > 0; n--) {
      const [name, ...argv] = draw.pick(COMMANDS)
      await sandbox.run(name, argv)
      if (sandbox.git('ls-files', '--unmerged') !== '') sandbox.git('merge', '--abort')
      sandbox.settled()
    }
    judgeLine(sandbox)
    sandbox.git('merge-base', '--is-ancestor', mine, 'HEAD')
    world.tamper = undefined
    if ([...told].every(({ honest }) => honest)) {
      const last = await sandbox.run('pull', ['--yes'])
      if (last.code !== 0 && last.code !== 2) sandbox.find(`does not go on when the lies end: ${last.err}${last.out}`)
    }
    return sandbox
  } catch (error) {
    sandbox.find(`the case itself failed: ${describe(error)}`)
    return sandbox
  } finally {
    world.tamper = undefined
    sandbox.dispose()
  }
}
