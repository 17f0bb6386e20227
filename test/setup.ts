import { join } from 'node:path'
import { afterAll, expect } from 'vitest'

/** Who commits in tests, with nobody's own configuration. */
Object.assign(process.env, {
  GIT_CONFIG_GLOBAL: join(import.meta.dirname, 'gitconfig'),
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Dev',
  GIT_AUTHOR_EMAIL: 'dev@example.com',
  GIT_COMMITTER_NAME: 'Dev',
  GIT_COMMITTER_EMAIL: 'dev@example.com',
})

const state = () => ({ folder: process.cwd(), exitCode: process.exitCode, env: { ...process.env } })
const before = state()

// Files share their process, and so what they leave in it.
afterAll(() => {
  expect(state(), 'a test file leaves the environment as it was').toEqual(before)
})
