import { statfsSync } from 'node:fs'
import { defineConfig } from 'vitest/config'
import Sequencer from './test/sequencer.ts'

/** `npm run test:long` tries every case of what is sampled otherwise, in one test each. */
const LONG = process.env.LONG === 'all'

/** Memory that looks like a disk: flushing costs nothing there, and the tests flush thousands of files. */
const MEMORY = '/dev/shm'
const ROOM = 2 ** 30

/** Where the tests' folders go: to memory where it has room, else wherever this system has its temporary files. */
function temporary(): Record<string, string> {
  if (process.env.TMPDIR !== undefined) return {}
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize < ROOM ? {} : { TMPDIR: MEMORY }
  } catch {
    return {}
  }
}

/** What replaces modules of ours: in a process where another file has loaded them, it would replace nothing. */
const ALONE = ['test/simulation/world/wire.test.ts', 'test/simulation/world/contract.test.ts']

const PROVEN = ['src/world', 'src/projection', 'src/resolvers', 'src/git-bridge']

export default defineConfig({
  test: {
    testTimeout: LONG ? 7_200_000 : 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // A process is started in time that grows with the memory of the one that starts it, and the tests start some ten
    // thousands of git: garbage is collected early.
    execArgv: ['--heap-growing-percent=40'],
    // All cores: the process that runs the workers has little to do itself.
    maxWorkers: '100%',
    sequence: { sequencer: Sequencer },
    // What a project says is added to what stands here, lists too: so which files it takes, it says alone.
    // A file's modules stay loaded for the next; test/setup.ts sees that no file leaves the environment changed.
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          isolate: false,
          exclude: ['**/node_modules/**', ...ALONE],
        },
      },
      { extends: true, test: { name: 'alone', isolate: true, include: ALONE } },
    ],
    setupFiles: ['test/setup.ts'],
    env: temporary(),
    // `npm run coverage`: what decides what is merged, written and certified is tested at every branch that can be taken.
    coverage: {
      provider: 'v8',
      include: PROVEN.map((folder) => `${folder}/**`),
      reporter: ['text-summary', 'html', 'json'],
      reportsDirectory: 'coverage',
      thresholds: Object.fromEntries(PROVEN.map((folder) => [`${folder}/**`, { branches: 95 }])),
    },
  },
})
