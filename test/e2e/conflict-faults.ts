import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../sync/support.ts'
import { Project, type Ran, sync } from './conflict-support.ts'

/** A `git` of ours, first on the PATH: at the chosen call it kills the command that called it. */
const GIT = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()
const SHIM = `#!/bin/bash
n=1; while [ -d "$FAULT_COUNT" ] && ! mkdir "$FAULT_COUNT/$n" 2>/dev/null; do n=$((n+1)); done
echo "$*" > "$FAULT_COUNT/$n/call"
if [ "$n" != "$FAULT_AT" ]; then exec ${GIT} "$@"; fi
if [ "$FAULT_KIND" = kill-after ]; then ${GIT} "$@"; fi
kill -9 $PPID; exit 137
`

export type Kill = 'kill-before' | 'kill-after'

/** Copies of a project, and commands in them that are killed with their n-th git process. */
export class Faults {
  readonly #base = temporaryFolder()
  readonly #bin: string

  constructor() {
    this.#bin = join(this.#base, 'bin')
    mkdirSync(this.#bin)
    writeFileSync(join(this.#bin, 'git'), SHIM)
    chmodSync(join(this.#bin, 'git'), 0o755)
  }

  copy(project: Project): Project {
    const folder = join(mkdtempSync(join(this.#base, 'copy-')), 'project')
    execFileSync('cp', ['-a', project.folder, folder])
    return new Project(folder, project.layout)
  }

  /** Runs a command, struck or not; `calls` are the arguments of the git processes that it began, in order. */
  async run(
    project: Project,
    args: readonly string[],
    fault?: { readonly at: number; readonly kill: Kill },
  ): Promise<Ran & { readonly calls: readonly string[] }> {
    // A folder per run: children of a killed command may still be counting.
    const count = mkdtempSync(join(this.#base, 'count-'))
    const ran = await sync(project, args, {
      PATH: `${this.#bin}:${process.env.PATH}`,
      FAULT_COUNT: count,
      FAULT_AT: String(fault?.at ?? 0),
      FAULT_KIND: fault?.kill ?? '',
    })
    const calls = readdirSync(count).map((name) => {
      const call = join(count, name, 'call')
      return [Number(name), existsSync(call) ? readFileSync(call, 'utf8').trim() : ''] as const
    })
    return { ...ran, calls: calls.sort((a, b) => a[0] - b[0]).map(([, call]) => call) }
  }
}
