/** The texts of git hooks: what is put into them, and how it is found again. Content is bytes; only our own is text. */

export const HOOK_NAMES = ['pre-commit', 'pre-push', 'pre-rebase'] as const
export type HookName = (typeof HOOK_NAMES)[number]

/** Put after the name of a hook that ours calls, because nothing can be put into it. */
export const ASIDE = '.before-gamedev-sync'

/** The place of that hook, as ours says it. */
export const ASIDE_PLACE = `"$0${ASIDE}"`

/** The shells whose scripts can hold our block. */
const SHELL = /^#![ \t]*(?:\S*\/)?(?:env[ \t]+(?:-\S+[ \t]+)*)?(?:\S*\/)?(?:sh|bash|dash|zsh|ksh)(?:[ \t\r\n]|$)/

/** Whether a hook is a script of a shell that knows `sh`; one without a first line that says so is run by `sh`. */
export function isShellScript(content: Buffer): boolean {
  if (content.subarray(0, 8000).includes(0)) return false
  const text = content.toString('latin1')
  return !text.startsWith('#!') || SHELL.test(text)
}

/** A hook of our own, before any block is put into it. It goes on to another one, where that can be run. */
export function madeHook(place: string): Buffer {
  return Buffer.from(
    `#!/bin/sh
# Made by "gamedev sync hooks install".
if [ -x ${place} ]; then exec ${place} "$@"; fi
`,
  )
}

/**
 * What is put into a hook: it checks the project in `folder` (relative to the top of the repository; empty for the top),
 * and ends the hook where the check fails. git starts hooks at the top of the work tree. A branch on which there is no
 * such project is none of its business.
 */
export function hookBlock(hook: HookName, folder: string): string {
  const [begin, end] = marks(folder)
  const lobby = quoted(folder === '' ? 'lobby.json' : `./${folder}/lobby.json`)
  const enter = folder === '' ? '' : `  cd ${quoted(`./${folder}`)} || exit 1\n`
  const nowhere =
    'gamedev is neither on the PATH nor in node_modules/.bin. Install it, or remove the check from this hook: '
  const find = `  gamedev_sync_top=$(pwd)
${enter}  if command -v gamedev >/dev/null 2>&1; then gamedev_sync=gamedev
  elif [ -x node_modules/.bin/gamedev ]; then gamedev_sync=./node_modules/.bin/gamedev
  elif [ -x "$gamedev_sync_top/node_modules/.bin/gamedev" ]; then gamedev_sync=$gamedev_sync_top/node_modules/.bin/gamedev
  else
    printf '%s\\n' "${nowhere}$0" >&2
    exit 1
  fi
`
  const body =
    hook === 'pre-rebase'
      ? rebaseCheck(lobby)
      : hook === 'pre-commit'
        ? `(
  [ -f ${lobby} ] || exit 0
${find}  "$gamedev_sync" sync check --staged
) || exit $?
`
        : `gamedev_sync_refs=$(cat)
(
  [ -n "$gamedev_sync_refs" ] && [ -f ${lobby} ] || exit 0
${find}  printf '%s\\n' "$gamedev_sync_refs" | "$gamedev_sync" sync check --pre-push
) || exit $?
# What follows reads the same lines.
if [ -n "$gamedev_sync_refs" ]; then
  exec <<GAMEDEV_SYNC_REFS
$gamedev_sync_refs
GAMEDEV_SYNC_REFS
else
  exec </dev/null
fi
`
  return `${begin}
# Put here by "gamedev sync hooks install"; "gamedev sync hooks uninstall" takes it out again.
${body}${end}
`
}

/** Words of git's command line that say that a rebase keeps merges. */
const KEEPS_MERGES = "*' --rebase-merges'*|*' -r '*|*' -ir '*|*' -ri '*"

/**
 * Ends a rebase that would flatten commits of the world's line (G6): git alone tells them, by their trailers. That merges
 * are kept is said to no hook, so it is looked up wherever it can stand: git's settings, and git's own command line where
 * `ps` shows it. Where neither shows it, the variable does.
 */
function rebaseCheck(lobby: string): string {
  return `(
  [ -f ${lobby} ] && [ "\${GAMEDEV_ALLOW_REBASE:-}" != 1 ] || exit 0
  case "\${1:-}" in ''|-*) gamedev_sync_range=\${2:-HEAD} ;; *) gamedev_sync_range="$1..\${2:-HEAD}" ;; esac
  git log --format='%T %(trailers:key=Lobby-Tree,valueonly,separator=%x20)' "$gamedev_sync_range" -- 2>/dev/null |
    grep -q '^\\([0-9a-f][0-9a-f]*\\) \\1$' || exit 0
  case " $(ps -o args= -p "$PPID" 2>/dev/null) " in
    *' --no-rebase-merges '*) ;;
    ${KEEPS_MERGES}) exit 0 ;;
  esac
  gamedev_sync_key=rebase.rebaseMerges
  case "\${GIT_REFLOG_ACTION:-}" in
    *' --rebase=merges'*|*' --rebase=m '*) exit 0 ;;
    pull*' --rebase'*|pull*' -r'*) gamedev_sync_key= ;;
    pull*)
      gamedev_sync_branch=$(git symbolic-ref --quiet --short HEAD)
      gamedev_sync_key=branch.$gamedev_sync_branch.rebase
      git config "$gamedev_sync_key" >/dev/null || gamedev_sync_key=pull.rebase
      ;;
  esac
  case "$gamedev_sync_key:$(git config "$gamedev_sync_key" 2>/dev/null)" in
    *.rebase:merges|*.rebase:m|rebase.rebaseMerges:true|rebase.rebaseMerges:*rebase-cousins) exit 0 ;;
  esac
  cat >&2 <<'GAMEDEV_SYNC_WORDS'
gamedev sync: this rebase would copy commits of the world into your branch, one by one, and lose where they came from.
Keep them: git rebase --rebase-merges, or git pull --no-rebase (git config pull.rebase merges makes that the default).
If you asked for that already and this hook cannot see it, or to do it all the same: GAMEDEV_ALLOW_REBASE=1 git rebase ...
GAMEDEV_SYNC_WORDS
  exit 1
) || exit $?
`
}

/** The hook with our block: in the place of an older one, else right after the line that names the shell. */
export function withBlock(content: Buffer, block: string, folder: string): Buffer {
  const bare = withoutBlock(content, folder)
  const text = (bare ?? content).toString('latin1')
  const ours = Buffer.from(block).toString('latin1')
  if (!text.startsWith('#!')) return latin1(ours + text)
  const first = text.indexOf('\n') + 1
  // A file that is nothing but its first line, and that unfinished, gets back just that.
  if (first === 0) return latin1(`${text}\n${ours.slice(0, -1)}`)
  return latin1(text.slice(0, first) + ours + text.slice(first))
}

/** The hook without the block of a project, byte for byte as it was; undefined where it has none. */
export function withoutBlock(content: Buffer, folder: string): Buffer | undefined {
  const text = content.toString('latin1')
  const [begin, end] = marks(folder).map((mark) => Buffer.from(mark).toString('latin1'))
  const from = lineAt(text, begin!, 0)
  const last = from < 0 ? -1 : lineAt(text, end!, from)
  if (last < 0) return undefined
  const to = last + end!.length
  if (to === text.length) return latin1(text.slice(0, Math.max(0, from - 1)))
  return latin1(text.slice(0, from) + text.slice(to + 1))
}

/** Whether any project has a block in a hook. */
export function hasBlocks(content: Buffer): boolean {
  return /(?:^|\n)# >>> gamedev sync: [^\n]* >>>(?:\n|$)/.test(content.toString('latin1'))
}

/** The lines before and after a project's block. */
function marks(folder: string): readonly [begin: string, end: string] {
  // Any name on one line, and no name like another.
  const name = folder === '' ? '.' : `./${folder.replace(/[\p{Cc}%]/gu, encodeURIComponent)}`
  return [`# >>> gamedev sync: ${name} >>>`, `# <<< gamedev sync: ${name} <<<`]
}

/** Where a line stands that is nothing but `line`; -1 where there is none. */
function lineAt(text: string, line: string, from: number): number {
  for (let at = text.indexOf(line, from); at >= 0; at = text.indexOf(line, at + 1)) {
    const whole = (at === 0 || text[at - 1] === '\n') && (text[at + line.length] ?? '\n') === '\n'
    if (whole) return at
  }
  return -1
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** Any text as one word of the shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
