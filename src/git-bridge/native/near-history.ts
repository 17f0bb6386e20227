import type { Commit, Oid, Repository } from '../repository.ts'
import { touchesPaths } from '../touched-paths.ts'
import type { TreeWalk } from '../tree-walk.ts'

/** Commits read one after another before a process of git is quicker: on a line, and where there are branches. */
const NEAR_LINE = 16
const NEAR = 48
/** Paths looked up in each of them, for the same reason. */
const FEW_PATHS = 16

type ReadCommit = (oid: Oid) => Promise<Commit>
type LogOptions = Parameters<Repository['log']>[0]

/** The first commits of a walk, and the commit from which git goes on with it; undefined where they are all. */
export interface NearHistory {
  readonly commits: readonly Commit[]
  readonly next: Oid | undefined
}

/**
 * The beginning of a walk (see {@link Repository.log}), or all of it: most walks of a pull are over after a few commits,
 * sooner than a process has started. Undefined where that does not tell. Not for shallow clones, whose commits name
 * parents that git leaves out.
 */
export async function nearHistory(
  options: LogOptions,
  readCommit: ReadCommit,
  trees: TreeWalk,
): Promise<NearHistory | undefined> {
  const line = options.paths === undefined ? await nearLine(options, readCommit) : undefined
  if (line !== undefined) return line
  const commits = await nearBranches(options, readCommit, trees)
  return commits && { commits, next: undefined }
}

/** A walk that has one commit to go on to, to its end or as far as it is near. */
async function nearLine(options: LogOptions, readCommit: ReadCommit): Promise<NearHistory | undefined> {
  const { include, exclude = [], limit = Number.POSITIVE_INFINITY } = options
  if (include.length !== 1 || exclude.length > 1) return undefined
  const [end] = exclude
  // What is excluded by its end alone is certain when that is reached: no commit is an ancestor of its own parents.
  const unless = (found: NearHistory) => (end === undefined ? found : undefined)
  const commits: Commit[] = []
  let next = include[0]!
  while (next !== end) {
    if (commits.length === limit) return unless({ commits, next: undefined })
    if (commits.length === NEAR_LINE) return unless({ commits, next })
    const commit = await readCommit(next)
    const parents = options.firstParent ? commit.parents.slice(0, 1) : commit.parents
    if (parents.length > 1) return unless({ commits, next })
    commits.push(commit)
    if (parents[0] === undefined) return unless({ commits, next: undefined })
    next = parents[0]
  }
  return { commits, next: undefined }
}

/** Commits looked at beyond the last that can matter where clocks are right; as many as git does. */
const SLACK = 5
const WANTED = 1
const EXCLUDED = 2

/**
 * A walk by date over branches and merges, where all of it is near. As in git, who excludes what has an ancestor that
 * pretends to be older than its own parents may find these listed.
 */
async function nearBranches(
  options: LogOptions,
  readCommit: ReadCommit,
  trees: TreeWalk,
): Promise<readonly Commit[] | undefined> {
  const { include, exclude = [], paths = [], limit = Number.POSITIVE_INFINITY } = options
  if (paths.length > FEW_PATHS) return undefined
  const walk = new Walk(readCommit)
  await walk.mark(include, WANTED)
  // With their parents, as git does: what was made of two lines may be dated like the older one.
  await walk.mark(exclude, EXCLUDED)
  for (const { parents } of await Promise.all(exclude.map(readCommit))) await walk.mark(parents, EXCLUDED)
  const isExcluded = (oid: Oid) => (walk.marksOf(oid) & EXCLUDED) !== 0
  const listed = new Set<Commit>()
  let oldest = Number.POSITIVE_INFINITY
  // What is excluded and not older than what is listed may still come to it; some that is older, if a clock went wrong.
  const mayCount = ({ oid, committer }: Commit) => !isExcluded(oid) || (listed.size > 0 && committer.time >= oldest)
  for (let further = 0; walk.open.length > 0 && further < SLACK; ) {
    if (walk.isFar) return undefined
    further = walk.open.some(mayCount) ? 0 : further + 1
    const commit = walk.next()
    if (isExcluded(commit.oid)) await walk.mark(commit.parents, EXCLUDED)
    else {
      listed.add(commit)
      oldest = Math.min(oldest, commit.committer.time)
      await walk.mark(options.firstParent ? commit.parents.slice(0, 1) : commit.parents, WANTED)
    }
  }
  const found: Commit[] = []
  for (const commit of listed) {
    if (found.length >= limit) break
    if (isExcluded(commit.oid)) continue
    const parents = options.firstParent ? commit.parents.slice(0, 1) : commit.parents
    // As in git, a side deep in what is excluded does not make a merge worth listing, unless all sides are.
    const relevant = parents.filter((parent) => !isExcluded(parent) || exclude.includes(parent))
    const against = relevant.length > 0 ? relevant : parents
    if (options.paths !== undefined && !(await touchesPaths(readCommit, trees, commit, against, paths))) continue
    found.push(commit)
  }
  return found
}

const OURS = 1
const THEIRS = 2
const BOTH = OURS | THEIRS
const STALE = 4

/** The best common ancestor of two commits, or that they have none; undefined where that is far or not one alone. */
export async function nearMergeBase(
  a: Oid,
  b: Oid,
  readCommit: ReadCommit,
): Promise<{ readonly base: Oid | undefined } | undefined> {
  const walk = new Walk(readCommit)
  await walk.mark([a], OURS)
  await walk.mark([b], THEIRS)
  const common = new Set<Oid>()
  // Every best one is found by then, whatever the dates say: no path to it leads through another common ancestor.
  while (walk.open.some(({ oid }) => (walk.marksOf(oid) & STALE) === 0)) {
    if (walk.isFar) return undefined
    const { oid, parents } = walk.next()
    const marks = walk.marksOf(oid)
    if (marks === BOTH) common.add(oid)
    await walk.mark(parents, (marks & BOTH) === BOTH ? BOTH | STALE : marks)
  }
  const best = [...common].filter((oid) => (walk.marksOf(oid) & STALE) === 0)
  return best.length > 1 ? undefined : { base: best[0] }
}

/** Commits reached so far with what is known of each, and those among them whose parents have not been looked at. */
class Walk {
  /** The newest first; of one time, those first that came first. */
  readonly open: Commit[] = []
  readonly #marks = new Map<Oid, number>()
  readonly #read: ReadCommit

  constructor(read: ReadCommit) {
    this.#read = read
  }

  get isFar(): boolean {
    return this.#marks.size > NEAR
  }

  marksOf(oid: Oid): number {
    return this.#marks.get(oid) ?? 0
  }

  next(): Commit {
    return this.open.shift()!
  }

  /** Adds marks to commits; where that is new, their parents are to be looked at (again). */
  async mark(oids: readonly Oid[], marks: number): Promise<void> {
    const fresh = oids.filter((oid) => (this.marksOf(oid) & marks) !== marks)
    for (const oid of fresh) this.#marks.set(oid, this.marksOf(oid) | marks)
    for (const commit of await Promise.all(fresh.map((oid) => this.#read(oid)))) {
      if (this.open.some(({ oid }) => oid === commit.oid)) continue
      const at = this.open.findIndex((other) => other.committer.time < commit.committer.time)
      this.open.splice(at < 0 ? this.open.length : at, 0, commit)
    }
  }
}
