import { defineConfig } from 'vitest/config'

/** What `npm run mutation` runs for each mutant: the resolvers' own tests, without those that start git. */
export default defineConfig({
  test: {
    testTimeout: 60_000,
    include: ['test/resolvers/*.test.ts'],
    exclude: ['test/resolvers/text-against-git.test.ts'],
  },
})
