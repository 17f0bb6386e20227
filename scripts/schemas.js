// Writes schemas/ from the schemas of the sources: what editors need to complete and check our files.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Draft 7 is what every editor understands. */
const TARGET = { target: 'draft-7' }

/**
 * The schemas as JSON documents: file in schemas/ → document.
 *
 * @returns {Promise<Readonly<Record<string, Record<string, unknown>>>>}
 */
export async function schemas() {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { lobbyFileSchema } from './src/sync/lobby-schema.ts'
        export { toJSONSchema } from 'zod/mini'`,
      resolveDir: root,
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    write: false,
    logLevel: 'warning',
  })
  const code = Buffer.from(outputFiles[0].contents).toString('base64')
  const { lobbyFileSchema, toJSONSchema } = await import(`data:text/javascript;base64,${code}`)
  return { 'lobby.schema.json': toJSONSchema(lobbyFileSchema, TARGET) }
}

/**
 * As the formatter wants it.
 *
 * @param {string} name
 * @param {unknown} document
 */
export function schemaText(name, document) {
  const biome = join(root, 'node_modules', '.bin', 'biome')
  return execFileSync(biome, ['format', `--stdin-file-path=schemas/${name}`], {
    cwd: root,
    encoding: 'utf8',
    input: JSON.stringify(document, null, 2),
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  mkdirSync(join(root, 'schemas'), { recursive: true })
  for (const [name, document] of Object.entries(await schemas())) {
    writeFileSync(join(root, 'schemas', name), schemaText(name, document))
  }
}
