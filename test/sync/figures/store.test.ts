import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Count } from '../../../src/sync/figures/count.ts'
import { keepRun, readKept } from '../../../src/sync/figures/store.ts'
import { Sums } from '../../../src/sync/figures/sums.ts'
import { temporaryFolder } from '../support.ts'

const NOW = '2026-01-01T00:00:00.000Z'

function sumsOf(counts: readonly Count[], at = NOW): Sums {
  const sums = new Sums(at)
  for (const count of counts) sums.add(count, at)
  return sums
}

function merged(...all: readonly Sums[]): Sums {
  const sums = new Sums('2026-06-01T00:00:00.000Z')
  for (const one of all) sums.merge(one)
  return sums
}

/** What is read from sums, whatever their order. */
function contents(sums: Sums): unknown {
  return [
    sums.since,
    sums.counters('sync.conflicts.total'),
    sums.counters('sync.ops.local_to_remote'),
    sums.gauges('sync.cursor.lag'),
    sums.histograms('sync.handshake.duration_ms'),
  ]
}

const attributes = { world: 'plaza', target: 'main' }
const landed = (by: number): Count => ({ kind: 'add', name: 'sync.ops.local_to_remote', attributes, by })
const conflict = (id: string): Count => ({ kind: 'once', name: 'sync.conflicts.total', attributes, id })

const anyCount: fc.Arbitrary<Count> = fc.oneof(
  fc.record({
    kind: fc.constant('add' as const),
    name: fc.constant('sync.ops.local_to_remote' as const),
    attributes: fc.constantFrom(attributes, { world: 'court' }),
    by: fc.integer({ min: 1, max: 9 }),
  }),
  fc.record({
    kind: fc.constant('once' as const),
    name: fc.constant('sync.conflicts.total' as const),
    attributes: fc.constant(attributes),
    id: fc.constantFrom('a', 'b', 'c', 'd'),
  }),
  fc.record({
    kind: fc.constant('observe' as const),
    name: fc.constant('sync.handshake.duration_ms' as const),
    attributes: fc.constant(attributes),
    value: fc.integer({ min: 0, max: 20_000 }),
  }),
)

describe('sums', () => {
  test('of several runs are the same in whatever order they are merged, and as text', () => {
    const runs = fc.array(fc.array(anyCount, { maxLength: 6 }), { maxLength: 4 })
    fc.assert(
      fc.property(runs, fc.infiniteStream(fc.nat()), (all, order) => {
        const sums = all.map((counts) => sumsOf(counts))
        const shuffled = sums.map((one) => [order.next().value, one] as const).sort(([a], [b]) => a - b)
        const whole = merged(...sums)
        expect(contents(merged(...shuffled.map(([, one]) => one)))).toEqual(contents(whole))
        expect(contents(Sums.parse(JSON.parse(String(whole)))!)).toEqual(contents(whole))
        // What counts once is counted once, whoever saw it.
        const ids = new Set(all.flat().flatMap((count) => (count.kind === 'once' ? [count.id] : [])))
        expect(whole.counters('sync.conflicts.total').reduce((sum, { value }) => sum + value, 0)).toBe(ids.size)
      }),
      { numRuns: 100 },
    )
  })

  test('a gauge is what was seen last; buckets have inclusive upper bounds', () => {
    const lag = (value: number): Count => ({ kind: 'set', name: 'sync.cursor.lag', attributes, value })
    const early = sumsOf([lag(7)], '2026-01-01T00:00:00.000Z')
    const late = sumsOf([lag(0)], '2026-01-02T00:00:00.000Z')
    for (const both of [merged(early, late), merged(late, early)]) {
      expect(both.gauges('sync.cursor.lag')).toEqual([{ name: 'sync.cursor.lag', attributes, value: 0 }])
    }
    const took = (value: number): Count => ({ kind: 'observe', name: 'sync.handshake.duration_ms', attributes, value })
    const [histogram] = sumsOf([5, 5.1, 10_000, 10_001].map(took)).histograms('sync.handshake.duration_ms')
    expect(histogram?.value).toEqual({ count: 4, sum: 20_011.1, buckets: [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1] })
  })

  test('the difference to what was kept before is what a run added', () => {
    const before = sumsOf([landed(3), conflict('a')])
    const difference = merged(before, sumsOf([landed(2), conflict('a'), conflict('b')])).after(before)
    expect(difference.counters('sync.ops.local_to_remote').map(({ value }) => value)).toEqual([2])
    expect(difference.counters('sync.conflicts.total').map(({ value }) => value)).toEqual([1])
  })

  test('are bounded, whatever is counted: too many series are counted together, old sightings forgotten', () => {
    const sums = new Sums(NOW)
    for (let n = 0; n < 1500; n++) sums.add({ ...landed(1), attributes: { world: `world-${n}` } }, NOW)
    const points = sums.counters('sync.ops.local_to_remote')
    expect(points).toHaveLength(1001)
    expect(points.find((point) => 'otel.metric.overflow' in point.attributes)?.value).toBe(500)
    const seen = merged(sumsOf(Array.from({ length: 5000 }, (_, n) => conflict(`c${n}`))))
    expect(seen.counters('sync.conflicts.total')[0]?.value).toBe(5000)
    expect(String(seen).length).toBeLessThan(500_000)
  })

  test.each([
    '',
    '[]',
    'null',
    '{"format":2}',
    JSON.stringify({ format: 1, since: 'x', counters: {}, gauges: {}, histograms: {}, once: {} }),
    JSON.stringify({ format: 1, since: NOW, counters: { nonsense: 1 }, gauges: {}, histograms: {}, once: {} }),
    JSON.stringify({
      format: 1,
      since: NOW,
      counters: { '["sync.nothing",[]]': 1 },
      gauges: {},
      histograms: {},
      once: {},
    }),
    JSON.stringify({
      format: 1,
      since: NOW,
      counters: { '["sync.cursor.lag",[]]': -1 },
      gauges: {},
      histograms: {},
      once: {},
    }),
    JSON.stringify({
      format: 1,
      since: NOW,
      counters: {},
      gauges: {},
      histograms: { '["sync.cursor.lag",[]]': { count: 1, sum: 1, buckets: [1] } },
      once: {},
    }),
    '{"format":1,"since":"2026-01-01","counters":{"__proto__":5},"gauges":{},"histograms":{},"once":{}}',
  ])('nothing else is read: %s', (text) => {
    const document = text === '' ? null : JSON.parse(text)
    expect(Sums.parse(document)).toBeUndefined()
  })
})

describe('S4: kept figures', () => {
  const total = async (folder: string) =>
    (await readKept(folder)).sums.counters('sync.ops.local_to_remote').reduce((sum, { value }) => sum + value, 0)

  test('many runs at once lose nothing, and few files are left', async () => {
    const folder = join(temporaryFolder(), 'figures')
    const runs = Array.from({ length: 120 }, (_, n) => sumsOf([landed(1), conflict(`c${n % 10}`)]))
    for (let at = 0; at < runs.length; at += 40) {
      await Promise.all([...runs.slice(at, at + 40).map((run) => keepRun(folder, run)), readKept(folder)])
    }
    expect(await total(folder)).toBe(120)
    const { sums, damaged } = await readKept(folder)
    expect(sums.counters('sync.conflicts.total')[0]?.value).toBe(10)
    expect(damaged).toEqual([])
    expect(readdirSync(folder).length).toBeLessThan(90)
    for (let n = 0; n < 40; n++) await keepRun(folder, sumsOf([landed(1)]))
    expect(await total(folder)).toBe(160)
    expect(readdirSync(folder).length).toBeLessThan(40)
  })

  test('a crash between a new total and the removal of what it was made of counts nothing twice', async () => {
    const folder = join(temporaryFolder(), 'figures')
    for (let n = 0; n < 32; n++) await keepRun(folder, sumsOf([landed(1)]))
    const runs = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))] as const)
    await keepRun(folder, sumsOf([landed(1)]))
    expect(readdirSync(folder)).toEqual(['total-1.json'])
    for (const [name, bytes] of runs) writeFileSync(join(folder, name), bytes)
    expect(await total(folder)).toBe(33)
    // The next fold takes them away.
    await keepRun(folder, sumsOf([landed(1)]))
    expect(await total(folder)).toBe(34)
    expect(readdirSync(folder).sort()).toEqual(['total-1.json', 'total-2.json'])
  })

  test('what cannot be read is put aside, named, and does not stop the counting', async () => {
    const folder = join(temporaryFolder(), 'figures')
    await keepRun(folder, sumsOf([landed(5)]))
    writeFileSync(join(folder, 'run-00000000000001-aa.json'), '{"format":1,')
    writeFileSync(join(folder, 'total-4.json'), 'total nonsense')
    writeFileSync(join(folder, 'total-3.json'), '{"sums":{},"runs":[]}')
    writeFileSync(join(folder, 'new-leftover'), 'of a crash')
    utimesSync(join(folder, 'new-leftover'), 1, 1)
    const { damaged } = await readKept(folder)
    expect(damaged).toEqual(['total-4.json', 'total-3.json', 'run-00000000000001-aa.json'])
    expect(await total(folder)).toBe(5)
    expect((await readKept(folder)).damaged).toEqual([])
    expect(readFileSync(join(folder, 'damaged.json'), 'utf8')).toBe('{"format":1,')
    for (let n = 0; n < 40; n++) await keepRun(folder, sumsOf([landed(1)]))
    expect(await total(folder)).toBe(45)
    expect(readdirSync(folder)).not.toContain('new-leftover')
  })

  test('G13: the folder may go at any time', async () => {
    const folder = join(temporaryFolder(), 'figures')
    expect((await readKept(folder)).sums.isEmpty).toBe(true)
    await keepRun(folder, sumsOf([landed(1)]))
    rmSync(folder, { recursive: true })
    await keepRun(folder, sumsOf([landed(2)]))
    expect(await total(folder)).toBe(2)
    // A folder where a file should be is read as damaged, not as an error.
    mkdirSync(join(folder, 'total-1.json'))
    expect((await readKept(folder)).damaged).toEqual(['total-1.json'])
  })
})
