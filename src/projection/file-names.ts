import { createHash } from 'node:crypto'
import { isDeviceName } from './safe-path.ts'

/** Longest encoded entity name before it is cut and hashed; `.json` and the limit of 255 bytes leave room. */
const MAX_ENTITY_NAME = 200
/** Longest sanitised name; collisions may add a suffix. */
const MAX_NAME = 100
/** JSON files that are no blueprints, and folders that hold no scripts (protocol, section 8). */
const NOT_BLUEPRINTS = new Set(['package', 'tsconfig', 'jsconfig'])

/** The file of an id's entity: `world/entities/<shard>/<name>.json`. Two ids never share one, also where case folds (G8). */
export function entityFile(id: string): string {
  const encoded = encodeId(id)
  const shard = sha256(encoded).slice(0, 2)
  return `world/entities/${shard}/${shorten(encoded)}.json`
}

/**
 * A reversible spelling in lower-case ASCII: what is lower-case stays, `A` is `+a`, all else `%xx`. Injective, because
 * `+` and `%` themselves are written as `%xx`.
 */
function encodeId(id: string): string {
  // No other id is encoded as a lone '%', nor with an escape for a character that needs none.
  if (id === '') return '%'
  if (isDeviceName(id) && /^[a-z0-9]+$/.test(id)) return `%${id.charCodeAt(0).toString(16)}${id.slice(1)}`
  let name = ''
  for (const char of id) {
    if (/^[a-z0-9_-]$/.test(char)) name += char
    else if (/^[A-Z]$/.test(char)) name += `+${char.toLowerCase()}`
    else for (const byte of utf8Bytes(char)) name += `%${byte.toString(16).padStart(2, '0')}`
  }
  return name
}

/** UTF-8, but lone surrogates keep bytes of their own instead of all becoming U+FFFD. */
function utf8Bytes(char: string): readonly number[] {
  const code = char.codePointAt(0)!
  if (code >= 0xd800 && code <= 0xdfff) return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]
  return [...new TextEncoder().encode(char)]
}

function shorten(encoded: string): string {
  if (encoded.length <= MAX_ENTITY_NAME) return encoded
  // '~' is always escaped otherwise, so a shortened name is never that of a short id.
  return `${encoded.slice(0, MAX_ENTITY_NAME - 72)}~${sha256(encoded)}`
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The spelling under which two paths are one file where case folds and Unicode is normalised. */
export function foldPath(path: string): string {
  return path.normalize('NFC').toLowerCase()
}

/** Asked with a path and with its folded spelling ({@link foldPath}), so that a set of either answers. */
export type Taken = (path: string) => boolean

function free(path: string, taken: Taken): boolean {
  return !taken(path) && !taken(foldPath(path))
}

/** A name of nothing but `[A-Za-z0-9._ -]` that is safe everywhere (S1); `$scene` stays (protocol, section 8). */
export function sanitize(name: string, fallback: string): string {
  if (name === '$scene') return name
  const clean = name
    .replace(/[^A-Za-z0-9._ -]+/g, '-')
    .replace(/^[. ]+/, '')
    .slice(0, MAX_NAME)
    .replace(/[. ]+$/, '')
  if (clean === '') return fallback
  return isDeviceName(clean) || clean.toLowerCase() === 'node_modules' ? `_${clean}` : clean
}

/**
 * Where a blueprint that came from the world is put: `apps/<folder>/<file>.json` (protocol, section 8). Its id says so,
 * split at the first `__`; a random id gives way to `name`; a variant goes to `rootFolder`, the folder of its script root.
 *
 * `folderTaken` is true for a folder that this blueprint must keep out of, because another script root lives there;
 * a folder holds the scripts of one root only.
 *
 * @example blueprintFile('Lamp__Big', undefined, undefined, () => false) // 'apps/Lamp/Big.json'
 */
export function blueprintFile(
  id: string,
  name: string | undefined,
  rootFolder: string | undefined,
  taken: Taken,
  folderTaken: Taken = () => false,
): string {
  const readable = looksRandom(id) && name !== undefined && sanitize(name, '') !== '' ? name : id
  const split = readable === id ? id.indexOf('__') : -1
  const inFolder = rootFolder ?? (split > 0 ? sanitize(id.slice(0, split), 'app') : undefined)
  if (inFolder !== undefined && (rootFolder !== undefined || free(inFolder, folderTaken))) {
    const file = sanitize(split > 0 ? id.slice(split + 2) : readable, 'app')
    return firstFree((suffix) => `apps/${inFolder}/${file}${suffix}.json`, taken)
  }
  const own = sanitize(readable, 'app')
  return firstFree(
    (suffix) => `apps/${own}${suffix}/${own}${suffix}.json`,
    (path) => taken(path) || folderTaken(path.split('/')[1]!),
  )
}

/** Where a downloaded asset is put: `assets/<base>.<extension>` (protocol, section 7). */
export function assetFile(base: string, extension: string, taken: Taken): string {
  const name = sanitize(base.replace(/^\$/, ''), 'asset')
  const kept = extension.toLowerCase().replace(/[^a-z0-9]/g, '')
  return firstFree((suffix) => `assets/${name}${suffix}${kept === '' ? '' : `.${kept}`}`, taken)
}

function firstFree(path: (suffix: string) => string, taken: Taken): string {
  for (let n = 0; ; n++) {
    const candidate = path(n === 0 ? '' : `_${n}`)
    const file = candidate.slice(candidate.lastIndexOf('/') + 1, -'.json'.length).toLowerCase()
    if (free(candidate, taken) && !(candidate.startsWith('apps/') && NOT_BLUEPRINTS.has(file))) return candidate
  }
}

/** Ids such as `ItLv2e1Ebl`, UUIDs and long hashes say nothing to people: the path is no identity, so `name` is better. */
function looksRandom(id: string): boolean {
  if (/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(id) || /^(?=.*\d)[0-9a-f]{16,}$/i.test(id)) return true
  if (!/^[A-Za-z0-9_-]{10,36}$/.test(id) || !/[a-z]/.test(id) || !/[A-Z]/.test(id) || !/[0-9]/.test(id)) return false
  let changes = 0
  for (let i = 1; i < id.length; i++) if (charClass(id[i]!) !== charClass(id[i - 1]!)) changes++
  return changes / (id.length - 1) >= 0.45
}

function charClass(char: string): 'lower' | 'upper' | 'digit' | 'other' {
  if (char >= 'a' && char <= 'z') return 'lower'
  if (char >= 'A' && char <= 'Z') return 'upper'
  return char >= '0' && char <= '9' ? 'digit' : 'other'
}
