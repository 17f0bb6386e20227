import { git, readClone, readLine } from '../e2e/race-history.ts'
import type { CloneCommit, CloneHistory, FeedOperation } from '../e2e/race-judge.ts'
import type { Developer } from './developer.ts'

/**
 * The histories of clones that merge each other's branches: of each first-parent chain, what its merges brought of the
 * others' commits, and how far the line is in the history of each commit, by whatever way it came in.
 */
export async function readTeam(developers: readonly Developer[], from: string): Promise<readonly CloneHistory[]> {
  const chains: CloneHistory[] = []
  for (const { folder, name } of developers) chains.push(await readClone(folder, name, from))
  const commits = new Map(chains.flatMap((chain) => chain.commits.map((commit) => [commit.oid, commit] as const)))
  const team: CloneHistory[] = []
  for (const [index, chain] of chains.entries()) {
    const developer = developers[index]!
    const reach = await reachOf(developer.folder, from)
    const all = chain.commits.map((commit) => reach.through(commit, commits))
    team.push({ ...chain, commits: all, listed: [...chain.listed, ...developer.shown] })
  }
  return team
}

/** Who sent each operation, from what the pushes said; a request without a name of its own is known by its value. */
export function withPushers(
  feed: readonly FeedOperation[],
  developers: readonly Developer[],
): readonly FeedOperation[] {
  return feed.map((operation) => {
    const pusher = developers.find(({ sent }) => sent.has(operation.opId))?.name
    return pusher === undefined ? operation : { ...operation, pusher }
  })
}

interface Reach {
  through(commit: CloneCommit, commits: ReadonlyMap<string, CloneCommit>): CloneCommit
}

/** Walks a clone's first-parent chain, from its beginning, and everything that comes in beside it. */
async function reachOf(folder: string, from: string): Promise<Reach> {
  const parents = new Map<string, readonly string[]>()
  for (const row of (await git(folder, 'rev-list', '--parents', 'HEAD', 'refs/lobby/remote')).split('\n')) {
    const [oid, ...rest] = row.split(' ')
    parents.set(oid!, rest)
  }
  const line = new Map((await readLine(folder)).map(([cursor, oid]) => [oid, cursor]))
  const reached = new Set<string>()
  let taken = 0
  const reachTo = (start: string): readonly string[] => {
    const found: string[] = []
    for (const waiting = [start]; waiting.length > 0; ) {
      const oid = waiting.pop()!
      if (reached.has(oid)) continue
      reached.add(oid)
      const cursor = line.get(oid)
      if (cursor === undefined) found.push(oid)
      else taken = Math.max(taken, cursor)
      waiting.push(...(parents.get(oid) ?? []))
    }
    return found
  }
  reachTo(from)
  return {
    through: (commit, commits) => {
      const others = reachTo(commit.oid).filter((oid) => oid !== commit.oid)
      const brought = others.flatMap((oid) => commits.get(oid)?.changes ?? [])
      return { ...commit, taken, ...(brought.length === 0 ? {} : { brought }) }
    },
  }
}
