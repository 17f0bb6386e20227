import { createHash } from 'node:crypto'
import type { Case } from './case.ts'
import { idOf, jsonOf, mutated, textOf } from './hostile-values.ts'
import { type Random, randomOf } from './random.ts'
import { batchCase, json, socketCase } from './write-cases.ts'

/** The case of that number in the run of that seed. */
export function caseOf(seed: number, index: number): Case {
  const random = randomOf(seed, index)
  const kind = random.below(20)
  if (kind < 7) return batchCase(random, `${seed}-${index}`)
  if (kind < 11) return socketCase(random, `${seed}-${index}`)
  if (kind < 13) return uploadCase(random)
  if (kind < 15) return deployCase(random)
  if (kind < 18) return readCase(random)
  return rawCase(random)
}

const NAMES = [
  'a.js',
  '../../x.js',
  '/etc/passwd',
  'C:\\x.js',
  '.git/config',
  '.gitattributes',
  '',
  '..',
  'con',
  'a\0b.png',
  `${'x'.repeat(3000)}.glb`,
  'ж.жж',
  'a.b.c.d',
  `${'0'.repeat(64)}.js`,
]

function uploadCase(random: Random): Case {
  const part = () => {
    const file = random.chance(0.8)
    const content = random.pick([
      '',
      'abc',
      'x'.repeat(5000),
      `--x`,
      '\r\n--x\r\n',
      'y'.repeat(random.chance(0.05) ? 1_500_000 : 50),
    ])
    const name = random.chance(0.1) ? `${createHash('sha256').update(content).digest('hex')}.js` : random.pick(NAMES)
    const disposition = `Content-Disposition: form-data; name="${random.pick(['file', 'other', '__proto__'])}"${file ? `; filename="${name}"` : ''}`
    const more = random.chance(0.1) ? `X: ${'y'.repeat(random.pick([10, 100_000]))}\r\n` : ''
    return `--x\r\n${disposition}\r\n${more}\r\n${content}\r\n`
  }
  const flood = random.chance(0.05)
    ? part()
        .slice(0, 500)
        .repeat(random.pick([20, 1500]))
    : ''
  const body = Buffer.from(`${flood}${random.list(3, part).join('')}${random.chance(0.9) ? '--x--\r\n' : ''}`)
  const boundary = random.chance(0.9) ? 'x' : random.pick(['', 'y', '"', 'x'.repeat(200)])
  return {
    kind: 'request',
    method: 'POST',
    path: '/admin/upload',
    headers: [['content-type', `multipart/form-data; boundary=${boundary}`]],
    body: random.chance(0.1) ? mutated(random, body) : body,
    coded: random.chance(0.95),
  }
}

function deployCase(random: Random): Case {
  const scope = random.chance(0.8) ? idOf(random) : jsonOf(random)
  const body: Record<string, unknown> = {
    scope,
    owner: random.chance(0.9) ? 'fuzz' : jsonOf(random),
    ttl: random.chance(0.5) ? 1 : jsonOf(random),
    token: textOf(random),
    lockToken: textOf(random),
    ids: random.chance(0.9) ? random.list(5, () => idOf(random)) : jsonOf(random),
    note: jsonOf(random),
    target: jsonOf(random),
    dryrun: random.chance(0.5) ? true : jsonOf(random),
    position: jsonOf(random),
    quaternion: [0, 0, 0, 1],
  }
  for (const key of Object.keys(body)) if (random.chance(0.2)) delete body[key]
  const [method, path] = random.pick([
    ['POST', '/admin/deploy-lock'],
    ['PUT', '/admin/deploy-lock'],
    ['DELETE', '/admin/deploy-lock'],
    ['POST', '/admin/deploy-snapshots'],
    ['POST', '/admin/deploy-snapshots/rollback'],
    ['POST', '/admin/clean'],
    ['PUT', '/admin/spawn'],
  ] as const)
  return json(method, path, random.chance(0.05) ? jsonOf(random) : body, random)
}

const PATHS = [
  '/health',
  '/status',
  '/metrics',
  '/admin',
  '/admin/snapshot',
  '/admin/changes',
  '/admin/entities',
  '/admin/deploy-lock',
  '/admin/upload-check',
  '/admin/blueprints/',
  '/assets/',
  '/assets/Model.glb',
  '/%61dmin/snapshot',
  '//admin/snapshot',
  '/admin/../admin/snapshot',
  '/',
]
const QUERY_VALUES = [
  '0',
  '1',
  '-1',
  'NaN',
  '1e308',
  '1e9',
  '1000',
  '1001',
  'latest',
  '',
  '%00',
  '%zz',
  '9007199254740992',
  'app',
  '__proto__',
  '%F0%9F%8F%AE',
  'x'.repeat(3000),
]

function readCase(random: Random): Case {
  const segment = random.pick([
    '',
    '',
    '..%2fworld.sqlite',
    '../world.sqlite',
    '%2e%2e%2f',
    '.incoming',
    '__proto__',
    '$scene',
    '%00',
    '%zz',
    'x'.repeat(4200),
    'sky.jpg',
  ])
  const query = random
    .list(
      4,
      () =>
        `${random.pick(['cursor', 'limit', 'type', 'scope', 'filename', 'x', '__proto__', 'cursor[]'])}=${random.pick(QUERY_VALUES)}`,
    )
    .join('&')
  const headers = random.list(3, (): readonly [string, string] =>
    random.pick([
      [
        'range',
        random.pick(['bytes=0-', 'bytes=-1', 'bytes=5-1', 'bytes=a', 'bytes=0-0,2-2', `bytes=${'9'.repeat(30)}-`]),
      ],
      ['if-none-match', '*'],
      ['origin', 'null'],
      ['access-control-request-method', 'POST'],
      ['host', random.pick(['x', 'a:b:c', '"><script>', ''])],
      ['x-forwarded-host', 'elsewhere'],
      ['expect', '100-continue'],
      ['content-length', '0'],
    ] as const),
  )
  return {
    kind: 'request',
    method: random.chance(0.8)
      ? 'GET'
      : random.pick(['HEAD', 'OPTIONS', 'POST', 'DELETE', 'PATCH', 'PUT', 'PROPFIND', 'TRACE']),
    path: `${random.pick(PATHS)}${segment}${query === '' ? '' : `?${query}`}`,
    headers,
    body: undefined,
    coded: random.chance(0.8),
  }
}

function rawCase(random: Random): Case {
  const target = random.pick([
    '/admin/snapshot',
    'http://x/admin/snapshot',
    '/%61dmin/snapshot',
    '/health',
    '*',
    'x:1',
    '/admin/ops',
  ])
  const body = '{"operations":[]}'
  const lines = [
    `${random.pick(['GET', 'POST', 'CONNECT', 'PRI', 'g'])} ${target} HTTP/${random.pick(['1.1', '1.0', '2.0', '9'])}`,
    'Host: w',
    `Content-Length: ${random.pick(['0', '-1', '17', '5', '99999999999', '0x5'])}`,
    ...random.list(3, () =>
      random.pick([
        'Transfer-Encoding: chunked',
        'Connection: Upgrade\r\nUpgrade: websocket',
        'X-Admin-Code: wrong',
        'A: b\r\n c',
        'Content-Type: application/json',
        `X: ${'y'.repeat(20_000)}`,
        'Expect: 100-continue',
      ]),
    ),
  ]
  const whole = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${random.chance(0.5) ? body : ''}`)
  const bytes = random.chance(0.5) ? mutated(random, whole) : whole
  return { kind: 'raw', bytes: random.chance(0.1) ? Buffer.alloc(0) : bytes, drop: random.chance(0.9) }
}
