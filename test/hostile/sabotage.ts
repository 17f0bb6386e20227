import { readdirSync, writeFileSync } from 'node:fs'
import type { Draw } from './draw.ts'
import { obstacle, replace, replaceBelow } from './obstacles.ts'
import { type Sandbox, SECRET } from './sandbox.ts'
import { KEYS, nested, PATHS, raw, record, spelled, value, word } from './words.ts'

/** Something hostile or broken in a project; says in words what it did. */
export interface Sabotage {
  readonly name: string
  readonly apply: (draw: Draw, sandbox: Sandbox, url: string) => string
}

function lobbyFile(draw: Draw, url: string): string {
  const target = () => ({
    worldUrl: draw.pick([
      url,
      `http://user:${SECRET}@127.0.0.1:1`,
      'file:///etc/passwd',
      '//',
      `${url}?code=${SECRET}`,
      word(draw),
      7,
    ]),
    worldId: draw.pick(['plaza', word(draw), '', 7, null]),
    ...(draw.chance(0.2) ? { adminCode: SECRET } : {}),
    ...(draw.chance(0.3) ? { confirm: value(draw) } : {}),
  })
  const names = draw.times(0, 3, () =>
    draw.pick(['main', 'prod', 'x'.repeat(300), '__proto__', 'toString', '../up', word(draw)]),
  )
  const rule = () =>
    record(
      draw.times(0, 4, () => [
        draw.pick(['type', 'id', 'scope', 'field', 'owner', 'resolve', ...KEYS]),
        draw.pick(['runtime', 'state', '*'.repeat(40), value(draw)]),
      ]),
    )
  return spelled({
    defaultTarget: draw.pick([names[0] ?? 'main', 'main', '__proto__', 'constructor', word(draw), value(draw)]),
    targets: draw.chance(0.85)
      ? record(names.map((name) => [name, draw.chance(0.85) ? target() : value(draw)]))
      : value(draw),
    ...(draw.chance(0.5) ? { policy: draw.chance(0.7) ? { rules: draw.times(0, 3, rule) } : value(draw) } : {}),
    ...(draw.chance(0.3) ? { strictConflicts: value(draw), bidirectionalSync: value(draw) } : {}),
    deep: draw.chance(0.2) ? raw(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) : undefined,
  })
}

/** An artifact that speaks of files which are none of the world's. */
function artifact(draw: Draw): string {
  const id = '0123abcd'
  const path = draw.pick([
    '../../canary.txt',
    '.git/hooks/pre-commit',
    'README.md',
    'lobby.json',
    'apps/Good/Good.json',
    word(draw),
  ])
  const side = () =>
    draw.pick<unknown>([
      { value: 1 },
      { absent: true },
      { value: nested(150) },
      { value: `git-asset:${'0'.repeat(40)}.js` },
      7,
    ])
  const field = {
    field: 'desc',
    path: ['desc'],
    base: side(),
    local: side(),
    remote: side(),
    files: [path],
    status: 'open',
  }
  const oid = '0'.repeat(40)
  return spelled({
    format: 1,
    id,
    worldId: draw.pick(['plaza', word(draw)]),
    object: draw.pick(['blueprint:Good', 'entity:good0', 'settings', word(draw)]),
    path,
    openedAt: draw.pick(['2026-01-01T00:00:00Z', 'a\u001b[2J']),
    status: draw.pick(['open', 'resolved']),
    base: draw.pick([null, oid, '--all']),
    local: draw.pick([oid, 'HEAD', '--upload-pack=evil']),
    remote: draw.pick([oid, 'HEAD', '-x']),
    cursor: draw.pick([1, 2 ** 53 - 1]),
    fields: [field],
    autoResolved: [],
    files: [{ path, stages: { local: draw.pick([oid, 'HEAD']), remote: oid }, working: oid }],
    history: [],
  })
}

/** The names of what sync keeps in `.git/lobby`, beside those that are there. */
const STATE_FILES = [
  'lock',
  'refused.json',
  'first-commit',
  'clone',
  'assets-plaza',
  ...['offers', 'losses', 'read', 'compared', 'ops-recent', 'ops-last'].map((name) => `${name}-refs%2flobby%2fremote`),
  'owed-scripts-refs%2flobby%2fremote.json',
  'push-refs%2flobby%2fremote.json',
]

function commitForging(sandbox: Sandbox, trailers: string): string {
  const tree = sandbox.git('rev-parse', 'HEAD^{tree}').trim()
  return sandbox.git('commit-tree', tree, '-p', 'HEAD', '-m', `forged\n\n${trailers.replaceAll('TREE', tree)}`).trim()
}

function forgedTrailers(draw: Draw): string {
  return [
    `Lobby-World: ${draw.pick(['plaza', 'other', ''])}`,
    `Lobby-Cursor: ${draw.pick(['1', '5', '999999', '9007199254740993', '-1', '1e9'])}`,
    `Lobby-Op: ${draw.pick(['op-5', 'op-999', '-', '%', '%zz'])}`,
    'Lobby-Source: admin',
    `Lobby-Object: ${draw.pick(['entity:good0', 'snapshot', '__proto__', '%ed%a0%80'])}`,
    `Lobby-Format: ${draw.pick(['1', '2', 'NaN', ''])}`,
    ...(draw.chance(0.2) ? ['Lobby-Cleaned: yes'] : []),
    'Lobby-Tree: TREE',
  ].join('\n')
}

const FILES = [
  'lobby.json',
  'world/settings.json',
  'world/spawn.json',
  'apps/Good/Good.json',
  'apps/Good/index.js',
  'apps',
  'apps/Good',
  'world',
  'world/entities',
  'assets',
  'shared',
  'world.json',
  'lobby.seen',
  'lobby.conflicts',
  '.lobby',
  '.lobby/conflicts',
  '.lobby/targets.json',
  '.lobby/sync-policy.json',
  '.env',
  '.gitattributes',
  '.gitignore',
  '.gitmodules',
]

export const SABOTAGES: readonly Sabotage[] = [
  {
    name: 'lobby.json',
    apply: (draw, sandbox, url) => {
      const text = lobbyFile(draw, url)
      replace(sandbox, 'lobby.json', (at) => writeFileSync(at, text))
      return `lobby.json: ${text.slice(0, 300)}`
    },
  },
  {
    name: 'obstacle',
    apply: (draw, sandbox) => {
      const path = draw.pick(FILES)
      return `${path}: ${obstacle(draw, sandbox, path)}`
    },
  },
  {
    name: 'targets.json',
    apply: (draw, sandbox, url) => {
      const entry = {
        worldUrl: draw.pick([url, `http://u:${SECRET}@h`]),
        worldId: draw.pick(['plaza', 7]),
        adminCode: draw.pick([SECRET, 7, `${SECRET}\n`, 'é💩']),
      }
      const text = `${spelled(record([[draw.pick(['main', '__proto__', '../x']), entry]]))}${draw.pick(['', '', '}', 'x'])}`
      replaceBelow(sandbox, '.lobby', 'targets.json', text)
      return '.lobby/targets.json'
    },
  },
  {
    name: '.env',
    apply: (draw, sandbox, url) => {
      const text = draw.pick([
        `WORLD_URL=${url}\nWORLD_ID=plaza\nADMIN_CODE=${SECRET}\n`,
        `WORLD_URL=http://user:${SECRET}@127.0.0.1:1\nWORLD_ID=plaza\n`,
        `WORLD_URL=${url}\n`,
        `WORLD_URL="a\\nb"\nWORLD_ID="\u001b[2J"\n`,
        `ADMIN_CODE="${SECRET}\nx"\n`,
        '\0\0=\n===\n"',
        `SYNC_STRICT_CONFLICTS=${word(draw)}\nBIDIRECTIONAL_SYNC=${word(draw)}\n`,
      ])
      replace(sandbox, '.env', (at) => writeFileSync(at, text))
      return `.env: ${JSON.stringify(text.slice(0, 80))}`
    },
  },
  {
    name: 'artifacts',
    apply: (draw, sandbox) => {
      const folder = draw.pick(['.lobby/conflicts', 'lobby.conflicts'])
      const path = `${folder}/0123abcd.json`
      if (draw.chance(0.3)) return `${path}: ${obstacle(draw, sandbox, path)}`
      replaceBelow(sandbox, folder, '0123abcd.json', artifact(draw))
      return path
    },
  },
  {
    name: 'seen',
    apply: (draw, sandbox) => {
      const name = draw.pick([
        '9999999999999999-0123456789abcdef',
        '0-',
        '1-0123456789abcdef',
        '-1',
        'a b',
        `9007199254740991-${'0'.repeat(16)}`,
      ])
      return `lobby.seen/${name}: ${obstacle(draw, sandbox, `lobby.seen/${name}`)}`
    },
  },
  {
    name: 'state',
    apply: (draw, sandbox) => {
      const name = draw.pick([...STATE_FILES, ...readdirSync(sandbox.path('.git/lobby'))])
      return `.git/lobby/${name}: ${obstacle(draw, sandbox, `.git/lobby/${name}`)}`
    },
  },
  {
    name: 'ref',
    apply: (draw, sandbox) => {
      const ref = draw.pick([
        'refs/lobby/remote',
        'refs/lobby/targets/x',
        'refs/lobby/rebuild/refs%2flobby%2fremote',
        'refs/lobby/promoted/a/b',
      ])
      const kind = draw.int(0, 4)
      if (kind === 0) {
        const to = sandbox.git('rev-parse', draw.pick(['HEAD', 'HEAD^{tree}', 'HEAD:lobby.json'])).trim()
        sandbox.write(`.git/${ref}`, `${to}\n`)
        return `${ref} is ${to}`
      }
      if (kind === 1) {
        const to = commitForging(sandbox, forgedTrailers(draw))
        sandbox.write(`.git/${ref}`, `${to}\n`)
        return `${ref} is forged`
      }
      const text = draw.pick(['ref: refs/heads/main\n', `ref: ${ref}\n`, `${'0'.repeat(39)}1\n`, 'garbage', ''])
      sandbox.write(`.git/${ref}`, text)
      return `${ref}: ${JSON.stringify(text)}`
    },
  },
  {
    name: 'history',
    apply: (draw, sandbox) => {
      const forged = commitForging(sandbox, forgedTrailers(draw))
      sandbox.git('update-ref', 'refs/heads/main', forged)
      return 'a forged commit of the line in HEAD'
    },
  },
  {
    name: 'world file',
    apply: (draw, sandbox) => {
      const files = sandbox.git('ls-files', '-z', 'world', 'apps', 'shared', 'assets').split('\0').filter(Boolean)
      const path = draw.pick(files)
      return `${path}: ${obstacle(draw, sandbox, path)}`
    },
  },
  {
    name: 'new file',
    apply: (draw, sandbox) => {
      const name = draw.pick(PATHS).replaceAll('\0', '').slice(0, 200)
      const path = `${draw.pick(['apps/', 'apps/Good/', 'shared/', 'assets/', 'world/entities/', 'apps/Evil/'])}${name.replaceAll('..', '_')}${draw.pick(['', '.json', '.js', '.glb'])}`
      // What the file system itself does not take is nobody's worry.
      try {
        return `${path}: ${obstacle(draw, sandbox, path)}`
      } catch {
        return 'nothing'
      }
    },
  },
  {
    name: 'tree',
    apply: (draw, sandbox) => {
      // A commit such as other tools make, with names that git itself would not add.
      const blob = sandbox.git('rev-parse', 'HEAD:lobby.json').trim()
      const name = draw.pick([
        '..',
        '.git',
        '.GIT',
        'git~1',
        '.',
        'a\\b',
        'con',
        'x'.repeat(300),
        '.gitmodules',
        'Good.json',
      ])
      const mode = draw.pick(['100644', '120000', '100755', '040000', '160000'])
      const oid = mode === '040000' ? sandbox.git('rev-parse', 'HEAD:apps').trim() : blob
      const entry = (m: string, n: string, o: string) =>
        Buffer.concat([Buffer.from(`${m.replace(/^0/, '')} ${n}\0`), Buffer.from(o, 'hex')])
      const hash = (bytes: Buffer) =>
        sandbox.gitBytes(bytes, 'hash-object', '-t', 'tree', '--literally', '-w', '--stdin').toString('utf8').trim()
      const inner = hash(entry(mode, name, oid))
      const root = sandbox
        .git('ls-tree', 'HEAD')
        .split('\n')
        .filter(Boolean)
        .map((line) => /^(\d+) \w+ ([0-9a-f]+)\t(.*)$/.exec(line)!)
      const place = draw.pick(['assets', 'shared', 'apps'])
      const entries = root.filter(([, , , n]) => n !== place).map(([, m, o, n]) => [m!, n!, o!] as const)
      const all = [...entries, ['040000', place, inner] as const].sort(([a, x], [b, y]) =>
        x + (a === '040000' ? '/' : '') < y + (b === '040000' ? '/' : '') ? -1 : 1,
      )
      const tree = hash(Buffer.concat(all.map(([m, n, o]) => entry(m, n, o))))
      const commit = sandbox.git('commit-tree', tree, '-p', 'HEAD', '-m', 'made by other tools').trim()
      sandbox.git('update-ref', 'refs/heads/main', commit)
      return `HEAD has ${place}/${JSON.stringify(name.slice(0, 20))} with mode ${mode}`
    },
  },
  {
    name: 'attributes',
    apply: (draw, sandbox) => {
      const text = draw.pick([
        '* text eol=crlf\n',
        '* filter=evil\n*.js filter=lfs diff=lfs merge=lfs -text\n',
        '* working-tree-encoding=UTF-16\n',
        '* ident\n*.json -merge\n',
        '* merge=evil\n',
        '*.json merge=binary\n[attr]evil text\n* evil\n',
        `${'a/'.repeat(5000)}* text\n`,
      ])
      replace(sandbox, '.gitattributes', (at) => writeFileSync(at, text))
      return `.gitattributes: ${JSON.stringify(text.slice(0, 60))}`
    },
  },
]

/** Commits what was sabotaged, as far as git takes it. */
export function commitSabotage(sandbox: Sandbox): string {
  try {
    sandbox.git('add', '-A')
    sandbox.git('commit', '--quiet', '--no-verify', '-m', 'whatever')
    return 'committed'
  } catch {
    return 'git does not commit it'
  }
}
