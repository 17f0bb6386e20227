// Checks what each layer imports (docs/architecture.md, "Layers"): one table instead of lint patterns, which replace each
// other where they overlap and do not see sub-paths of packages. Prints each breach as file:line and exits with 1.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/**
 * What a layer may import: `layers` beside itself, `packages` of npm and of Node. A layer without `packages` may use any.
 * Layers with `packages` are pure: no clock, no randomness, no process either.
 *
 * @type {Readonly<Record<string, { readonly layers: readonly string[], readonly packages?: readonly string[] }>>}
 */
const LAYERS = {
  world: { layers: [], packages: [] },
  projection: { layers: ['world'], packages: ['node:crypto', 'es-module-lexer'] },
  resolvers: { layers: ['world'], packages: [] },
  protocol: { layers: ['world'] },
  'git-bridge': { layers: ['world', 'projection', 'resolvers'] },
  'remote-runtime': { layers: ['world', 'protocol'] },
  runtime: { layers: ['world', 'projection', 'protocol'] },
  sync: { layers: ['world', 'projection', 'resolvers', 'git-bridge', 'remote-runtime', 'protocol'] },
  cli: { layers: ['world', 'projection', 'resolvers', 'git-bridge', 'sync'] },
  commands: { layers: ['world', 'sync', 'cli', 'runtime'] },
}

/** Static and dynamic imports, re-exports, and types by `import('…')`. */
const IMPORT = /\b(?:from|import)\s*\(?\s*(['"])([^'"\n]+)\1/g
const COMMENT = /\/\*[\s\S]*?\*\/|(?<![:'"`])\/\/[^\n]*/g
const IMPURE =
  /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bperformance\.now\b|\brandom(?:UUID|Bytes|Int)\b|\bgetRandomValues\b|\bprocess\.|(?<![.\w])(?:fetch|setTimeout|setInterval|setImmediate)\(/g

/**
 * The breaches of one file.
 *
 * @param {string} path relative to `src`, separated by `/`
 * @param {string} source
 * @returns {readonly string[]} `src/<path>:<line>: <what>`
 */
export function breaches(path, source) {
  const layer = path.slice(0, Math.max(0, path.indexOf('/')))
  const rule = Object.hasOwn(LAYERS, layer) ? LAYERS[layer] : undefined
  if (rule === undefined) return [`src/${path}:1: is in no layer`]
  const code = source.replace(COMMENT, (text) => text.replace(/[^\n]/g, ' '))
  const found = []
  const report = (at, what) => found.push(`src/${path}:${code.slice(0, at).split('\n').length}: ${what}`)
  for (const match of code.matchAll(IMPORT)) {
    const specifier = match[2]
    if (specifier.startsWith('.')) {
      const target = layerOf(path, specifier)
      if (target === layer || rule.layers.includes(target)) continue
      report(match.index, `${layer} may not import ${target}: ${specifier}`)
    } else if (rule.packages !== undefined && !rule.packages.includes(specifier)) {
      report(match.index, `${layer} is pure and may not import ${specifier}`)
    }
  }
  if (rule.packages !== undefined) {
    for (const match of code.matchAll(IMPURE)) report(match.index, `${layer} is pure and may not use ${match[0]}`)
  }
  return found
}

/**
 * @param {string} path
 * @param {string} specifier
 */
function layerOf(path, specifier) {
  const segments = path.split('/').slice(0, -1)
  for (const segment of specifier.split('/')) {
    if (segment === '..') {
      if (segments.pop() === undefined) return `something outside src`
    } else if (segment !== '.') segments.push(segment)
  }
  return segments[0] ?? ''
}

/** @param {string} folder */
function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* sources(path)
    else if (/\.[cm]?[jt]s$/.test(entry.name)) yield path
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const src = join(dirname(dirname(fileURLToPath(import.meta.url))), 'src')
  const all = [...sources(src)].flatMap((file) =>
    breaches(relative(src, file).split(sep).join('/'), readFileSync(file, 'utf8')),
  )
  for (const breach of all) console.error(breach)
  if (all.length > 0) process.exitCode = 1
}
