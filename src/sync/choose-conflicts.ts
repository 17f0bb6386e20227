import { join } from 'node:path'
import { SyncError } from '../world/errors.ts'
import { parseObjectKey } from '../world/state.ts'
import { ARTIFACTS_FOLDER, type ConflictArtifact, readArtifacts } from './conflict-artifact.ts'
import { type OpenConflict, type OpenConflicts, sameStages } from './conflicts.ts'
import type { ResolveOptions } from './resolve.ts'
import type { Project } from './session.ts'

/** The conflicts that are meant, and which of their fields; no field where git has a file in conflict as a whole. */
export type Chosen = ReadonlyMap<OpenConflict, OpenConflict['fields']>

/** Finds them by what the user calls them. Throws `no_conflicts`, `unknown_conflict`, `not_open`, `unknown_field`. */
export async function choose(
  project: Project,
  conflicts: readonly OpenConflict[],
  { names, all, field }: ResolveOptions,
): Promise<Chosen> {
  const chosen = new Map<OpenConflict, OpenConflict['fields']>()
  const add = (conflict: OpenConflict, fields: OpenConflict['fields']) => {
    const named = fields.filter((candidate) => field === undefined || candidate.field === field)
    const known = chosen.get(conflict) ?? []
    if (field === undefined || named.length > 0)
      chosen.set(conflict, [...known, ...named.filter((f) => !known.includes(f))])
  }
  if (all) {
    if (conflicts.length === 0)
      throw new SyncError('no_conflicts', 'No conflict is open.', { hint: 'See "git status".' })
    for (const conflict of conflicts) add(conflict, conflict.fields)
  }
  for (const name of names) {
    const meant = conflictsNamed(project, conflicts, name)
    if (meant.size === 0) throw await unknown(project, conflicts, name)
    for (const [conflict, fields] of meant) {
      add(conflict, fields)
      if (!chosen.has(conflict)) throw unknownField(conflict, field!)
    }
  }
  return chosen
}

/** By id or its beginning, by the object or its id, or by the path of a file: then what that file shows. */
function conflictsNamed({ prefix }: Project, conflicts: readonly OpenConflict[], name: string): Chosen {
  const whole = (meant: readonly OpenConflict[]) => new Map(meant.map((conflict) => [conflict, conflict.fields]))
  const exact = conflicts.filter(({ id, object }) => id === name || object === name || idOf(object) === name)
  if (exact.length > 0) return whole(exact)
  const shown = conflicts.flatMap((conflict) => {
    const fields = conflict.fields.filter(({ files }) => files.includes(name))
    const isShown = conflict.unmerged.some(({ path }) => path === prefix + name)
    return isShown || fields.length > 0 ? [[conflict, fields] as const] : []
  })
  if (shown.length > 0) return new Map(shown)
  const placed = conflicts.filter(({ path }) => path === name)
  if (placed.length > 0) return whole(placed)
  return whole(name.length < 4 ? [] : conflicts.filter(({ id }) => id.startsWith(name)))
}

function idOf(object: OpenConflict['object']): string | undefined {
  return object === undefined ? undefined : parseObjectKey(object).id
}

function unknownField({ id, object, path, fields }: OpenConflict, field: string): SyncError {
  const open = fields.map((f) => f.field).join(', ')
  return new SyncError('unknown_field', `"${field}" is not contested in ${id} (${object ?? path}).`, {
    hint: open === '' ? 'The file is contested as a whole: leave out --field.' : `Contested: ${open}.`,
    data: { id, field },
  })
}

async function unknown(project: Project, conflicts: readonly OpenConflict[], name: string): Promise<SyncError> {
  const artifact = (await readArtifacts(join(project.folder, ARTIFACTS_FOLDER))).get(name)
  const open = conflicts.map(({ id }) => id).join(', ')
  const hint = open === '' ? 'No conflict is open.' : `Open conflicts: ${open}.`
  if (artifact !== undefined && artifact.status !== 'open') {
    return new SyncError('not_open', `The conflict ${name} (${artifact.object}) is ${artifact.status} already.`, {
      hint,
    })
  }
  if (artifact !== undefined) return stale(artifact)
  return new SyncError('unknown_conflict', `No open conflict is "${name}".`, { hint, data: { name } })
}

/** C4: what an artifact says must still be what git has. */
export async function refuseStale(
  project: Project,
  conflict: OpenConflict,
  { mergeHead, stale: others }: OpenConflicts,
): Promise<void> {
  const { artifact, source, unmerged } = conflict
  const paths = unmerged.map(({ path }) => path.slice(project.prefix.length))
  const other = others.find(({ files }) => files.some(({ path }) => paths.includes(path)))
  if (source === 'git' && other !== undefined) throw stale(other)
  if (artifact === undefined || source !== 'merge') return
  const head = await project.repository.resolve('HEAD')
  if (mergeHead !== artifact.remote || head !== artifact.local) throw stale(artifact)
  const byPath = new Map(conflict.unmerged.map((entry) => [entry.path.slice(project.prefix.length), entry]))
  const open = new Set(conflict.fields.flatMap(({ files }) => files))
  for (const { path, stages } of artifact.files) {
    if (open.has(path) && !sameStages(byPath.get(path), stages)) throw stale(artifact)
  }
}

/** What an artifact says is not what git has. */
export function stale({ id, object }: ConflictArtifact): SyncError {
  return new SyncError(
    'stale_conflict',
    `The conflict ${id} (${object}) no longer fits what git has; nothing was changed.`,
    {
      exitCode: 1,
      hint: 'Take what git has with "gamedev sync resolve --restage", or give the merge up with "git merge --abort" and pull again.',
      data: { id, object },
    },
  )
}
