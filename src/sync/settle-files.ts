import { lstat, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type ConflictLabels, markDifferences } from '../git-bridge/conflict-markers.ts'
import type { Side } from '../git-bridge/conflicted-files.ts'
import { docField, isJsonPath, natureOf, readDoc, withDocField, writeDoc } from '../git-bridge/object-docs.ts'
import type { Oid } from '../git-bridge/repository.ts'
import type { FieldPath } from '../resolvers/fields.ts'
import { assert, SyncError } from '../world/errors.ts'
import type { JsonObject } from '../world/json.ts'
import type { ObjectKey } from '../world/state.ts'
import { type UnmergedPath, writeMerged, writeUnmerged } from './index-stages.ts'
import type { Project } from './session.ts'

/** The three versions of a conflicted file; those of a file that one side lacks are fewer. */
export type Stages = Readonly<Record<Side, Uint8Array | undefined>>

/** One contested field of a file, and the side that it shall be taken from; undefined leaves it open. */
export interface Choice {
  readonly key: ObjectKey
  readonly path: FieldPath
  readonly use: 'ours' | 'theirs' | undefined
}

/** What becomes of a conflicted file: content, no file, or fewer contested fields. */
export type SettledFile =
  | { readonly kind: 'merged'; readonly bytes: Uint8Array | undefined }
  | { readonly kind: 'contested'; readonly stages: Stages }

/**
 * Settles contested fields of a file. JSON is settled field by field; a text, an asset, a file that one side lacks is one
 * value.
 */
export function settleFile(path: string, stages: Stages, choices: readonly Choice[]): SettledFile {
  const docs = isJsonPath(path) ? documents(path, stages) : undefined
  if (docs === undefined) {
    const use = choices[0]?.use
    return use === undefined ? { kind: 'contested', stages } : { kind: 'merged', bytes: stages[use] }
  }
  let { base, ours, theirs } = docs
  for (const { key, path: field, use } of choices) {
    if (use === undefined) continue
    const value = docField(path, docs[use], key, field)
    const settled = (doc: JsonObject) => withDocField(path, doc, key, field, value)
    base = base && settled(base)
    ours = settled(ours)
    theirs = settled(theirs)
  }
  if (choices.every(({ use }) => use !== undefined)) return { kind: 'merged', bytes: writeDoc(path, ours) }
  const text = (doc: JsonObject | undefined) => doc && writeDoc(path, doc)
  return { kind: 'contested', stages: { base: text(base), ours: text(ours), theirs: text(theirs) } }
}

/** The documents of a JSON file that both sides have; undefined where one lacks it, or where one does not parse. */
function documents(
  path: string,
  { base, ours, theirs }: Stages,
): { readonly base: JsonObject | undefined; readonly ours: JsonObject; readonly theirs: JsonObject } | undefined {
  if (ours === undefined || theirs === undefined) return undefined
  const [left, right] = [readDoc(path, ours), readDoc(path, theirs)]
  const was = base === undefined ? undefined : readDoc(path, base)
  return left === undefined || right === undefined ? undefined : { base: was, ours: left, theirs: right }
}

/**
 * Brings settled files into index and working tree together (C4). Returns the blobs that stand in the working tree and
 * the stages of files that are still contested. Paths are relative to the project.
 */
export async function applySettled(
  project: Project,
  files: ReadonlyMap<string, SettledFile>,
  labels: ConflictLabels,
): Promise<ReadonlyMap<string, { readonly working: Oid | undefined; readonly stages: UnmergedPath | undefined }>> {
  const { repository, prefix, folder } = project
  const contents: Uint8Array[] = []
  const add = (bytes: Uint8Array | undefined): number | undefined =>
    bytes === undefined ? undefined : contents.push(bytes) - 1
  const plans = [...files].map(([path, file]) => {
    if (file.kind === 'merged') return { path, working: add(file.bytes), stages: undefined }
    const { base, ours, theirs } = file.stages
    assert(ours !== undefined && theirs !== undefined, `${path} has both sides`)
    const working = add(markDifferences({ base, ours, theirs }, labels, natureOf(path)))
    return { path, working, stages: { base: add(base), ours: add(ours), theirs: add(theirs) } }
  })
  const oids = await repository.writeBlobs(contents)
  const oid = (index: number | undefined): Oid | undefined => (index === undefined ? undefined : oids[index])
  const entries = plans.map(({ path, working, stages }) => ({
    path: prefix + path,
    working: oid(working),
    stages: stages && {
      path: prefix + path,
      base: oid(stages.base),
      ours: oid(stages.ours),
      theirs: oid(stages.theirs),
    },
  }))
  await writeMerged(
    repository,
    entries.map(({ path, working }) => ({ path, oid: working })),
  )
  const kept = entries.filter(({ working }) => working !== undefined).map(({ path }) => `${path}\0`)
  // git writes them as a checkout does: line endings, filters, and never through a link.
  if (kept.length > 0)
    await repository.run(['checkout-index', '--force', '-u', '-z', '--stdin'], { input: kept.join('') })
  for (const { path, working } of entries) {
    if (working === undefined) await rm(join(folder, path.slice(prefix.length)), { force: true })
  }
  const open = entries.flatMap(({ stages }) => (stages === undefined ? [] : [stages]))
  if (open.length > 0) await writeUnmerged(repository, open)
  return new Map(entries.map(({ path, working, stages }) => [path.slice(prefix.length), { working, stages }]))
}

/** The content of a file of the working tree as git would store it; undefined where there is none. */
export async function worktreeOid(project: Project, path: string): Promise<Oid | undefined> {
  const { repository, prefix, folder } = project
  const found = await lstat(join(folder, path)).catch(() => undefined)
  if (found === undefined || !found.isFile()) return undefined
  const { stdout } = await repository.run(['hash-object', '--', prefix + path])
  return stdout.toString('latin1').trim() as Oid
}

/** The bytes of a file of the working tree; undefined where there is none. Throws `not_a_file` for a link. */
export async function worktreeFile(project: Project, path: string): Promise<Uint8Array | undefined> {
  const at = join(project.folder, path)
  const found = await lstat(at).catch(() => undefined)
  if (found === undefined) return undefined
  if (found.isFile()) return readFile(at)
  throw new SyncError('not_a_file', `${path} is not an ordinary file.`, {
    hint: 'Look at it with "git status", and put a file there.',
    data: { path },
  })
}
