import type { Commit, Oid } from '../git-bridge/repository.ts'
import { readUncertified } from '../git-bridge/trailers.ts'
import { readUnits, type TreeObjects } from '../git-bridge/tree-objects.ts'
import { unitsOf } from '../git-bridge/units.ts'
import { classify, MANIFEST_FILE } from '../projection/paths.ts'
import { sameObject } from '../resolvers/object.ts'
import type { ObjectKey } from '../world/state.ts'
import type { Attribution } from './plan.ts'
import type { Session } from './session.ts'

/** An object of a plan, and where it is: its file, for a blueprint the app's folder with its scripts. */
export interface Attributed {
  readonly key: ObjectKey
  readonly path: string | undefined
}

/** How many commits of a manifest are read, two manifests each, before its newest commit stands for the rest. */
const MANIFESTS = 200
/** Beyond so many paths, git walks faster without being told them. */
const PATHS = 100

/**
 * Which local commit touched an object last (P2): the newest of `head ^tip`, merges and the line apart, or HEAD itself
 * for what only a merge changed. The objects of a manifest are told apart by what it says about them. The walk ends with
 * the last object found.
 */
export async function attributions(
  session: Session,
  head: Oid,
  tip: Oid,
  wanted: readonly Attributed[],
): Promise<(key: ObjectKey) => Attribution> {
  const { repository, prefix } = session
  const found = new Map<ObjectKey, Attribution>()
  const byPlace = new Map<string, Set<ObjectKey>>()
  for (const { key, path } of wanted) {
    if (path === undefined) continue
    const place = placeOf(path)
    byPlace.set(place, (byPlace.get(place) ?? new Set()).add(key))
  }
  const newest = await repository.readCommit(head)
  const fallback: Attribution = { commit: head, actor: actorOf(newest) }
  const places = [...byPlace.keys()].map((place) => prefix + place)
  const paths = places.length <= PATHS ? places : prefix === '' ? [] : [prefix.slice(0, -1)]
  const settle = (place: string, keys: Iterable<ObjectKey>, commit: Commit): void => {
    const left = byPlace.get(place)!
    for (const key of keys) {
      if (!left.delete(key)) continue
      found.set(key, { commit: commit.oid, actor: actorOf(commit) })
    }
    if (left.size === 0) byPlace.delete(place)
  }
  const manifests = new Manifests(session)
  if (byPlace.size > 0) {
    const limited = paths.length === 0 ? {} : { paths }
    for await (const commit of repository.log({ include: [head], exclude: [tip], ...limited })) {
      // The world's own edits are not the user's, copied by a rebase or not, nor is what a merge brings in.
      if (commit.parents.length > 1 || readUncertified(commit.message) !== undefined) continue
      const parent = commit.parents[0]
      const changed = await repository.diffTrees(parent, commit.oid, prefix === '' ? undefined : prefix.slice(0, -1))
      for (const place of new Set(changed.map(({ path }) => placeOf(path.slice(prefix.length))))) {
        const left = byPlace.get(place)
        if (left === undefined) continue
        const touched =
          place === MANIFEST_FILE && manifests.read < MANIFESTS ? await manifests.changed(commit, left) : [...left]
        settle(place, touched, commit)
      }
      if (byPlace.size === 0) break
    }
  }
  return (key) => found.get(key) ?? fallback
}

/** What is taken as one: an app with its scripts, else the file itself. */
function placeOf(path: string): string {
  const kind = classify(path)
  return kind.kind === 'blueprint' || kind.kind === 'script' ? `apps/${kind.folder}` : path
}

function actorOf(commit: Commit): string {
  return commit.author.name || 'unknown'
}

/** The manifests of successive commits: what one commit's parent holds, the next one made. */
class Manifests {
  readonly #session: Session
  #last: { readonly oid: Oid | undefined; readonly objects: TreeObjects['objects'] } | undefined
  read = 0

  constructor(session: Session) {
    this.#session = session
  }

  /** Which of some objects a commit changed in the manifest. */
  async changed(commit: Commit, keys: ReadonlySet<ObjectKey>): Promise<readonly ObjectKey[]> {
    this.read++
    const parent = commit.parents[0]
    const after = this.#last?.oid === commit.oid ? this.#last.objects : await this.#at(commit.oid)
    const before = await this.#at(parent)
    this.#last = { oid: parent, objects: before }
    return [...keys].filter((key) => !sameObject(before.get(key)?.object, after.get(key)?.object))
  }

  async #at(oid: Oid | undefined): Promise<TreeObjects['objects']> {
    const { repository, prefix } = this.#session
    return (await readUnits(repository, oid, prefix, unitsOf([MANIFEST_FILE]))).objects
  }
}
