import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { here, readRecorded } from './text-cases.ts'

// `RECORD=merge-file npx vitest run test/resolvers/text-against-git.test.ts` writes them anew.
const recorded = readRecorded(readFileSync(join(import.meta.dirname, 'merge-file.jsonl'), 'utf8'))

test.each(recorded.map((one, n) => [n, one] as const))(
  'M3 C2 as git merge-file, recorded: %d',
  (_, { clean, merge, diff3, ...sides }) => {
    expect(here(sides)).toEqual({ isClean: clean, text: merge })
    if (diff3 !== undefined) expect(here(sides, 'diff3').text).toBe(diff3)
  },
)
