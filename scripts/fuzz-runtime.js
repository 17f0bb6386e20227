// npm run fuzz:runtime -- [--minutes <n>] [--seed <n>] [--from <case> --to <case>] [--json]
//
// Attacks the reference runtime with requests, packets and uploads made from a seed: the same seed, the same cases. Exits
// with 1 when the runtime failed one; `--from` and `--to` try those again that a failure names.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
// Inside the checkout, where the packages and the built-in assets are found.
const folder = mkdtempSync(join(root, 'node_modules', '.fuzz-runtime-'))
let status = 1
try {
  await build({
    absWorkingDir: root,
    entryPoints: ['test/hostile-runtime/main.ts', 'test/hostile-runtime/server.ts'],
    outdir: folder,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    outExtension: { '.js': '.mjs' },
    logLevel: 'warning',
  })
  const args = [join(folder, 'main.mjs'), join(folder, 'server.mjs'), ...process.argv.slice(2)]
  const child = spawn(process.execPath, args, { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => child.kill(signal))
  status = await new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = status
