import { blueprintDefaults, type Claim } from '../projection/identities.ts'
import { objectKey, parseObjectKey, TEMPLATE_BLUEPRINTS } from '../world/state.ts'
import type { IdentityNote } from './identity.ts'
import type { Commit, Oid, Repository } from './repository.ts'
import type { TreeObjects } from './tree-objects.ts'

export interface CopiedIds {
  /** File → its own new id. */
  readonly ids: ReadonlyMap<string, string>
  /** The files of copies. */
  readonly copied: ReadonlySet<string>
  readonly notes: readonly IdentityNote[]
}

interface Known {
  readonly atBase: TreeObjects
  /** What the files of our units say, those that lost their ids included. */
  readonly claims: readonly Claim[]
  /** What the files of the other app folders say: nobody changed them since the base. */
  readonly others: readonly Claim[]
}

/**
 * Gives new ids to what was copied with an app folder (M8), where it is beyond doubt which is the copy: the original
 * stands in the base in its place with that id, or was there, moved since, before the others came; and the copy's folder
 * is new since the base. Blueprints that have an id by their
 * path only give way as well to one that says it. What else claims one id twice stays as it is: an error.
 */
export async function findCopies(
  repository: Repository,
  prefix: string,
  { base, head }: { readonly base: Oid | undefined; readonly head: Oid | undefined },
  { atBase, claims, others }: Known,
): Promise<CopiedIds> {
  const ids = new Map<string, string>()
  const copied = new Set<string>()
  const notes: IdentityNote[] = []
  const taken = new Set(TEMPLATE_BLUEPRINTS)
  const groups = new Map<string, Claim[]>()
  for (const key of atBase.objects.keys()) {
    const { kind, id } = parseObjectKey(key)
    if (kind === 'blueprint') taken.add(id)
  }
  for (const claim of [...claims, ...others]) {
    if (claim.kind !== 'blueprint' || claim.id === undefined) continue
    taken.add(claim.id)
    const group = groups.get(claim.id)
    if (group === undefined) groups.set(claim.id, [claim])
    else group.push(claim)
  }
  const give = (path: string): string => {
    const { id } = blueprintDefaults(path)
    let free = id
    for (let n = 1; taken.has(free); n++) free = `${id}_${n}`
    taken.add(free)
    ids.set(path, free)
    return free
  }
  const isOriginal = ({ path, id }: Claim) =>
    others.some((other) => other.path === path) || atBase.objects.get(objectKey('blueprint', id!))?.path === path
  const doubled = [...groups.values()].filter((group) => group.length > 1)
  for (const group of doubled.toSorted((a, b) => (a[0]!.id! < b[0]!.id! ? -1 : 1))) {
    const known = group.find(isOriginal)
    const original = known ?? (await eldest(repository, prefix, { base, head }, group))
    for (const claim of group.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
      if (claim === original) continue
      const { path, id, said } = claim
      if (said) {
        const beside = group.filter((other) => folderOf(other) === folderOf(claim)).length > 1
        const isNew = base === undefined || (await repository.lookup(base, prefix + folderOf(claim))) === undefined
        if (original === undefined || beside || !isNew) continue
        if (known !== undefined && !(await cameBeside(repository, prefix, { base, head }, claim, known))) continue
        notes.push({ kind: 'copy', key: objectKey('blueprint', give(path)), path, of: original.path })
        copied.add(path)
      } else if (base !== undefined && (original !== undefined || group.some((other) => other.said))) {
        notes.push({ kind: 'taken', key: objectKey('blueprint', give(path)), path, wanted: id! })
      }
    }
  }
  return { ids, copied, notes }
}

interface Range {
  readonly base: Oid | undefined
  readonly head: Oid | undefined
}

/** The oldest commit about a file; undefined where it is not committed yet, or the range does not tell. */
async function arrival(
  repository: Repository,
  prefix: string,
  { base, head }: Range,
  { path }: Claim,
): Promise<Commit | undefined> {
  if (head === undefined || base === undefined) return undefined
  let oldest: Commit | undefined
  const walk = { include: [head], exclude: [base], paths: [prefix + path] }
  for await (const commit of repository.log(walk)) oldest = commit
  return oldest
}

/**
 * Whether a file came beside another that stayed: a copy. One object that two branches have at two places, as one of them
 * moved it, or put it back elsewhere, is none.
 */
async function cameBeside(
  repository: Repository,
  prefix: string,
  range: Range,
  claim: Claim,
  original: Claim,
): Promise<boolean> {
  const came = await arrival(repository, prefix, range, claim)
  return came === undefined || (await repository.lookup(came.oid, prefix + original.path)) !== undefined
}

/** The file that was there when each of the others came; undefined where a commit brought several. */
async function eldest(
  repository: Repository,
  prefix: string,
  range: Range,
  group: readonly Claim[],
): Promise<Claim | undefined> {
  if (range.head === undefined || range.base === undefined) return undefined
  const before = new Map<Claim, Oid | undefined>()
  for (const claim of group) {
    // What is not committed yet comes on top of it all.
    const isNew = (await repository.lookup(range.head, prefix + claim.path)) === undefined
    before.set(claim, (await arrival(repository, prefix, range, claim))?.parents[0] ?? (isNew ? range.head : undefined))
  }
  for (const claim of group) {
    const present = group.map(async (other) => {
      if (other === claim) return true
      const came = before.get(other)
      return came !== undefined && (await repository.lookup(came, prefix + claim.path)) !== undefined
    })
    if ((await Promise.all(present)).every(Boolean)) return claim
  }
  return undefined
}

function folderOf({ path }: Claim): string {
  return path.slice(0, path.lastIndexOf('/'))
}
