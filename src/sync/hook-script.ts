/** The texts of git hooks: what is put into them, and how it is found again. Content is bytes; only our own is text. */

export const HOOK_NAMES = ['pre-commit', 'pre-push'] as const
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
    hook === 'pre-commit'
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
