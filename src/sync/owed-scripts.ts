import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ObjectKey } from '../world/state.ts'
import type { JournalOperation } from './push-journal.ts'
import { refSegment, type Session } from './session.ts'

/**
 * Blueprints whose scripts a push was to send and that did not land. Where only a shared module or their root had
 * changed, no file tells any more what they lack: the first blueprint that landed brought the module to the line.
 */

function owedPath(session: Session): string {
  return join(session.stateFolder, `owed-scripts-${refSegment(session.ref)}.json`)
}

/** Empty where nothing is owed, or the file cannot be read. */
export async function owedScripts(session: Session): Promise<ReadonlySet<ObjectKey>> {
  try {
    const { worldId, owed } = JSON.parse(await readFile(owedPath(session), 'utf8')) as Record<string, unknown>
    const wanted = session.target.address.worldId
    if (!Array.isArray(owed) || (wanted !== undefined && worldId !== wanted)) return new Set()
    return new Set(owed.filter((key): key is ObjectKey => typeof key === 'string'))
  } catch {
    return new Set()
  }
}

/** Writes down what a push that ended leaves owed, before its journal is removed (P6). */
export async function noteOwedScripts(
  session: Session,
  worldId: string,
  ended: { readonly landed: readonly JournalOperation[]; readonly missing: readonly JournalOperation[] },
): Promise<void> {
  const before = await owedScripts(session)
  const owed = new Set(before)
  // Added and removed ones are told by their files.
  for (const { key, kind, scripts } of ended.missing) if (scripts && kind === 'blueprint.update') owed.add(key)
  for (const { key, kind, scripts } of ended.landed) if (scripts || kind === 'blueprint.remove') owed.delete(key)
  if (owed.size === before.size && [...owed].every((key) => before.has(key))) return
  const path = owedPath(session)
  if (owed.size === 0) return rm(path, { force: true })
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, JSON.stringify({ worldId, owed: [...owed] }), { flush: true })
  await rename(`${path}.new`, path)
}
