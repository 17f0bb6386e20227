import type { FileMode, Oid, Repository, TreeEdit } from './repository.ts'

/** The mode of our file at a path: the line knows ordinary files only, what can be executed here stays so. */
export async function modeOf(repository: Repository, ours: Oid, path: string): Promise<FileMode> {
  return (await repository.lookup(ours, path))?.mode === '100755' ? '100755' : '100644'
}

/** Edits of our tree that leave the modes of its files as they are. */
export async function keepModes(
  repository: Repository,
  ours: Oid,
  edits: readonly TreeEdit[],
): Promise<readonly TreeEdit[]> {
  return Promise.all(
    edits.map(async (edit) =>
      edit.kind === 'put' ? { ...edit, mode: await modeOf(repository, ours, edit.path) } : edit,
    ),
  )
}
