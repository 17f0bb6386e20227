import { SyncError } from '../world/errors.ts'
import type { Cursor } from '../world/operation.ts'

/** What stops a fetch, in words. */

export function refMoved(ref: string): SyncError {
  return new SyncError('ref_moved', `${ref} was moved by another process meanwhile; nothing was changed.`, {
    hint: 'Run the command again.',
  })
}

/** Another feed than the one that the line was made of (G2, G11). */
export function worldReset(
  worldId: string,
  mark: { readonly cursor: Cursor; readonly opId: string },
  headCursor: Cursor,
): SyncError {
  const why =
    headCursor < mark.cursor
      ? `its feed ends at ${headCursor}, before ${mark.cursor} where we are`
      : `its feed has another operation at ${mark.cursor} than the one we know`
  return new SyncError('world_reset', `World "${worldId}" was reset or replaced: ${why}.`, {
    exitCode: 5,
    hint: `Nothing was changed here. If it came back from a backup, put back the runtime's newer data; if the new world is meant to be another one, give it a world id of its own and connect it as a target with "gamedev sync init <url> --name <target>".`,
    data: { worldId, cursor: mark.cursor, opId: mark.opId, headCursor },
  })
}
