import type { Claim } from '../projection/identities.ts'
import { type FileProblem, formatJson, parseJsonFile, without } from '../projection/json-file.ts'
import { MANIFEST_FILE } from '../projection/paths.ts'
import { fromEntries, isJsonObject, type Json, type JsonObject, own } from '../world/json.ts'
import { type ObjectKey, objectKey, parseObjectKey } from '../world/state.ts'
import type { IdentityNote } from './identity.ts'
import { findRenames, type Said } from './renames.ts'
import type { Oid, Repository } from './repository.ts'
import type { TreeObjects } from './tree-objects.ts'

export interface LostIds {
  /** File → the id of the object that it was. */
  readonly ids: ReadonlyMap<string, string>
  readonly notes: readonly IdentityNote[]
  /** Files that could be several objects'. */
  readonly problems: readonly FileProblem[]
}

/**
 * Finds out whose files those are that say no id (M8): the object's that the base has in that place; the one's whose
 * `uid` they kept, or whose id they have by their path; or, among the files of that kind that are gone, the one that they
 * were renamed from, as git detects renames. A blueprint's file that was none of these is new.
 */
export async function findLost(
  repository: Repository,
  prefix: string,
  { base, ours }: { readonly base: Oid | undefined; readonly ours: Oid },
  atBase: TreeObjects,
  atOurs: TreeObjects,
): Promise<LostIds> {
  const unsaid = atOurs.claims.filter(({ said }) => !said).toSorted((a, b) => (a.path < b.path ? -1 : 1))
  const claimed = new Set(atOurs.claims.flatMap((claim) => (claim.said ? (keyOf(claim) ?? []) : [])))
  /** Objects of the base whose files no file of ours says to be. */
  const free = new Map<ObjectKey, string>()
  for (const [key, { path, object }] of atBase.objects) {
    const fitting = object.kind === 'blueprint' || object.kind === 'entity'
    if (fitting && path !== MANIFEST_FILE && !claimed.has(key)) free.set(key, path)
  }
  const found = new Map<string, { readonly key: ObjectKey; readonly was: string }>()
  const match = (claim: Claim, keys: readonly (ObjectKey | undefined)[]): void => {
    const key = keys.find((one) => one !== undefined && free.has(one))
    if (key === undefined || found.has(claim.path)) return
    found.set(claim.path, { key, was: free.get(key)! })
    free.delete(key)
  }
  const places = new Map([...free].map(([key, path]) => [path, key] as const))
  const uids = new Map<string, ObjectKey>()
  for (const key of free.keys()) {
    const uid = own(atBase.objects.get(key)!.object.fields, 'uid')
    if (typeof uid === 'string') uids.set(`${parseObjectKey(key).kind} ${uid}`, key)
  }
  for (const claim of unsaid) match(claim, [places.get(claim.path)])
  for (const claim of unsaid) match(claim, [uids.get(`${claim.kind} ${claim.uid}`)])
  for (const claim of unsaid) match(claim, [keyOf(claim)])

  const used = blueprintsInUse(atOurs)
  const problems: FileProblem[] = []
  for (const kind of ['blueprint', 'entity'] as const) {
    const gone = new Map([...free].flatMap(([key, path]) => (parseObjectKey(key).kind === kind ? [[path, key]] : [])))
    // What an entity of ours names by this id is a blueprint that somebody made on purpose.
    const left = unsaid.filter((claim) => claim.kind === kind && !found.has(claim.path) && !used.has(claim.id ?? ''))
    if (left.length === 0 || gone.size === 0 || base === undefined) continue
    const [before, after] = await Promise.all([
      readSaid(repository, base, prefix, [...gone.keys()]),
      readSaid(repository, ours, prefix, left.map(({ path }) => path)), // biome-ignore format: one argument a line
    ])
    const renames = findRenames(before, after)
    for (const [path, was] of renames.pairs) found.set(path, { key: gone.get(was)!, was })
    for (const group of renames.ambiguous) {
      const objects = group.before.map((path) => `${JSON.stringify(parseObjectKey(gone.get(path)!).id)} (was ${path})`)
      const message = `${group.after.join(' and ')} lost the id: could be ${kind} ${objects.join(' or ')}; write it in`
      problems.push({ code: 'invalid', path: group.after[0]!, message })
    }
  }
  const ids = new Map<string, string>()
  const notes: IdentityNote[] = []
  for (const claim of unsaid) {
    const match = found.get(claim.path)
    if (match === undefined) continue
    const { id } = parseObjectKey(match.key)
    if (id === claim.id) continue
    ids.set(claim.path, id)
    notes.push({ kind: 'lost', key: match.key, path: claim.path, was: match.was })
  }
  return { ids, notes, problems }
}

function keyOf({ kind, id }: Claim): ObjectKey | undefined {
  return id === undefined ? undefined : objectKey(kind, id)
}

/** Ids by which entities of ours name their blueprints, and variants their roots. */
function blueprintsInUse({ objects }: TreeObjects): ReadonlySet<string> {
  const used = new Set<string>()
  for (const { object } of objects.values()) {
    const id = object.kind === 'entity' ? own(object.fields, 'blueprint') : undefined
    if (typeof id === 'string') used.add(id)
  }
  return used
}

/** Files by what they say: their spelling does not count, nor does what was lost. */
async function readSaid(
  repository: Repository,
  treeish: Oid,
  prefix: string,
  paths: readonly string[],
): Promise<readonly Said[]> {
  const files = await Promise.all(
    paths.map(async (path) => ({ path, oid: (await repository.lookup(treeish, prefix + path))!.oid })),
  )
  const blobs = await repository.readBlobs(new Set(files.map(({ oid }) => oid)))
  return files.flatMap(({ path, oid }): Said[] => {
    const parsed = parseJsonFile(path, blobs.get(oid)!)
    if (parsed.kind === 'invalid') return []
    const document = without(parsed.value, (key) => key === 'id' || key === 'uid')
    return [{ path, text: Buffer.from(formatJson(inKeyOrder(document), { inlineNumbers: true })) }]
  })
}

function inKeyOrder(value: JsonObject): JsonObject {
  const sorted = (item: Json): Json =>
    Array.isArray(item) ? item.map((one: Json) => sorted(one)) : isJsonObject(item) ? inKeyOrder(item) : item
  return fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key]!)])) // biome-ignore format: short
}
