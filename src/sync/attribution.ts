import { LAYOUT } from '../git-bridge/layout.ts'
import type { Commit, Oid, TreeChange } from '../git-bridge/repository.ts'
import { readUncertified } from '../git-bridge/trailers.ts'
import { readUnits, type TreeObjects } from '../git-bridge/tree-objects.ts'
import { unitsOf } from '../git-bridge/units.ts'
import { classify, entityFile, MANIFEST_FILE, SETTINGS_FILE, SPAWN_FILE } from '../projection/paths.ts'
import { sameObject } from '../resolvers/object.ts'
import { type ObjectKey, parseObjectKey } from '../world/state.ts'
import type { Attribution } from './plan.ts'
import type { Session } from './session.ts'

/** An object of a plan, and where it is: its file, for a blueprint the app's folder with its scripts. */
export interface Attributed {
  readonly key: ObjectKey
  readonly path: string | undefined
}

/** How many commits of a manifest are read, two manifests each, before its newest commit stands for the rest. */
const MANIFESTS = 200
/** How many moves of files are followed. */
const MOVES = 1000
/** Beyond so many paths, git walks faster without being told them. */
const PATHS = 100

/**
 * Which local commit touched an object last (P2): the newest of `head ^tip`, merges and the world's own line apart, or
 * HEAD itself for what only a merge changed. A commit that only moved an object's files touched nothing of it (M8): it is
 * looked for where they were before. The objects of a manifest are told apart by what it says about them. The walk ends
 * with the last object found.
 */
export async function attributions(
  session: Session,
  head: Oid,
  tip: Oid,
  wanted: readonly Attributed[],
): Promise<(key: ObjectKey) => Attribution> {
  const { repository } = session
  const newest = await repository.readCommit(head)
  const own = readUncertified((await repository.readCommit(tip)).message)?.worldId
  const fallback: Attribution = { commit: head, actor: actorOf(newest) }
  const found = new Map<ObjectKey, Commit>()
  const walks: Walk[] = [{ head, wanted }]
  // Who moves a file about for ever is looked after so many times.
  for (let walk = walks.pop(), count = 0; walk !== undefined && count < MOVES; walk = walks.pop(), count++) {
    walks.push(...(await search(session, walk, { tip, own }, (key, commit) => found.set(key, commit))))
  }
  return (key) => {
    const commit = found.get(key)
    if (commit === undefined) return fallback
    // A snapshot names nobody: then it is whose branch it is.
    const isSnapshot = readUncertified(commit.message)?.object === 'snapshot'
    return { commit: commit.oid, actor: isSnapshot ? fallback.actor : actorOf(commit) }
  }
}

/** Objects that are looked for from a commit on. */
interface Walk {
  readonly head: Oid
  readonly wanted: readonly Attributed[]
}

/** One walk; returns those that go on where files were moved. */
async function search(
  session: Session,
  { head, wanted }: Walk,
  { tip, own }: { readonly tip: Oid; readonly own: string | undefined },
  found: (key: ObjectKey, commit: Commit) => void,
): Promise<readonly Walk[]> {
  const { repository, prefix } = session
  const byPlace = new Map<string, Set<ObjectKey>>()
  const placesByKey = new Map<ObjectKey, readonly string[]>()
  const walked = new Set<string>()
  for (const { key, path } of wanted) {
    if (path === undefined) continue
    const places = placesOf(key, path)
    placesByKey.set(key, places)
    for (const place of places) byPlace.set(place, (byPlace.get(place) ?? new Set()).add(key))
    walked.add(prefix + places[0]!)
    if (places.length > 1) walked.add(prefix + (path === MANIFEST_FILE ? 'world' : MANIFEST_FILE))
  }
  if (byPlace.size === 0) return []
  const keys = new Set<string>(wanted.map(({ key }) => key))
  const paths = walked.size <= PATHS ? [...walked] : prefix === '' ? [] : [prefix.slice(0, -1)]
  const settle = (key: ObjectKey): void => {
    for (const place of placesByKey.get(key)!) {
      const left = byPlace.get(place)
      if (left?.delete(key) === true && left.size === 0) byPlace.delete(place)
    }
  }
  const manifests = new Manifests(session)
  const again = new Map<Oid, Attributed[]>()
  const goOn = (from: Oid, keys: readonly ObjectKey[], path: string) => {
    const known = again.get(from) ?? []
    again.set(from, known)
    for (const key of keys) known.push({ key, path })
  }
  const limited = paths.length === 0 ? {} : { paths }
  for await (const commit of repository.log({ include: [head], exclude: [tip], ...limited })) {
    // The world's own edits are not the user's, copied by a rebase or not, nor is what a merge brings in. Another world's
    // are news to this one: who has taken them in from there tells that by their commit (G7).
    if (commit.parents.length > 1) continue
    const said = readUncertified(commit.message)
    if (said !== undefined && (said.worldId === own || isElsewhere(said.object, keys))) continue
    const parent = commit.parents[0]
    const below = prefix === '' ? undefined : prefix.slice(0, -1)
    const changed = (await repository.diffTrees(parent, commit.oid, below)).map((change) => {
      return { ...change, path: change.path.slice(prefix.length) }
    })
    const moves = movesIn(changed)
    for (const place of new Set(changed.map(({ path }) => placeOf(path)))) {
      const left = byPlace.get(place)
      if (left === undefined) continue
      const from = moves.from.get(place)
      const to = moves.to.get(place)
      const touched =
        place === MANIFEST_FILE && manifests.read < MANIFESTS ? await manifests.changed(commit, left) : [...left]
      // Whatever removed it did so where it was by then.
      if (to !== undefined) goOn(head, touched, to)
      else if (from !== undefined) goOn(parent!, touched, from)
      for (const key of touched) {
        if (from === undefined && to === undefined) found(key, commit)
        settle(key)
      }
    }
    if (byPlace.size === 0) break
  }
  return [...again].map(([head, wanted]) => ({ head, wanted }))
}

/** Places whose files a commit only moved, bit for bit: by the new place a file as it was called, by the old one as it is. */
interface Moves {
  readonly from: ReadonlyMap<string, string>
  readonly to: ReadonlyMap<string, string>
}

const NO_MOVES: Moves = { from: new Map(), to: new Map() }

function movesIn(changed: readonly TreeChange[]): Moves {
  const gone = changed.filter(({ before, after }) => before !== undefined && after === undefined)
  const come = changed.filter(({ before, after }) => before === undefined && after !== undefined)
  if (gone.length === 0 || come.length === 0) return NO_MOVES
  const old = new Map(gone.map(({ path, before }) => [before!.oid, path]))
  const now = new Map(come.map(({ path, after }) => [after!.oid, path]))
  return {
    from: wholePlaces(changed, ({ before, after }) => (before === undefined ? old.get(after!.oid) : undefined)),
    to: wholePlaces(changed, ({ before, after }) => (after === undefined ? now.get(before!.oid) : undefined)),
  }
}

/** The places of which every change has a counterpart elsewhere, all in one place: one of these. */
function wholePlaces(
  changed: readonly TreeChange[],
  counterpart: (change: TreeChange) => string | undefined,
): ReadonlyMap<string, string> {
  const found = new Map<string, string | undefined>()
  for (const change of changed) {
    const place = placeOf(change.path)
    const other = counterpart(change)
    const known = found.get(place)
    const fits = other !== undefined && (known === undefined || placeOf(known) === placeOf(other))
    found.set(place, fits && !(found.has(place) && known === undefined) ? other : undefined)
  }
  return new Map([...found].flatMap(([place, other]) => (other === undefined ? [] : [[place, other] as const])))
}

/** Where an object's commits are looked for: at its place, and where the other layout had it before a change (G8). */
function placesOf(key: ObjectKey, path: string): readonly string[] {
  const { kind, id } = parseObjectKey(key)
  const other = { entity: entityFile(id), settings: SETTINGS_FILE, spawn: SPAWN_FILE }[kind as string]
  if (other === undefined) return [placeOf(path)]
  return [path, path === MANIFEST_FILE ? other : MANIFEST_FILE]
}

/** What is taken as one: an app with its scripts, else the file itself. */
function placeOf(path: string): string {
  const kind = classify(path)
  return kind.kind === 'blueprint' || kind.kind === 'script' ? `apps/${kind.folder}` : path
}

/**
 * Whether a commit of a line is about an entity that nobody asks for, or about none; scripts and whole snapshots are about
 * many objects.
 */
function isElsewhere(object: string, wanted: ReadonlySet<string>): boolean {
  return object === LAYOUT || (object.startsWith('entity:') && !wanted.has(object))
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
