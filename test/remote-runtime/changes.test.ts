import { afterEach, describe, expect, test } from 'vitest'
import { type ChangesBatch, readChanges } from '../../src/remote-runtime/changes.ts'
import { closeAll, failure, json, operation, world } from './fake-server.ts'

afterEach(closeAll)

const page = (cursors: readonly number[], more: Record<string, unknown> = {}) => ({
  cursor: cursors.at(-1) ?? 0,
  headCursor: 9,
  operations: cursors.map((cursor) => operation(cursor)),
  hasMore: false,
  ...more,
})

describe('one page', () => {
  test('is asked for by cursor, limit and wait', async () => {
    const { runtime, server } = await world((_, response) => json(response, page([4, 6])))
    const answer = await runtime.changes(3, { limit: 50, wait: 20 })
    expect(Object.fromEntries(server.asked[0]!.query)).toEqual({ cursor: '3', limit: '50', wait: '20' })
    expect(answer).toMatchObject({ kind: 'page', page: { cursor: 6, headCursor: 9, hasMore: false } })
  })

  test('a long poll may take its time beyond the time-out', async () => {
    const { runtime, server } = await world((_, response) => void setTimeout(() => json(response, page([4])), 150), {
      timeoutMs: 50,
    })
    expect((await runtime.changes(3, { wait: 1 })).kind).toBe('page')
    expect(server.asked).toHaveLength(1)
  })

  test('operations that were delivered before are dropped', async () => {
    const { runtime } = await world((_, response) => json(response, page([2, 3, 4, 4, 5])))
    const answer = await runtime.changes(3)
    expect(answer.kind === 'page' && answer.page.operations.map(({ cursor }) => cursor)).toEqual([4, 5])
  })

  test('the cursor is that of the last operation, whatever the page says', async () => {
    const { runtime } = await world((_, response) => json(response, page([4, 5], { cursor: 8 })))
    expect(await runtime.changes(3)).toMatchObject({ page: { cursor: 5 } })
  })

  test.each([
    ['descending', [4, 6, 5]],
    ['one cursor for two operations', [4, 4]],
  ])('%s is refused', async (_, cursors) => {
    const operations = cursors.map((cursor, i) => operation(cursor, { opId: `x${i}` }))
    const { runtime } = await world((_asked, response) => json(response, page(cursors, { operations })))
    expect(await failure(runtime.changes(3))).toMatchObject({ code: 'invalid_response' })
  })

  test('a cursor beyond the head comes back as it is: the world was reset', async () => {
    const { runtime } = await world((_, response) => json(response, page([], { cursor: 999_999, headCursor: 0 })))
    expect(await runtime.changes(999_999)).toEqual({
      kind: 'page',
      page: { cursor: 999_999, headCursor: 0, operations: [], hasMore: false },
    })
  })

  test('a page cannot pretend such a reset', async () => {
    const { runtime } = await world((_, response) => json(response, page([], { cursor: 50, headCursor: 9 })))
    expect(await failure(runtime.changes(9))).toMatchObject({ code: 'invalid_response' })
  })

  test('unknown kinds and fields pass, null is absence', async () => {
    const operations = [
      operation(1, { kind: 'weather.rain', extra: { a: [1] }, patch: null, snapshot: null }),
      operation(2, { patch: { id: 'e' }, snapshot: null }),
    ]
    const { runtime } = await world((_, response) => json(response, page([1, 2], { operations })))
    const answer = await runtime.changes(0)
    if (answer.kind !== 'page') throw new Error('expired')
    expect(answer.page.operations).toEqual([
      operation(1, { kind: 'weather.rain', extra: { a: [1] } }),
      operation(2, { patch: { id: 'e' } }),
    ])
    expect(answer.page.operations[0]).not.toHaveProperty('patch')
  })

  test('a server without a changefeed is told apart', async () => {
    const { runtime } = await world((_, response) =>
      json(response, { message: 'Route not found', error: 'Not Found', statusCode: 404 }, 404),
    )
    const error = await failure(runtime.head())
    expect(error).toMatchObject({ code: 'no_changefeed', exitCode: 1 })
    expect(error.message).toContain('no changefeed')
  })

  test.each([
    [{ error: 'cursor_expired', oldestCursor: 40 }, 40],
    [{ error: 'cursor_expired' }, undefined],
    [{ error: 'cursor_expired', oldestCursor: 'x' }, undefined],
  ])('410 %j is an expired cursor', async (body, oldestCursor) => {
    const { runtime } = await world((_, response) => json(response, body, 410))
    expect(await runtime.changes(3)).toEqual({ kind: 'expired', oldestCursor })
  })
})

describe('reading on', () => {
  const feed = (total: number, limit: number) => (cursor: number) => {
    const all = Array.from({ length: total }, (_, i) => i + 1).filter((n) => n > cursor)
    return page(all.slice(0, limit), {
      cursor: all.slice(0, limit).at(-1) ?? cursor,
      headCursor: total,
      hasMore: all.length > limit,
    })
  }

  test('every operation comes once, in pages, with the head', async () => {
    const { runtime, server } = await world((asked, response) =>
      json(response, feed(25, 10)(Number(asked.query.get('cursor')))),
    )
    const batches = await collect(readChanges(runtime, 3, { limit: 10 }))
    expect(batches.map((batch) => batch.kind === 'page' && batch.operations.length)).toEqual([10, 10, 2])
    expect(batches.map(({ cursor }) => cursor)).toEqual([13, 23, 25])
    expect(batches.at(-1)).toMatchObject({ headCursor: 25 })
    expect(server.asked.map(({ query }) => query.get('cursor'))).toEqual(['3', '13', '23'])
  })

  test('the next page is under way while this one is worked on', async () => {
    const arrived: (() => void)[] = []
    const second = new Promise<void>((resolve) => arrived.push(resolve))
    const { runtime } = await world((asked, response) => {
      const cursor = Number(asked.query.get('cursor'))
      if (cursor === 10) arrived[0]?.()
      json(response, feed(20, 10)(cursor))
    })
    for await (const batch of readChanges(runtime, 0)) if (batch.cursor === 10) await second
  })

  test('nothing new is one empty page', async () => {
    const { runtime } = await world((_, response) => json(response, page([], { cursor: 9 })))
    expect(await collect(readChanges(runtime, 9))).toEqual([{ kind: 'page', operations: [], cursor: 9, headCursor: 9 }])
  })

  test('a lagging head is never below what was read', async () => {
    const { runtime } = await world((_, response) => json(response, page([8, 12], { headCursor: 9 })))
    expect(await collect(readChanges(runtime, 0))).toMatchObject([{ cursor: 12, headCursor: 12 }])
  })

  test('a page that was delivered before is asked for again', async () => {
    let calls = 0
    const { runtime } = await world((_, response) =>
      json(response, ++calls === 1 ? page([1, 2], { hasMore: true }) : page([3])),
    )
    expect((await collect(readChanges(runtime, 2))).map(({ cursor }) => cursor)).toEqual([3])
  })

  test.each([
    ['with no operations', () => page([], { cursor: 5, hasMore: true })],
    ['with old operations', () => page([4, 5], { hasMore: true })],
  ])('a promise of more that never comes ends: %s', async (_, answer) => {
    const { runtime, server } = await world((_asked, response) => json(response, answer()))
    expect(await failure(collect(readChanges(runtime, 5)))).toMatchObject({ code: 'invalid_response' })
    expect(server.asked).toHaveLength(3)
  })

  test('a cursor that expires on the way ends the reading', async () => {
    const { runtime } = await world((asked, response) =>
      asked.query.get('cursor') === '0'
        ? json(response, page([1, 2], { hasMore: true }))
        : json(response, { error: 'cursor_expired', oldestCursor: 40 }, 410),
    )
    const batches = await collect(readChanges(runtime, 0))
    expect(batches.map(({ kind }) => kind)).toEqual(['page', 'expired'])
    expect(batches[1]).toEqual({ kind: 'expired', cursor: 2, oldestCursor: 40 })
  })

  test('whoever stops early is not told of what fails later', async () => {
    const { runtime } = await world((asked, response) =>
      asked.query.get('cursor') === '0' ? json(response, page([1], { hasMore: true })) : json(response, [], 400),
    )
    for await (const batch of readChanges(runtime, 0)) {
      expect(batch.cursor).toBe(1)
      break
    }
  })
})

async function collect(batches: AsyncIterable<ChangesBatch>): Promise<ChangesBatch[]> {
  const all: ChangesBatch[] = []
  for await (const batch of batches) all.push(batch)
  return all
}
