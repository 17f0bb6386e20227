/** Which file of a project is what (protocol, section 8). All paths are relative to the project's folder. */
export { assetFile, blueprintFile, entityFile, foldPath, type Taken } from './file-names.ts'
export { unsafePath } from './safe-path.ts'

export const MANIFEST_FILE = 'world.json'
export const SETTINGS_FILE = 'world/settings.json'
export const SPAWN_FILE = 'world/spawn.json'

export type ProjectPath =
  | { readonly kind: 'entity' }
  | { readonly kind: 'settings' }
  | { readonly kind: 'spawn' }
  | { readonly kind: 'manifest' }
  /** `apps/<folder>/<File>.json` */
  | { readonly kind: 'blueprint'; readonly folder: string }
  /** `apps/<folder>/<path>` */
  | { readonly kind: 'script'; readonly folder: string; readonly path: string }
  /** `shared/<path>` */
  | { readonly kind: 'shared'; readonly path: string }
  /** `assets/<name>` */
  | { readonly kind: 'asset'; readonly name: string }
  | { readonly kind: 'other' }

const OTHER: ProjectPath = { kind: 'other' }
const ENTITY: ProjectPath = { kind: 'entity' }
const NOT_BLUEPRINTS = new Set(['package.json', 'tsconfig.json', 'jsconfig.json'])

/**
 * What a file is. Names that start with a dot are never part of the world (S1), nor is anything in `node_modules`.
 *
 * @example classify('apps/Lamp/lib/a.ts') // { kind: 'script', folder: 'Lamp', path: 'lib/a.ts' }
 */
export function classify(path: string): ProjectPath {
  if (path === MANIFEST_FILE) return { kind: 'manifest' }
  if (path === SETTINGS_FILE) return { kind: 'settings' }
  if (path === SPAWN_FILE) return { kind: 'spawn' }
  const segments = path.split('/')
  if (segments.length < 2 || segments.some((s) => s === '' || s.startsWith('.'))) return OTHER
  // The line puts entities into shards; people may put theirs anywhere below the same folder (M8).
  if (/^world\/entities\/.*[^/]\.json$/.test(path)) return ENTITY
  const rest = path.slice(segments[0]!.length + 1)
  if (segments[0] === 'assets') return { kind: 'asset', name: rest }
  if (segments.includes('node_modules')) return OTHER
  if (segments[0] === 'shared') return isScript(path) ? { kind: 'shared', path: rest } : OTHER
  if (segments[0] !== 'apps' || segments.length < 3) return OTHER
  const folder = segments[1]!
  if (isScript(path)) return { kind: 'script', folder, path: rest.slice(folder.length + 1) }
  const file = segments[2]!
  if (segments.length === 3 && /[^.]\.json$/.test(file) && !NOT_BLUEPRINTS.has(file))
    return { kind: 'blueprint', folder }
  return OTHER
}

function isScript(path: string): boolean {
  return /[^/]\.(?:js|ts)$/.test(path)
}

/** Whether a file belongs to the world: only such files are on the line, and only such files a pull writes (G4, G12). */
export function isWorldOwned(path: string): boolean {
  return path === MANIFEST_FILE || /^(?:world|apps|shared|assets)\/./.test(path)
}
