// npm run torture -- --minutes <n> [--seed <s>] [--round <r>] [--runtime reference|public|both] [--json]
//
// Real commands, a real runtime and real git, killed with SIGKILL again and again; see test/torture/main.ts. Needs dist/
// (npm run build). Failing rounds keep their folders.
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const folder = mkdtempSync(join(tmpdir(), 'gamedev-torture-bin-'))
try {
  // What the bundles load when they run is looked for beside them.
  for (const name of ['node_modules', 'fixtures']) symlinkSync(join(root, name), join(folder, name), 'junction')
  // A copy of the build: another one made meanwhile changes nothing here.
  for (const name of ['bin', 'dist', 'package.json', 'oclif.manifest.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  await build({
    entryPoints: ['main', 'public-runtime'].map((name) => join(root, 'test', 'torture', `${name}.ts`)),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  })
  const { torture } = await import(pathToFileURL(join(folder, 'main.mjs')).href)
  process.exitCode = await torture(folder, join(folder, 'public-runtime.mjs'), process.argv.slice(2))
} catch (error) {
  console.error(`torture: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
