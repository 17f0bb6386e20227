import { lstat, mkdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type ConflictLabels, markDifferences } from '../git-bridge/conflict-markers.ts'
import type { Side } from '../git-bridge/conflicted-files.ts'
import { docField, isJsonPath, natureOf, readDoc, sameDocs, withDocField, writeDoc } from '../git-bridge/object-docs.ts'
import type { Oid } from '../git-bridge/repository.ts'
import type { FieldPath } from '../resolvers/fields.ts'
import { assert, SyncError } from '../world/errors.ts'
import type { JsonObject } from '../world/json.ts'
import type { ObjectKey } from '../world/state.ts'
import { readUnmerged, type UnmergedPath, writeMerged, writeUnmerged } from './index-stages.ts'
import type { Project } from './session.ts'
import { writeWhole } from './write-whole.ts'

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

/** With all choices made, the sides still differ: the choices are not those of this file. */
export type Unfit = { readonly kind: 'unfit' }

/**
 * Settles contested fields of a file. JSON is settled field by field; a text, an asset, a file that one side lacks is one
 * value.
 */
export function settleFile(path: string, stages: Stages, choices: readonly Choice[]): SettledFile | Unfit {
  const docs = isJsonPath(path) ? documents(path, stages) : undefined
  if (docs === undefined) {
    const use = choices[0]?.use
    return use === undefined ? { kind: 'contested', stages } : { kind: 'merged', bytes: stages[use] }
  }
  let { base, ours, theirs } = docs
  for (const { key, path: field, use } of choices) {
    if (use === undefined) continue
    const value = docField(path, docs[use], key, field)
    const like = docs[use]
    const settled = (doc: JsonObject) => withDocField(path, doc, key, field, value, like)
    base = base && settled(base)
    ours = settled(ours)
    theirs = settled(theirs)
  }
  if (choices.every(({ use }) => use !== undefined)) {
    return sameDocs(path, ours, theirs) ? { kind: 'merged', bytes: writeDoc(path, ours) } : { kind: 'unfit' }
  }
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
  const { repository, prefix } = project
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
  const [oids, unmerged] = await Promise.all([repository.writeBlobs(contents), readUnmerged(repository)])
  const modes = new Map(unmerged.map(({ path, mode }) => [path, mode]))
  const oid = (index: number | undefined): Oid | undefined => (index === undefined ? undefined : oids[index])
  const entries = plans.map(({ path, working, stages }) => ({
    path: prefix + path,
    mode: modes.get(prefix + path) ?? '100644',
    working: oid(working),
    stages: stages && {
      path: prefix + path,
      mode: modes.get(prefix + path) ?? '100644',
      base: oid(stages.base),
      ours: oid(stages.ours),
      theirs: oid(stages.theirs),
    },
  }))
  // The files first: what is interrupted is still in conflict, and the same command goes on.
  for (const { path, working } of entries) await writeWorktree(project, path.slice(prefix.length), working)
  await writeMerged(
    repository,
    entries.flatMap(({ path, mode, working, stages }) => (stages === undefined ? [{ path, mode, oid: working }] : [])),
  )
  await writeUnmerged(
    repository,
    entries.flatMap(({ stages }) => (stages === undefined ? [] : [stages])),
  )
  return new Map(entries.map(({ path, working, stages }) => [path.slice(prefix.length), { working, stages }]))
}

/** Writes a file as a checkout does, line endings and filters included, or removes it. Never through a link (S1). */
async function writeWorktree(project: Project, path: string, oid: Oid | undefined): Promise<void> {
  const { repository, prefix, folder } = project
  await refuseLinks(project, path)
  const at = join(folder, path)
  if (oid === undefined) {
    await rm(at, { force: true })
    return
  }
  const { stdout } = await repository.run(['cat-file', '--filters', `--path=${prefix}${path}`, oid])
  await mkdir(dirname(at), { recursive: true })
  const mode = ((await lstat(at).catch(() => undefined))?.mode ?? 0o644) & 0o777
  // Beside it, what a crash leaves would be committed with the next "git add".
  await writeWhole(at, stdout, mode, join(folder, '.lobby'))
}

/** S1: nothing is written through a symbolic link, wherever it leads, nor over what is no file. Throws `not_a_file`. */
export async function refuseLinks({ folder }: Pick<Project, 'folder'>, path: string): Promise<void> {
  const segments = path.split('/')
  for (let n = 1; n <= segments.length; n++) {
    const part = segments.slice(0, n).join('/')
    const found = await lstat(join(folder, part)).catch(() => undefined)
    if (found === undefined) return
    if (n < segments.length ? found.isDirectory() : found.isFile()) continue
    throw new SyncError('not_a_file', `${part} is not an ordinary ${n < segments.length ? 'folder' : 'file'}.`, {
      hint: 'Look at it with "git status". Nothing was changed.',
      data: { path: part },
    })
  }
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
