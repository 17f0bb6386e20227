import { parse } from 'es-module-lexer'
import type { FileProblem } from './json-file.ts'
import { classify } from './paths.ts'

/** What a script needs of `shared/`, by its static imports. */
export interface SharedImports {
  /** Paths below `shared/`, sorted. */
  readonly shared: readonly string[]
  /** Imports of shared modules that cannot be followed, in words. */
  readonly problems: readonly string[]
}

/**
 * The shared modules that a script imports statically: as `@shared/x.js`, as `shared/x.js`, or by a relative path that
 * leads into `shared/`. `path` is the script's place in the project. Type-only imports need no module.
 *
 * @example sharedImports("import '@shared/a.js'", 'apps/Lamp/index.js').shared // ['a.js']
 */
export function sharedImports(source: string, path: string): SharedImports {
  const shared = new Set<string>()
  const problems: string[] = []
  for (const specifier of staticImports(source)) {
    const target = resolve(specifier, path)
    if (target === undefined) continue
    if (classify(target).kind === 'shared') shared.add(target.slice('shared/'.length))
    else if (/\.[A-Za-z]+$/.test(target)) problems.push(`imports ${specifier}, which is no .js or .ts file`)
    else problems.push(`imports ${specifier} without its extension (.js or .ts)`)
  }
  return { shared: [...shared].sort(), problems }
}

/** The project path that a specifier names when it leads into `shared/`. */
function resolve(specifier: string, from: string): string | undefined {
  const bare = /^@?(shared\/.+)$/s.exec(specifier)
  const segments = bare !== null ? [] : from.split('/').slice(0, -1)
  if (bare === null && !/^\.\.?\//.test(specifier)) return undefined
  for (const segment of (bare?.[1] ?? specifier).split('/')) {
    if (segment === '.') continue
    if (segment !== '..') segments.push(segment)
    else if (segments.pop() === undefined) return undefined
  }
  return segments[0] === 'shared' && segments.length > 1 ? segments.join('/') : undefined
}

/**
 * All shared modules that scripts need, transitively: their own paths below `shared/`, sorted, and what is missing.
 * `readShared` gives a module's source by that path, undefined when there is no such file.
 */
export function collectShared(
  entrySources: Iterable<{ readonly path: string; readonly source: string }>,
  readShared: (path: string) => string | undefined,
): { readonly shared: readonly string[]; readonly problems: readonly FileProblem[] } {
  const found = new Set<string>()
  const problems: FileProblem[] = []
  const queue = [...entrySources]
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { path, source } = next
    const imports = sharedImports(source, path)
    for (const message of imports.problems) problems.push({ path, code: 'shared_import', message })
    for (const module of imports.shared) {
      if (found.has(module)) continue
      const text = readShared(module)
      if (text === undefined) {
        problems.push({ path, code: 'shared_import', message: `imports shared/${module}, which does not exist` })
        continue
      }
      found.add(module)
      queue.push({ path: `shared/${module}`, source: text })
    }
  }
  return { shared: [...found].sort(), problems }
}

/** `module` when a script has a default export, else `legacy-body` (protocol, section 8). */
export function scriptFormatOf(source: string): 'module' | 'legacy-body' {
  try {
    const [, exports] = parse(source)
    if (exports.some((e) => e.type !== 'reexport-all' && e.name === 'default' && !e.typeOnly)) return 'module'
    return 'legacy-body'
  } catch {
    const code = blank(source, { strings: true })
    return /(?:^|[\s;}])export\s+default\b|(?:^|[\s;}])export\s*\{[^}]*\bas\s+default\b/.test(code)
      ? 'module'
      : 'legacy-body'
  }
}

/** Specifiers of static imports and re-exports that exist at run time, in order. */
function staticImports(source: string): readonly string[] {
  try {
    const [imports] = parse(source)
    return imports.flatMap((i) =>
      (i.type === 'static' || i.type === 'reexport-star') && !i.typeOnly ? [i.specifier] : [],
    )
  } catch {
    return scanImports(source)
  }
}

/** What the lexer refuses (enums, decorators, JSX, half-written code) is scanned by its statements' shape. */
function scanImports(source: string): readonly string[] {
  const code = blank(source, { strings: false })
  const statement =
    /(?:^|[\n;}])[ \t]*(?:import|export)(?![ \t]+type[ \t]+[\w*{$])(?:[\s\w$*{},]*?\bfrom)?[ \t\r\n]*(['"])([^'"\n]+)\1/g
  return [...code.matchAll(statement)].map((match) => match[2]!)
}

/** The source with comments (and the inside of strings) made spaces, so that what they say is not taken for code. */
function blank(source: string, options: { readonly strings: boolean }): string {
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"|`(?:[^`\\]|\\[\s\S])*`/g
  return source.replace(token, (text) => {
    const keep = text.startsWith("'") || text.startsWith('"') ? !options.strings : false
    return keep ? text : text.replace(/[^\n]/g, ' ')
  })
}
