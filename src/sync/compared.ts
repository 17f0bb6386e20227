import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { refSegment, type Session } from './session.ts'

/** A comparison of the world with its line is due when the last one is older (G11). Milliseconds. */
const DUE = 10 * 60_000

function comparedPath(session: Session): string {
  return join(session.stateFolder, `compared-${refSegment(session.ref)}`)
}

/**
 * Whether a snapshot should be compared with the line again (G11). A time that lies ahead, as after a clock was set back,
 * says nothing. `now`: milliseconds since 1970.
 */
export async function isComparisonDue(session: Session, now: number): Promise<boolean> {
  const text = await readFile(comparedPath(session), 'utf8').catch(() => '')
  const at = /^\d{1,16}$/.test(text) ? Number(text) : Number.NEGATIVE_INFINITY
  return now - at >= DUE || at > now
}

/** Notes when the line was last what a snapshot said. */
export async function rememberCompared(session: Session, now = Date.now()): Promise<void> {
  const path = comparedPath(session)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, String(now))
  await rename(`${path}.new`, path)
}

export async function forgetCompared(session: Session): Promise<void> {
  await rm(comparedPath(session), { force: true })
}
