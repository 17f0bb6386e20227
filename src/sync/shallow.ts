import { join } from 'node:path'
import type { Oid } from '../git-bridge/repository.ts'
import { SyncError } from '../world/errors.ts'
import type { Project } from './session.ts'
import { readText } from './working-tree.ts'

/**
 * G7: a shallow clone does not know what it has in common with the world. Refused when its boundary is reachable from
 * HEAD but not from the baseline, or when there is no baseline to be seen at all. Throws `shallow_clone`.
 */
export async function refuseShallow(
  project: Pick<Project, 'repository'>,
  since?: { readonly head: Oid; readonly base: Oid },
): Promise<void> {
  const { repository } = project
  const shallow = await readText(join(repository.commonDir, 'shallow'))
  if (shallow === undefined || shallow.trim() === '') return
  if (since !== undefined) {
    const boundary = new Set(shallow.trim().split('\n'))
    let cut = false
    for await (const commit of repository.log({ include: [since.head], exclude: [since.base] })) {
      if (boundary.has(commit.oid)) cut = true
    }
    if (!cut) return
  }
  throw new SyncError(
    'shallow_clone',
    'This clone is shallow: its history does not reach back to what it shares with the world.',
    {
      hint: 'Run "git fetch --unshallow", then the command again.',
    },
  )
}
