import type { Commit, Oid, Repository } from '../repository.ts'

/** Commits read one after another before a process of git is quicker. */
const NEAR = 16

/** The first commits of a walk, and the commit from which git goes on with it; undefined where they are all. */
export interface NearHistory {
  readonly commits: readonly Commit[]
  readonly next: Oid | undefined
}

/**
 * The beginning of a walk (see {@link Repository.log}) while there is one commit to go on to: most walks of a pull are
 * over after a few, sooner than a process has started. Undefined where reading along one line does not tell: something
 * excluded that the line does not come to may lie anywhere. Not for walks by paths, nor in shallow clones, whose
 * commits name parents that git leaves out.
 */
export async function nearHistory(
  options: Omit<Parameters<Repository['log']>[0], 'paths'>,
  readCommit: (oid: Oid) => Promise<Commit>,
): Promise<NearHistory | undefined> {
  const { include, exclude = [], limit = Number.POSITIVE_INFINITY } = options
  if (include.length !== 1 || exclude.length > 1) return undefined
  const [end] = exclude
  // What is excluded by its end alone is certain when that is reached: no commit is an ancestor of its own parents.
  const unless = (found: NearHistory) => (end === undefined ? found : undefined)
  const commits: Commit[] = []
  let next = include[0]!
  while (next !== end) {
    if (commits.length === limit) return unless({ commits, next: undefined })
    if (commits.length === NEAR) return unless({ commits, next })
    const commit = await readCommit(next)
    const parents = options.firstParent ? commit.parents.slice(0, 1) : commit.parents
    if (parents.length > 1) return unless({ commits, next })
    commits.push(commit)
    if (parents[0] === undefined) return unless({ commits, next: undefined })
    next = parents[0]
  }
  return { commits, next: undefined }
}
