import type { Repository } from '../git-bridge/repository.ts'
import { MANIFEST_FILE } from '../projection/paths.ts'
import { SyncError } from '../world/errors.ts'
import type { LineCommit } from './tip.ts'

/**
 * Whether a commit of a line is about the project in a folder (G1). Read below another one, its world would seem to be
 * empty: a branch may have the line of a project that was moved since, or of a second one.
 */
export async function standsHere(repository: Repository, prefix: string, { oid }: LineCommit): Promise<boolean> {
  // A world is never without settings and spawn, in either layout.
  const places = await Promise.all([MANIFEST_FILE, 'world'].map((name) => repository.lookup(oid, prefix + name)))
  return places.some((found) => found !== undefined)
}

/** The only line that the branch has of a world is about another folder. */
export function projectMoved(prefix: string, { trailers }: LineCommit): SyncError {
  const here = prefix === '' ? 'the top of the repository' : prefix
  return new SyncError(
    'project_moved',
    `The history of world "${trailers.worldId}" is not about ${here}: the project was in another folder.`,
    {
      exitCode: 5,
      hint: 'Nothing was changed. Move the folder back, or connect it anew where it is: "gamedev sync init".',
      data: { prefix, worldId: trailers.worldId },
    },
  )
}
