import type { RunOptions } from '../../../../src/git-bridge/native/git-process.ts'
import type { Work } from '../effects.ts'
import type { Repo } from '../repo.ts'
import { type Command, notModelled, type Said } from './call.ts'
import { add, diffIndex, lsFiles, readTree, updateIndex, writeTree } from './index-commands.ts'
import {
  catFile,
  checkAttr,
  checkIgnore,
  commitTree,
  diff,
  grep,
  hashObject,
  revListRoots,
  variable,
} from './object-commands.ts'
import { config, revParse, updateRef, worktree } from './ref-commands.ts'

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['add', add],
  ['cat-file', catFile],
  ['check-attr', checkAttr],
  ['check-ignore', checkIgnore],
  ['commit-tree', commitTree],
  ['config', config],
  ['diff', diff],
  ['diff-index', diffIndex],
  ['grep', grep],
  ['hash-object', hashObject],
  ['ls-files', lsFiles],
  ['read-tree', readTree],
  ['rev-list', revListRoots],
  ['rev-parse', revParse],
  ['update-index', updateIndex],
  ['update-ref', updateRef],
  ['var', variable],
  ['worktree', worktree],
  ['write-tree', writeTree],
])

/** Runs a git command as the product sends it. Throws `git … is not modelled` for all others. */
export function* runCommand(repo: Repo, args: readonly string[], options: RunOptions = {}): Work<Said> {
  let at = 0
  // Settings of one command (durability, how it adds) change nothing here; all paths are literal.
  while (args[at] === '-c' || args[at] === '--literal-pathspecs') at += args[at] === '-c' ? 2 : 1
  const command = COMMANDS.get(args[at] ?? '')
  if (command === undefined) throw notModelled(args)
  const result = command({
    repo,
    args: args.slice(at + 1),
    input: Buffer.from(options.input ?? ''),
    index: options.env?.GIT_INDEX_FILE ?? `${repo.gitDir}/index`,
  })
  return 'code' in result ? result : yield* result
}
