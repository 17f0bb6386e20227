import type { Commit, Oid } from '../../src/git-bridge/repository.ts'
import { readTrailers } from '../../src/git-bridge/trailers.ts'
import { type Bits, hasBit, intersection, members, NO_BITS, replaced, union, withBit } from './bits.ts'
import {
  type Edits,
  EMPTY_SITE,
  type Expected,
  expectField,
  expectObject,
  knowing,
  type Meeting,
  mergeStand,
  type Site,
  type Stand,
  standAt,
} from './knowledge.ts'
import { isRoundabout } from './roundabout.ts'
import { fileValues, objectOf, ownerOf, type Place, PRESENCE, type Values } from './values.ts'

/** How the oracle reads a repository: at once, and by no code that is being judged. */
export interface Reading {
  commit(oid: Oid): Commit
  files(tree: Oid): readonly { readonly path: string; readonly oid: Oid }[]
  blob(oid: Oid): string
  has(oid: Oid): boolean
}

/** A state, and what is known there. */
export interface Moment {
  readonly site: Site
  readonly values: Values
  /** What the world had lost of fields whose object was written since, be it another field. */
  readonly hidden?: ReadonlyMap<Place, Bits>
  /** The objects in somebody's hand, and the edit that this is: a snapshot says nothing of where they are. */
  readonly held?: ReadonlyMap<string, number>
}

/**
 * The states that a line may hold at a cursor: first what the feed says, then what the world was, where it had lost
 * something. None for a world or a cursor that never was.
 */
export type WorldMoments = (worldId: string, cursor: number) => readonly Moment[]

/** An edit of files that waits to be committed. */
export interface Pending {
  readonly edit: number
  readonly value: string | undefined
}

/** What is known about how a commit came to be. */
export interface Origin {
  /** Edits of its author's. */
  readonly pending: ReadonlyMap<Place, Pending>
  /** Commits whose content it takes over without having them as parents: squashed, rebased, cherry-picked. */
  readonly sources: readonly Oid[]
  /** Fields and objects that somebody, or a rule that said so, has decided. */
  readonly decided: ReadonlySet<string>
  readonly by: string
  /**
   * The merge bases of a merge that git made between two branches. git knows no more than these: a value that one side put
   * back, or decided to keep, is to it one that stayed, and gives way.
   */
  readonly bases?: readonly Oid[]
}

export const NO_ORIGIN: Origin = { pending: new Map(), sources: [], decided: new Set(), by: 'nobody' }

/** What pushes from a clone replaced in a field where nothing checks what they had seen: theirs to put back (P5). */
export type Replaced = (clone: string, at: Place) => readonly Stand[]

/** What each commit holds and knows (`Site`), learnt once, with what must not be found. */
export class Histories {
  readonly #edits: Edits
  readonly #world: WorldMoments
  /** What servers have lost: to keep that is never wrong. */
  readonly #lost: (at: Place) => Bits
  readonly #sites = new Map<Oid, Site>()
  readonly #trees = new Map<Oid, Values>()
  readonly #blobs = new Map<string, Values>()
  /** Objects that once stood in two files of a tree, and differed: who removes which of them, git cannot bring together. */
  readonly #twice = new Set<string>()
  readonly #replaced: Replaced
  /** Objects that git's merges have kept though one side had removed them, and where: a push that adds them says so (P7). */
  readonly keptByGit = new Map<string, string>()
  /** Fields on which two sides had each superseded the other. */
  crossed = 0

  constructor(
    edits: Edits,
    world: WorldMoments,
    lost: (at: Place) => Bits = () => NO_BITS,
    replaced: Replaced = () => [],
  ) {
    this.#edits = edits
    this.#world = world
    this.#lost = lost
    this.#replaced = replaced
  }

  siteOf(oid: Oid | undefined): Site {
    return oid === undefined ? EMPTY_SITE : (this.#sites.get(oid) ?? EMPTY_SITE)
  }

  knows(oid: Oid): boolean {
    return this.#sites.has(oid)
  }

  /** Everything that any commit has seen. */
  everything(): Bits {
    return knowing(...[...this.#sites.values()].map(({ seen }) => seen))
  }

  /** What was held once, by a commit that we know, of the lost edits of fields, and is in none of some histories. */
  forgotten(lost: ReadonlyMap<Place, Bits>, roots: readonly (readonly [Reading, readonly Oid[]])[]): readonly string[] {
    if (lost.size === 0) return []
    const reachable = new Set<Oid>()
    for (const [reading, tips] of roots) {
      const stack = [...tips]
      for (let oid = stack.pop(); oid !== undefined; oid = stack.pop()) {
        if (reachable.has(oid)) continue
        reachable.add(oid)
        stack.push(...reading.commit(oid).parents)
      }
    }
    const held = (at: Place, oids: Iterable<Oid>) =>
      new Set([...oids].flatMap((oid) => standAt(this.siteOf(oid), at).edits))
    return [...lost].flatMap(([at, edits]) => {
      const there = held(at, reachable)
      const gone = [...held(at, this.#sites.keys())].filter((id) => hasBit(edits, id) && !there.has(id))
      return gone.map((id) => `${at} of ${this.#edits.describe([id])}`)
    })
  }

  /** Learns a commit and its history. Returns what is wrong with those that are new. */
  learn(reading: Reading, tip: Oid, origin: Origin): readonly string[] {
    const defects: string[] = []
    const stack = [tip]
    while (stack.length > 0) {
      const oid = stack.at(-1)!
      if (this.#sites.has(oid)) {
        stack.pop()
        continue
      }
      const commit = reading.commit(oid)
      const unknown = commit.parents.filter((parent) => !this.#sites.has(parent))
      if (unknown.length > 0) stack.push(...unknown)
      else {
        stack.pop()
        this.#sites.set(oid, this.#site(reading, commit, origin, defects))
      }
    }
    return defects
  }

  #site(reading: Reading, commit: Commit, origin: Origin, defects: string[]): Site {
    const values = this.values(reading, commit.tree, defects)
    const trailers = readTrailers(commit)
    if (trailers !== undefined) {
      const name = `${commit.oid.slice(0, 8)} (${trailers.worldId} at ${trailers.cursor})`
      const before = this.siteOf(commit.parents[0])
      const moments = this.#world(trailers.worldId, trailers.cursor)
      // Whether somebody put a value back or a crash did, an expired feed does not tell of what was written since (G9).
      const isBridge = commit.author.name === 'snapshot' && commit.parents.length > 0
      const isRoot = commit.parents.length === 0
      const bridge = isBridge ? 'itself' : isRoot ? 'root' : 'none'
      const site = this.#ofLine(name, values, [before, origin, bridge], moments, defects)
      const bridged = isBridge ? moments[0]?.hidden : before.bridged
      return bridged === undefined ? site : { ...site, seen: knowing(site.seen, ...bridged.values()), bridged }
    }
    const parents = commit.parents.map((oid) => this.siteOf(oid))
    const sources = origin.sources.map((oid) => this.siteOf(oid))
    const site = this.#own(commit, values, parents, sources, origin, defects)
    if (parents.length === 2) {
      const world = readTrailers(reading.commit(commit.parents[1]!))?.worldId
      const meeting = { ours: parents[0]!, theirs: parents[1]!, world }
      this.#judge(reading, commit, values, meeting, origin, defects)
      if ((origin.bases ?? []).length === 0) this.#strays(reading, commit, origin, defects)
    }
    return site
  }

  /**
   * A commit of the line says what the feed says, or what the world was without saying it; to restore what was lost, it
   * may also say once more what the line said before (G11).
   */
  #ofLine(
    name: string,
    values: Values,
    [before, origin, bridge]: readonly [Site, Origin, 'itself' | 'root' | 'none'],
    [feed, ...worlds]: readonly Moment[],
    defects: string[],
  ): Site {
    if (feed === undefined) {
      defects.push(`line: ${name} names a state that never was`)
      return EMPTY_SITE
    }
    const other = different(values, feed.values)
    if (other.length === 0) return feed.site
    const stands = new Map(feed.site.stands)
    let { seen } = feed.site
    const adrift = new Set(before.adrift)
    for (const at of other) {
      const world = worlds.find((moment) => moment.values.get(at) === values.get(at))
      // What a snapshot over a cut feed keeps as lost, the next commit takes away.
      const isKept = bridge === 'itself' || isDecided(origin, at)
      if (world === undefined && isKept && standAt(before, at).value === values.get(at)) {
        stands.set(at, standAt(before, at))
        seen = replaced(seen, before.seen, this.#edits.mask(at))
        continue
      }
      // Of an object that is back, what the operation names that shows it: nobody knows what of its past that was.
      const presence = `${objectOf(at)} ${PRESENCE}`
      const isBack = standAt(before, presence).value === undefined && values.has(presence)
      const past = isBack ? this.#edits.saying(this.#lineage([before]), at, values.get(at)) : []
      const hand = feed.held?.get(objectOf(at))
      // A line that begins has an object where the hand has it: there it stays until its next operation.
      if (hand !== undefined && bridge === 'root' && at.endsWith(' position')) {
        this.#edits.about(hand, at, values.get(at))
        stands.set(at, { value: values.get(at), edits: [hand] })
        seen = withBit(seen, hand)
        adrift.add(at)
        continue
      }
      const isAdrift = hand !== undefined || before.adrift?.has(at) === true
      if (isAdrift && standAt(before, at).value === values.get(at)) {
        stands.set(at, standAt(before, at))
        seen = replaced(seen, before.seen, this.#edits.mask(at))
        continue
      }
      // Of one in somebody's hand that the line did not have, a new snapshot is the only word.
      if (world === undefined && (past.length > 0 || (hand !== undefined && isBack))) {
        stands.set(at, { value: values.get(at), edits: past.length > 0 ? past : standAt(feed.site, at).edits })
        continue
      }
      if (world === undefined) {
        defects.push(`line: ${name} says ${at} = ${values.get(at)}, the feed ${feed.values.get(at)}`)
        continue
      }
      const stand = world.site.stands.get(at)
      if (stand === undefined) stands.delete(at)
      else stands.set(at, stand)
      seen = replaced(seen, world.site.seen, this.#edits.mask(at))
    }
    const site = { stands, seen, lost: union(feed.site.seen, feed.site.lost ?? NO_BITS) }
    return adrift.size === 0 ? site : { ...site, adrift }
  }

  #own(
    commit: Commit,
    values: Values,
    parents: readonly Site[],
    sources: readonly Site[],
    origin: Origin,
    defects: string[],
  ): Site {
    const stands = new Map<Place, Stand>()
    let seen = knowing(...parents.map((site) => site.seen), ...sources.map((site) => site.seen))
    const places = new Set<Place>(values.keys())
    for (const site of [...parents, ...sources]) for (const at of site.stands.keys()) places.add(at)
    for (const at of places) {
      if (isDecided(origin, at)) seen = union(seen, intersection(this.#lineage(parents), this.#edits.mask(at)))
      const value = values.get(at)
      // What a squash brings that its parent holds as well, whoever is the later of the two has put there.
      const isHeld = parents.some((site) => standAt(site, at).value === value)
      const inherited = isHeld ? mergeStand(this.#edits, at, value, [...parents, ...sources]) : undefined
      const pending = origin.pending.get(at)
      if (inherited !== undefined && value === undefined && inherited.edits.length === 0 && isDecided(origin, at)) {
        // Nobody had taken it away, it never was there: that it is not to be there is somebody's word now.
        const edit = this.#edits.make(origin.by, 'decision')
        this.#edits.about(edit, at, value)
        stands.set(at, { value, edits: [edit] })
        seen = withBit(seen, edit)
      } else if (inherited !== undefined) {
        if (inherited.value !== undefined || inherited.edits.length > 0) stands.set(at, inherited)
      } else if (pending !== undefined && pending.value === value) {
        stands.set(at, { value, edits: [pending.edit] })
        seen = withBit(seen, pending.edit)
      } else {
        const source = mergeStand(this.#edits, at, value, sources)
        // What a world lost and somebody restores stands further back in the line.
        const restored = isDecided(origin, at) ? this.#edits.saying(this.#lineage(parents), at, value) : []
        const back = this.#replaced(origin.by, at).findLast((stand) => stand.value === value)
        if (source !== undefined) stands.set(at, source)
        else if (back !== undefined) {
          stands.set(at, back)
          for (const edit of back.edits) seen = withBit(seen, edit)
        } else if (restored.length > 0) stands.set(at, { value, edits: restored })
        else if (this.#twice.has(objectOf(at))) {
          stands.set(at, { value, edits: parents.flatMap((site) => standAt(site, at).edits) })
        } else {
          defects.push(
            `nowhere: ${commit.oid.slice(0, 8)} "${subject(commit)}" of ${origin.by} holds ${at} = ${value}, which neither a parent has (${parents
              .map((site) => standAt(site, at).value)
              .join(' | ')}) nor anybody wrote there`,
          )
        }
      }
    }
    return { stands, seen }
  }

  /** All that the lines among some parents ever saw. */
  #lineage(parents: readonly Site[]): Bits {
    return knowing(...parents.flatMap(({ seen, lost }) => (lost === undefined ? [seen] : [seen, lost])))
  }

  /** Every value of a merge must be the one that had seen the other, or have been decided. */
  #judge(reading: Reading, commit: Commit, values: Values, meeting: Meeting, origin: Origin, defects: string[]): void {
    const { ours, theirs } = meeting
    const objects = new Map<string, Place[]>()
    for (const at of new Set([...ours.stands.keys(), ...theirs.stands.keys()])) {
      const places = objects.get(objectOf(at)) ?? []
      objects.set(objectOf(at), places)
      places.push(at)
    }
    const say = (at: string, places: readonly Place[], is: string | undefined, expected: string) => {
      const of = (site: Site) => `${standAt(site, at).value} [${this.#edits.describe(standAt(site, at).edits)}]`
      const isGits = (origin.bases ?? []).some((oid) => {
        const base = standAt(this.siteOf(oid), at).value
        const [a, b] = [standAt(ours, at).value, standAt(theirs, at).value]
        return (a === base && is === b) || (b === base && is === a)
      })
      if (isGits) return
      const mine = standAt(ours, at)
      const isLost = (stand: Stand) => stand.edits.some((id) => hasBit(this.#lost(at), id))
      if (is === mine.value && isLost(mine)) return
      const isOfOne = is === mine.value || is === standAt(theirs, at).value
      const isKnown = (one: Place) => this.#edits.hasSeen(ours.seen, one, standAt(theirs, one))
      const isNews = standAt(theirs, at).value === undefined || !places.every(isKnown)
      const about = { object: ownerOf(at), isKnown: isKnown(at), isNews }
      if (isOfOne && isRoundabout(reading, commit, about)) return
      const text = `${commit.oid.slice(0, 8)} "${subject(commit)}" of ${origin.by} has ${at} = ${is}, ${expected}: ours ${of(ours)}, theirs ${of(theirs)}`
      const isKept = at.endsWith(` ${PRESENCE}`) && is !== undefined && (origin.bases ?? []).length > 0
      if (isKept) this.keptByGit.set(objectOf(at), text)
      else defects.push(`merge: ${text}`)
    }
    const isFirst = [...members(intersection(ours.seen, theirs.seen))].length === 0
    for (const [object, places] of objects) {
      if (origin.decided.has(object) || this.#twice.has(object)) continue
      const presence = `${object} ${PRESENCE}`
      const here = standAt(ours, presence).value !== undefined
      const there = standAt(theirs, presence).value !== undefined
      if (here !== there) {
        // At a first meeting, nothing is deleted for being absent from the one (`init`).
        const expected: Expected = isFirst
          ? { kind: 'value', value: 'true' }
          : expectObject(this.#edits, meeting, object, places)
        const is = values.get(presence)
        if (expected.kind === 'crossed') this.crossed++
        else if (expected.kind === 'concurrent') say(presence, places, is, 'undecided')
        else if (expected.kind === 'value' && expected.value !== is) say(presence, places, is, `not ${expected.value}`)
        continue
      }
      for (const at of places) {
        if (origin.decided.has(at)) continue
        const pending = origin.pending.get(at)
        const is = values.get(at)
        if (pending !== undefined && pending.value === is) continue
        if (this.#replaced(origin.by, at).some((stand) => stand.value === is)) continue
        // A first meeting takes what only one has.
        if (isFirst && is !== undefined && [ours, theirs].some((site) => standAt(site, at).value === undefined))
          continue
        const expected = expectField(this.#edits, meeting, at)
        if (expected.kind === 'crossed') this.crossed++
        else if (expected.kind === 'concurrent' && this.#isLineKept(meeting, at, is, places)) continue
        else if (expected.kind === 'concurrent') say(at, places, is, 'undecided')
        else if (expected.value !== is) say(at, places, is, `not ${expected.value}`)
      }
    }
  }

  /** A line that the world put back in a text of which it changed other lines is one that stayed, as for git (M3). */
  #isLineKept({ ours, theirs }: Meeting, at: Place, is: string | undefined, places: readonly Place[]): boolean {
    const there = standAt(theirs, at)
    if (!/^(?:script|shared:\S+) /.test(at) || is !== standAt(ours, at).value) return false
    const textOf = (line: Place) => line.replace(/_\d+$/, '')
    const isBack = this.#edits.saying(intersection(ours.seen, theirs.seen), at, there.value).length > 0
    const isNews = (line: Place) => !this.#edits.hasSeen(ours.seen, line, standAt(theirs, line))
    return isBack && places.some((line) => line !== at && textOf(line) === textOf(at) && isNews(line))
  }

  /** A merge with the world leaves no script without its blueprint, unless somebody had left it so. */
  #strays(reading: Reading, commit: Commit, { by }: Origin, defects: string[]): void {
    const before = commit.parents.map((oid) => strayScripts(reading, reading.commit(oid).tree))
    for (const path of strayScripts(reading, commit.tree)) {
      if (before.some((stray) => stray.has(path))) continue
      defects.push(`file: ${commit.oid.slice(0, 8)} "${subject(commit)}" of ${by} leaves ${path} without its blueprint`)
    }
  }

  values(reading: Reading, tree: Oid, defects: string[]): Values {
    const known = this.#trees.get(tree)
    if (known !== undefined) return known
    const values = new Map<Place, string>()
    const stray = strayScripts(reading, tree)
    for (const { path, oid } of reading.files(tree)) {
      if (stray.has(path)) continue
      const key = `${path} ${oid}`
      let found = this.#blobs.get(key)
      if (found === undefined) {
        try {
          found = fileValues(path, reading.blob(oid))
        } catch (error) {
          defects.push(`file: ${path} cannot be read: ${(error as Error).message}`)
          found = new Map()
        }
        this.#blobs.set(key, found)
      }
      for (const [at, value] of found) {
        // A file that was moved is another one to git after a squash: until somebody removes one of the two, which a push
        // asks for, the object is neither. Scripts that are there twice say the same, or the second is a copy.
        if (values.has(at) && values.get(at) !== value && !at.startsWith('script ')) this.#twice.add(objectOf(at))
        values.set(at, value)
      }
    }
    this.#trees.set(tree, values)
    return values
  }
}

/**
 * Scripts in the folder of an app that has no blueprint: they belong to nothing in the world. A merge by files leaves
 * them where the one side deleted the app and somebody keeps the script that the other changed.
 */
function strayScripts(reading: Reading, tree: Oid): ReadonlySet<string> {
  const paths = reading.files(tree).map(({ path }) => path)
  const folderOf = (path: string) => path.split('/', 2).join('/')
  const apps = new Set(paths.filter((path) => /^apps\/[^/]+\/[^/]+\.json$/.test(path)).map(folderOf))
  return new Set(paths.filter((path) => /^apps\/.*\.js$/.test(path) && !apps.has(folderOf(path))))
}

export function different(a: Values, b: Values): readonly Place[] {
  const places: Place[] = []
  for (const at of new Set([...a.keys(), ...b.keys()])) if (a.get(at) !== b.get(at)) places.push(at)
  return places
}

function subject(commit: Commit): string {
  return commit.message.split('\n', 1)[0]!
}

function isDecided({ decided }: Origin, at: Place): boolean {
  return decided.has(at) || decided.has(objectOf(at))
}
