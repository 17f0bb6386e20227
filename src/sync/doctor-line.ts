import { join } from 'node:path'
import type { Commit, Oid } from '../git-bridge/repository.ts'
import { LINE_FORMAT, type LineTrailers, readTrailers, readUncertified } from '../git-bridge/trailers.ts'
import { count, few, information, ok, problem, type Said } from './doctor-finding.ts'
import type { Progress } from './progress.ts'
import { namedByRef } from './rebuild-start.ts'
import type { Project } from './session.ts'
import { certifiedBeyond } from './tip.ts'
import { exists } from './working-tree.ts'

/** Commits that a quick look reads. */
const QUICK = 1000

export interface ExaminedLine {
  readonly said: readonly Said[]
  /** The tip, when it is a commit of the world's line. */
  readonly tip: { readonly oid: Oid; readonly trailers: LineTrailers } | undefined
}

/**
 * Reads the remote ref commit by commit (G2, G3, G4): each is certified, has one parent, is about the same world as the
 * tip (`worldId`, where that is known), and neither cursor nor date ever falls; the first holds a whole snapshot.
 */
export async function examineLine(
  project: Project,
  ref: string,
  worldId: string | undefined,
  options: { readonly quick: boolean; readonly progress: Progress },
): Promise<ExaminedLine> {
  const { repository } = project
  const more = { path: ref }
  const rebuild =
    '"gamedev sync rebuild --dry-run" shows what it would make of the feed, "gamedev sync rebuild" makes it.'
  const head = await repository.resolve('HEAD')
  const named = await namedByRef({ repository, ref })
  if (named === undefined) {
    if (await exists(join(repository.commonDir, ref))) {
      return { said: [problem('the file of this ref names no commit', { ...more, hint: rebuild })], tip: undefined }
    }
    const [best] = worldId === undefined ? [] : await certifiedBeyond(repository, head, undefined, worldId)
    const what =
      best === undefined ? 'nothing was ever fetched here' : 'not here yet, but the history of HEAD has the line'
    return { said: [information(what, { ...more, hint: 'Run "gamedev sync fetch".' })], tip: undefined }
  }
  if ((await repository.resolve(`${named}^{commit}`).catch(() => undefined)) !== named) {
    const said = [
      problem(`it names ${named.slice(0, 10)}, which is no commit of this repository`, { ...more, hint: rebuild }),
    ]
    return { said, tip: undefined }
  }
  const first = await repository.readCommit(named)
  const trailers = readTrailers(first)
  if (trailers === undefined || (worldId !== undefined && trailers.worldId !== worldId)) {
    const what = trailers === undefined ? `no commit of a world's line` : `a commit of world "${trailers.worldId}"`
    const hint = `${rebuild} If it is a leftover of another world, remove it with "git update-ref -d ${ref}".`
    return { said: [problem(`it points to ${what}`, { ...more, hint })], tip: undefined }
  }
  const walk = new Walk(trailers.worldId)
  for await (const commit of repository.log({ include: [named], ...(options.quick ? { limit: QUICK } : {}) })) {
    walk.take(commit)
    if (walk.commits % 1000 === 0) options.progress.step('Reading the line', walk.commits)
  }
  const said: Said[] = walk.defects().map((what) => problem(what, { ...more, hint: rebuild }))
  const [beyond] = await certifiedBeyond(repository, head, named, trailers.worldId)
  if (beyond !== undefined && beyond.trailers.cursor > trailers.cursor) {
    const what = `HEAD has the line up to ${beyond.trailers.cursor}, this ref up to ${trailers.cursor}`
    said.push(information(what, { ...more, hint: 'The next fetch goes on from the one in HEAD.' }))
  }
  if (said.length === 0) {
    const part = options.quick && walk.commits === QUICK ? 'the newest ' : ''
    said.push(
      ok(
        `${part}${count(walk.commits, 'commit')} of world ${trailers.worldId} up to cursor ${trailers.cursor}, each certified`,
      ),
    )
  }
  return { said, tip: { oid: named, trailers } }
}

/** What a walk from the tip to the root has met. */
class Walk {
  commits = 0
  readonly #worldId: string
  readonly #found = new Map<string, string[]>()
  #newer: { readonly cursor: number; readonly time: number } | undefined
  #last: { readonly commit: Commit; readonly trailers: LineTrailers | undefined } | undefined

  constructor(worldId: string) {
    this.#worldId = worldId
  }

  take(commit: Commit): void {
    this.commits++
    const { oid, parents, committer } = commit
    const trailers = readTrailers(commit)
    if (trailers === undefined) {
      const said = readUncertified(commit.message)
      this.#note(said === undefined ? 'no trailers of a line' : 'a tree that its Lobby-Tree does not name', oid)
    } else {
      if (trailers.worldId !== this.#worldId) this.#note('another world in Lobby-World', oid)
      if (trailers.format > LINE_FORMAT) this.#note('a format that a newer version of this program wrote', oid)
      if (this.#newer !== undefined && this.#newer.cursor < trailers.cursor) {
        this.#note('a cursor higher than that of the commit after it', oid)
      }
    }
    if (parents.length > 1) this.#note('more than one parent', oid)
    if (this.#newer !== undefined && this.#newer.time < committer.time) {
      this.#note('a date later than that of the commit after it', oid)
    }
    this.#newer = { cursor: trailers?.cursor ?? this.#newer?.cursor ?? 0, time: committer.time }
    this.#last = { commit, trailers }
  }

  defects(): readonly string[] {
    const last = this.#last
    if (last !== undefined && last.commit.parents.length === 0 && last.trailers?.object !== 'snapshot') {
      this.#note('no snapshot, though the line begins with it', last.commit.oid)
    }
    return [...this.#found].map(([what, oids]) => {
      return `${count(oids.length, 'commit')} of it ${oids.length === 1 ? 'has' : 'have'} ${what}: ${few(oids)}`
    })
  }

  #note(what: string, oid: Oid): void {
    const found = this.#found.get(what) ?? []
    this.#found.set(what, found)
    found.push(oid.slice(0, 10))
  }
}
