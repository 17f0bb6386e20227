import { cpSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Draw } from './draw.ts'
import { addGood, goodEntity } from './hostile-objects.ts'
import { HostileWorld, type SavedWorld } from './hostile-world.ts'
import { Sandbox } from './sandbox.ts'

/** An honest world and a clone of it, of which each case gets a copy: cloning takes longer than most cases. */
interface Template {
  readonly world: HostileWorld
  readonly sandbox: Sandbox
  readonly url: string
  /** The world as it was at first. */
  readonly saved: SavedWorld
}

let template: Promise<Template> | undefined

async function makeTemplate(): Promise<Template> {
  const world = new HostileWorld()
  const url = await world.listen()
  addGood(world)
  const sandbox = new Sandbox()
  const cloned = await sandbox.run('clone', [url, 'project'], { first: true })
  if (cloned.code !== 0 || sandbox.findings.length > 0) throw new Error(`${cloned.err}${sandbox.findings.join()}`)
  sandbox.write('README.md', 'the user\n')
  sandbox.write('src/mine.js', 'mine()\n')
  sandbox.commit('mine')
  return { world, sandbox, url, saved: world.save() }
}

/** Gives up what all cases share. */
export async function closeTemplate(): Promise<void> {
  const made = await template
  template = undefined
  made?.sandbox.dispose()
  await made?.world.close()
}

/** The world as it was at first, and a copy of the project that was cloned from it; whoever takes it disposes of the sandbox. */
export async function copyOfTemplate(): Promise<Pick<Template, 'world' | 'sandbox' | 'url'>> {
  template ??= makeTemplate()
  const { world, sandbox: original, url, saved } = await template
  const sandbox = new Sandbox()
  cpSync(original.project, sandbox.project, { recursive: true, verbatimSymlinks: true })
  // Whether the line is compared with a snapshot is a matter of time (G11): here it always is.
  const state = sandbox.path('.git/lobby')
  for (const name of readdirSync(state)) if (name.startsWith('compared-')) rmSync(join(state, name))
  sandbox.settled()
  world.restore(saved)
  world.tamper = undefined
  return { world, sandbox, url }
}

/** What the world does meanwhile, so that a pull has something to write: everywhere in the project. */
export function moveOn(draw: Draw, world: HostileWorld): void {
  const good = world.blueprints.get('Good')!
  const script = world.asset(`export default () => ${draw.int(0, 9)}\n`, 'js')
  const model = world.asset(`model ${draw.int(0, 9)}`, 'glb')
  const changes = [
    () => world.put('entity', 'good0', goodEntity('good0', draw.int(10, 19))),
    () => world.put('entity', 'good9', goodEntity('good9', 9)),
    () => world.remove('entity', 'good1'),
    () =>
      world.put('blueprint', 'Good', {
        ...good,
        version: 2,
        desc: 'new',
        model,
        script,
        scriptFiles: { 'index.js': script, 'lib/more.js': script, '@shared/x.js': script },
      }),
    () => world.put('blueprint', 'Evil', { ...good, id: 'Evil', name: 'Evil', model }),
    () => {
      world.settings = { ...world.settings, title: 'New' }
      world.announce('settings.update', { patch: { key: 'title', value: 'New' } })
    },
  ]
  for (const change of draw.some(changes, draw.int(0, changes.length))) change()
}

/** What the user commits meanwhile: some of it contests what the world did. */
export function editFiles(draw: Draw, sandbox: Sandbox): void {
  const good0 = sandbox
    .git('ls-files', 'world/entities')
    .split('\n')
    .find((path) => path.endsWith('/good0.json'))!
  for (const path of draw.some([good0, 'apps/Good/Good.json'], draw.int(1, 2))) {
    const document = JSON.parse(sandbox.read(path)) as Record<string, unknown>
    sandbox.write(path, `${JSON.stringify({ ...document, desc: 'mine', position: [5, 5, 5] }, null, 2)}\n`)
  }
  if (draw.chance(0.5)) sandbox.write('apps/Good/index.js', 'export default () => mine()\n')
  if (draw.chance(0.3)) sandbox.git('rm', '--quiet', '-f', 'apps/Good/Good.json')
  sandbox.commit('mine')
}
