import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseLobbyFile, withTarget } from '../../src/sync/lobby-file.ts'
import { chooseTarget, type Environment } from '../../src/sync/target.ts'
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
