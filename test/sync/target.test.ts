import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isCi, requireNamedTarget } from '../../src/sync/ci.ts'
import { parseLobbyFile, withTarget } from '../../src/sync/lobby-file.ts'
import { chooseTarget, type Environment } from '../../src/sync/target.ts'
import { listTargets } from '../../src/sync/targets.ts'
import { openWorld } from '../../src/sync/world-target.ts'
import { SyncError } from '../../src/world/errors.ts'
import { addLamps, cloneWorld, startWorld, temporaryFolder } from './support.ts'

const LOBBY = JSON.stringify({
  defaultTarget: 'main',
  targets: {
    main: { worldUrl: 'http://main:1', worldId: 'm' },
    staging: { worldUrl: 'http://staging:1', worldId: 's' },
    prod: { worldUrl: 'http://prod:1', worldId: 'p' },
  },
})

interface Case {
  readonly name: string
  readonly wanted?: string
  readonly env?: Environment
  readonly dotenv?: string
  readonly secrets?: unknown
  readonly lobby?: string | null
  /** `url worldId code confirm`, or the code of the error. */
  readonly gives: string
}

const cases: readonly Case[] = [
  { name: 'the default of lobby.json', gives: 'http://main:1 m - no' },
  { name: 'the default, with a code from the environment', env: { ADMIN_CODE: 'e' }, gives: 'http://main:1 m e no' },
  { name: 'the default, with a code from .env', dotenv: 'ADMIN_CODE=d', gives: 'http://main:1 m d no' },
  {
    name: 'the default, with its own code before any other',
    env: { ADMIN_CODE: 'e' },
    secrets: { main: { worldUrl: 'http://main:1', worldId: 'm', adminCode: 'own' } },
    gives: 'http://main:1 m own no',
  },
  {
    name: 'a code of another URL is not used',
    secrets: { main: { worldUrl: 'http://elsewhere:1', worldId: 'm', adminCode: 'own' } },
    gives: 'http://main:1 m - no',
  },
  { name: '--target', wanted: 'staging', gives: 'http://staging:1 s - no' },
  {
    name: '--target before the environment, whose code is for another world',
    wanted: 'staging',
    env: { WORLD_URL: 'http://main:1', WORLD_ID: 'm', ADMIN_CODE: 'e' },
    gives: 'http://staging:1 s - no',
  },
  {
    name: '--target with the environment speaking of the same world',
    wanted: 'staging',
    env: { WORLD_URL: 'http://staging:1/', WORLD_ID: 's', ADMIN_CODE: 'e' },
    gives: 'http://staging:1 s e no',
  },
  { name: 'targets named prod ask', wanted: 'prod', gives: 'http://prod:1 p - yes' },
  { name: 'an unknown target', wanted: 'nowhere', gives: 'unknown_target' },
  {
    name: 'the environment before .env and lobby.json',
    env: { WORLD_URL: 'http://staging:1', WORLD_ID: 's', ADMIN_CODE: 'e' },
    dotenv: 'WORLD_URL=http://main:1\nWORLD_ID=m\nADMIN_CODE=d',
    gives: 'http://staging:1 s e no',
  },
  {
    name: 'the code is never mixed in from another source',
    env: { WORLD_URL: 'http://staging:1', WORLD_ID: 's' },
    dotenv: 'ADMIN_CODE=d',
    gives: 'http://staging:1 s - no',
  },
  {
    name: '.env before lobby.json',
    dotenv: 'WORLD_URL="http://staging:1"\nWORLD_ID=s\nADMIN_CODE=d',
    gives: 'http://staging:1 s d no',
  },
  { name: 'a URL without a world id', env: { WORLD_URL: 'http://staging:1' }, gives: 'incomplete_target' },
  {
    name: 'a world that is no target of the project',
    env: { WORLD_URL: 'http://other:1', WORLD_ID: 'o' },
    gives: 'unknown_target',
  },
  { name: 'nothing at all', lobby: null, gives: 'no_target' },
  {
    name: 'the environment alone',
    lobby: null,
    env: { WORLD_URL: 'http://x:1', WORLD_ID: 'x' },
    gives: 'http://x:1 x - no',
  },
  { name: 'a secrets file that is not JSON', secrets: '{ "adminCode": "topsecret"', gives: 'invalid_targets_file' },
]

describe('S2: which world, and whose code', () => {
  it.each(cases)('$name', async ({ wanted, env = {}, dotenv, secrets, lobby, gives }) => {
    const folder = temporaryFolder()
    if (dotenv !== undefined) writeFileSync(join(folder, '.env'), dotenv)
    if (secrets !== undefined) {
      mkdirSync(join(folder, '.lobby'))
      writeFileSync(
        join(folder, '.lobby/targets.json'),
        typeof secrets === 'string' ? secrets : JSON.stringify(secrets),
      )
    }
    const file = lobby === null ? undefined : parseLobbyFile(lobby ?? LOBBY)
    let said: string
    try {
      const { address, confirm } = await chooseTarget(folder, file, wanted, env)
      said = [address.url, address.worldId, address.adminCode ?? '-', confirm ? 'yes' : 'no'].join(' ')
    } catch (error) {
      if (!(error instanceof SyncError)) throw error
      expect(`${error.message} ${error.hint} ${JSON.stringify(error.data)}`).not.toContain('topsecret')
      said = error.code
    }
    expect(said).toBe(gives)
  })

  it('a file with a code that git does not ignore is refused', async () => {
    const world = await startWorld()
    await addLamps(world)
    const project = await cloneWorld(world)
    const open = () => project.session(async (session) => session.target.address.adminCode)
    project.write('.lobby/targets.json', { main: { worldUrl: world.runtime.url, worldId: 'plaza', adminCode: 'own' } })
    expect(await open()).toBe('own')
    project.write('.gitignore', '')
    await expect(open()).rejects.toMatchObject({ code: 'secret_not_ignored', exitCode: 5 })
  })
})

describe('S2: in CI no world is guessed', () => {
  it.each<readonly [string, Environment, boolean]>([
    ['nothing', {}, false],
    ['CI=true', { CI: 'true' }, true],
    ['CI=1', { CI: '1' }, true],
    ['CI=false', { CI: 'false' }, false],
    ['CI=0 on a service', { CI: '0', GITHUB_ACTIONS: 'true' }, false],
    ['CI empty', { CI: '' }, false],
    ['GitHub', { GITHUB_ACTIONS: 'true' }, true],
    ['GitLab', { GITLAB_CI: 'true' }, true],
    ['Jenkins', { JENKINS_URL: 'http://ci' }, true],
    ['a service that is switched off', { TF_BUILD: 'False' }, false],
  ])('%s', (_, env, expected) => {
    expect(isCi(env)).toBe(expected)
  })

  const ONE = JSON.stringify({ targets: { main: { worldUrl: 'http://main:1', worldId: 'm' } } })
  const MAIN = { WORLD_URL: 'http://main:1', WORLD_ID: 'm' }
  it.each<readonly [string, Pick<Case, 'wanted' | 'env' | 'dotenv' | 'lobby'>, string]>([
    ['the default among three', {}, 'target_not_named'],
    ['the default, at home', { env: { CI: 'false' } }, 'main'],
    ['--target', { wanted: 'main' }, 'main'],
    ['the environment', { env: { CI: '1', ...MAIN } }, 'main'],
    ['.env among three', { dotenv: 'WORLD_URL=http://main:1\nWORLD_ID=m' }, 'target_not_named'],
    ['the only one', { lobby: ONE }, 'main'],
    ['the only one, by .env', { lobby: ONE, dotenv: 'WORLD_URL=http://main:1\nWORLD_ID=m' }, 'main'],
    ['another one by .env', { lobby: ONE, dotenv: 'WORLD_URL=http://x:1\nWORLD_ID=x' }, 'unknown_target'],
    ['.env alone', { lobby: null, dotenv: 'WORLD_URL=http://x:1\nWORLD_ID=x' }, 'undefined'],
  ])('%s: %s', async (_, { wanted, env = { CI: 'true' }, dotenv, lobby }, gives) => {
    const folder = temporaryFolder()
    if (dotenv !== undefined) writeFileSync(join(folder, '.env'), dotenv)
    const file = lobby === null ? undefined : parseLobbyFile(lobby ?? LOBBY)
    const choose = async () => {
      const target = await chooseTarget(folder, file, wanted, env)
      requireNamedTarget(target, file, env)
      return String(target.name)
    }
    const said = await choose().catch((error: unknown) => {
      if (!(error instanceof SyncError)) throw error
      if (error.code === 'target_not_named') expect(error).toMatchObject({ exitCode: 5, data: { guessed: 'main' } })
      return error.code
    })
    expect(said).toBe(gives)
  })

  it('edits of a world are no exception; looking at it is', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'lobby.json'), LOBBY)
    const progress = { step: () => {}, warn: () => {} }
    const context = { cwd: folder, env: { CI: 'true' }, progress }
    await expect(openWorld({ ...context, writes: true }, {})).rejects.toMatchObject({ code: 'target_not_named' })
    for (const [writes, choice] of [
      [true, { target: 'staging' }],
      [true, { url: 'http://localhost:1' }],
      [false, {}],
    ] as const) {
      const world = await openWorld({ ...context, writes }, choice)
      await world.close()
    }
  })
})

describe('sync targets', () => {
  it('lists what the project knows, and shows no code', async () => {
    const folder = temporaryFolder()
    execFileSync('git', ['init', '--quiet', folder])
    writeFileSync(join(folder, 'lobby.json'), LOBBY)
    mkdirSync(join(folder, '.lobby'))
    const secrets = {
      prod: { worldUrl: 'http://prod:1', worldId: 'p', adminCode: 'topsecret' },
      old: { worldUrl: 'http://old:1', worldId: 'o', requiresConfirm: true },
    }
    writeFileSync(join(folder, '.lobby/targets.json'), JSON.stringify(secrets))
    const context = (env: Environment) => ({ cwd: folder, env, progress: { step: () => {}, warn: () => {} } })
    const { targets, chosen } = await listTargets(context({}))
    const facts = targets.map((t) => [t.name, t.isDefault, t.worldUrl, t.worldId, t.confirm, t.hasCode, t.from])
    expect(facts).toEqual([
      ['main', true, 'http://main:1', 'm', false, false, 'lobby.json'],
      ['staging', false, 'http://staging:1', 's', false, false, 'lobby.json'],
      ['prod', false, 'http://prod:1', 'p', true, true, 'lobby.json'],
      ['old', false, 'http://old:1', 'o', true, false, '.lobby/targets.json'],
    ])
    expect(chosen?.name).toBe('main')
    expect(JSON.stringify(targets)).not.toContain('topsecret')
    const staging = { WORLD_URL: 'http://staging:1', WORLD_ID: 's', ADMIN_CODE: 'e' }
    const said = await listTargets(context(staging))
    expect(said.chosen).toMatchObject({ name: 'staging', hasCode: true })
    const foreign = await listTargets(context({ WORLD_URL: 'http://x:1', WORLD_ID: 'x' }))
    expect(foreign.chosen).toBeUndefined()
  })
})

describe('lobby.json', () => {
  it.each([
    ['not JSON', '{', /is not JSON/],
    ['a list', '[]', /must hold one object/],
    ['targets that are no object', '{"targets":[]}', /"targets"/],
    ['a target without a URL', '{"targets":{"a":{"worldId":"x"}}}', /"a" lacks "worldUrl"/],
    ['a name that is no word', '{"targets":{"a/b":{}}}', /may hold letters/],
    ['a default that is none', '{"defaultTarget":"b","targets":{"a":{"worldUrl":"u","worldId":"w"}}}', /"b"/],
  ])('%s is said in one sentence', (_, text, message) => {
    expect(() => parseLobbyFile(text)).toThrow(message)
  })

  it.each(['confirm', 'requireConfirm', 'requiresConfirm'])('%s asks', (key) => {
    const target = { worldUrl: 'u', worldId: 'w', [key]: true }
    expect(parseLobbyFile(JSON.stringify({ targets: { a: target } })).targets.a?.confirm).toBe(true)
  })

  it('keeps what it does not know when a target is added', () => {
    const text = withTarget(parseLobbyFile('{"editor":{"grid":1},"targets":{}}'), 'main', {
      worldUrl: 'u',
      worldId: 'w',
    })
    expect(JSON.parse(text)).toEqual({
      editor: { grid: 1 },
      targets: { main: { worldUrl: 'u', worldId: 'w' } },
      defaultTarget: 'main',
    })
  })
})
