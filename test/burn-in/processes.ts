import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Where everything of one burn-in is, and how its programs are called. */
export interface Place {
  /** The checkout of this program. */
  readonly root: string
  readonly folder: string
  readonly env: Readonly<Record<string, string | undefined>>
}

export const CODE = 'burn-in'

/** An environment that says nothing about anybody's worlds, repositories or identity; `gamedev` is the built program. */
export function openPlace(root: string, folder: string): Place {
  const programs = join(folder, 'programs')
  mkdirSync(programs, { recursive: true })
  writeFileSync(join(programs, 'gamedev'), `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'bin/run.js')}" "$@"\n`)
  chmodSync(join(programs, 'gamedev'), 0o755)
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      !/^(?:WORLD_URL|WORLD_ID|ADMIN_CODE|BIDIRECTIONAL_SYNC|SYNC_.*|GIT_(?!EXEC_PATH$).*|CI|OTEL_.*)$/.test(name),
  )
  const env = {
    ...Object.fromEntries(kept),
    PATH: `${programs}${delimiter}${process.env.PATH ?? ''}`,
    HOME: folder,
    XDG_CONFIG_HOME: folder,
    GIT_CONFIG_NOSYSTEM: '1',
    ADMIN_CODE: CODE,
    // The rehearsal is about this: whatever both sides changed is asked about.
    SYNC_STRICT_CONFLICTS: 'true',
  }
  writeFileSync(join(folder, '.gitconfig'), '[init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n')
  return { root, folder, env }
}

/** Runs a program to its end. */
export function run(place: Place, cwd: string, program: string, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const options = { cwd, env: place.env, encoding: 'utf8' as const, maxBuffer: 1 << 28 }
    execFile(program, args, options, (error, out, err) => {
      if (error !== null && typeof error.code !== 'number') reject(error)
      else resolve({ code: Number(error?.code ?? 0), out, err })
    })
  })
}

export function gamedev(place: Place, cwd: string, ...args: readonly string[]): Promise<Ran> {
  return run(place, cwd, process.execPath, [join(place.root, 'bin/run.js'), ...args])
}

export function git(place: Place, cwd: string, ...args: readonly string[]): Promise<Ran> {
  return run(place, cwd, 'git', args)
}

/** Throws for what must not fail, with all that it said. */
export async function must(ran: Promise<Ran>, what: string): Promise<string> {
  const { code, out, err } = await ran
  if (code !== 0) throw new Error(`${what} ended with exit code ${code}:\n${out}${err}`)
  return out.trimEnd()
}

export interface Served {
  readonly url: string
  stop(): Promise<void>
}

/** A world in a process of its own; resolves when that says where it is. */
export async function serve(place: Place, args: readonly string[]): Promise<Served> {
  const child: ChildProcess = spawn(process.execPath, args, {
    cwd: place.folder,
    env: { ...place.env, NODE_PATH: join(place.root, 'node_modules') },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  const kill = () => child.kill()
  process.once('exit', kill)
  const stop = async () => {
    child.kill()
    await ended
    process.off('exit', kill)
  }
  for await (const line of createInterface({ input: child.stdout! })) {
    const url = /https?:\/\/\S+/.exec(line)?.[0]
    if (url === undefined) continue
    child.stdout!.resume()
    return { url, stop }
  }
  throw new Error('the runtime did not start')
}
