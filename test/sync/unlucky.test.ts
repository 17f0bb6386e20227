import { describe, expect, it } from 'vitest'
import { fetchWorld } from '../../src/sync/fetch.ts'
import { pull } from '../../src/sync/pull.ts'
import { startLine } from '../../src/sync/start-line.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { addLamps, type Checkout, cloneWorld, startWorld } from './support.ts'
import { ScriptedFeed, withRuntime } from './unlucky-support.ts'

const REF = 'refs/lobby/remote'

async function begin(): Promise<{ project: Checkout; feed: ScriptedFeed; lamp: JsonObject }> {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  return { project, feed: new ScriptedFeed(), lamp: (await world.entity('lamp0001'))! }
}

const fetchFrom = (project: Checkout, feed: ScriptedFeed) =>
  project.session((session) => fetchWorld(withRuntime(session, feed.answers(session.runtime))))

const pullFrom = (project: Checkout, feed: ScriptedFeed, verify: boolean) =>
  project.session((session) =>
    pull(withRuntime(session, feed.answers(session.runtime)), {
      autostash: false,
      confirm: async () => true,
      verify,
    }),
  )

const cursors = (project: Checkout) =>
  project
    .git('log', '--reverse', '--format=%(trailers:key=Lobby-Cursor,valueonly,separator=%x20)', REF)
    .split('\n')
    .map(Number)

describe('an unlucky feed', () => {
  it('cursors jump, pages overlap, operations come twice, kinds are unknown: the line says what happened', async () => {
    const { project, feed, lamp } = await begin()
    feed.page = 2
    const at = (x: number) => ({ ...lamp, position: [x, 0, 0] })
    feed.happen(10, 'a', 'entity.update', at(1))
    feed.happen(10, 'a', 'entity.update', at(1))
    feed.happen(400, 'b', 'entity.update', at(2))
    feed.happen(401, 'x', 'weather.change', { id: 'storm' })
    // The first one again, within a page, and over pages.
    feed.happen(402, 'a', 'entity.update', at(1), { ts: feed.operations[0]!.ts })
    feed.happen(500, 'b', 'entity.update', at(2), { ts: feed.operations[2]!.ts })
    expect(await fetchFrom(project, feed)).toMatchObject({ commits: 2, cursor: 500 })
    expect(cursors(project)).toEqual([3, 10, 400])
    expect(project.warnings).toEqual([
      'Operation 401: operations of kind "weather.change" are not known; passed over.',
      'Operation 402 came before, at 10; passed over.',
      'Operation 500 came before, at 400; passed over.',
    ])
    // A runtime that delivers everything anew after a restart, behind newer state.
    feed.happen(501, 'c', 'entity.update', at(3))
    await fetchFrom(project, feed)
    for (const [cursor, index] of [
      [900, 0],
      [901, 2],
      [902, 6],
    ] as const)
      feed.operations.push({ ...feed.operations[index]!, cursor })
    expect(await fetchFrom(project, feed)).toMatchObject({ commits: 0, cursor: 902 })
    // Nothing remembered: the line itself knows its operations.
    project.remove('.git/lobby/ops-recent-refs%2flobby%2fremote')
    feed.operations.push({ ...feed.operations[0]!, cursor: 1000 })
    // An id used again for something else is another operation.
    feed.happen(1001, 'a', 'settings.update', { id: 'a' }, { patch: { key: 'title', value: 'Reused' } })
    expect(await fetchFrom(project, feed)).toMatchObject({ commits: 1, cursor: 1001 })
    expect(cursors(project)).toEqual([3, 10, 400, 501, 1001])
    expect(project.git('show', `${REF}:${project.entityPathOf('lamp0001')}`)).toContain('"position": [3, 0, 0]')
    // A replay from before meets every operation at its place again.
    const tip = project.git('rev-parse', REF)
    project.git('update-ref', REF, `${REF}~3`)
    await fetchFrom(project, feed)
    expect(project.git('rev-parse', REF)).toBe(tip)
    project.check()
  })

  it('G9, G2: a feed that silently begins later is no other world; one that kept what is older is', async () => {
    const { project, feed, lamp } = await begin()
    feed.happen(7, 'a', 'entity.update', { ...lamp, position: [1, 0, 0] })
    feed.happen(8, 'b', 'entity.update', { ...lamp, position: [2, 0, 0] })
    feed.dropped = 7
    expect(await fetchFrom(project, feed)).toMatchObject({ commits: 1, cursor: 8, renewed: { from: 3, rewritten: 1 } })
    feed.operations.pop()
    feed.happen(9, 'c', 'entity.update', { ...lamp, position: [3, 0, 0] })
    feed.dropped = 0
    const reset = { code: 'world_reset', exitCode: 5, hint: expect.stringContaining('gamedev sync init') }
    await expect(fetchFrom(project, feed)).rejects.toMatchObject(reset)
    feed.operations.length = 0
    await expect(fetchFrom(project, feed)).rejects.toMatchObject({ ...reset, data: { cursor: 8, headCursor: 3 } })
    // A fresh clone of the project says so as well, instead of knowing nothing of the world.
    project.git('update-ref', '-d', REF)
    const empty = { cursor: 0, headCursor: 0, operations: [], hasMore: false }
    const nothing = { head: async () => 0, changes: async () => ({ kind: 'page', page: empty }) as const }
    const lost = project.session((session) => fetchWorld(withRuntime(session, nothing)))
    await expect(lost).rejects.toMatchObject(reset)
  })

  it('G3, G11: a world that changes while it is read, at the start and when it is compared', async () => {
    const { project, feed, lamp } = await begin()
    let cursor = 20
    // One change between head and snapshot, one between snapshot and the second head.
    const move = () => {
      cursor += 5
      const object = { ...lamp, position: [cursor, 0, 0] }
      feed.happen(cursor, `op${cursor}`, 'entity.update', object)
    }
    feed.beforeSnapshot = move
    feed.afterSnapshot = () => {
      move()
      feed.happen(++cursor, `add${cursor}`, 'entity.add', { ...lamp, id: `new${cursor}` })
    }
    expect(await pullFrom(project, feed, true)).toMatchObject({ kind: 'merged', unannounced: 0, loss: undefined })
    expect(cursors(project)).toEqual([3, 25, 30, 31])
    expect(project.json(project.entityPath('lamp0001')).position).toEqual([30, 0, 0])
    expect(project.exists(project.entityPathOf('new31'))).toBe(true)
    project.check()
    // The same for the snapshot that a line begins with.
    project.git('update-ref', '-d', REF)
    await project.session((session) => startLine(withRuntime(session, feed.answers(session.runtime)), 'plaza', 'split'))
    expect(cursors(project)).toEqual([42])
    expect(project.git('show', `${REF}:${project.entityPathOf('lamp0001')}`)).toContain('"position": [41, 0, 0]')
    expect(project.git('show', `${REF}:${project.entityPathOf('new42')}`)).toContain('"id": "new42"')
  })
})
