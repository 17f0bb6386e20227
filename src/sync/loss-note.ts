import { access, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { refSegment, type Session } from './session.ts'

function notePath(session: Session): string {
  return join(session.stateFolder, `losses-${refSegment(session.ref)}`)
}

/** Notes that the line is about to hold a loss (G11): until a branch has settled it, no command goes on silently. */
export async function noteLosses(session: Session): Promise<void> {
  await mkdir(session.stateFolder, { recursive: true })
  await writeFile(notePath(session), '')
}

/** Whether the line may hold one: a fetch that never met any has nothing to look for. */
export async function hasNotedLosses(session: Session): Promise<boolean> {
  return access(notePath(session)).then(
    () => true,
    () => false,
  )
}
