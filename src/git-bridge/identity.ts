import { AS_SAID, type Claim, type Identities } from '../projection/identities.ts'
import type { FileProblem } from '../projection/json-file.ts'
import { own } from '../world/json.ts'
import { type ObjectKey, objectKey, parseObjectKey } from '../world/state.ts'
import { findCopies } from './copied-ids.ts'
import { findLost } from './lost-ids.ts'
import { appFolders } from './merge-guards.ts'
import type { Oid, Repository } from './repository.ts'
import { readUnits, type TreeObjects } from './tree-objects.ts'
import type { Units } from './units.ts'

/** What is taken for whose file, though it does not say so: to be said aloud (M8). */
export type IdentityNote =
  /** The file has no id (or not the world's); it is that of an object that was at `was`. */
  | { readonly kind: 'lost'; readonly key: ObjectKey; readonly path: string; readonly was: string }
  /** A folder was copied with its ids: a new object. */
  | { readonly kind: 'copy'; readonly key: ObjectKey; readonly path: string; readonly of: string }
  /** The id that the file would have by its path is another's. */
  | { readonly kind: 'taken'; readonly key: ObjectKey; readonly path: string; readonly wanted: string }
  /** The file has an id of its own and the `uid` of another object: it gets one of its own. */
  | { readonly kind: 'uid'; readonly key: ObjectKey; readonly path: string; readonly of: ObjectKey }

export interface SettledIdentity {
  /** Our side, every object under its id; what remains wrong is among its problems. */
  readonly objects: TreeObjects
  readonly identities: Identities
  readonly notes: readonly IdentityNote[]
  /** Those of its problems that are about files which could be several objects'. */
  readonly ambiguous: readonly FileProblem[]
}

/**
 * Settles whose file is whose on our side (M8): files that lost their ids, app folders that were copied with theirs. It
 * is a function of the two trees, so every clone finds the same, until a merge writes it into the files.
 *
 * `head` is the commit whose history tells which of two files was there first, where `ours` is a tree on top of it.
 * `atBase` and `atOurs` are `units` of both trees. Reads no more where every file says an id that the base knows.
 */
export async function settleIdentity(
  repository: Repository,
  prefix: string,
  commits: { readonly base: Oid | undefined; readonly ours: Oid; readonly head?: Oid | undefined },
  units: Units,
  atBase: TreeObjects,
  atOurs: TreeObjects,
): Promise<SettledIdentity> {
  const doubtful =
    atOurs.claims.some(({ said }) => !said) ||
    atOurs.problems.some(({ code }) => code === 'duplicate_id') ||
    [...atOurs.objects].some(([key, { object }]) => object.kind !== 'shared' && !atBase.objects.has(key))
  if (!doubtful) return { objects: atOurs, identities: AS_SAID, notes: [], ambiguous: [] }

  const lost = await findLost(repository, prefix, commits, atBase, atOurs)
  const claims = atOurs.claims.map((claim) => ({ ...claim, id: lost.ids.get(claim.path) ?? claim.id }))
  const others = await otherApps(repository, prefix, commits.ours, units, atBase, claims)
  const copies = await findCopies(
    repository,
    prefix,
    { base: commits.base, head: commits.head ?? commits.ours },
    { atBase, claims, others: others.claims },
  )
  const ids = new Map([...lost.ids, ...copies.ids])
  const settled = claims.map((claim) => ({ ...claim, id: ids.get(claim.path) ?? claim.id }))
  const uids = foreignUids(atBase, settled, others.claims, copies.copied)
  const notes = [...lost.notes, ...copies.notes, ...uids.notes].sort((a, b) => (a.path < b.path ? -1 : 1))
  const identities = { ids, foreignUids: new Set([...copies.copied, ...uids.paths]) }
  const unchanged = ids.size === 0 && identities.foreignUids.size === 0
  const read = unchanged ? atOurs : await readUnits(repository, commits.ours, prefix, units, identities)
  const problems = [...lost.problems, ...read.problems, ...claimedElsewhere(read, others)]
  return { objects: { ...read, problems }, identities, notes, ambiguous: lost.problems }
}

/** A note in words. */
export function describeIdentity(note: IdentityNote): string {
  const { kind, id } = parseObjectKey(note.key)
  const object = `${kind} ${JSON.stringify(id)}`
  switch (note.kind) {
    case 'lost': {
      const was = note.was === note.path ? '' : ` (was ${note.was})`
      return `${note.path} has lost its id: taken for ${object}${was}`
    }
    case 'copy':
      return `${note.path} is a copy of ${note.of}: a new ${object}`
    case 'taken':
      return `${note.path} has no id, and ${JSON.stringify(note.wanted)} is another's: a new ${object}`
    case 'uid':
      return `${note.path} has the uid of ${note.of}: ${object} gets one of its own`
  }
}

/** The app folders that are no units, where a blueprint of ours may have the id of one there; else nothing. */
async function otherApps(
  repository: Repository,
  prefix: string,
  ours: Oid,
  units: Units,
  atBase: TreeObjects,
  claims: readonly Claim[],
): Promise<TreeObjects> {
  const isNew = ({ kind, id }: Claim) =>
    kind === 'blueprint' && id !== undefined && !atBase.objects.has(objectKey('blueprint', id))
  const folders = new Set(claims.some(isNew) ? await appFolders(repository, ours, prefix) : [])
  for (const folder of units.folders) folders.delete(folder)
  const treeish = folders.size === 0 ? undefined : ours
  return readUnits(repository, treeish, prefix, { files: new Set(), folders, assets: new Set() })
}

/** Ids of ours that files have which nobody changed: these are not read otherwise. */
function claimedElsewhere(ours: TreeObjects, others: TreeObjects): readonly FileProblem[] {
  return [...others.objects].flatMap(([key, other]): FileProblem[] => {
    const mine = ours.objects.get(key)
    if (mine === undefined) return []
    const message = `the id ${JSON.stringify(mine.object.id)} is claimed by ${other.path} as well`
    return [{ code: 'duplicate_id', path: mine.path, message }]
  })
}

/** New objects with the `uid` of another: files that were copied and given an id of their own. */
function foreignUids(
  atBase: TreeObjects,
  claims: readonly Claim[],
  others: readonly Claim[],
  copied: ReadonlySet<string>,
): { readonly paths: readonly string[]; readonly notes: readonly IdentityNote[] } {
  const owners = new Map<string, ObjectKey>()
  const isNew = (claim: Claim) => claim.id !== undefined && !atBase.objects.has(objectKey(claim.kind, claim.id))
  for (const { kind, id, uid } of others) {
    if (id !== undefined && uid !== undefined) owners.set(uid, objectKey(kind, id))
  }
  for (const [key, { object }] of atBase.objects) {
    const uid = own(object.fields, 'uid')
    if (typeof uid === 'string') owners.set(uid, key)
  }
  const found = claims.filter(isNew).flatMap((claim): IdentityNote[] => {
    const key = objectKey(claim.kind, claim.id!)
    const of = claim.uid === undefined || copied.has(claim.path) ? undefined : owners.get(claim.uid)
    return of === undefined || of === key ? [] : [{ kind: 'uid', key, path: claim.path, of }]
  })
  return { paths: found.map(({ path }) => path), notes: found }
}
