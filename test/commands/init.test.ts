import { expect, it, vi } from 'vitest'
import { SyncCommand } from '../../src/cli/sync-command.ts'
import Init from '../../src/commands/sync/init.ts'
import Targets from '../../src/commands/sync/targets.ts'
import { changeEntities, emptyCheckout, furnish, publicCheckout } from '../sync/adopt-support.ts'
import { CODE, startWorld } from '../sync/support.ts'
import { run } from './run.ts'

const env = { ADMIN_CODE: CODE }

it('a first meeting: the plan, hundreds of conflicts in a few lines, a mirror that asks, the end', async () => {
  const world = await startWorld()
  await furnish(world, 60)
  const project = await publicCheckout(world)
  changeEntities(project, (entities) => [
    ...entities.map((entity) => (/^many/.test(String(entity.id)) ? { ...entity, scale: [2, 2, 2] } : entity)),
    { ...entities.at(-1)!, id: 'ours' },
  ])
  project.commit('Twice as large')
  const { url } = world.runtime

  const dry = await run(Init, project.folder, [url, '--dry-run'], env)
  expect(dry).toMatchObject({ code: 0, err: '' })
  const lines = dry.out.split('\n')
  expect(lines).toContain('60 objects differ:')
  expect(lines).toContain('  entity:many0 in world.json: scale (1 in conflict)')
  expect(lines).toContain('  and 40 more')
  expect(lines).toContain('1 object only in this project: the next push adds it to the world.')
  expect(lines.length).toBeLessThan(40)

  const contested = await run(Init, project.folder, [url], env)
  expect(contested).toMatchObject({ code: 2, err: '' })
  expect(contested.out.split('\n').length).toBeLessThan(40)
  expect(contested.out).toContain('  and 100 more\n')
  project.git('merge', '--abort')

  const mirror = await run(Init, project.folder, [url, '--mirror', 'local', '--json'], env)
  expect(mirror.code).toBe(5)
  expect(JSON.parse(mirror.out)).toMatchObject({ error: { code: 'not_confirmed', data: { changed: 60, deleted: 0 } } })

  const done = await run(Init, project.folder, [url, '--mirror', 'local', '--yes', '--name', 'home'], env)
  expect(done).toMatchObject({ code: 0, err: '' })
  expect(done.out).toContain(
    '60 objects differ; this project decides:\n  entity:many0 in world.json: scale (1 as here)\n',
  )
  expect(done.out).toMatch(/\nConnected with world plaza at \d+ \(0 files from the world, branch main\)\.\n$/)
  expect(project.json('lobby.json')).toMatchObject({ defaultTarget: 'home' })

  const again = await run(Init, project.folder, ['--name', 'home', '--json'], env)
  expect(JSON.parse(again.out)).toMatchObject({ kind: 'connected', joined: false, plan: null, name: 'home' })

  const listed = await run(Targets, project.folder, [], env)
  expect(listed.out).toMatch(/^ {2}NAME +DEFAULT .*\n\* home +yes +http:\/\/\S+ +plaza +yes +lobby\.json\n$/)
})

it('in CI, a command that writes to a world refuses to guess which; one that does not, does not', async () => {
  const project = emptyCheckout()
  project.write('lobby.json', {
    targets: {
      a: { worldUrl: 'http://localhost:1', worldId: 'a' },
      b: { worldUrl: 'http://localhost:2', worldId: 'b' },
    },
  })
  class Read extends SyncCommand<unknown> {
    static override flags = {}
    override async run(): Promise<unknown> {
      const { flags } = await this.parse(Read)
      return this.withSession(flags, async (session) => this.say(String(session.target.name)))
    }
  }
  class Write extends Read {
    static override writesToWorld = true
  }
  vi.stubEnv('CI', 'true')
  const guessed = await run(Write, project.folder, [])
  expect(guessed).toMatchObject({ code: 5, out: '' })
  expect(guessed.err).toContain('This project has the targets a, b; in CI none is guessed')
  vi.stubEnv('CI', 'true')
  expect(await run(Write, project.folder, ['--target', 'b'])).toMatchObject({ code: 0, out: 'b\n' })
  vi.stubEnv('CI', 'true')
  expect(await run(Read, project.folder, [])).toMatchObject({ code: 0, out: 'a\n' })
})
