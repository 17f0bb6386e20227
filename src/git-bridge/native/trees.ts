import { assert } from '../../world/errors.ts'
import { emptyTreeId, type ObjectFormat } from '../object-id.ts'
import type { FileEntry, FileMode, Oid, TreeChange } from '../repository.ts'
import { type GitContext, runGit } from './git-process.ts'

/** All files below a tree or commit; `prefix` is put before their paths. */
export async function listFiles(context: GitContext, treeish: Oid, prefix: string): Promise<readonly FileEntry[]> {
  const { stdout } = await runGit(context, ['ls-tree', '-r', '-z', '--full-tree', treeish])
  return nulSeparated(stdout).map((line) => {
    const tab = line.indexOf('\t')
    const [mode, , oid] = line.slice(0, tab).split(' ')
    return { path: prefix + line.slice(tab + 1), mode: mode as FileMode, oid: oid as Oid }
  })
}

/** The files that differ between two trees or commits, at or below `prefix` if there is one. */
export async function diffTrees(
  context: GitContext,
  format: ObjectFormat,
  before: Oid | undefined,
  after: Oid,
  prefix: string | undefined,
): Promise<readonly TreeChange[]> {
  const { stdout } = await runGit(context, [
    '--literal-pathspecs',
    'diff-tree',
    '-r',
    '-z',
    '--raw',
    '--no-renames',
    '--no-abbrev',
    '--ignore-submodules=none',
    before ?? emptyTreeId(format),
    after,
    ...(prefix === undefined ? [] : ['--', prefix]),
  ])
  const fields = nulSeparated(stdout)
  const changes: TreeChange[] = []
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [modeBefore, modeAfter, oidBefore, oidAfter] = (fields[at] as string).slice(1).split(' ')
    assert(modeBefore && modeAfter && oidBefore && oidAfter, `a raw line of git diff-tree: ${fields[at]}`)
    changes.push({
      path: fields[at + 1] as string,
      before: side(modeBefore, oidBefore),
      after: side(modeAfter, oidAfter),
    })
  }
  return changes
}

function side(mode: string, oid: string): TreeChange['before'] {
  return mode === '000000' ? undefined : { mode: mode as FileMode, oid: oid as Oid }
}

function nulSeparated(output: Buffer): string[] {
  const fields = output.toString('utf8').split('\0')
  fields.pop()
  return fields
}
