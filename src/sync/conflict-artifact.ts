import { createHash } from 'node:crypto'
import { lstat, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod/mini'
import { jsonDefect, MAX_DEPTH } from '../projection/json-file.ts'
import { SyncError } from '../world/errors.ts'
import type { Json } from '../world/json.ts'
import type { FieldValue, ObjectKey } from '../world/state.ts'
import { contestedName } from './contested-name.ts'

/**
 * A conflicted object as a file of its own (C3): what is contested, who wrote which value when, what was settled by a
 * rule, and what became of it. Below `.lobby/conflicts/` it stays on this machine; kept open by a pull that is not
 * strict, it is committed below `lobby.conflicts/` (C6).
 */
const json = z.unknown().check(z.describe('Any JSON value. Assets and scripts are "git-asset:<blob id>.<extension>".'))

const side = z.union([z.strictObject({ value: json }), z.strictObject({ absent: z.literal(true) })])

const who = z.strictObject({
  name: z.string(),
  commit: z.string(),
  at: z.string().check(z.describe('ISO 8601, UTC')),
  cursor: z.optional(z.int()),
})

const path = z.array(z.string()).check(z.describe('Keys from the object downwards; empty: the object itself'))

const contestedField = z.strictObject({
  field: z.string().check(z.describe('The path as people write it')),
  path,
  base: side,
  local: side,
  remote: side,
  localBy: z.optional(who),
  remoteBy: z.optional(who),
  dangling: z.optional(z.array(z.string())),
  files: z.array(z.string()).check(z.describe('Where the working tree shows it, relative to the project')),
  status: z.enum(['open', 'local', 'remote', 'merged']),
})

const resolvedField = z.strictObject({
  field: z.string(),
  path,
  base: side,
  local: side,
  remote: side,
  value: side,
  by: z.enum(['local', 'runtime', 'set', 'text']),
})

const file = z.strictObject({
  path: z.string(),
  stages: z.strictObject({
    base: z.optional(z.string()),
    local: z.optional(z.string()),
    remote: z.optional(z.string()),
  }),
  working: z.string(),
})

const round = z.strictObject({
  openedAt: z.string(),
  closedAt: z.optional(z.string()),
  status: z.enum(['open', 'resolved', 'abandoned']),
  base: z.nullable(z.string()),
  local: z.string().check(z.describe('The commit of the branch')),
  remote: z.string().check(z.describe('The commit of the remote ref')),
  cursor: z.int(),
  fields: z.array(contestedField),
  autoResolved: z.array(resolvedField),
})

export const conflictSchema = z.strictObject({
  format: z.literal(1),
  id: z.string().check(z.regex(/^[0-9a-f]{8,64}$/)),
  worldId: z.string(),
  object: z.string().check(z.describe('entity:<id>, blueprint:<id>, shared:<path>, settings or spawn')),
  uid: z.optional(z.string()),
  path: z.string().check(z.describe("The object's file, relative to the project")),
  ...round.shape,
  files: z.array(file),
  history: z.array(round).check(z.describe('Earlier conflicts of the same object, oldest first')),
})

export type ConflictArtifact = Omit<z.infer<typeof conflictSchema>, 'object'> & { readonly object: ObjectKey }
export type ArtifactField = ConflictArtifact['fields'][number]
export type ArtifactSide = ArtifactField['base']
export type ArtifactWho = NonNullable<ArtifactField['localBy']>

/** Where artifacts of open and of settled conflicts are, relative to the project; git ignores it. */
export const ARTIFACTS_FOLDER = '.lobby/conflicts'

/** Short, and the same for one object of one world wherever and whenever it is contested (C3). */
export function conflictId(worldId: string, key: ObjectKey): string {
  return createHash('sha256').update(`${worldId}\0${key}`).digest('hex').slice(0, 8)
}

/** A value as an artifact says it: absence is told apart from null (M4). */
export function artifactSide(value: FieldValue): ArtifactSide {
  return value === undefined ? { absent: true } : { value }
}

/** The inverse of {@link artifactSide}. */
export function sideValue(side: ArtifactSide): FieldValue {
  return 'value' in side ? (side.value as Json) : undefined
}

export function artifactText(artifact: ConflictArtifact): string {
  return `${JSON.stringify(artifact, null, 2)}\n`
}

/** How deep in an artifact a value of the world stands, in a round of its history at most. */
const WRAPPING = 6

/** Reads an artifact; undefined for what is none. The value is the document itself, never a copy without `__proto__`. */
export function parseArtifact(text: string): ConflictArtifact | undefined {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return undefined
  }
  // Deeper than what a file of the world may hold: nothing of ours wrote it (S3).
  if (jsonDefect(document as Json, MAX_DEPTH + WRAPPING) !== undefined) return undefined
  return conflictSchema.safeParse(document).success ? (document as ConflictArtifact) : undefined
}

/**
 * Whether an artifact says one thing only: its id and the names of its fields are made of what it is about. It may have
 * been edited, or come through git from other people.
 */
export function isSound({ id, worldId, object, fields }: ConflictArtifact): boolean {
  return (
    id.startsWith(conflictId(worldId, object)) && fields.every(({ field, path: at }) => field === contestedName(at))
  )
}

/** All artifacts of a folder of the project by id; files that are none are named by `onInvalid`. */
export async function readArtifacts(
  folder: string,
  onInvalid: (file: string) => void = () => {},
): Promise<ReadonlyMap<string, ConflictArtifact>> {
  const found = new Map<string, ConflictArtifact>()
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  for (const name of names.sort()) {
    if (!/^[0-9a-f]{8,64}\.json$/.test(name)) continue
    // A folder or a link of that name came from somebody else: nothing is read through it (S1).
    const isFile = (await lstat(join(folder, name))).isFile()
    const artifact = isFile ? parseArtifact(await readFile(join(folder, name), 'utf8')) : undefined
    if (artifact === undefined || `${artifact.id}.json` !== name || !isSound(artifact)) onInvalid(name)
    else found.set(artifact.id, artifact)
  }
  return found
}

/** Writes an artifact in one rename: a reader sees the old one or the new one. */
export async function writeArtifact(folder: string, artifact: ConflictArtifact): Promise<void> {
  if (!conflictSchema.safeParse(artifact).success) {
    throw new SyncError('invalid_artifact', `The conflict of ${artifact.object} cannot be written down.`)
  }
  await mkdir(folder, { recursive: true })
  const target = join(folder, `${artifact.id}.json`)
  await writeFile(`${target}.new`, artifactText(artifact))
  await rename(`${target}.new`, target)
}

/** What is kept of a conflict when the same object is contested again. */
export function roundOf(artifact: ConflictArtifact): ConflictArtifact['history'][number] {
  const { openedAt, closedAt, status, base, local, remote, cursor, fields, autoResolved } = artifact
  const closed = closedAt === undefined ? {} : { closedAt }
  return { openedAt, ...closed, status, base, local, remote, cursor, fields, autoResolved }
}
