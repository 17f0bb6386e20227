import { expect, test } from 'vitest'
import { lookAhead } from '../../../src/git-bridge/native/look-ahead.ts'
import { collect } from '../contract/vocabulary.ts'

test.each([1, 2, 5, 50])('items come in order, up to %d of them early', async (count) => {
  const seen: number[] = []
  const items = Array.from({ length: 20 }, (_, n) => n)
  const out: number[] = []
  for await (const item of lookAhead(items, count, (early) => seen.push(early))) {
    expect(seen.length).toBeLessThanOrEqual(out.length + count + 1)
    out.push(item)
  }
  expect(out).toEqual(items)
  expect(seen).toEqual(items)
  expect(await collect(lookAhead([], count, () => {}))).toEqual([])
})

test('what the source throws comes after the items before it', async () => {
  async function* source(): AsyncGenerator<number> {
    yield 1
    yield 2
    throw new Error('broken')
  }
  const out: number[] = []
  const read = async (): Promise<void> => {
    for await (const item of lookAhead(source(), 10, () => {})) out.push(item)
  }
  await expect(read()).rejects.toThrow('broken')
  expect(out).toEqual([1, 2])
})

test('who stops early ends the source, without waiting for it', async () => {
  let ended = false
  function* source(): Generator<number> {
    try {
      for (let n = 0; ; n += 1) yield n
    } finally {
      ended = true
    }
  }
  for await (const item of lookAhead(source(), 3, () => {})) if (item === 2) break
  expect(ended).toBe(true)
  async function* stuck(): AsyncGenerator<number> {
    yield 1
    await new Promise(() => {})
  }
  for await (const item of lookAhead(stuck(), 3, () => {})) {
    expect(item).toBe(1)
    break
  }
})
