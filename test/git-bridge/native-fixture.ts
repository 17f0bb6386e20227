import { execFileSync } from 'node:child_process'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NativeRepository } from '../../src/git-bridge/native/native-repository.ts'
import { openNativeRepository } from '../../src/git-bridge/native/open-native-repository.ts'
import type { Fixture } from './contract/vocabulary.ts'

export interface NativeFixture extends Fixture {
  readonly repository: NativeRepository
  /** The work tree. */
  readonly path: string
  /** A folder beside it that goes with it. */
  readonly room: string
}

/** Runs git for a test, in the environment of nobody in particular. */
export function git(cwd: string, args: readonly string[], input?: string | Uint8Array): string {
  return execFileSync('git', args, {
    cwd,
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
    env: {
      PATH: process.env.PATH,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_AUTHOR_NAME: 'tester',
      GIT_AUTHOR_EMAIL: 'tester@example.org',
      GIT_COMMITTER_NAME: 'tester',
      GIT_COMMITTER_EMAIL: 'tester@example.org',
    },
  })
}

/** The ids of this process's children that run a git command. */
export function gitChildren(command: string): number[] {
  return execFileSync('ps', ['-eo', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, parent, state, ...args]) =>
        Number(parent) === process.pid && !state?.startsWith('Z') && args.includes(command),
    )
    .map(([pid]) => Number(pid))
}

/** A new repository in a temporary folder. */
export async function nativeFixture(format: 'sha1' | 'sha256' = 'sha1'): Promise<NativeFixture> {
  const room = await realpath(await mkdtemp(join(tmpdir(), 'git-bridge-')))
  const path = join(room, 'work tree')
  git(room, ['init', '-q', '-b', 'main', `--object-format=${format}`, '--', path])
  const repository = await openNativeRepository(path)
  return {
    repository,
    path,
    room,
    async dispose() {
      await repository.close()
      await rm(room, { recursive: true, force: true })
    },
  }
}
