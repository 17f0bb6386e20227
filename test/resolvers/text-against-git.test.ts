import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LineChange } from '../../src/resolvers/line-diff.ts'
import { LONG, tries } from '../e2e/long.ts'
import { DIFFS, type RecordedDiff, readDiffs, shown, textsOf } from './diff-cases.ts'
import { type ScriptEdits, scriptEdits } from './script-edits.ts'
import { AGREED, here, type Merged, NAMED, type Recorded, readRecorded, smallTexts } from './text-cases.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gamedev-text-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** `git merge-file -p`, in either conflict style. */
function git(sides: ScriptEdits, style: 'merge' | 'diff3' = 'merge'): Merged {
  for (const side of ['base', 'ours', 'theirs'] as const) writeFileSync(join(folder, side), sides[side], 'latin1')
  const labels = ['local', 'base', 'remote'].flatMap((label) => ['-L', label])
  const { status, stdout, error } = spawnSync(
    'git',
    ['merge-file', '-p', ...(style === 'diff3' ? ['--diff3'] : []), ...labels, 'ours', 'base', 'theirs'],
    { cwd: folder, env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' } },
  )
  if (error !== undefined) throw error
  return { isClean: status === 0, text: status === 255 ? undefined : stdout.toString('latin1') }
}

/** Compares every merge with git's, and says how many were clean. fast-check prints seed and path of a counterexample. */
function compare(
  sides: fc.Arbitrary<ScriptEdits>,
  run: { readonly seed: number; readonly numRuns: number },
  read = (merged: Merged) => merged,
): number {
  let clean = 0
  fc.assert(
    fc.property(sides, (sides) => {
      const there = git(sides)
      expect(read(here(sides))).toEqual(read(there))
      if (there.isClean) clean++
    }),
    run,
  )
  return clean
}

describe('M3 as right as git merge-file', () => {
  test('on scripts that people edited on both sides', () => {
    const clean = compare(scriptEdits, { ...tries(150), seed: 2024 })
    // Both kinds are common, or the comparison would say little.
    const { numRuns } = tries(150)
    expect(clean / numRuns).toBeGreaterThan(0.3)
    expect(clean / numRuns).toBeLessThan(0.7)
  })

  test('on small texts of lines that repeat', () => {
    expect(compare(smallTexts(['\n', '\r\n']), { ...tries(100), seed: 11 })).toBeGreaterThan(16)
  })

  test('on small texts whose lines end in several ways, markers apart', () => {
    // Git has CRLF after a marker where the base begins with it too, which need not be in any contested hunk.
    const unmarked = ({ isClean, text }: Merged): Merged => ({ isClean, text: isClean ? text : undefined })
    const texts = smallTexts(['\n', '\r\n', 'mixed', 'mixed'])
    expect(compare(texts, { ...tries(70), seed: 12 }, unmarked)).toBeGreaterThan(10)
  })

  test('on long texts that have little in common, where git stops searching for the shortest answer', () => {
    const random = fc
      .record({ letters: fc.constantFrom(3, 30, 300), numbers: fc.infiniteStream(fc.nat(2 ** 20)) })
      .map(({ letters, numbers }): ScriptEdits => {
        const text = () => Array.from({ length: 1500 }, () => `${numbers.next().value! % letters}\n`).join('')
        return { base: text(), ours: text(), theirs: text() }
      })
    const runs = { seed: 3, numRuns: 6 }
    for (const sides of fc.sample(random, runs)) {
      // Not shrunk, and not printed: 4,500 lines.
      expect(here(sides).text === git(sides).text).toBe(true)
    }
  })

  test('with the base between the markers, on scripts', () => {
    for (const sides of fc.sample(scriptEdits, { ...tries(40), seed: 77 })) {
      // Git's own --diff3 leaves out what makes a merge clean where different edits led to the same lines.
      if (!git(sides).isClean) expect(here(sides, 'diff3')).toEqual(git(sides, 'diff3'))
    }
  })

  test.each(NAMED)('%s', (_, base, ours, theirs) => {
    for (const sides of [
      { base, ours, theirs },
      { base, ours: theirs, theirs: ours },
    ]) {
      expect(here(sides)).toEqual(git(sides))
      expect(here(sides, 'diff3')).toEqual(git(sides, 'diff3'))
    }
  })

  test.each(AGREED)('the same lines by different edits, %s', (_, base, ours, theirs) => {
    expect(here({ base, ours, theirs })).toEqual(git({ base, ours, theirs }))
    expect(here({ base, ours: theirs, theirs: ours })).toEqual(git({ base, ours: theirs, theirs: ours }))
  })
})

/** What git says is recorded, so that tests that change our own code a thousand times need not ask it each time. */
const RECORD = join(import.meta.dirname, 'merge-file.jsonl')

const bothWays = (cases: typeof NAMED): readonly ScriptEdits[] =>
  cases.flatMap(([, base, ours, theirs]) => [
    { base, ours, theirs },
    { base, ours: theirs, theirs: ours },
  ])

/** Merges to be recorded: the named ones both ways round, and small ones whose lines end in every way. */
function toRecord(): readonly ScriptEdits[] {
  const named = bothWays(NAMED)
  const small = fc.sample(smallTexts(['\n', '\r\n']), { numRuns: 120, seed: 21 })
  const mixed = fc.sample(smallTexts(['mixed']), { numRuns: 120, seed: 22 })
  // Git has CRLF after a marker where the base begins with it too, which need not be in any contested hunk.
  return [...named, ...small, ...mixed.filter((sides) => here(sides).text === git(sides).text)]
}

test('the recorded answers are git’s own', () => {
  if (process.env.RECORD === 'merge-file') {
    const agreed = bothWays(AGREED)
    const all = [...toRecord(), ...agreed].map((sides): Recorded => {
      const { isClean, text } = git(sides)
      const diff3 = isClean || agreed.includes(sides) ? undefined : git(sides, 'diff3').text
      return {
        ...sides,
        clean: isClean,
        ...(text !== undefined && { merge: text }),
        ...(diff3 !== undefined && { diff3 }),
      }
    })
    writeFileSync(RECORD, all.map((one) => `${JSON.stringify(one)}\n`).join(''))
  }
  const recorded = readRecorded(readFileSync(RECORD, 'utf8'))
  for (const { clean, merge, diff3, ...sides } of recorded.filter((_, n) => LONG || n % 10 === 0)) {
    expect(git(sides)).toEqual({ isClean: clean, text: merge })
    if (diff3 !== undefined) expect(git(sides, 'diff3').text).toBe(diff3)
  }
})

/** What `git diff` says of two texts, with a line around each change so that every change is one by itself. */
function gitDiff(a: readonly number[], b: readonly number[]): readonly LineChange[] {
  for (const [name, lines] of Object.entries({ a, b })) {
    writeFileSync(join(folder, name), lines.map((line) => `${line}\n`).join(''))
  }
  // As merge-file compares them: changes stand where they slide to, not where an indent would have them.
  const options = [
    '--no-index',
    '--no-color',
    '--no-ext-diff',
    '--no-indent-heuristic',
    '--diff-algorithm=myers',
    '-U1',
  ]
  const { status, stdout } = spawnSync('git', ['diff', ...options, 'a', 'b'], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
  })
  expect(status).toBe(a.join() === b.join() ? 0 : 1)
  const found: LineChange[] = []
  let [i, j] = [0, 0]
  for (const [line] of stdout.matchAll(/^(?:@@ -.*|[-+ ][0-9]*$)/gm)) {
    const hunk = /^@@ -([0-9]+)(,0)?.* \+([0-9]+)(,0)?/.exec(line)
    // An empty stretch is told by the line before it.
    if (hunk) [i, j] = [Number(hunk[1]) - (hunk[2] ? 0 : 1), Number(hunk[3]) - (hunk[4] ? 0 : 1)]
    else if (line.startsWith(' ')) [i, j] = [i + 1, j + 1]
    else {
      const last = found.at(-1)
      const [inA, inB] = line.startsWith('-') ? [1, 0] : [0, 1]
      const change = last?.end === i && last.to === j ? found.pop()! : { start: i, end: i, from: j, to: j }
      found.push({ ...change, end: i + inA, to: j + inB })
      ;[i, j] = [i + inA, j + inB]
    }
  }
  return found
}

test('the recorded comparisons are git’s own', () => {
  if (process.env.RECORD === 'diff') {
    const recorded = readDiffs().map(({ kind, seed }): RecordedDiff => {
      return { kind, seed, changes: shown(gitDiff(...textsOf({ kind, seed }))) }
    })
    writeFileSync(DIFFS, recorded.map((one) => `${JSON.stringify(one)}\n`).join(''))
  }
  for (const one of readDiffs().filter((_, n) => LONG || n % 10 === 0)) {
    expect(shown(gitDiff(...textsOf(one))), `${one.kind} ${one.seed}`).toBe(one.changes)
  }
})
