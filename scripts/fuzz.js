// Tries hostile worlds, lying servers and hostile projects on the client, from a seed, for as long as it is told:
// npm run fuzz -- --minutes 15 [--seed 1] [--json]; npm run fuzz -- --case world:17 runs one case again.
// Exits with 1 when a case failed. What the cases are, and what is checked, stands in test/hostile.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { ensure } from './ensure.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    case: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error('error: --minutes takes a number above 0, --seed an integer')
  process.exit(1)
}
ensure()

// Below node_modules, where what is not bundled is found.
const cache = join(root, 'node_modules', '.cache')
mkdirSync(cache, { recursive: true })
const folder = mkdtempSync(join(cache, 'fuzz-'))
let failed = 1
try {
  const { build } = await import('esbuild')
  const outfile = join(folder, 'fuzz.mjs')
  await build({
    entryPoints: [join(root, 'test', 'hostile', 'fuzz.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'warning',
  })
  process.setSourceMapsEnabled(true)
  process.env.HOSTILE_ROOT = root
  const { fuzz } = await import(pathToFileURL(outfile).href)
  failed = await fuzz({ minutes, seed, only: values.case, json: values.json, root })
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exit(failed === 0 ? 0 : 1)
