import { isJsonObject, type Json, type JsonObject, own } from '../world/json.ts'
import { classify, foldPath, unsafePath } from './paths.ts'

/** A script file that a blueprint brings: its content, or the raw URL where the bytes are not available. */
export interface WireScript {
  readonly path: string
  readonly value: string
}

export interface WireScripts {
  /** Sorted by path. */
  readonly scripts: readonly WireScript[]
  readonly shared: readonly WireScript[]
  readonly refused: readonly string[]
  /** The entry as the wire says it. */
  readonly declared: string | undefined
  /** The root whose scripts a variant shares. */
  readonly ref: string | undefined
}

/**
 * The script files of a blueprint of the wire. With a `scriptRef` there are none; a `script` beside `scriptFiles` that
 * lack it becomes a file of its own, named by `scriptEntry` or `index.js`. Paths that S1 forbids are left out and named.
 */
export function wireScripts(id: Json | undefined, wire: JsonObject, toContent: (url: string) => string): WireScripts {
  const ref = text(wire, 'scriptRef')
  const declared = text(wire, 'scriptEntry')
  if (ref !== undefined && ref !== id) return { scripts: [], shared: [], refused: [], declared: undefined, ref }

  const files = own(wire, 'scriptFiles')
  const urls = new Map(isJsonObject(files) ? Object.entries(files) : [])
  const script = text(wire, 'script')
  let entry = declared
  if (script !== undefined && ![...urls.values()].includes(script)) {
    entry = declared ?? 'index.js'
    if (!urls.has(entry)) urls.set(entry, script)
  } else if (script !== undefined && declared === undefined) {
    entry = [...urls].find(([, url]) => url === script)?.[0]
  }

  const folded = new Set([...urls.keys()].map(foldPath))
  const scripts: WireScript[] = []
  const shared: WireScript[] = []
  const refused: string[] = []
  for (const [path, url] of urls) {
    const reason = refusal(path, url) ?? (nested(path, folded) ? 'is a file and a folder at once' : undefined)
    if (reason !== undefined) {
      refused.push(`script ${JSON.stringify(path)} ${reason}`)
      continue
    }
    const module = /^@?shared\/(.+)$/s.exec(path)?.[1]
    const list = module === undefined ? scripts : shared
    // One file, where case folds: each checkout there would hold the content of either.
    const fold = foldPath(module ?? path)
    const twice =
      list.some((other) => foldPath(other.path) === fold) ||
      (entry !== undefined && urls.has(entry) && isTwin(path, entry))
    if (twice) refused.push(`script ${JSON.stringify(path)} is there twice`)
    else list.push({ path: module ?? path, value: toContent(url as string) })
  }
  // A shared module can be no entry: the folder has no file for it to be.
  const usable = entry !== undefined && !/^@?shared\//.test(entry) ? entry : undefined
  return { scripts: sorted(scripts), shared: sorted(shared), refused, declared: usable, ref: undefined }
}

function text(wire: JsonObject, key: string): string | undefined {
  const value = own(wire, key)
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}

function refusal(path: string, url: unknown): string | undefined {
  if (typeof url !== 'string' || !url.startsWith('asset://')) return 'names no asset'
  const place = path.startsWith('@shared/') ? path.slice(1) : path.startsWith('shared/') ? path : `apps/app/${path}`
  const unsafe = path === '' ? 'is empty' : unsafePath(place)
  if (unsafe !== undefined) return unsafe
  const kind = classify(place).kind
  if (kind !== 'script' && kind !== 'shared') return 'is no .js or .ts file of an app'
  // A folder of that name would stand where a blueprint's file may.
  return /^[^/]+\.json\//i.test(path) ? 'has a folder that is named like a blueprint' : undefined
}

/** Whether one of the folders on the way to `path` is a file of the same blueprint, of which these are folded paths. */
function nested(path: string, files: ReadonlySet<string>): boolean {
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    if (files.has(foldPath(path.slice(0, slash)))) return true
  }
  return false
}

function isTwin(path: string, other: string): boolean {
  return path !== other && foldPath(path) === foldPath(other)
}

function sorted(scripts: readonly WireScript[]): readonly WireScript[] {
  return scripts.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}
