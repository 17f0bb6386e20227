import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const GIT = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()

/**
 * Killed are the command that called git (`FAULT_WHOM` its process), or its whole process group; or that git alone. A call takes the first
 * number whose file it makes itself (noclobber); nothing but the shell runs for that, as it is done thousands of times.
 */
const SHIM = `#!/bin/bash
call="$*"
count() { n=$#; }
count "$FAULT_COUNT"/*
set -C
until { printf '%s\\n' "$call" > "$FAULT_COUNT/$n"; } 2>/dev/null; do
  [ -d "$FAULT_COUNT" ] || break
  n=$((n+1))
done
set +C
if [ "$n" != "$FAULT_AT" ]; then exec ${GIT} "$@"; fi
whom=$PPID; if [ "$FAULT_WHOM" = group ]; then whom=0; fi
case "$FAULT_KIND" in
kill-before) kill -9 $whom; exit 137 ;;
kill-after) ${GIT} "$@"; code=$?; kill -9 $whom; exit $code ;;
kill-during|kill-git)
  ${GIT} "$@" <&0 & pid=$!; sleep "$FAULT_DELAY"
  if [ "$FAULT_KIND" = kill-during ]; then kill -9 $whom; else kill -9 $pid; fi
  wait $pid; exit ;;
kill-git-before) kill -9 $$ ;;
full-disk) trap '' XFSZ; ulimit -f 0; exec ${GIT} "$@" ;;
esac
`

/** `during`: some time after git began; `kill-git`: not the command dies, but its git. */
export type GitFault = 'kill-before' | 'kill-after' | 'kill-during' | 'kill-git' | 'kill-git-before' | 'full-disk'

export interface GitStrike {
  /** The n-th git process of the command, from 1. */
  readonly at: number
  readonly kind: GitFault
  /** For what falls while git works: milliseconds after it began. */
  readonly delay?: number
}

/** How a command is told to use our git. */
export interface Counting {
  readonly env: Readonly<Record<string, string>>
  /** The arguments of the git processes that the command began, in order. */
  calls(): readonly string[]
}

/**
 * A `git` of ours, first on the PATH: it counts its calls, and at the chosen one kills the command that called it
 * (before or after git did its work), or lets git's writes fail as on a full disk.
 */
export class GitShim {
  readonly #base: string
  readonly #bin: string

  /** `base` is a folder for its own files. */
  constructor(base: string) {
    this.#base = base
    this.#bin = join(this.#base, 'bin')
    mkdirSync(this.#bin)
    writeFileSync(join(this.#bin, 'git'), SHIM)
    chmodSync(join(this.#bin, 'git'), 0o755)
  }

  /** For one run. `group` kills all processes of the command's group, which must then be a group of its own. */
  count(strike?: GitStrike, group = false): Counting {
    // A folder per run: children of a killed command may still be counting.
    const count = mkdtempSync(join(this.#base, 'count-'))
    return {
      env: {
        PATH: `${this.#bin}:${process.env.PATH}`,
        FAULT_COUNT: count,
        FAULT_AT: String(strike?.at ?? 0),
        FAULT_KIND: strike?.kind ?? '',
        FAULT_DELAY: String((strike?.delay ?? 0) / 1000),
        FAULT_WHOM: group ? 'group' : 'caller',
      },
      calls: () =>
        readdirSync(count)
          .map(Number)
          .sort((a, b) => a - b)
          .map((n) => readFileSync(join(count, String(n)), 'utf8').trim()),
    }
  }
}
