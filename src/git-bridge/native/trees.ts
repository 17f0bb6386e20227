import { assert } from '../../world/errors.ts'
import { emptyTreeId, type ObjectFormat } from '../object-id.ts'
import type { FileEntry, FileMode, Oid, TreeChange, TreeEntry } from '../repository.ts'
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

/** Folders whose files are listed by reading them one after the other. */
const FEW = 16

/** As {@link listFiles}, where there are few folders; undefined where there are more. */
export async function listFew(
  readTree: (tree: Oid) => Promise<readonly TreeEntry[]>,
  tree: Oid,
  prefix: string,
): Promise<readonly FileEntry[] | undefined> {
  let left = FEW
  const visit = async (folder: Oid, at: string): Promise<readonly FileEntry[] | undefined> => {
    if (left-- === 0) return undefined
    const entries = await readTree(folder)
    if (entries.filter(({ mode }) => mode === '40000').length > left) return undefined
    const files: FileEntry[] = []
    for (const { mode, name, oid } of entries) {
      if (mode !== '40000') {
        files.push({ path: at + name, mode, oid })
        continue
      }
      const below = await visit(oid, `${at}${name}/`)
      if (below === undefined) return undefined
      files.push(...below)
    }
    return files
  }
  return visit(tree, prefix)
}

/** The files that differ between two trees or commits, at or below a path. */
export async function diffTrees(
  context: GitContext,
  format: ObjectFormat,
  before: Oid | undefined,
  after: Oid,
  prefix: string,
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
    ...(prefix === '' ? [] : ['--', prefix]),
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
