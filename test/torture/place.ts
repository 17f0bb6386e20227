import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder for everything of a run, and an environment that nothing of the user's leaks into. */
export interface Place {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  /** The built command (`bin/run.js`), and the public server's stand-in. */
  readonly cli: string
  readonly publicRuntime: string
  remove(): void
}

/** `root` is where the built command is. */
export function openPlace(root: string, publicRuntime: string): Place {
  const folder = mkdtempSync(join(tmpdir(), 'gamedev-torture-'))
  const cli = join(root, 'bin', 'run.js')
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  // git calls the merge driver by this name.
  writeFileSync(join(bin, 'gamedev'), `#!/bin/sh\nexec '${process.execPath}' '${cli}' "$@"\n`)
  chmodSync(join(bin, 'gamedev'), 0o755)
  const config = join(folder, 'gitconfig')
  writeFileSync(config, '[init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n[pull]\n\trebase = false\n')
  const { PATH = '', TMPDIR, SystemRoot } = process.env
  return {
    folder,
    cli,
    publicRuntime,
    env: {
      PATH: `${bin}:${PATH}`,
      HOME: folder,
      GIT_CONFIG_GLOBAL: config,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_MERGE_AUTOEDIT: 'no',
      ...(TMPDIR === undefined ? {} : { TMPDIR }),
      ...(SystemRoot === undefined ? {} : { SystemRoot }),
    },
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
  }
}
