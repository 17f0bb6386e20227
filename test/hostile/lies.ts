import type { Draw } from './draw.ts'
import type { Answered, Asked, Wire } from './hostile-world.ts'
import { SECRET } from './sandbox.ts'
import { ACTORS, KEYS, NUMBERS, raw, spelled, value, word } from './words.ts'

/** A lie about one answer. `honest` ones say nothing that is not so: the world can be read again afterwards. */
export interface Lie {
  readonly name: string
  readonly honest: boolean
  readonly about: RegExp
  readonly tell: (draw: Draw, honest: Answered, asked: Asked) => Answered | 'cut'
}

const ANY = /./

/** A copy of a document with one of its values replaced, wherever that is. */
function mutated(draw: Draw, document: unknown): unknown {
  if (typeof document !== 'object' || document === null || draw.chance(0.15)) {
    return draw.pick<() => unknown>([
      () => value(draw),
      () => raw(draw.pick(NUMBERS)),
      () => undefined,
      () => word(draw),
      () => [],
      () => ({}),
    ])()
  }
  if (Array.isArray(document)) {
    if (document.length === 0) return [value(draw)]
    const at = draw.int(0, document.length - 1)
    return document.map((item: unknown, index) => (index === at ? mutated(draw, item) : item))
  }
  const keys = Object.keys(document)
  const at = keys.length === 0 || draw.chance(0.1) ? draw.pick(KEYS) : draw.pick(keys)
  return { ...document, [at]: mutated(draw, (document as Wire)[at]) }
}

function withBody(answer: Answered, body: unknown): Answered {
  return { ...answer, body }
}

function changed(answer: Answered, change: (page: Wire) => Wire): Answered {
  const { body } = answer
  return typeof body === 'object' && body !== null && !(body instanceof Uint8Array)
    ? withBody(answer, { ...body, ...change(body as Wire) })
    : answer
}

const operationsOf = (page: Wire): readonly Wire[] =>
  Array.isArray(page.operations) ? (page.operations as readonly Wire[]) : []

export const LIES: readonly Lie[] = [
  {
    name: 'status',
    honest: true,
    about: ANY,
    tell: (draw) => ({
      status: draw.pick([204, 206, 301, 307, 400, 401, 403, 404, 405, 409, 410, 413, 418, 429, 500, 502, 503]),
      headers: { location: `http://user:${SECRET}@127.0.0.1:1/`, 'x-admin-code': SECRET },
      body: draw.pick<unknown>([
        undefined,
        { error: `no ${SECRET} \u001b[2J\n error: forged` },
        { error: 7 },
        { message: 'x', error: 'Not Found' },
        { error: draw.pick(ACTORS) },
        { error: 'locked', lock: { locked: true, owner: '\u009b31m', expiresInMs: 1e308 } },
        { error: 'cursor_expired', oldestCursor: draw.pick([0, 3, 2 ** 52]) },
      ]),
    }),
  },
  {
    name: 'broken body',
    honest: true,
    about: ANY,
    tell: (draw, honest) => {
      const text = honest.body instanceof Uint8Array ? 'bytes' : spelled(honest.body ?? null)
      return withBody(
        honest,
        Buffer.from(
          draw.pick([
            text.slice(0, draw.int(0, text.length)),
            `${text}x`,
            '<html>',
            '',
            '\ufeff{}',
            `${'['.repeat(100_000)}`,
            text.replaceAll(':', ','),
            'NaN',
          ]),
        ),
      )
    },
  },
  {
    name: 'no UTF-8',
    honest: true,
    about: ANY,
    tell: (_, honest) => withBody(honest, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
  },
  {
    name: 'encoding',
    honest: true,
    about: ANY,
    tell: (draw, honest) => ({
      ...honest,
      headers: {
        'content-encoding': draw.pick([
          'gzip',
          'br',
          'deflate',
          'zstd',
          'gzip, gzip',
          word(draw).replace(/[^\x21-\x7e]/g, 'x'),
        ]),
      },
    }),
  },
  { name: 'cut', honest: true, about: ANY, tell: () => 'cut' },
  {
    name: 'mutation',
    honest: false,
    about: ANY,
    tell: (draw, honest) =>
      withBody(honest, honest.body instanceof Uint8Array ? Buffer.from('other') : mutated(draw, honest.body)),
  },
  {
    name: 'repeats',
    honest: false,
    about: /changes/,
    tell: (draw, honest) =>
      changed(honest, (page) => ({
        operations: operationsOf(page).flatMap((operation) =>
          draw.chance(0.5) ? [operation, operation] : [operation],
        ),
        hasMore: draw.chance(0.3),
      })),
  },
  {
    name: 'backwards',
    honest: false,
    about: /changes/,
    tell: (_, honest) => changed(honest, (page) => ({ operations: [...operationsOf(page)].reverse() })),
  },
  {
    name: 'promises more',
    honest: true,
    about: /changes/,
    tell: (draw, honest) =>
      changed(honest, (page) => ({ hasMore: true, operations: draw.chance(0.5) ? [] : operationsOf(page) })),
  },
  {
    name: 'promises less',
    honest: true,
    about: /changes/,
    tell: (_, honest) => changed(honest, () => ({ hasMore: false })),
  },
  {
    name: 'head',
    honest: false,
    about: /changes/,
    tell: (draw, honest) =>
      changed(honest, () => ({
        headCursor: draw.pick([0, 1, 3, 9e15, 1e6]),
        ...(draw.chance(0.3) ? { cursor: draw.pick([0, 2, 9e15]) } : {}),
      })),
  },
  {
    name: 'other history',
    honest: false,
    about: /changes/,
    tell: (draw, honest) =>
      changed(honest, (page) => ({
        operations: operationsOf(page).map((operation) => ({ ...operation, opId: `other-${draw.int(0, 3)}` })),
      })),
  },
  {
    name: 'jumps',
    honest: false,
    about: /changes/,
    tell: (draw, honest) =>
      changed(honest, (page) => ({
        operations: operationsOf(page).map((operation) => ({
          ...operation,
          cursor: Number(operation.cursor) * draw.pick([1000, 1e12]),
        })),
      })),
  },
  {
    name: 'never ends',
    honest: false,
    about: /changes/,
    tell: (draw, honest, asked) => {
      const from = Number(asked.query.get('cursor'))
      if (!Number.isFinite(from) || from > 2000) return honest
      const operations = Array.from({ length: 5 }, (_, n) => ({
        cursor: from + n + 1,
        opId: `endless-${from + n + 1}`,
        ts: '2026-01-01T00:00:00Z',
        actor: 'x',
        source: 'admin',
        kind: draw.pick(['entity.update', 'unheard']),
        objectUid: 'x',
        snapshot: { id: `e${n}`, type: 'app', blueprint: 'Good' },
        patch: {},
      }))
      return withBody(honest, { cursor: from + 5, headCursor: from + 1000, operations, hasMore: true })
    },
  },
  {
    name: 'world',
    honest: true,
    about: /status|snapshot/,
    tell: (draw, honest) =>
      changed(honest, () => ({ worldId: draw.pick(['other', '', 'plaza\u200b', '__proto__', word(draw), 7, null]) })),
  },
  {
    name: 'assets elsewhere',
    honest: true,
    about: /snapshot/,
    tell: (draw, honest) =>
      changed(honest, () => ({
        assetsUrl: draw.pick([
          'file:///etc',
          `http://user:${SECRET}@127.0.0.1:1`,
          '//127.0.0.1:1/x',
          'javascript:0',
          '../..',
          '\u001b[2J',
          'http://[',
          7,
          `http://127.0.0.1:1/${SECRET}?x=${SECRET}`,
        ]),
      })),
  },
  {
    name: 'offers',
    honest: false,
    about: /snapshot/,
    tell: (draw, honest) =>
      changed(honest, () => ({
        capabilities: draw.pick([
          ['durable', 'ops.batch', 'snapshot.cursor', 'changes.wait'],
          [],
          ['__proto__'],
          'ops.batch',
          null,
        ]),
        cursor: draw.pick([0, 3, 2 ** 52, -1, 1.5]),
        maxUploadSize: draw.pick(['x', '-1', 1e-9, null]),
      })),
  },
  {
    name: 'other bytes',
    honest: true,
    about: /^\/assets/,
    tell: (draw, honest) =>
      withBody(
        honest,
        Buffer.from(
          draw.pick(['', 'evil()', '\0', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n']),
        ),
      ),
  },
  {
    name: 'acknowledges',
    honest: false,
    about: /ops|upload|lock/,
    tell: (draw, honest) =>
      withBody(
        honest,
        draw.pick<unknown>([
          { ok: true, cursor: 1, results: [] },
          { ok: true, cursor: 9e15, results: [{ opId: '__proto__', cursor: 3, duplicate: true }] },
          { ok: true, filename: '../../evil' },
          { exists: true },
          { ok: true, token: '\u001b[2J\n', ttlMs: 1e308 },
          {},
        ]),
      ),
  },
  {
    name: 'refuses',
    honest: false,
    about: /ops|upload|lock/,
    tell: (draw) => ({
      status: draw.pick([400, 409]),
      body: draw.pick<unknown>([
        {
          error: 'expectation_failed',
          headCursor: 1,
          mismatches: [{ opId: 'x', id: '__proto__', field: 'a\u001b[2J', current: value(draw) }],
        },
        { error: 'expectation_failed', mismatches: [] },
        { error: 'cursor_mismatch' },
        { error: 'deploy_locked', lock: { locked: true, owner: `\u202e${SECRET}`, scope: 'Good' } },
        { error: 'invalid_payload', opId: 'nobody', message: `\u001b]0;${SECRET}\u0007\nerror: forged` },
        { error: '__proto__' },
      ]),
    }),
  },
]
