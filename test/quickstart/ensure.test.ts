import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

interface Ensure {
  needs(root: string): { readonly install: boolean; readonly build: boolean }
}

const { needs } = (await import(pathToFileURL(resolve('scripts/ensure.js')).href)) as Ensure

const FOLDERS = ['src', 'src/sync', 'dist']

/** A checkout of which only the times matter: path → seconds; folders end in a slash. */
function checkout(times: Readonly<Record<string, number>>): string {
  const root = mkdtempSync(join(tmpdir(), 'gamedev-ensure-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  for (const path of Object.keys(times)) {
    mkdirSync(path.endsWith('/') ? join(root, path) : dirname(join(root, path)), { recursive: true })
    if (!path.endsWith('/')) writeFileSync(join(root, path), '')
  }
  // Writing into a folder changes its time, so the times come last.
  for (const folder of FOLDERS) if (existsSync(join(root, folder))) utimesSync(join(root, folder), 1, 1)
  for (const [path, seconds] of Object.entries(times)) utimesSync(join(root, path), 1, seconds)
  return root
}

const READY = {
  'package-lock.json': 10,
  'package.json': 10,
  'scripts/build.js': 10,
  'src/sync/pull.ts': 20,
  'node_modules/.package-lock.json': 11,
  'dist/': 30,
  'oclif.manifest.json': 31,
}

test.each([
  ['all is there', READY, { install: false, build: false }],
  ['a source is newer', { ...READY, 'src/sync/pull.ts': 32 }, { install: false, build: true }],
  ['a source was removed', { ...READY, 'src/sync/': 31 }, { install: false, build: true }],
  ['the build script is newer', { ...READY, 'scripts/build.js': 31 }, { install: false, build: true }],
  ['the lock file is newer', { ...READY, 'package-lock.json': 12 }, { install: true, build: true }],
  ['the last build failed', { ...READY, 'oclif.manifest.json': 5 }, { install: false, build: true }],
  [
    'git brought a newer manifest and sources',
    { ...READY, 'oclif.manifest.json': 40, 'src/sync/pull.ts': 40 },
    { install: false, build: true },
  ],
  ['nothing is installed', { 'package-lock.json': 10, 'src/a.ts': 10 }, { install: true, build: true }],
  [
    'nothing is built',
    { 'package-lock.json': 10, 'node_modules/.package-lock.json': 11, 'src/a.ts': 10 },
    { install: false, build: true },
  ],
] as const)('%s', (_name, times, expected) => {
  expect(needs(checkout(times))).toEqual(expected)
})
