import { SyncError } from '../world/errors.ts'
import { type ObjectFormat, objectId } from './object-id.ts'
import type { Oid, TreeEdit } from './repository.ts'
import type { TreeEditor } from './tree-editor.ts'

/** Where edits put the content they bring along, and look for the content they refer to. */
export interface BlobStore {
  readonly format: ObjectFormat
  /** Whether a blob of this id exists, or was added before. */
  has(oid: Oid): Promise<boolean>
  add(oid: Oid, bytes: Uint8Array): void
}

/** Applies edits in order. Throws `object_missing` when one puts a blob that is not here. */
export async function applyEdits(editor: TreeEditor, edits: readonly TreeEdit[], blobs: BlobStore): Promise<void> {
  if (edits.length > 1) await editor.warm(edits.map(({ path }) => path))
  for (const edit of edits) {
    switch (edit.kind) {
      case 'delete':
        await editor.delete(edit.path)
        break
      case 'put':
        // What a submodule names is in another repository.
        if (edit.mode !== '160000' && !(await blobs.has(edit.oid))) throw missingObject(edit.oid, 'blob')
        await editor.set(edit.path, edit.mode, edit.oid)
        break
      case 'write': {
        const oid = objectId(blobs.format, 'blob', edit.bytes)
        blobs.add(oid, edit.bytes)
        await editor.set(edit.path, '100644', oid)
        break
      }
    }
  }
}

/** The failure of reading an object that this repository does not have. */
export function missingObject(oid: Oid, type: string): SyncError {
  return new SyncError('object_missing', `This repository has no ${type} ${oid}.`, {
    hint: 'The clone may be shallow or incomplete: run `git fetch --unshallow`, or `git fsck` to see what is missing.',
    data: { oid, type },
  })
}
