import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Oid } from '../git-bridge/repository.ts'
import type { Cursor } from '../world/operation.ts'
import { refSegment, type Session } from './session.ts'

/**
 * How far the feed was read beyond a tip: operations that changed nothing, or moved an object in somebody's hand, make
 * no commit (G4). A cache: losing it costs reading them again.
 */
export interface ReadMark {
  readonly tip: Oid
  readonly cursor: Cursor
  readonly opId: string
  /** A commit whose history was searched for commits of the line beyond the tip (G7), and has none. */
  readonly searched?: Oid | undefined
}

function markPath(session: Session): string {
  return join(session.stateFolder, `read-${refSegment(session.ref)}`)
}

export async function loadReadMark(session: Session, tip: Oid): Promise<ReadMark | undefined> {
  const text = await readFile(markPath(session), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    const mark = JSON.parse(text) as Partial<ReadMark>
    const { cursor, opId, searched } = mark
    if (mark.tip !== tip || !Number.isSafeInteger(cursor) || typeof opId !== 'string') return undefined
    const known = typeof searched === 'string' && /^[0-9a-f]{40,64}$/.test(searched) ? searched : undefined
    return { tip, cursor: cursor as Cursor, opId, searched: known }
  } catch {
    return undefined
  }
}

export async function saveReadMark(session: Session, mark: ReadMark): Promise<void> {
  const path = markPath(session)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, JSON.stringify(mark))
  await rename(`${path}.new`, path)
}
