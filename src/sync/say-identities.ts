import type { IdentityNote } from '../git-bridge/identity.ts'
import type { Session } from './session.ts'

/** Says aloud whose files were taken for whose though they do not say so (M8); mostly there are none. */
export async function sayIdentities(session: Session, notes: readonly IdentityNote[]): Promise<void> {
  if (notes.length === 0) return
  const { describeIdentity } = await import('../git-bridge/identity.ts')
  for (const note of notes) session.context.progress.warn(`${describeIdentity(note)}.`)
}
