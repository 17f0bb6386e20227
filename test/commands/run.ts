import { resolve } from 'node:path'
import { format } from 'node:util'
import { type Command, Config } from '@oclif/core'
import { vi } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** What a command printed, and its exit code. */
export interface Ran {
  readonly out: string
  readonly err: string
  readonly code: number
}

/** What oclif reads of the package, once. */
let loaded: Promise<Config> | undefined

/** The end of the run before: the folder, the environment and the output are those of one command at a time. */
let last: Promise<unknown> = Promise.resolve()

/** Runs a command in this process, in a folder, with an environment that names no other world; one after the other. */
export function run(...args: Parameters<typeof runAlone>): Promise<Ran> {
  const ran = last.then(() => runAlone(...args))
  last = ran.catch(() => {})
  return ran
}

async function runAlone(
  command: typeof Command,
  cwd: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  loaded ??= Config.load({ root: ROOT })
  const config = await loaded
  let out = ''
  let err = ''
  const before = { cwd: process.cwd(), exitCode: process.exitCode }
  const listening = SIGNALS.map((signal) => ({ signal, listeners: process.listeners(signal) }))
  // What oclif prints goes through the console.
  const stdout = vi.spyOn(console, 'log').mockImplementation((...args) => {
    out += `${format(...args)}\n`
  })
  const warnings = vi.spyOn(console, 'error').mockImplementation((...args) => {
    err += `${format(...args)}\n`
  })
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text)
    return true
  })
  for (const name of ['WORLD_URL', 'WORLD_ID', 'ADMIN_CODE']) vi.stubEnv(name, env[name])
  process.chdir(cwd)
  process.exitCode = 0
  try {
    await (command as unknown as { run(argv: string[], config: Config): Promise<unknown> }).run([...argv], config)
    return { out, err, code: Number(process.exitCode) }
  } finally {
    process.chdir(before.cwd)
    process.exitCode = before.exitCode
    for (const { signal, listeners } of listening) {
      for (const listener of process.listeners(signal))
        if (!listeners.includes(listener)) process.removeListener(signal, listener)
    }
    vi.unstubAllEnvs()
    stdout.mockRestore()
    warnings.mockRestore()
    stderr.mockRestore()
  }
}
