import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Oid } from '../../../src/git-bridge/repository.ts'
import { countsOf } from '../../../src/sync/figures/count.ts'
import type { SyncEvent } from '../../../src/sync/figures/event.ts'
import { FIGURES } from '../../../src/sync/figures/figures.ts'
import { type LogLine, lineOf } from '../../../src/sync/figures/line.ts'
import { openLog } from '../../../src/sync/figures/log.ts'
import { openReporter } from '../../../src/sync/figures/reporter.ts'
import { Secrets } from '../../../src/sync/figures/secrets.ts'
import { figuresFolder, readKept } from '../../../src/sync/figures/store.ts'
import { takeLocks } from '../../../src/sync/locks.ts'
import { objectKey } from '../../../src/world/state.ts'
import { temporaryFolder } from '../support.ts'
import { Heard } from './heard.ts'

const object = objectKey('entity', 'lamp')
const operation = { object, uid: 'u1', op: 'o1', does: 'entity.update' }
const since = 'b'.repeat(40) as Oid
const commit = 'c'.repeat(40) as Oid
const about = { world: 'plaza', target: 'main' }

type Expected = readonly [level: LogLine['level'], ...figures: readonly string[]]

/** Every event, what it adds, and how much its line matters: the compiler notices a gap. */
const EVENTS: { readonly [K in SyncEvent['kind']]: readonly (readonly [Extract<SyncEvent, { kind: K }>, Expected])[] } =
  {
    handshake: [[{ kind: 'handshake', world: 'plaza', ms: 3 }, ['info', 'sync.handshake.duration_ms 3']]],
    lag: [
      [{ kind: 'lag', cursor: 9, taken: 4 }, ['debug', 'sync.cursor.lag 5']],
      [{ kind: 'lag', cursor: 4, taken: 9 }, ['debug', 'sync.cursor.lag 0']],
    ],
    'line-begun': [[{ kind: 'line-begun', cursor: 1 }, ['info']]],
    'layout-changed': [[{ kind: 'layout-changed', layout: 'split', head: commit, cursor: 1 }, ['info']]],
    'snapshot-taken': [[{ kind: 'snapshot-taken', from: 1, cursor: 5, rewritten: 2 }, ['warn']]],
    'taken-in': [
      [{ kind: 'taken-in', ...operation, cursor: 2, own: false }, ['debug', 'sync.ops.remote_to_local 1']],
      [{ kind: 'taken-in', ...operation, cursor: 2, own: true }, ['debug']],
    ],
    unannounced: [[{ kind: 'unannounced', object, objects: 1 }, ['warn']]],
    loss: [[{ kind: 'loss', step: 'found', object, fields: ['position'] }, ['warn']]],
    'object-refused': [[{ kind: 'object-refused', object, reason: 'its path' }, ['warn']]],
    'auto-resolved': [
      [
        { kind: 'auto-resolved', object, field: 'props.tags', mode: 'set', since },
        ['info', 'sync.conflicts.auto_resolved set once'],
      ],
    ],
    contested: [
      [
        { kind: 'contested', by: 'merge', object, fields: ['a', 'b'], since, id: 'x', as: 'shown' },
        ['warn', 'sync.conflicts.total once', 'sync.conflicts.total once'],
      ],
      [
        { kind: 'contested', by: 'push', object, fields: ['a'], since },
        ['warn', 'sync.conflicts.total once', 'sync.overwrites.prevented contested once'],
      ],
    ],
    'conflict-resolved': [
      [{ kind: 'conflict-resolved', world: 'court', id: 'x', object, fields: ['a'], mode: 'local' }, ['info']],
      [{ kind: 'conflict-resolved', world: undefined, id: 'x', object, fields: ['a'], mode: 'abandoned' }, ['info']],
    ],
    planned: [[{ kind: 'planned', ...operation }, ['debug']]],
    sent: [[{ kind: 'sent', ...operation }, ['debug']]],
    landed: [[{ kind: 'landed', ...operation }, ['info', 'sync.ops.local_to_remote 1']]],
    refused: [
      [{ kind: 'refused', ...operation, error: 'in_use', unsent: false }, ['warn']],
      [{ kind: 'refused', ...operation, error: 'version_mismatch', unsent: true }, ['warn']],
      [
        { kind: 'refused', ...operation, error: 'version_mismatch', unsent: false },
        ['warn', 'sync.version_mismatches 1', 'sync.overwrites.prevented expectation 1'],
      ],
    ],
    'held-back': [
      [
        { kind: 'held-back', object, field: 'position', why: 'hand', reason: 'held', since },
        ['info', 'sync.overwrites.prevented held_back once'],
      ],
      [
        { kind: 'held-back', object, field: 'position', why: 'conflict', reason: 'open', since },
        ['info', 'sync.overwrites.prevented held_back once'],
      ],
      [{ kind: 'held-back', object, field: 'x', why: 'runtime', reason: 'not kept', since }, ['info']],
    ],
    mismatch: [
      [
        { kind: 'mismatch', ...operation, field: 'position', refused: true },
        ['warn', 'sync.version_mismatches 1', 'sync.overwrites.prevented expectation 1'],
      ],
      [
        { kind: 'mismatch', field: 'Lamp.scriptFiles', refused: false },
        ['warn', 'sync.overwrites.prevented expectation 1'],
      ],
    ],
    'unseen-write': [[{ kind: 'unseen-write', object, field: 'position', by: 'ada', commit }, ['warn']]],
    lock: [
      [{ kind: 'lock', step: 'taken', scope: 'Lamp' }, ['debug']],
      [{ kind: 'lock', step: 'released', scope: 'Lamp' }, ['debug']],
      [{ kind: 'lock', step: 'held', scope: 'Lamp', owner: 'ada' }, ['warn', 'sync.lock_failures held 1']],
      [{ kind: 'lock', step: 'lost', scope: 'Lamp' }, ['warn', 'sync.lock_failures lost 1']],
      [{ kind: 'lock', step: 'not-renewed', scope: 'Lamp' }, ['warn', 'sync.lock_failures not_renewed 1']],
    ],
    'replaced-at-start': [[{ kind: 'replaced-at-start', object, fields: 3 }, ['warn', 'sync.overwrites.startup 3']]],
    recovered: [[{ kind: 'recovered', what: 'push', landed: 1, left: 0 }, ['warn']]],
    merged: [[{ kind: 'merged', as: 'merged', head: commit, cursor: 4 }, ['info']]],
    warned: [[{ kind: 'warned', text: 'look' }, ['warn']]],
  }

const docs = readFileSync(join(import.meta.dirname, '../../../docs/figures.md'), 'utf8')

describe('events', () => {
  test.each(
    Object.values(EVENTS)
      .flat()
      .map(([event, expected]) => [event.kind, event, expected] as const),
  )('%s', (kind, event, [level, ...figures]) => {
    const counted = countsOf(event, about).map((count) => {
      const { world, target, ...more } = count.attributes
      expect([world, target]).toEqual(['plaza', 'main'])
      const own = Object.entries(more)
      // Every attribute has a known name and value: series stay few.
      const { by } = FIGURES.find(({ name }) => name === count.name)!
      expect(own.every(([name, value]) => by?.attribute === name && by.values.includes(value))).toBe(true)
      const amount = count.kind === 'once' ? 'once' : count.kind === 'add' ? count.by : count.value
      return [count.name, ...own.map(([, value]) => value), amount].join(' ')
    })
    expect(counted).toEqual(figures)
    const line = lineOf(event, about)
    expect([line.level, line.facts]).toMatchObject([level, { event: kind, target: 'main' }])
    expect(line.facts.world).toBe(kind === 'conflict-resolved' && 'world' in event && event.world ? 'court' : 'plaza')
    expect(docs).toContain(`\`${kind}\``)
  })

  test('figures are all described', () => {
    for (const { name, by } of FIGURES) {
      const [row] = docs.split('\n').filter((line) => line.startsWith(`| \`${name}\``))
      expect(row).toBeDefined()
      for (const value of by?.values ?? []) expect(row).toContain(`\`${value}\``)
    }
  })

  test('without names of world and target, there are no such attributes; long ones are cut', () => {
    expect(countsOf({ kind: 'landed', ...operation }, {})[0]?.attributes).toEqual({})
    const [count] = countsOf({ kind: 'landed', ...operation }, { world: 'w'.repeat(5000) })
    expect(count?.attributes.world).toHaveLength(200)
  })

  test('P4: locks that are lost, or cannot be renewed', async () => {
    const heard = new Heard()
    const report = {
      tell: (event: SyncEvent) => heard.tell(event, about),
      conceal: (secret?: string) => heard.conceal(secret),
    }
    let renewals = 0
    const runtime = {
      acquireLock: async () => ({ kind: 'acquired' as const, token: 'a-token', ttlMs: 1000 }),
      renewLock: async () => {
        if (++renewals > 1) throw new Error('cut')
        return false
      },
      releaseLock: async () => {},
    }
    for (let again = 0; again < 2; again++) await expect(takeLocks(runtime, ['Lamp'], { report })).rejects.toThrow()
    expect(heard.figures()).toEqual({ 'lock_failures lost': 1, 'lock_failures not_renewed': 1 })
    expect(heard.of('lock').map(({ step }) => step)).toEqual([
      'taken',
      'lost',
      'released',
      'taken',
      'not-renewed',
      'released',
    ])
    expect(heard.secrets).toEqual(['a-token', 'a-token'])
  })
})

describe('logs', () => {
  test('lines wait for the project, are made harmless, and never fail', async () => {
    const folder = temporaryFolder()
    const secrets = new Secrets({ ADMIN_CODE: 'open-sesame' })
    const log = await openLog({ level: 'info', file: undefined, base: { pid: 1 }, secrets })
    const line = (facts: Readonly<Record<string, unknown>>) => log.write({ level: 'info', message: 'said', facts })
    line({ object: 'entity:\u001b[2Jx\u202e\n', reason: 'wrong code open-sesame for https://me:pw@host' })
    log.write({ level: 'debug', message: 'too quiet', facts: {} })
    line({
      text: 'x'.repeat(5000),
      list: Array.from({ length: 500 }, () => 1),
      deep: { a: { b: { c: { d: { e: { f: 1 } } } } } },
    })
    log.enter(folder)
    line({ n: 3 })
    log.close()
    line({ n: 4 })
    const text = readFileSync(join(folder, 'logs/sync.log'), 'utf8')
    const lines = text
      .trimEnd()
      .split('\n')
      .map((one) => JSON.parse(one))
    expect(lines).toHaveLength(3)
    expect(lines[0]).toMatchObject({
      level: 'info',
      pid: 1,
      object: 'entity:\uFFFD[2Jx\uFFFD\uFFFD',
      reason: 'wrong code *** for https://***@host',
      msg: 'said',
    })
    expect([lines[1].text.length, lines[1].list.length, JSON.stringify(lines[1].deep)]).toEqual([
      2000,
      100,
      '{"a":{"b":{"c":{"d":{"e":"…"}}}}}',
    ])
    expect(lines[2]).toMatchObject({ n: 3 })
  })

  test('a folder that cannot be written keeps nothing and fails nothing', async () => {
    const file = join(import.meta.dirname, 'heard.ts')
    const reporter = await openReporter({ command: 'sync pull', version: '1', env: {}, level: 'trace' })
    const project = { gitDir: import.meta.dirname, stateFolder: file, codes: async () => [] }
    await reporter.enter(project)
    reporter.tell({ kind: 'landed', ...operation }, about)
    await reporter.end({ exitCode: 0 })
    expect((await readKept(figuresFolder(project))).sums.isEmpty).toBe(true)
  })
})
