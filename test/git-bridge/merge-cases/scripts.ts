import { type Contest, GONE, type MergeCase } from './case.ts'
import { BENCH, LAMP, LINES, SCRIPT } from './plaza.ts'
import { all, type Edit, file, json } from './worlds.ts'

const first = LINES.replace('one', 'ONE')
const other = LINES.replace('one', 'eins')
const last = LINES.replace('five', 'FIVE')
const both = first.replace('five', 'FIVE')
const script = (text: string | undefined) => file(SCRIPT, text)
const LIB = 'apps/Lamp/lib/light.js'
const lib = (text: string | undefined) => file(LIB, text)
const withLib = lib(LINES)

const contest = (
  path: string,
  base: string | undefined,
  ours: string | undefined,
  theirs: string | undefined,
): Contest => {
  const said = (text: string | undefined) => (text === undefined ? GONE : `content:${text}`)
  return ['blueprint:Lamp', `scriptFiles.${path}`, said(base), said(ours), said(theirs)]
}

/** A text of ours, one of theirs, and the text that git's own merge makes of them; `undefined`: contested. */
const TEXTS: readonly (readonly [name: string, ours: string, theirs: string, merged: string | undefined])[] = [
  ['one line changed, the same', first, first, first],
  ['the first line here, the last there', first, last, both],
  ['the first line on both sides', first, other, undefined],
  ['neighbouring lines', LINES.replace('two', 'TWO'), LINES.replace('three', 'THREE'), undefined],
  ['lines added at the top here and at the end there', `zero\n${LINES}`, `${LINES}six\n`, `zero\n${LINES}six\n`],
  ['lines added at the end on both sides', `${LINES}six\n`, `${LINES}sechs\n`, undefined],
  ['a line removed here, the last changed there', LINES.replace('one\n', ''), last, last.replace('one\n', '')],
  ['a line removed here, the same changed there', LINES.replace('one\n', ''), first, undefined],
  ['the final newline gone here, the first line changed there', LINES.slice(0, -1), first, first.slice(0, -1)],
  ['all lines ended otherwise here, one changed there', LINES.replaceAll('\n', '\r\n'), first, undefined],
  ['a NUL here, a line there: binary', `${LINES}\0`, first, undefined],
  ['emptied here, a line changed there', '', first, undefined],
  ['one conflict and one clean change: the conflict decides', both, other, undefined],
]

const AS_TEXT: readonly MergeCase[] = TEXTS.map(([name, ours, theirs, merged]) => ({
  name: `M3 a script, ${name}: ${merged === undefined ? 'contested' : 'merged'}`,
  ours: script(ours),
  theirs: script(theirs),
  merged: script(merged ?? ours),
  ...(merged === undefined ? { contested: [contest('index.js', LINES, ours, theirs)], files: [SCRIPT] } : {}),
  ...(merged === undefined || ours === theirs
    ? {}
    : { resolved: [['blueprint:Lamp', 'scriptFiles.index.js', 'text', `content:${merged}`] as const] }),
}))

/** What becomes of a second script of a blueprint. */
function presence(
  name: string,
  [base, ours, theirs, merged]: readonly (string | undefined)[],
  contested = false,
): MergeCase {
  return {
    name,
    base: lib(base),
    ours: lib(ours),
    theirs: lib(theirs),
    merged: lib(merged),
    ...(contested ? { contested: [contest('lib/light.js', base, ours, theirs)], files: [LIB] } : {}),
  }
}

const PRESENCE: readonly MergeCase[] = [
  presence('M2 a script changed here, untouched there: ours', [LINES, first, LINES, first]),
  presence('M2 a script untouched here, changed there: theirs', [LINES, LINES, first, first]),
  presence('M4 a script removed here, untouched there: gone', [LINES, GONE, LINES, GONE]),
  presence('M4 a script untouched here, removed there: gone', [LINES, LINES, GONE, GONE]),
  presence('M4 a script removed on both sides: gone', [LINES, GONE, GONE, GONE]),
  presence('M4 a script removed here, changed there: contested', [LINES, GONE, first, GONE], true),
  presence('M4 a script changed here, removed there: contested', [LINES, first, GONE, first], true),
  presence('M4 a script added here only: ours', [GONE, first, GONE, first]),
  presence('M4 a script added there only: theirs', [GONE, GONE, first, first]),
  presence('M4 a script added alike: one', [GONE, first, first, first]),
  presence('M4 a script added on both sides with other contents: contested', [GONE, first, last, first], true),
]

const added = (path: string): Edit => file(`apps/Lamp/${path}`, 'x\n')
const OTHERS: readonly MergeCase[] = [
  {
    name: 'M4 scripts of other names added on either side: both',
    ours: added('ours.js'),
    theirs: added('theirs.js'),
    merged: all(added('ours.js'), added('theirs.js')),
  },
  {
    name: 'M2 a script changed here, the JSON there: both',
    ours: script(first),
    theirs: json(LAMP, { desc: 'theirs' }),
    merged: all(script(first), json(LAMP, { desc: 'theirs' })),
  },
  {
    name: 'M2 the JSON changed here, a script there: both',
    ours: json(LAMP, { desc: 'ours' }),
    theirs: script(first),
    merged: all(script(first), json(LAMP, { desc: 'ours' })),
  },
  {
    name: 'M3 a script and the JSON contested at once: two files',
    ours: all(script(first), json(LAMP, { desc: 'ours' })),
    theirs: all(script(other), json(LAMP, { desc: 'theirs' })),
    merged: all(script(first), json(LAMP, { desc: 'ours' })),
    contested: [['blueprint:Lamp', 'desc', GONE, 'ours', 'theirs'], contest('index.js', LINES, first, other)],
    files: [LAMP, SCRIPT],
  },
  {
    name: 'M3 two scripts contested at once: both',
    base: withLib,
    ours: all(script(first), lib(first)),
    theirs: all(script(other), lib(other)),
    merged: all(script(first), lib(first)),
    contested: [contest('index.js', LINES, first, other), contest('lib/light.js', LINES, first, other)],
    files: [SCRIPT, LIB],
  },
  {
    name: 'M3 one script merged, another contested: the merged one is told',
    base: withLib,
    ours: all(script(first), lib(first)),
    theirs: all(script(last), lib(other)),
    merged: all(script(both), lib(first)),
    contested: [contest('lib/light.js', LINES, first, other)],
    resolved: [['blueprint:Lamp', 'scriptFiles.index.js', 'text', `content:${both}`]],
    files: [LIB],
  },
  {
    name: 'M4 the only script removed here, changed there: contested',
    ours: script(undefined),
    theirs: script(first),
    merged: script(undefined),
    contested: [contest('index.js', LINES, GONE, first)],
    files: [SCRIPT],
  },
  {
    name: 'M4 the only script changed here, removed there: contested',
    ours: script(first),
    theirs: script(undefined),
    merged: script(first),
    contested: [contest('index.js', LINES, first, GONE)],
    files: [SCRIPT],
  },
  {
    name: 'M8 a script renamed here, changed there: names are its identity, contested',
    ours: all(lib(undefined), file('apps/Lamp/lib/shine.js', LINES)),
    theirs: lib(first),
    base: withLib,
    merged: all(lib(undefined), file('apps/Lamp/lib/shine.js', LINES)),
    contested: [contest('lib/light.js', LINES, GONE, first)],
    files: [LIB],
  },
  {
    name: 'M3 the entry of the scripts named otherwise on both sides: contested in the JSON',
    base: all(file('apps/Lamp/a.js', 'a\n'), file('apps/Lamp/b.js', 'b\n')),
    ours: json(LAMP, { scriptEntry: 'a.js' }),
    theirs: json(LAMP, { scriptEntry: 'b.js' }),
    merged: json(LAMP, { scriptEntry: 'a.js' }),
    contested: [['blueprint:Lamp', 'scriptEntry', 'index.js', 'a.js', 'b.js']],
  },
  {
    name: 'M2 the first script of a blueprint put there by us, described there: both',
    ours: file('apps/Bench/index.js', 'sit\n'),
    theirs: json(BENCH, { desc: 'theirs' }),
    merged: all(file('apps/Bench/index.js', 'sit\n'), json(BENCH, { desc: 'theirs' })),
  },
  {
    name: 'M4 the first script of a blueprint put there by both sides: contested, the entry is one',
    ours: file('apps/Bench/index.js', 'ours\n'),
    theirs: file('apps/Bench/index.js', 'theirs\n'),
    merged: file('apps/Bench/index.js', 'ours\n'),
    contested: [['blueprint:Bench', 'scriptFiles.index.js', GONE, 'content:ours\n', 'content:theirs\n']],
    files: ['apps/Bench/index.js'],
  },
]

export const SCRIPT_CASES: readonly MergeCase[] = [...AS_TEXT, ...PRESENCE, ...OTHERS]
