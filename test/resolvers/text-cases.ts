import fc from 'fast-check'
import { mergeHunks, mergeText, withMarkers } from '../../src/resolvers/text.ts'
import type { ScriptEdits } from './script-edits.ts'

export interface Merged {
  readonly isClean: boolean
  /** The merged text in Latin-1, with markers where it is not clean; undefined where nothing was merged at all. */
  readonly text: string | undefined
}

/** What our own merge makes of three texts, in either conflict style. */
export function here({ base, ours, theirs }: ScriptEdits, style: 'merge' | 'diff3' = 'merge'): Merged {
  const terms = {
    base: Buffer.from(base, 'latin1'),
    ours: Buffer.from(ours, 'latin1'),
    theirs: Buffer.from(theirs, 'latin1'),
  }
  const outcome = mergeText(terms)
  if (outcome.kind === 'settled') return { isClean: true, text: Buffer.from(outcome.value).toString('latin1') }
  const labels = { ours: 'local', theirs: 'remote', ...(style === 'diff3' ? { base: 'base' } : {}) }
  const hunks = mergeHunks(terms)
  return { isClean: false, text: hunks && Buffer.from(withMarkers(hunks, labels)).toString('latin1') }
}

/** A few lines of a few kinds, and small edits of them. */
export function smallTexts(endings: readonly ('\n' | '\r\n' | 'mixed')[]): fc.Arbitrary<ScriptEdits> {
  const line = fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom('', '}', '{', '\xe9', '\xff', 'a\rb') },
    { weight: 2, arbitrary: fc.nat(9).map((n) => `  line${n}()`) },
  )
  const edit = fc.record({ at: fc.nat(12), drop: fc.nat(2), put: fc.array(line, { maxLength: 2 }) })
  const edits = fc.array(edit, { maxLength: 3 })
  const bare = fc.constantFrom(false, false, true)
  return fc
    .record({
      base: fc.array(line, { maxLength: 12 }),
      ours: edits,
      theirs: edits,
      bare: fc.tuple(bare, bare, bare),
      ending: fc.constantFrom(...endings),
    })
    .map(({ base, ours, theirs, bare, ending }): ScriptEdits => {
      const ended = (line: string, i: number) => line + (ending !== 'mixed' ? ending : i % 3 === 0 ? '\r\n' : '\n')
      const edited = (all: typeof ours) =>
        all.reduce<readonly string[]>(
          (lines, { at, drop, put }) => lines.toSpliced(at, drop, ...put.map(ended)),
          base.map(ended),
        )
      const text = (lines: readonly string[], isBare: boolean) => lines.join('').replace(isBare ? /\r?\n$/ : /$^/, '')
      return {
        base: text(edited([]), bare[0]),
        ours: text(edited(ours), bare[1]),
        theirs: text(edited(theirs), bare[2]),
      }
    })
}

/** Merges that have a name: base and two sides. */
export const NAMED: readonly (readonly [name: string, base: string, ours: string, theirs: string])[] = [
  ['an insertion that repeats its neighbours', 'a\nx\na\na', 'x\nx\na\na', 'a\nx\nx\na\na'],
  ['a block moved past an equal brace', 'f\n}\n\ng\n}\n', 'g\n}\n\nf\n}\n', 'f\n}\n\ng\n}\n\nh\n}\n'],
  ['a paragraph copied beside an edit', 'i\n\ni\n\np\n\n', 'i\n\ni\n\np2\n\n', 'i // 0\n // 0\ni\n\np\n\n'],
  ['a line copied among equal ones', 'i\n\ni\n\ni\n\n', 'i // 0\n\ni // 0\n\ni\n\n', 'i\n\ni\n\ni // 0\n\ni\n\n'],
  ['a paragraph copied in front', 'i\n\ni\nd\ns\n\ni\n\n', 'i // 0\n\ni\nd\ns\n\ni\n\n', 'i\n\ni\n\ni\nd\ns\n\ni\n\n'],
  ['neighbouring lines', 'a\nb\nc\nd\n', 'a\nB\nc\nd\n', 'a\nb\nC\nd\n'],
  ['lines with one between', 'a\nb\nc\nd\n', 'A\nb\nc\nd\n', 'a\nb\nC\nd\n'],
  ['an insertion before a changed line', 'a\nb\nc\n', 'a\nx\nb\nc\n', 'a\nB\nc\n'],
  ['both append, one of them more', 'a\nb\n', 'a\nb\nx\n', 'a\nb\nx\ny\n'],
  ['both append the same', 'a\nb\n', 'a\nb\n\nx\n}\n', 'a\nb\n\nx\n}\n'],
  ['a function beside another one', 'a\n}\n', 'a\n}\n\nb\n}\n', 'a\n}\n\nc\n}\n'],
  ['a newline added at the end here, a line there', 'a\nb', 'a\nb\n', 'a\nb\nc'],
  ['CRLF on one side', 'a\nb\nc\n', 'a\r\nb\r\nc\r\n', 'a\nB\nc\n'],
  ['CRLF and other lines', 'a\r\nb\r\nc', 'a\r\nx\r\nc', 'a\r\ny\r\nc'],
  ['CRLF from nothing', '', 'a\r\nb\r\n', 'c\r\nd\r\n'],
  ['CRLF at the first line', 'a\r\n', 'x', 'y'],
  ['mixed ends', 'a\r\nb\nc\n', 'a\r\nx\nc\n', 'a\r\ny\nc\n'],
  ['mixed ends before the conflict', 'a\n\nb\r\nc\r\n', 'a\n\nx\r\nc\r\n', 'a\n\ny\r\nc\r\n'],
  ['sides in one hunk with lines in common', 'a\nb\nc\n', '1\n2\n3\n4\n5\n6\n', '0\n2\n3\n4\n5\n7\n'],
  ['conflicts with few lines between', 'a\nb\nc\nd\ne\n', 'A\nb\nc\nd\nE\n', '1\nb\nc\nd\n2\n'],
  ['conflicts with some lines between', 'a\nb\nc\nd\ne\nf\n', 'A\nb\nc\nd\ne\nF\n', '1\nb\nc\nd\ne\n2\n'],
  ['conflicts with braces between', 'a\n}\n}\n\n}\n}\nf\n', 'A\n}\n}\n\n}\n}\nF\n', '1\n}\n}\n\n}\n}\n2\n'],
  ['conflicts with an edit between', 'a\nb\nc\nd\ne\n', 'A\nb\nC\nd\nE\n', '1\nb\nc\nd\n2\n'],
  ['conflicts with the same edit between', 'a\nb\nc\nd\ne\n', 'A\nb\nC\nd\nE\n', '1\nb\nC\nd\n2\n'],
  ['lines in common at the end of a conflict', 'a\nb\nc\n\nd\n', 'x\ny\n}\n\ne\n', 'z\n}\n\nf\n'],
  ['binary', 'a\0\nb\nc\n', 'a\0\nB\nc\n', 'a\0\nb\nc\n'],
  ['empty sides', 'a\n', '', 'b\n'],
  ['both empty', 'a\n', '', ''],
]

/** With --diff3 git itself has conflicts in these; merging must not depend on how conflicts are shown. */
export const AGREED: typeof NAMED = [
  ['clean', 'a\nb\nb\n', 'c\na\na\nb\n', 'a\nb\n'],
  ['clean, the last lines', 'b\nc\nc\nc\n', 'b\nc\n', 'a\nb\nb\nc\n'],
  ['between conflicts', 'a\nb\na\nb\nc\nb\nb\nc\na\n', 'c\nb\nc\na\nc\na\nb\n', 'c\nb\na\na\nc\nc\nb\nc\nb\n'],
]

/** A merge and git's answers, as merge-file.jsonl keeps them, one a line. */
export interface Recorded extends ScriptEdits {
  readonly clean: boolean
  /** Undefined where git merges nothing at all. */
  readonly merge?: string
  readonly diff3?: string
}

export function readRecorded(lines: string): readonly Recorded[] {
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Recorded)
}
