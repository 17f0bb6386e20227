import { beforeEach, describe, expect, test } from 'vitest'
import type { Oid } from '../../src/git-bridge/repository.ts'
import { readNews } from '../../src/git-bridge/seen.ts'
import { formatTrailers } from '../../src/git-bridge/trailers.ts'
import { mergeWorlds } from '../../src/git-bridge/world-merge.ts'
import { entityFile } from '../../src/projection/paths.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { type Files, Trees } from './world-trees.ts'

const FILE = entityFile('one')
const one = (fields: JsonObject = {}): Files => ({ [FILE]: { id: 'one', blueprint: 'Lamp', ...fields } })
const NOW = 1_700_000_000

let trees: Trees
/** A commit of the line, older than the baseline; the baseline. */
let root: Oid
let base: Oid
let cursor: number

beforeEach(async () => {
  trees = await Trees.open()
  cursor = 0
  root = await operation(undefined, { 'apps/Lamp/Lamp.json': { id: 'Lamp', name: 'Lamp' } })
  base = await operation(root, { 'world/settings.json': { title: 'Plaza' } }, 'admin', 'settings')
})

function saying(opId: string, source: string, object = 'entity:one'): string {
  const trailers = formatTrailers({ worldId: 'plaza', cursor, opId, source, object })
  return `change\n\n${trailers.replace('{tree}', '0'.repeat(40))}`
}

/** A commit of the line. */
function operation(after: Oid | undefined, files: Files, source = 'admin', object?: string): Promise<Oid> {
  cursor++
  return trees.commit(after, files, saying(`op-${cursor}`, source, object))
}

/** The same commit with another first parent, or made at another time. */
async function again(commit: Oid, change: { readonly after?: Oid; readonly time?: number }): Promise<Oid> {
  const { tree, parents, author, committer, message } = await trees.repository.readCommit(commit)
  const { after, time = committer.time } = change
  return trees.repository.writeCommit({
    tree,
    parents: after === undefined ? parents : [after],
    author,
    committer: { ...committer, time },
    message,
  })
}

describe('G7 what of the line our side has seen', () => {
  /**
   * Of one operation that says where it came from: which commit saw it, what that has in common with HEAD, and what the
   * world wrote between that and the baseline.
   */
  async function seenBy(ours: Oid, source: string): Promise<readonly [Oid, Oid, ...string[]] | undefined> {
    const theirs = await operation(base, one(), source)
    const { line, seen } = await readNews(trees.repository, { base, ours, theirs })
    expect(line.map(({ oid }) => oid)).toEqual([theirs])
    const found = seen.get(theirs)
    return found && [found.commit, found.base, ...found.passed]
  }

  test('an operation made of a commit that HEAD contains', async () => {
    const made = await trees.commit(base, one())
    const ours = await trees.commit(made, one({ pinned: true }))
    expect(await seenBy(ours, `git:${made}`)).toEqual([made, made])
    expect(await seenBy(made, `git:${made}`)).toEqual([made, made])
  })

  test('one made of a commit elsewhere: as far as HEAD has its history, from the baseline on', async () => {
    const shared = await trees.commit(base, { 'notes.txt': 'x' })
    const made = await trees.commit(shared, one())
    const ours = await trees.commit(shared, { 'notes.txt': 'y' })
    expect(await seenBy(ours, `git:${made}`)).toEqual([made, shared])
  })

  test('one that forked before the baseline: but for what the world wrote in between', async () => {
    const made = await trees.commit(root, one())
    const ours = () => trees.commit(base, { 'notes.txt': 'y' })
    expect(await seenBy(await ours(), `git:${made}`)).toEqual([made, root, 'settings'])
    // Blueprints share modules.
    base = await operation(base, { 'apps/Lamp/Lamp.json': { id: 'Lamp', name: 'L' } }, 'admin', 'blueprint:Lamp')
    const [, , ...passed] = (await seenBy(await ours(), `git:${made}`))!
    expect(passed.toSorted()).toEqual(['blueprint:Lamp', 'settings', 'shared'])
    // A snapshot may be about anything.
    base = await operation(base, { 'world/settings.json': { title: 'P' } }, 'admin', 'snapshot')
    expect(await seenBy(await ours(), `git:${made}`)).toBeUndefined()
  })

  test('of one whose history lacks the line altogether, nothing is known', async () => {
    const before = await trees.commit(undefined, { 'notes.txt': 'x' })
    const made = await trees.commit(before, one())
    const { tree, author, committer } = await trees.repository.readCommit(base)
    const parents = [before, base]
    const ours = await trees.repository.writeCommit({ tree, parents, author, committer, message: 'merge\n' })
    expect(await seenBy(ours, `git:${made}`)).toBeUndefined()
  })

  test('nor of one that has nothing in common with HEAD, of a name that is no commit here, or no name at all', async () => {
    const ours = await trees.commit(base, { 'notes.txt': 'y' })
    const [blob] = await trees.repository.writeBlobs([new TextEncoder().encode('no commit')])
    const stranger = await trees.commit(undefined, one())
    for (const name of [stranger, blob!, 'f'.repeat(40), 'main', `${stranger}0`])
      expect(await seenBy(ours, `git:${name}`), name).toBeUndefined()
    expect(await seenBy(ours, 'admin')).toBeUndefined()
  })

  test('a copy of the operation in HEAD’s own commits, as a rebase leaves it; the newest of several', async () => {
    const theirs = await operation(base, one())
    const own = await trees.commit(base, { 'notes.txt': 'y' })
    const [copy, newer] = [await trees.commit(own, one(), saying(`op-${cursor}`, 'admin')), await again(theirs, {})]
    const moved = await again(newer, { after: copy })
    const seen = async (ours: Oid) => (await readNews(trees.repository, { base, ours, theirs })).seen.get(theirs)
    expect(await seen(copy)).toMatchObject({ commit: copy, base: copy })
    expect(await seen(moved)).toMatchObject({ commit: moved, base: moved })
    expect(await seen(own)).toBeUndefined()
  })

  test('copies are younger than the baseline, but for a day', async () => {
    const theirs = await operation(base, one())
    const own = await trees.commit(base, { 'notes.txt': 'y' })
    const copy = await trees.commit(own, one(), saying(`op-${cursor}`, 'admin'))
    const made = async (time: number) => {
      const old = await again(copy, { time })
      const ours = await trees.commit(old, { 'notes.txt': 'z' })
      return (await readNews(trees.repository, { base, ours, theirs })).seen.get(theirs)?.commit === old
    }
    expect(await made(NOW - 86_400)).toBe(true)
    expect(await made(NOW - 86_401)).toBe(false)
  })
})

test('G7 what the world filled in when it added our object goes with the object', async () => {
  const made = await trees.commit(base, one())
  const theirs = await operation(base, one({ scope: 'plaza', note: null }), `git:${made}`)
  const ours = await trees.commit(made, { [FILE]: undefined })
  const merge = await mergeWorlds(trees.repository, '', { base, ours, theirs })
  expect(merge.contested).toEqual([])
  expect(await trees.text(merge.tree!, FILE)).toBeUndefined()
  // What somebody wrote later, or said otherwise than we did, is an edit that our removal had not seen.
  const later = await operation(theirs, one({ scope: 'plaza', note: null, pinned: true }))
  const otherwise = await operation(base, one({ blueprint: 'Lantern' }), `git:${made}`)
  for (const edited of [later, otherwise]) {
    const against = await mergeWorlds(trees.repository, '', { base, ours, theirs: edited })
    expect(against.contested.map(({ key }) => key)).toEqual(['entity:one'])
  }
})
