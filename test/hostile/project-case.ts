import type { CaseReport } from './case.ts'
import { copyOfTemplate, editFiles, moveOn } from './cloned-world.ts'
import type { CommandName } from './commands.ts'
import { Draw } from './draw.ts'
import { commitSabotage, SABOTAGES } from './sabotage.ts'
import { describe } from './sandbox.ts'

const COMMANDS: readonly (readonly [CommandName, ...string[]])[] = [
  ['status'],
  ['status', '--json'],
  ['pull', '--yes'],
  ['pull', '--yes', '--json'],
  ['pull', '--yes', '--autostash'],
  ['push', '--yes', '--allow-mass-delete'],
  ['push', '--dry-run', '--json'],
  ['fetch'],
  ['fetch', '--json'],
  ['conflicts'],
  ['conflicts', '--json'],
  ['resolve', '--all', '--use', 'remote'],
  ['resolve', '--all', '--use', 'local', '--json'],
  ['resolve', '--restage'],
  ['resolve', '0123abcd', '--use', 'remote'],
  ['check'],
  ['check', '--json'],
  ['check', '--staged', '--format', 'github'],
  ['check', '--commit', 'HEAD', '--json'],
  ['log'],
  ['log', 'good0', '--json'],
  ['diff'],
  ['diff', '--fetch', '--json'],
  ['doctor'],
  ['doctor', '--json'],
  ['targets'],
  ['targets', '--json'],
  ['explain', 'good0'],
  ['rebuild', '--yes'],
  ['list', '--json'],
  ['init'],
]

/** A project that came from somebody else, or that a disk has damaged: nothing outside of it is touched, all is said in words. */
export async function projectCase(seed: number): Promise<CaseReport> {
  const draw = new Draw(seed)
  const { world, sandbox, url } = await copyOfTemplate()
  try {
    moveOn(draw, world)
    if (draw.chance(0.4)) editFiles(draw, sandbox)
    if (draw.chance(0.3)) await sandbox.run('fetch')
    if (draw.chance(0.3)) await sandbox.run('pull', ['--yes'])
    for (let n = draw.int(1, 2); n > 0; n--) {
      sandbox.story.push(draw.pick(SABOTAGES).apply(draw, sandbox, url))
      if (draw.chance(0.4)) sandbox.story.push(commitSabotage(sandbox))
    }
    sandbox.settled()
    const env = draw.chance(0.15) ? { SYNC_STRICT_CONFLICTS: 'false' } : {}
    for (let n = draw.int(2, 5); n > 0; n--) {
      const [name, ...argv] = draw.pick(COMMANDS)
      await sandbox.run(name, argv, { env })
    }
    return sandbox
  } catch (error) {
    sandbox.find(`the case itself failed: ${describe(error)}`)
    return sandbox
  } finally {
    sandbox.dispose()
  }
}
