import { statSync } from 'node:fs'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Small files first: a mutant is dead with the first test that fails, and tables fail sooner than laws. */
class SmallFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const size = ({ moduleId }: TestSpecification) => (/laws/.test(moduleId) ? Infinity : statSync(moduleId).size)
    return files.toSorted((a, b) => size(a) - size(b))
  }
}

/** What `npm run mutation` runs for each mutant: the resolvers' own tests, without those that start git. */
export default defineConfig({
  test: {
    include: ['test/resolvers/*.test.ts'],
    exclude: ['test/resolvers/text-against-git.test.ts'],
    setupFiles: ['test/resolvers/no-shrinking.ts'],
    sequence: { sequencer: SmallFirst },
    testTimeout: 60_000,
  },
})
