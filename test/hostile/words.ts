import type { Draw } from './draw.ts'

/**
 * Words that a hostile or broken world may use, by what they attack. Each is tried in every place where the world names
 * something: ids, names, script paths, shared modules, asset names, keys, actors (S1).
 */

/** Names that leave their folder, reach into `.git`, or cannot be checked out on some system. */
export const PATHS: readonly string[] = [
  '..',
  '.',
  '../../evil',
  '../.git/hooks/post-merge',
  '/etc/cron.d/evil',
  '//host/share/evil',
  'C:/evil',
  'C:evil',
  'a\\..\\..\\evil',
  '..\\evil',
  '.git',
  '.GIT',
  '.git/config',
  '.Git/hooks/pre-commit',
  'git~1',
  'GIT~1/config',
  '.git ',
  '.git.',
  '.git...',
  '.git::$INDEX_ALLOCATION',
  '.git/.',
  '.g\u200cit/config',
  '.\u200dgit',
  '\ufeff.git',
  '.gi\u206at/hooks/post-checkout',
  '\u2024git/config',
  '\uff0egit/config',
  '.gitattributes',
  '.gitmodules',
  '.gitignore',
  '.env',
  '.lobby/targets.json',
  'lobby.json',
  'lobby.seen/1-0123456789abcdef',
  'lobby.conflicts/0123abcd.json',
  'package.json',
  'node_modules/evil/index.js',
  'con',
  'NUL.js',
  'aux .js',
  'COM1',
  'com\u00b9.js',
  'lpt9.tar.gz',
  'CONIN$',
  'trailing.',
  'trailing ',
  'trailing. .',
  ' leading',
  'a/./b',
  'a//b',
  'a/',
  'a/../../../evil',
  'dots...js',
  'evil:stream',
  'a\0b',
  'a\nb',
  'a\r\nb',
  'a\u001b[2Jb',
  'a\u009b31mb',
  'a\u0085b',
  'a\u2028b',
  '\u202egnp.exe',
  'a\u2066b\u2069',
  `${'a'.repeat(256)}`,
  `${'é'.repeat(128)}`,
  `${'d/'.repeat(600)}x`,
  '\ud800',
  'a\udfffb',
  'caf\u00e9',
  'cafe\u0301',
  '\u212bngstrom',
  '\u00c5ngstrom',
  'Stra\u00dfe',
  'STRASSE',
  '\u0130stanbul',
  'istanbul',
  'L\u0430mp',
  'Lamp',
  'lamp',
  'LAMP',
  '-rf',
  '--upload-pack=evil',
  '$(touch evil)',
  '`touch evil`',
  '; touch evil',
  '%2e%2e%2fevil',
  '*',
  '?',
  '[a]',
  '"quoted"',
  '|',
  '~',
  '\u{1f4a9}',
]

/** Keys that have a meaning to JavaScript. */
export const KEYS: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'isPrototypeOf',
  '__defineGetter__',
  'toJSON',
  'then',
  'length',
  '0',
  '10',
  '-1',
  '',
  ' ',
  'a.b',
  'a\nb',
  'a"b',
  'a\u001b]0;evil\u0007b',
  'id',
  'url',
  '\ud800',
]

/** People as no directory knows them: forged authors, trailers, commands to terminals and to forges. */
export const ACTORS: readonly string[] = [
  '',
  ' ',
  'Ada <ada@example.com>',
  '<',
  '><',
  'a\nLobby-Cursor: 999999',
  'a\n\nLobby-World: other\nLobby-Cursor: 999999\nLobby-Op: evil\nLobby-Tree: 0000000000000000000000000000000000000000\n',
  'a\r\nauthor Evil <evil@example.com> 0 +0000',
  'a\0b',
  '\u001b[31mred\u001b[0m',
  '\u001b]0;title\u0007',
  '\u009b2J',
  '\u202eevil',
  '\u2066isolate',
  '#1 closes #2',
  '@everyone [skip ci]',
  'Co-authored-by: Evil <evil@example.com>',
  '.,:;"\'',
  'a'.repeat(5000),
  '\ud800',
  '__proto__',
  'git:0000000000000000000000000000000000000000',
]

export const SOURCES: readonly string[] = [
  'admin',
  '',
  'git:',
  'git:0000000000000000000000000000000000000000',
  'git:HEAD',
  'git:--upload-pack=evil',
  'git:../../evil',
  'snapshot',
  'a\nLobby-Cursor: 7',
  '\u001b[2J',
  'x'.repeat(5000),
]

export const TIMES: readonly string[] = [
  '',
  'now',
  '0000-00-00',
  '9999-12-31T23:59:59Z',
  '-271821-04-20T00:00:00Z',
  '+275760-09-13T00:00:00.001Z',
  '2026-02-30T25:61:61Z',
  '2026-01-01T00:00:00+99:99',
  '1e99',
  'NaN',
  '2026-01-01T00:00:00.000Z\nevil',
  '1'.repeat(5000),
]

/** What stands in raw JSON, beyond what `JSON.stringify` can say; {@link raw} puts it into a value. */
export const NUMBERS: readonly string[] = [
  '1e999',
  '-1e999',
  '-0',
  '1e-999',
  '123456789012345678901234567890',
  '9007199254740993',
  '0.1000000000000000055511151231257827',
  '1E400',
]

/** A value that `spelled` puts into the text as it stands. */
export function raw(text: string): string {
  return `@raw:${text}:raw@`
}

/** JSON text of a value with its raw pieces. */
export function spelled(value: unknown): string {
  return JSON.stringify(value).replaceAll(/"@raw:(.*?):raw@"/gs, (_, text: string) => JSON.parse(`"${text}"`) as string)
}

/** Asset URLs that are none, that lie about their content, or that mean other places. */
export const URLS: readonly string[] = [
  'asset://',
  'asset://.',
  'asset://..',
  'asset://../secret',
  'asset://..%2f..%2fsecret',
  'asset://a/b.js',
  'asset://a\\b.js',
  'asset://a b.glb',
  'asset://a\nb.glb',
  'asset://a\u001b[2J.glb',
  'asset://.git',
  'asset://con.glb',
  'asset://x.gl\u202eb',
  'asset://?query',
  'asset://#hash',
  'asset://%00',
  `asset://${'0'.repeat(64)}.js`,
  `asset://${'0'.repeat(64)}.js x.y`,
  `asset://${'x'.repeat(300)}.js`,
  'asset://__proto__',
  'ASSET://Model.glb',
  'asset:Model.glb',
  'file:///etc/passwd',
  'http://user:pass@host/x.glb',
  'javascript:alert(1)',
  'data:text/plain,x',
  'assets/Lamp.glb',
  'assets/../../evil',
  `git-asset:${'0'.repeat(40)}.js`,
  '',
  ' ',
]

/** Any of the words above, or one grown from them. */
export function word(draw: Draw): string {
  const base = draw.pick([PATHS, PATHS, KEYS, ACTORS, URLS])
  const one = draw.pick(base)
  switch (draw.int(0, 7)) {
    case 0:
      return one + draw.pick(PATHS)
    case 1:
      return `${draw.pick(['apps/', 'shared/', '@shared/', 'world/entities/', 'assets/', './', ''])}${one}`
    case 2:
      return one.normalize(draw.pick(['NFC', 'NFD', 'NFKC', 'NFKD']))
    case 3:
      return draw.chance(0.5) ? one.toUpperCase() : one.toLowerCase()
    case 4:
      return `${one}${draw.pick(['.js', '.ts', '.json', '.', ' ', '__', '~1'])}`
    case 5:
      return draw.times(1, 12, () => String.fromCodePoint(draw.int(0, draw.chance(0.7) ? 0x2ff : 0x10ffff))).join('')
    default:
      return one
  }
}

/** Any value at all, a few levels deep; keys and texts are hostile. */
export function value(draw: Draw, depth = 3): unknown {
  switch (draw.int(0, depth > 0 ? 9 : 5)) {
    case 0:
      return null
    case 1:
      return draw.chance(0.5)
    case 2:
      return draw.pick([0, -1, 1.5, 2 ** 53, -(2 ** 31), 1e308, 5e-324])
    case 3:
      return raw(draw.pick(NUMBERS))
    case 4:
    case 5:
      return word(draw)
    case 6:
      return draw.times(0, 4, () => value(draw, depth - 1))
    case 7:
      return nested(draw.pick([10, 150, 190, 197, 205, 260]))
    default:
      return record(draw.times(0, 4, () => [draw.chance(0.6) ? draw.pick(KEYS) : word(draw), value(draw, depth - 1)]))
  }
}

/** An object of these entries, `__proto__` being a key like any other. */
export function record(entries: Iterable<readonly [string, unknown]>): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const [key, item] of entries) {
    Object.defineProperty(object, key, { value: item, enumerable: true, configurable: true, writable: true })
  }
  return object
}

export function nested(depth: number): unknown {
  let inner: unknown = 'bottom'
  for (let n = 0; n < depth; n++) inner = n % 2 === 0 ? [inner] : { a: inner }
  return inner
}
