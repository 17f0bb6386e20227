// Builds dist/: one entry per command, shared code in chunks, and the oclif manifest that makes start-up cheap.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Plugin } from '@oclif/core'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/**
 * Loaded from node_modules when they are used. What every command needs is bundled instead, which halves its start-up:
 * a hundred small modules cost more to find than to run.
 */
const EXTERNAL = [
  'fastify',
  '@fastify/*',
  'libsql',
  'isomorphic-git',
  'memfs',
  'msgpackr',
  'prom-client',
  'undici',
  'pino',
  // Looked for by oclif only when it runs TypeScript sources.
  'typescript',
]

/** CommonJS packages inside our modules ask for these. */
const COMMONJS = [
  "import { createRequire as __createRequire } from 'node:module'",
  "import { dirname as __dirnameOf } from 'node:path'",
  "import { fileURLToPath as __pathOf } from 'node:url'",
  'const require = __createRequire(import.meta.url)',
  'const __filename = __pathOf(import.meta.url)',
  'const __dirname = __dirnameOf(__filename)',
].join(';')

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* sources(path)
    else if (entry.name.endsWith('.ts')) yield path
  }
}

/**
 * Bundles the CLI into a folder. `more` are further entries, as esbuild has them; the benchmark adds a command that does
 * nothing.
 *
 * @param {string} outdir
 * @param {readonly { readonly in: string; readonly out: string }[]} [more]
 */
export async function bundle(outdir, more = []) {
  const folder = join(root, 'src')
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [
      { in: join(root, 'scripts', 'cli.js'), out: 'cli' },
      ...[...sources(join(folder, 'commands'))].map((path) => ({
        in: path,
        out: path.slice(folder.length + 1, -'.ts'.length),
      })),
      ...more,
    ],
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: EXTERNAL,
    banner: { js: COMMONJS },
    minify: true,
    keepNames: true,
    sourcemap: true,
    sourcesContent: false,
    chunkNames: 'chunks/[name]-[hash]',
    logLevel: 'warning',
    // Nothing of the old build goes before the new one is there.
    write: false,
  })
  rmSync(outdir, { recursive: true, force: true })
  for (const { path, text } of outputFiles) {
    const code = text.slice(COMMONJS.length)
    // Few chunks need it; the empty line that is left in the others keeps their source maps true.
    const plain = text.startsWith(COMMONJS) && !/\b(?:typeof require|__dirname|__filename)\b/.test(code)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, plain ? code : text)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle(join(root, 'dist'))
  const plugin = new Plugin({ root, ignoreManifest: true, errorOnManifestCreate: true, respectNoCacheDefault: true })
  await plugin.load()
  // In an order of its own: folders list their files in any.
  const commands = Object.fromEntries(Object.entries(plugin.manifest.commands).sort(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(join(root, 'oclif.manifest.json'), `${JSON.stringify({ ...plugin.manifest, commands }, null, 2)}\n`)
}
