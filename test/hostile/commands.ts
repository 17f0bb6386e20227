import { syncBuiltinESMExports } from 'node:module'
import { join, resolve } from 'node:path'
import timers from 'node:timers/promises'
import { format } from 'node:util'
import { Config } from '@oclif/core'

/** The commands that a hostile world or project meets, run in this process: a thousand of them take minutes, not hours. */
const COMMANDS = {
  clone: () => import('../../src/commands/sync/clone.ts'),
  init: () => import('../../src/commands/sync/init.ts'),
  fetch: () => import('../../src/commands/sync/fetch.ts'),
  pull: () => import('../../src/commands/sync/pull.ts'),
  push: () => import('../../src/commands/sync/push.ts'),
  status: () => import('../../src/commands/sync/status.ts'),
  conflicts: () => import('../../src/commands/sync/conflicts.ts'),
  resolve: () => import('../../src/commands/sync/resolve.ts'),
  check: () => import('../../src/commands/sync/check.ts'),
  log: () => import('../../src/commands/sync/log.ts'),
  diff: () => import('../../src/commands/sync/diff.ts'),
  doctor: () => import('../../src/commands/sync/doctor.ts'),
  rebuild: () => import('../../src/commands/sync/rebuild.ts'),
  targets: () => import('../../src/commands/sync/targets.ts'),
  explain: () => import('../../src/commands/sync/policy/explain.ts'),
  list: () => import('../../src/commands/world/list.ts'),
} as const satisfies Record<string, () => Promise<{ readonly default: unknown }>>

export type CommandName = keyof typeof COMMANDS

/** What a command printed, and how it ended. */
export interface Ran {
  readonly command: string
  readonly out: string
  readonly err: string
  readonly code: number
  /** What came out of it instead of an error in words: a bug of ours. */
  readonly thrown: unknown
}

const ROOT = process.env.HOSTILE_ROOT ?? resolve(import.meta.dirname, '../..')
const SIGNALS = ['SIGINT', 'SIGTERM'] as const
/** What the machine may say and a case must not hear. */
const VARIABLES = ['WORLD_URL', 'WORLD_ID', 'ADMIN_CODE', 'CI', 'GITHUB_ACTIONS', 'HOME']

/** Nothing of the machine's own git configuration, and nobody's name but this. */
export const GIT_ENV = {
  GIT_CONFIG_GLOBAL: join(ROOT, 'test/gitconfig'),
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Dev',
  GIT_AUTHOR_EMAIL: 'dev@example.com',
  GIT_COMMITTER_NAME: 'Dev',
  GIT_COMMITTER_EMAIL: 'dev@example.com',
}
Object.assign(process.env, GIT_ENV)

/** Back-off is no part of what is tried here: whoever would wait goes on at once, until `restore` is called. */
export function withoutWaiting(): { readonly restore: () => void } {
  const before = timers.setTimeout
  const replace = (next: typeof timers.setTimeout) => {
    Object.assign(timers, { setTimeout: next })
    syncBuiltinESMExports()
  }
  replace((async (_ms: number, value: unknown) => value) as typeof timers.setTimeout)
  return { restore: () => replace(before) }
}

let config: Promise<Config> | undefined

/** Runs one command in a folder, with nothing in the environment but what is given. */
export async function runCommand(
  name: CommandName,
  cwd: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  config ??= Config.load(ROOT)
  const [loaded, { default: command }] = await Promise.all([config, COMMANDS[name]()])
  let out = ''
  let err = ''
  const said = (text: unknown) => {
    err += String(text)
    return true
  }
  const before = { cwd: process.cwd(), exitCode: process.exitCode, log: console.log, write: process.stderr.write }
  const listening = SIGNALS.map((signal) => ({ signal, listeners: process.listeners(signal) }))
  const variables = { ...process.env }
  for (const variable of VARIABLES) delete process.env[variable]
  Object.assign(process.env, env)
  console.log = (...args: unknown[]) => {
    out += `${format(...args)}\n`
  }
  process.stderr.write = said as typeof process.stderr.write
  process.chdir(cwd)
  process.exitCode = 0
  let thrown: unknown
  try {
    const runnable = command as unknown as { run: (argv: readonly string[], config: Config) => Promise<unknown> }
    await runnable.run(argv, loaded)
  } catch (error) {
    thrown = usage(error) ? undefined : error
    process.exitCode = 1
    err += usage(error) ? `error: ${(error as Error).message}\nhint: see --help\n` : ''
  } finally {
    console.log = before.log
    process.stderr.write = before.write
    process.chdir(before.cwd)
    for (const variable of Object.keys(process.env))
      if (!Object.hasOwn(variables, variable)) delete process.env[variable]
    Object.assign(process.env, variables)
    for (const { signal, listeners } of listening) {
      for (const listener of process.listeners(signal))
        if (!listeners.includes(listener)) process.removeListener(signal, listener)
    }
  }
  const code = Number(process.exitCode)
  process.exitCode = before.exitCode
  return { command: [name, ...argv].join(' '), out, err, code, thrown }
}

/** oclif's own words for a wrong call. */
function usage(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'oclif' in error
}
