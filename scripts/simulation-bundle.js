// Bundles the simulation: the product's own code, on a file system, a git, a network and a clock that are models.
import { mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const models = join(root, 'test', 'simulation')

/** What the product's modules ask for, and what they get. */
const REPLACED = new Map([
  ['node:fs/promises', 'fs.ts'],
  ['node:fs', 'fs.ts'],
  ['node:crypto', 'replaced/crypto.ts'],
  ['node:timers/promises', 'replaced/timers.ts'],
  ['node:os', 'replaced/os.ts'],
])
/** Modules of the product's that end where the machine begins. */
const EDGES = new Map(
  [
    ['src/git-bridge/native/open-native-repository.ts', 'git/open.ts'],
    ['src/sync/user-git.ts', 'git/user-git.ts'],
    ['src/remote-runtime/exchange.ts', 'world/wire.ts'],
    ['src/remote-runtime/socket.ts', 'world/wire.ts'],
  ].map(([from, to]) => [join(root, from), join(models, to)]),
)

const replacedModules = {
  name: 'models',
  /** @param {import('esbuild').PluginBuild} plugin */
  setup(plugin) {
    plugin.onResolve({ filter: /^node:/ }, ({ path, importer }) => {
      const model = REPLACED.get(path)
      // The models stand on the real thing, and so do the libraries.
      if (model === undefined || !importer.startsWith(join(root, 'src'))) return { path, external: true }
      return { path: join(models, model) }
    })
    plugin.onResolve({ filter: /^\.{1,2}\// }, ({ path, importer }) => {
      if (!importer.startsWith(root)) return undefined
      const edge = EDGES.get(resolve(dirname(importer), path))
      return edge === undefined || importer.startsWith(models) ? undefined : { path: edge }
    })
  },
}

/**
 * Writes the bundle of an entry to a folder of its own and returns the file.
 *
 * @param {string} entry below test/simulation
 * @returns {Promise<string>}
 */
export async function bundleSimulation(entry = 'worker.ts') {
  // Below the project, so that what stays external is found.
  const folder = join(root, 'node_modules', '.cache', 'simulation')
  mkdirSync(folder, { recursive: true })
  const outfile = join(folder, `${entry.replace(/\W+/g, '-')}-${process.pid}.mjs`)
  await build({
    entryPoints: [join(models, entry)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: ['isomorphic-git', 'memfs', 'undici', 'simple-git', 'libsql', 'fastify', '@fastify/*'],
    define: {
      Date: 'SimDate',
      setTimeout: 'simSetTimeout',
      clearTimeout: 'simClearTimeout',
      setInterval: 'simSetInterval',
      clearInterval: 'simClearInterval',
      'Math.random': 'simRandom',
      'process.pid': 'simProcess.pid',
      'process.kill': 'simProcess.kill',
    },
    inject: [join(models, 'environment.ts')],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
    },
    plugins: [replacedModules],
    sourcemap: 'inline',
    logLevel: 'warning',
  })
  return outfile
}
