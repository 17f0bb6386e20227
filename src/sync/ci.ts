import { SyncError } from '../world/errors.ts'
import type { LobbyFile } from './lobby-file.ts'
import type { Environment, Target } from './target.ts'

/** What CI services set in every job of theirs; most set `CI` as well. */
const SERVICES = [
  'GITHUB_ACTIONS',
  'GITLAB_CI',
  'BUILDKITE',
  'CIRCLECI',
  'TRAVIS',
  'APPVEYOR',
  'DRONE',
  'TF_BUILD',
  'TEAMCITY_VERSION',
  'JENKINS_URL',
  'BITBUCKET_BUILD_NUMBER',
  'CODEBUILD_BUILD_ID',
]

const OFF = new Set(['', '0', 'false', 'no', 'off'])

/** Whether a machine runs this, with nobody to ask: `CI` says so where it is set, else a variable of a known service. */
export function isCi(env: Environment): boolean {
  const isOn = (name: string) => !OFF.has((env[name] ?? '').trim().toLowerCase())
  return env.CI === undefined || env.CI === '' ? SERVICES.some(isOn) : isOn('CI')
}

/**
 * In CI a command that writes to a world is not to guess which: it must be named by `--target`, or by WORLD_URL and
 * WORLD_ID in the environment, unless the project knows only one (S2). Throws `target_not_named`.
 */
export function requireNamedTarget(target: Target, lobby: LobbyFile | undefined, env: Environment): void {
  const names = Object.keys(lobby?.targets ?? {})
  if (!isCi(env) || names.length < 2 || target.said === 'flag' || target.said === 'environment') return
  const guess = target.said === 'dotenv' ? 'only .env says which one' : `"${target.name}" is only the default`
  throw new SyncError(
    'target_not_named',
    `This project has the targets ${names.join(', ')}; in CI none is guessed, and ${guess}. Nothing was written.`,
    {
      exitCode: 5,
      hint: 'Pass --target <name>, or set WORLD_URL and WORLD_ID in the environment of the job.',
      data: { targets: names, guessed: target.name },
    },
  )
}
