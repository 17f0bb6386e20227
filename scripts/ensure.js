// Makes sure that dependencies are installed and dist/ is built, so that `npm test` and `npm run quickstart` work in a
// fresh checkout. Uses nothing but Node itself, and does nothing when there is nothing to do.
import { spawnSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)))

/** npm writes this file last, when everything is in place. */
const INSTALLED = 'node_modules/.package-lock.json'
/** Every build makes the folder anew, so that its own time is the build's; the manifest is written last. */
const BUILT = 'dist'
const MANIFEST = 'oclif.manifest.json'
/** What dist/ is made of. */
const SOURCES = ['src', 'scripts/build.js', 'scripts/cli.js', 'package.json', 'package-lock.json', 'tsconfig.json']

/**
 * What has to be done in a checkout: `npm ci` when dependencies are missing or older than the lock file, `npm run build`
 * when dist/ is missing or older than the sources.
 *
 * @param {string} root
 * @returns {{ readonly install: boolean, readonly build: boolean }}
 */
export function needs(root) {
  const lock = modified(join(root, 'package-lock.json'))
  const install = modified(join(root, INSTALLED)) < lock
  const built = modified(join(root, BUILT))
  const complete = built > 0 && modified(join(root, MANIFEST)) >= built
  const build = !complete || SOURCES.some((source) => newest(join(root, source)) > built)
  return { install, build: install || build }
}

/**
 * Does it, with npm's output passed through. Throws when npm fails.
 *
 * @param {string} [root]
 */
export function ensure(root = projectRoot) {
  const { install, build } = needs(root)
  if (install) npm(root, ['ci', '--no-audit', '--no-fund'])
  if (build) npm(root, ['run', '--silent', 'build'])
}

/**
 * @param {string} root
 * @param {readonly string[]} args
 */
function npm(root, args) {
  console.error(`$ npm ${args.join(' ')}`)
  // npm runs scripts with its own path in the environment; a plain `node scripts/ensure.js` has only the command.
  const cli = process.env.npm_execpath
  const own = cli !== undefined && /npm-cli\.[cm]?js$/.test(cli)
  const { status, error } = own
    ? spawnSync(process.execPath, [cli, ...args], { cwd: root, stdio: ['ignore', 2, 2] })
    : spawnSync('npm', [...args], { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed`)
}

/**
 * The time of the newest file or folder at a path; a folder's own time tells of files that are gone.
 *
 * @param {string} path
 * @returns {number}
 */
function newest(path) {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return 0
  if (!stats.isDirectory()) return stats.mtimeMs
  return readdirSync(path).reduce((time, name) => Math.max(time, newest(join(path, name))), stats.mtimeMs)
}

/**
 * @param {string} path
 * @returns {number} 0 when there is nothing at the path.
 */
function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    ensure()
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : error}`)
    process.exitCode = 1
  }
}
