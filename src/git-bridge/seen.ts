import { LAYOUT } from './layout.ts'
import type { Commit, Oid, Repository } from './repository.ts'
import { readUncertified } from './trailers.ts'

/** A commit of the line whose operation HEAD's side knows about: it came from there, or lies there as a copy (G7). */
export interface Seen {
  /** The commit that the operation was made of, or its copy. */
  readonly commit: Oid
  /** What that commit and HEAD have in common: the commit itself where HEAD contains it. */
  readonly base: Oid
  /**
   * Objects that the world wrote between that and the baseline, where the baseline is younger: of these, HEAD has what it
   * has from the world perhaps.
   */
  readonly passed: ReadonlySet<string>
}

/** What happened in the world after the baseline. */
export interface News {
  /** The commits of the line, oldest first. */
  readonly line: readonly Commit[]
  /** Those of them that HEAD's side has seen. */
  readonly seen: ReadonlyMap<Oid, Seen>
}

export const NO_NEWS: News = { line: [], seen: new Map() }

/**
 * Reads the line after the baseline, unless it is `known`; without a baseline there is no telling what is news.
 */
export async function readNews(
  repository: Repository,
  { base, ours, theirs }: { readonly base: Oid | undefined; readonly ours: Oid; readonly theirs: Oid },
  known?: readonly Commit[],
): Promise<News> {
  if (base === undefined || base === theirs) return NO_NEWS
  const line = known ?? (await lineAfter(repository, base, theirs))
  return { line, seen: await findSeen(repository, { base, ours, theirs }, line) }
}

/** Copies are looked for among HEAD's commits that are younger than the baseline, with room for clocks that differ. */
const CLOCK_ROOM = 86_400

export async function lineAfter(
  repository: Repository,
  base: Oid | readonly Oid[],
  tip: Oid,
): Promise<readonly Commit[]> {
  const commits: Commit[] = []
  for await (const commit of repository.log({ include: [tip], exclude: [base].flat() })) commits.push(commit)
  return commits.reverse()
}

/**
 * Which commits of the line after the baseline HEAD's side has seen, whatever the merge base says (G7, steps 7 to 9 of
 * the baseline in docs/architecture.md): those that a push made of a commit (`git:<sha>` in `Lobby-Source`) which is in
 * HEAD's history or forked from it after the baseline, and those that a rebase copied into it, trailers and all.
 */
async function findSeen(
  repository: Repository,
  { base, ours, theirs }: { readonly base: Oid; readonly ours: Oid; readonly theirs: Oid },
  line: readonly Commit[],
): Promise<ReadonlyMap<Oid, Seen>> {
  const seen = new Map<Oid, Seen>()
  if (line.length === 0) return seen
  const { copies, recent } = await walkOurs(repository, { base, ours, theirs })
  const bases = new Map<Oid, Promise<Oid | undefined>>()
  const baseWith = (commit: Oid): Promise<Oid | undefined> => {
    const known = bases.get(commit) ?? commonWith(repository, ours, commit, recent)
    bases.set(commit, known)
    return known
  }
  const older = new Map<Oid, Promise<ReadonlySet<string> | undefined>>()
  const passedSince = (common: Oid): Promise<ReadonlySet<string> | undefined> => {
    const known = older.get(common) ?? objectsBetween(repository, common, base)
    older.set(common, known)
    return known
  }
  for (const commit of line) {
    const trailers = readUncertified(commit.message)
    if (trailers === undefined) continue
    const copy = copies.get(copyKey(trailers.worldId, trailers.opId))
    const origin = /^git:([0-9a-f]{40}(?:[0-9a-f]{24})?)$/.exec(trailers.source)?.[1] as Oid | undefined
    for (const candidate of [copy, origin]) {
      if (candidate === undefined) continue
      const common = await baseWith(candidate)
      if (common === undefined) continue
      const passed = common === candidate ? NOTHING : await passedSince(common)
      if (passed === undefined) continue
      seen.set(commit.oid, { commit: candidate, base: common, passed })
      break
    }
  }
  return seen
}

/** HEAD's own young commits: which they are, and what copies of the line are among them. */
async function walkOurs(
  repository: Repository,
  { base, ours, theirs }: { readonly base: Oid; readonly ours: Oid; readonly theirs: Oid },
): Promise<{ readonly copies: ReadonlyMap<string, Oid>; readonly recent: ReadonlySet<Oid> }> {
  const copies = new Map<string, Oid>()
  const recent = new Set<Oid>()
  const [from, head] = await Promise.all([repository.readCommit(base), repository.readCommit(ours)])
  const since = Math.min(from.committer.time, head.committer.time) - CLOCK_ROOM
  for await (const commit of repository.log({ include: [ours], exclude: [theirs] })) {
    if (commit.committer.time < since) break
    recent.add(commit.oid)
    const trailers = readUncertified(commit.message)
    if (trailers === undefined || trailers.object === LAYOUT) continue
    const key = copyKey(trailers.worldId, trailers.opId)
    // The newest stands for all: what it holds is what HEAD made of them.
    if (!copies.has(key)) copies.set(key, commit.oid)
  }
  return { copies, recent }
}

function copyKey(worldId: string, opId: string): string {
  return JSON.stringify([worldId, opId])
}

/** What a commit has in common with HEAD; undefined where that says nothing: it is not here, or has another beginning. */
async function commonWith(
  repository: Repository,
  ours: Oid,
  commit: Oid,
  recent: ReadonlySet<Oid>,
): Promise<Oid | undefined> {
  if (recent.has(commit)) return commit
  if (!(await repository.hasObject(commit))) return undefined
  // An object of that name may be anything: the feed says it.
  const read = await repository.readCommit(commit).catch(() => undefined)
  return read === undefined ? undefined : repository.mergeBase(ours, commit)
}

const NOTHING: ReadonlySet<string> = new Set()

/** How much of the line is read for what somebody had who pulled last long ago. */
const PASSED = 10_000

/** The objects that the world wrote after what a commit has of the line, up to the baseline; undefined where it may be all. */
async function objectsBetween(
  repository: Repository,
  commit: Oid,
  base: Oid,
): Promise<ReadonlySet<string> | undefined> {
  const from = await repository.mergeBase(commit, base)
  if (from === undefined) return undefined
  if (from === base) return NOTHING
  const objects = new Set<string>()
  let count = 0
  for await (const { message } of repository.log({ include: [base], exclude: [from] })) {
    const about = readUncertified(message)?.object
    // A snapshot may be about anything.
    if (about === undefined || about === 'snapshot' || ++count > PASSED) return undefined
    objects.add(about)
    // Blueprints share modules.
    if (about.startsWith('blueprint:')) objects.add('shared')
  }
  return objects
}
