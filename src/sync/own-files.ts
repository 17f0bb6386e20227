import type { Oid, TreeEdit } from '../git-bridge/repository.ts'
import { withDriverAttributes } from './merge-driver-setup.ts'
import type { Session } from './session.ts'

/** The files of a project that are sync's own: what a merge with a world writes beside the world's. */

const ATTRIBUTES = '.gitattributes'

/** What must never be committed (S2). */
const IGNORED = ['.env', '.lobby/*', '!.lobby/targets.example.json']

/** The files that a project of nothing but a world begins with. */
export function firstFiles(prefix: string, driver: boolean): readonly TreeEdit[] {
  return [
    write(`${prefix}.gitignore`, `${IGNORED.join('\n')}\n`),
    ...(driver ? [write(`${prefix}${ATTRIBUTES}`, withDriverAttributes(''))] : []),
  ]
}

/** The lines that `.gitattributes` lacks for the merge driver. */
export async function attributeEdits({ repository, prefix }: Session, head: Oid): Promise<readonly TreeEdit[]> {
  const path = `${prefix}${ATTRIBUTES}`
  const found = await repository.lookup(head, path)
  const present = found === undefined ? undefined : (await repository.readBlobs([found.oid])).get(found.oid)
  // Whatever its encoding: all that is there stays byte for byte.
  const text = Buffer.from(present ?? []).toString('latin1')
  const next = withDriverAttributes(text)
  return next === text ? [] : [{ path, kind: 'write', bytes: Buffer.from(next, 'latin1') }]
}

/** The lines that `.gitignore` lacks to keep secrets out of git. */
export async function ignoreEdits(session: Session, head: Oid): Promise<readonly TreeEdit[]> {
  const { repository, prefix } = session
  const found = await repository.lookup(head, `${prefix}.gitignore`)
  const present =
    found === undefined ? '' : new TextDecoder().decode((await repository.readBlobs([found.oid])).get(found.oid))
  const lines = new Set(present.split(/\r?\n/).map((line) => line.trim()))
  const missing = IGNORED.filter(
    (line) => !lines.has(line) && !lines.has(line.replace('/*', '/')) && !lines.has(line.replace('/*', '')),
  )
  if (missing.length === 0) return []
  const glue = present === '' || present.endsWith('\n') ? '' : '\n'
  return [write(`${prefix}.gitignore`, `${present}${glue}${missing.join('\n')}\n`)]
}

export function write(path: string, content: string): TreeEdit {
  return { path, kind: 'write', bytes: new TextEncoder().encode(content) }
}
