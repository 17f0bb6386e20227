// The rehearsal of docs/runbook.md, played end to end with the built program: npm run burn-in -- --help

import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { ensure } from './ensure.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const folder = mkdtempSync(join(tmpdir(), 'gamedev-burn-in-programs-'))

/** A runtime that loses and repeats what the public server does, in a process of its own. */
const PUBLIC = `
  import { startRuntime } from './src/runtime/index.ts'
  const [dataDir, worldId, adminCode] = process.argv.slice(2)
  startRuntime({ dataDir, worldId, adminCode, port: 0, publicLike: true, saveInterval: 60_000 }).then((runtime) => {
    process.once('SIGTERM', () => runtime.close())
    process.stdout.write('served at ' + runtime.url + '\\n')
  })
`

/** Bundles TypeScript for this Node; packages stay where they are installed. */
async function bundle(contents, name, place) {
  const outfile = join(folder, `${name}.cjs`)
  await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    packages: 'external',
    // An import() would look beside the bundle, where no packages are.
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(root, place)).href) },
    logLevel: 'error',
  })
  return outfile
}

ensure(root)
// Bundles lie outside of the checkout; this is where they find its packages.
process.env.NODE_PATH = join(root, 'node_modules')
createRequire(import.meta.url)('node:module').Module._initPaths()
try {
  const file = await bundle(`export { main } from './test/burn-in/main.ts'`, 'main', 'test/burn-in/main.ts')
  const { main } = createRequire(import.meta.url)(file)
  const publicRuntime = () => bundle(PUBLIC, 'public', 'src/runtime/index.ts')
  process.exitCode = await main(root, process.argv.slice(2), publicRuntime)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
