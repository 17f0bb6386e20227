import fc from 'fast-check'

/** A script and what two people made of it: texts in Latin-1. */
export interface ScriptEdits {
  readonly base: string
  readonly ours: string
  readonly theirs: string
}

/** What somebody does to a script: where, how much, and a number that picks among words, lines and variants. */
interface Edit {
  readonly kind: keyof typeof EDITS
  /** The place, in ten thousandths of the script, and lines from there. */
  readonly at: number
  readonly shift: number
  readonly size: number
  readonly pick: number
}

type Lines = readonly string[]

// Few words, so that lines repeat as they do in scripts.
const NAMES = ['lamp', 'door', 'speed', 'player', 'count', 'target', 'state', 'timer'] as const
const VERBS = ['update', 'reset', 'open', 'spawn', 'measure', 'attach'] as const

function pickFrom<T>(values: readonly T[], n: number): T {
  return values[n % values.length]!
}

function statement(n: number): string {
  const [a, b] = [pickFrom(NAMES, n), pickFrom(NAMES, Math.floor(n / 8))]
  const verb = pickFrom(VERBS, Math.floor(n / 3))
  return pickFrom(
    [
      `const ${a} = ${b}.get('${verb}')`,
      `${a}.${verb}(${b})`,
      `if (!${a}) return`,
      `${a} += ${n % 7}`,
      'return',
      `return ${a}`,
      `app.send('${verb}', { ${a}, ${b} })`,
      `// ${verb} the ${a}`,
      '',
      `let ${a} = ${n % 5}`,
      `${a}.position.y = ${n % 10} * ${b}`,
    ],
    n,
  )
}

function indented(lines: Lines, by = '  '): Lines {
  return lines.map((line) => (line === '' ? line : by + line))
}

/** A paragraph of a script: statements from these numbers, in something of this kind. */
function paragraph(kind: number, numbers: readonly number[]): Lines {
  const [first = 0] = numbers
  const [name, verb] = [pickFrom(NAMES, first), pickFrom(VERBS, first)]
  const body = numbers.map(statement)
  const half = body.length >> 1
  const branch = [`if (${name}.ready) {`, ...indented(body.slice(half)), '}']
  switch (kind % 8) {
    case 0:
      return [...new Set(numbers.map((n) => `import { ${pickFrom(NAMES, n)} } from './${pickFrom(VERBS, n)}.js'`))]
    case 1:
      return [`function ${verb}(${name}) {`, ...indented(body), '}']
    case 2:
      return [`app.on('${verb}', (${name}) => {`, ...indented([...body.slice(0, half), ...branch]), '})']
    case 3:
      return [`const ${name} = {`, ...numbers.map((n) => `  ${pickFrom(NAMES, n)}: ${n % 5},`), '}']
    case 4:
      return ['/**', ...numbers.slice(0, 3).map((n) => ` * The ${pickFrom(NAMES, n)}.`), ' */', ...body.slice(0, 2)]
    case 5: {
      const methods = numbers.slice(0, 5).map((n) => [`${pickFrom(VERBS, n)}() {`, `  ${statement(n * 5)}`, '}'])
      return [`class ${name} {`, ...methods.flatMap((lines, i) => indented(i === 0 ? lines : ['', ...lines])), '}']
    }
    case 6:
      return [`for (const ${name} of world.${verb}s) {`, ...indented(branch), '}']
    default:
      return body
  }
}

/** The paragraph around a line: from after the empty line before it to the empty line after it. */
function around(lines: Lines, at: number): { readonly from: number; readonly to: number } {
  const next = lines.indexOf('', at)
  return { from: at === 0 ? 0 : lines.lastIndexOf('', at - 1) + 1, to: next === -1 ? lines.length : next }
}

/** What people do, each from the lines, a place in them, a size of 0 to 11 and a number. */
const EDITS = {
  change: (lines: Lines, at: number, _size: number, n: number) =>
    lines.with(
      at,
      pickFrom([`${lines[at]} // ${n % 4}`, `  ${statement(n)}`, `${lines[at]}`.replace(/\w+/, 'self')], n),
    ),
  rewrite: (lines: Lines, at: number, size: number, n: number) =>
    lines.toSpliced(at, size, ...paragraph(7, more(n, size)).map((line) => `  ${line}`)),
  insert: (lines: Lines, at: number, size: number, n: number) =>
    lines.toSpliced(at, 0, ...indented(more(n, (size % 4) + 1).map(statement))),
  insertParagraph: (lines: Lines, at: number, size: number, n: number) =>
    lines.toSpliced(around(lines, at).to, 0, '', ...paragraph(n, more(n, size + 1))),
  insertBefore: (lines: Lines, at: number, size: number, n: number) =>
    lines.toSpliced(around(lines, at).from, 0, ...paragraph(n, more(n, size + 1)), ''),
  delete: (lines: Lines, at: number, size: number) => lines.toSpliced(at, size + 1),
  deleteParagraph: (lines: Lines, at: number) => {
    const { from, to } = around(lines, at)
    return lines.toSpliced(from, to - from + 1)
  },
  rename: (lines: Lines, _at: number, _size: number, n: number) =>
    lines.map((line) => line.replaceAll(new RegExp(`\\b${pickFrom(NAMES, n)}\\b`, 'g'), `${pickFrom(NAMES, n)}2`)),
  move: (lines: Lines, at: number, _size: number, n: number) => {
    const { from, to } = around(lines, at)
    const moved = lines.slice(from, to + 1)
    const rest = lines.toSpliced(from, moved.length)
    return rest.toSpliced(around(rest, n % (rest.length + 1)).from, 0, ...moved)
  },
  duplicate: (lines: Lines, at: number) => {
    const { from, to } = around(lines, at)
    return lines.toSpliced(to, 0, '', ...lines.slice(from, to))
  },
  append: (lines: Lines, _at: number, size: number, n: number) => [
    ...lines,
    ...(n % 2 === 0 ? [''] : []),
    ...paragraph(n, more(n, size + 1)),
  ],
  addImport: (lines: Lines, _at: number, _size: number, n: number) =>
    lines.toSpliced(lines.findLastIndex((line) => line.startsWith('import')) + 1, 0, ...paragraph(0, [n])),
  reindent: (lines: Lines, at: number, size: number, n: number) => {
    const part = lines.slice(at, at + size + 1)
    const changed = n % 2 === 0 ? indented(part) : part.map((line) => line.replace(/^ {2}/, ''))
    return lines.toSpliced(at, part.length, ...changed)
  },
  wrap: (lines: Lines, at: number, size: number, n: number) => {
    const part = lines.slice(at, at + size + 1)
    return lines.toSpliced(at, part.length, `if (${pickFrom(NAMES, n)}) {`, ...indented(part), '}')
  },
  tabs: (lines: Lines) => lines.map((line) => line.replace(/^( {2})+/, (blanks) => '\t'.repeat(blanks.length / 2))),
  comment: (lines: Lines, at: number, size: number) =>
    lines.map((line, i) => (i >= at && i <= at + (size % 5) ? `// ${line}` : line)),
  addBlanks: (lines: Lines, at: number, size: number) =>
    lines.toSpliced(at, 0, ...Array<string>((size % 3) + 1).fill('')),
  dropBlanks: (lines: Lines, at: number, size: number) =>
    lines.filter((line, i) => line !== '' || i < at || i > at + size * 2),
  closeBraces: (lines: Lines, at: number, size: number) =>
    lines.toSpliced(at, 0, ...Array<string>((size % 2) + 1).fill('  }')),
} as const

/** More numbers from one. */
function more(n: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => (n * (i + 3) + i * i * 7) % 1009)
}

function apply(lines: Lines, edits: readonly Edit[]): Lines {
  return edits.reduce((now, { kind, at, shift, size, pick }) => {
    const place = Math.floor((at * now.length) / 10_000) + shift
    return EDITS[kind](now.length === 0 ? [''] : now, Math.max(0, Math.min(place, now.length - 1)), size, pick)
  }, lines)
}

const number = fc.nat(1008)

const script = fc
  .array(
    fc.record({
      kind: fc.nat(7),
      numbers: fc.array(number, { minLength: 1, maxLength: 14, size: 'max' }),
      blanks: fc.constantFrom(1, 1, 1, 0, 2),
    }),
    { minLength: 3, maxLength: 36, size: 'max' },
  )
  .map((blocks) =>
    blocks.flatMap(({ kind, numbers, blanks }) => [...paragraph(kind, numbers), ...Array<string>(blanks).fill('')]),
  )

const edit = fc.record({
  kind: fc.constantFrom(...(Object.keys(EDITS) as (keyof typeof EDITS)[])),
  at: fc.nat(9_999),
  shift: fc.integer({ min: -2, max: 2 }),
  size: fc.nat(11),
  pick: number,
})
const edits = fc.array(edit, { minLength: 1, maxLength: 2 })

/** Ends of lines and of the text: what the base has, and what either side makes of it. */
const ends = fc.record({
  crlf: fc.constantFrom('none', 'none', 'none', 'none', 'none', 'all', 'all', 'ours', 'theirs'),
  bare: fc.constantFrom('none', 'none', 'none', 'none', 'none', 'all', 'ours', 'theirs', 'base'),
})

/**
 * Scripts as people write them and edits as people make them, on both sides: their own ones, ones that both made (the
 * same fix, cherry-picked), and ones right next to the other side's.
 */
export const scriptEdits: fc.Arbitrary<ScriptEdits> = fc
  .record({
    script,
    both: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: edits }),
    ours: edits,
    theirs: edits,
    near: fc.option(fc.integer({ min: -4, max: 4 }), { freq: 1, nil: undefined }),
    ends,
  })
  .map(({ script, both, ours, theirs, near, ends }) => {
    const beside =
      near === undefined ? theirs : theirs.map((edit, i) => ({ ...edit, at: ours[i]?.at ?? edit.at, shift: near }))
    const text = (side: keyof ScriptEdits, lines: Lines): string => {
      const end = ends.crlf === 'all' || ends.crlf === side ? '\r\n' : '\n'
      const isBare = ends.bare === 'all' || ends.bare === side
      return lines.join(end) + (isBare ? '' : end)
    }
    return {
      base: text('base', script),
      ours: text('ours', apply(apply(script, both), ours)),
      theirs: text('theirs', apply(apply(script, both), beside)),
    }
  })
