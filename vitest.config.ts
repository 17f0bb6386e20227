import { defineConfig } from 'vitest/config'

/** `npm run test:long` tries every case of what is sampled otherwise, in one test each. */
const LONG = process.env.LONG === 'all'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: LONG ? 7_200_000 : 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
  },
})
