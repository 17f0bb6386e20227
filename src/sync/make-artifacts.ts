import type { ConflictedFile } from '../git-bridge/conflicted-files.ts'
import type { Oid } from '../git-bridge/repository.ts'
import type { ContestedObject, ResolvedObject } from '../git-bridge/world-merge.ts'
import { fieldKey } from '../resolvers/fields.ts'
import { own } from '../world/json.ts'
import { type ArtifactField, artifactSide, type ConflictArtifact, conflictId, roundOf } from './conflict-artifact.ts'
import { contestedName } from './contested-name.ts'
import { commitsSince, fieldAuthors } from './field-authors.ts'
import type { Project } from './session.ts'

/** A merge that left something contested. */
export interface ContestedMerge {
  readonly worldId: string
  readonly base: Oid | undefined
  readonly head: Oid
  readonly tip: Oid
  readonly cursor: number
  readonly contested: readonly ContestedObject[]
  readonly resolved: readonly ResolvedObject[]
  /** Empty for conflicts that are kept open without showing them (C6). */
  readonly files: readonly ConflictedFile[]
}

/** Writes down what is contested, object by object (C3). `known` are earlier artifacts: their history goes on. */
export async function makeArtifacts(
  project: Project,
  merge: ContestedMerge,
  known: ReadonlyMap<string, ConflictArtifact>,
  now: Date,
): Promise<readonly ConflictArtifact[]> {
  const artifacts: ConflictArtifact[] = []
  const taken = new Map([...known.values()].map(({ id, object }) => [id, object]))
  const { head, tip, base } = merge
  const [local, remote] = await Promise.all([commitsSince(project, head, base), commitsSince(project, tip, base)])
  for (const contested of merge.contested) {
    // Ids are short: another object's may be the same, then some digits more tell them apart.
    let id = conflictId(merge.worldId, contested.key)
    for (let n = 1; (taken.get(id) ?? contested.key) !== contested.key; n++)
      id = `${conflictId(merge.worldId, contested.key)}${n.toString(16).padStart(2, '0')}`
    taken.set(id, contested.key)
    artifacts.push(await makeArtifact(project, merge, { local, remote }, contested, id, known.get(id), now))
  }
  return artifacts
}

async function makeArtifact(
  project: Project,
  merge: ContestedMerge,
  commits: Readonly<Record<'local' | 'remote', Awaited<ReturnType<typeof commitsSince>>>>,
  { key, path, fields, sides }: ContestedObject,
  id: string,
  earlier: ConflictArtifact | undefined,
  now: Date,
): Promise<ConflictArtifact> {
  const files = merge.files.filter((file) => file.fields.some((field) => field.key === key))
  const paths = [sides.base, sides.ours, sides.theirs].flatMap((placed) => placed?.path ?? [])
  const about = { key, base: merge.base, paths, fields: fields.map((field) => field.path) }
  const [localBy, remoteBy] = await Promise.all([
    fieldAuthors(project, { ...about, tip: merge.head, commits: commits.local }),
    fieldAuthors(project, { ...about, tip: merge.tip, commits: commits.remote }),
  ])
  const contested = fields.map(({ path: field, terms, dangling }): ArtifactField => {
    const name = fieldKey(field)
    const shown = files.filter((file) => file.fields.some((f) => f.key === key && fieldKey(f.path) === name))
    const [local, remote] = [localBy.get(name), remoteBy.get(name)]
    return {
      field: contestedName(field),
      path: [...field],
      base: artifactSide(terms.base),
      local: artifactSide(terms.ours),
      remote: artifactSide(terms.theirs),
      ...(local === undefined ? {} : { localBy: local }),
      ...(remote === undefined ? {} : { remoteBy: remote }),
      ...(dangling === undefined ? {} : { dangling: [...dangling] }),
      // A field that no file says by itself follows the object's others.
      files: (shown.length === 0 ? files : shown).map((file) => file.path),
      status: 'open',
    }
  })
  const resolved = merge.resolved.find((object) => object.key === key)?.fields ?? []
  const uid = [sides.theirs, sides.ours].map((placed) => placed && own(placed.object.fields, 'uid')).find(Boolean)
  return {
    format: 1,
    id,
    worldId: merge.worldId,
    object: key,
    ...(typeof uid === 'string' ? { uid } : {}),
    path,
    openedAt: now.toISOString(),
    status: 'open',
    base: merge.base ?? null,
    local: merge.head,
    remote: merge.tip,
    cursor: merge.cursor,
    fields: contested,
    autoResolved: resolved.map(({ path: field, terms, value, by }) => ({
      field: contestedName(field),
      path: [...field],
      base: artifactSide(terms.base),
      local: artifactSide(terms.ours),
      remote: artifactSide(terms.theirs),
      value: artifactSide(value),
      by,
    })),
    files: files.map(({ path: file, stages, working }) => ({
      path: file,
      stages: {
        ...(stages.base === undefined ? {} : { base: stages.base }),
        ...(stages.ours === undefined ? {} : { local: stages.ours }),
        ...(stages.theirs === undefined ? {} : { remote: stages.theirs }),
      },
      working,
    })),
    history: earlier === undefined ? [] : [...earlier.history, roundOf(earlier)],
  }
}
