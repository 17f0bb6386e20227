import { createHash } from 'node:crypto'
import { constants, type Dirent } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type AssetValue, extensionOf, parseAssetValue } from '../projection/asset-value.ts'
import { collectShared, scriptFormatOf } from '../projection/imports.ts'
import type { FileProblem } from '../projection/json-file.ts'
import { isWorldOwned } from '../projection/paths.ts'
import { type Project, readProject } from '../projection/project.ts'
import { toWire } from '../projection/wire.ts'
import { SyncError } from '../world/errors.ts'
import { isJsonObject, type JsonObject, own, withKey } from '../world/json.ts'
import { objectKey, SETTINGS, SPAWN, type WorldObject } from '../world/state.ts'
import type { Seed } from './seed-world.ts'

/** What a world begins with, or everything that is wrong with the project it was to be made from. */
export type SeedReading =
  | { readonly kind: 'ok'; readonly seed: Seed }
  | { readonly kind: 'invalid'; readonly problems: readonly FileProblem[] }

type Files = ReadonlyMap<string, Uint8Array>

/** Where the public server stops storing an upload (protocol, section 7); nothing of a world may be larger. */
const MAX_FILE_BYTES = 200 * 1024 * 1024
/** A seed is read into memory. */
const MAX_PROJECT_BYTES = 1024 * 1024 * 1024
const TOO_LARGE = 'is too large: a file may have 200 MiB, all of them 1 GiB'

/**
 * Reads a project's folder (protocol, section 8; either layout, G8) as the beginning of a world: wire objects, and the
 * bytes that they name. Files that are not the world's are not looked at, nor are symbolic links (S1).
 *
 * Throws `not_a_project` for a folder that holds nothing of a world.
 *
 * @example
 * const reading = await readSeed('fixtures/sample-world')
 * if (reading.kind === 'ok') await seedWorld(dataDir, 'sample', reading.seed)
 */
export async function readSeed(folder: string): Promise<SeedReading> {
  const { files, problems: unread } = await readFiles(folder)
  if (unread.length > 0) return { kind: 'invalid', problems: unread }
  if (files.size === 0) {
    throw new SyncError('not_a_project', `There is no world in '${folder}'.`, {
      hint: 'Name a folder that holds apps/ and world/ (or world.json).',
      data: { folder },
    })
  }
  // The id of a content may be any hash: with SHA-256 it is the name that the world has for it, too.
  const listed = [...files].map(([path, bytes]) => ({ path, oid: createHash('sha256').update(bytes).digest('hex') }))
  const project = readProject(listed, (path) => files.get(path))
  const named = new Set<string>()
  const urlOf = (value: AssetValue): string => {
    const { oid, extension } = parseAssetValue(value)!
    named.add(oid)
    return `asset://${oid}.${extension}`
  }
  const { blueprints, problems } = wireBlueprints(project, files, urlOf)
  if (project.problems.length + problems.length > 0) {
    return { kind: 'invalid', problems: [...project.problems, ...problems] }
  }
  const { state } = project
  const entities = [...state.values()].filter(({ kind }) => kind === 'entity').map((object) => toWire(object, urlOf))
  const spawn = state.get(SPAWN)?.fields ?? {}
  const position = own(spawn, 'position')
  const quaternion = own(spawn, 'quaternion')
  const assets = listed
    .filter(({ oid }) => named.has(oid))
    .map(({ path }) => ({ bytes: files.get(path)!, extension: extensionOf(path) }))
  return {
    kind: 'ok',
    seed: {
      settings: state.get(SETTINGS)?.fields ?? {},
      spawn: position === undefined || quaternion === undefined ? undefined : { position, quaternion },
      blueprints,
      entities,
      assets,
    },
  }
}

type UrlOf = (value: AssetValue) => string

/** Blueprints with their scripts, the shared modules that these import included (protocol, section 8). */
function wireBlueprints(
  project: Project,
  files: Files,
  urlOf: UrlOf,
): { readonly blueprints: readonly JsonObject[]; readonly problems: readonly FileProblem[] } {
  const blueprints: JsonObject[] = []
  const problems: FileProblem[] = []
  for (const [key, object] of project.state) {
    if (object.kind !== 'blueprint') continue
    const folder = project.paths.get(key)!.split('/')[1]!
    const scripts = scriptsOf(object, folder, project, files, urlOf)
    problems.push(...scripts.problems)
    const scope = own(object.fields, 'scope') ?? (object.id === '$scene' ? 'global' : folder)
    blueprints.push({ ...toWire(scripts.object, urlOf, scripts.files), scope })
  }
  return { blueprints, problems }
}

interface Scripts {
  /** With the format that its entry has, where the file does not say it. */
  readonly object: WorldObject
  /** `scriptFiles` as the wire has it; undefined without scripts. */
  readonly files: Readonly<Record<string, string>> | undefined
  readonly problems: readonly FileProblem[]
}

function scriptsOf(object: WorldObject, folder: string, project: Project, files: Files, urlOf: UrlOf): Scripts {
  const scripts = own(object.fields, 'scriptFiles')
  if (!isJsonObject(scripts)) return { object, files: undefined, problems: [] }
  const text = (path: string): string => new TextDecoder().decode(files.get(path)!)
  const sources = Object.keys(scripts).map((path) => ({
    path: `apps/${folder}/${path}`,
    source: text(`apps/${folder}/${path}`),
  }))
  const { shared, problems } = collectShared(sources, (path) =>
    project.state.has(objectKey('shared', path)) ? text(`shared/${path}`) : undefined,
  )
  const urls: Record<string, string> = {}
  for (const [path, value] of Object.entries(scripts)) urls[path] = urlOf(value as AssetValue)
  for (const path of shared) {
    urls[`@shared/${path}`] = urlOf(own(project.state.get(objectKey('shared', path))!.fields, 'content') as AssetValue)
  }
  const entry = sources.find(({ path }) => path === `apps/${folder}/${own(object.fields, 'scriptEntry')}`)
  if (entry === undefined || Object.hasOwn(object.fields, 'scriptFormat')) return { object, files: urls, problems }
  const fields = withKey(object.fields, 'scriptFormat', scriptFormatOf(entry.source))
  return { object: { ...object, fields }, files: urls, problems }
}

/**
 * Everything below a folder that is the world's, by its path in the project, in order of path. What cannot be read, or is
 * larger than any world takes, is a problem of that path.
 */
async function readFiles(
  folder: string,
): Promise<{ readonly files: Files; readonly problems: readonly FileProblem[] }> {
  const files = new Map<string, Uint8Array>()
  const problems: FileProblem[] = []
  let room = MAX_PROJECT_BYTES
  const attempt = async (path: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code === undefined) throw cause
      problems.push({ path, code: 'invalid', message: `cannot be read (${code})` })
    }
  }
  const walk = async (at: string, entries: readonly Dirent[]): Promise<void> => {
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = at === '' ? entry.name : `${at}/${entry.name}`
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
      if (entry.isDirectory() && isWorldOwned(`${path}/.`)) {
        await attempt(path, async () => walk(path, await list(join(folder, path))))
      } else if (entry.isFile() && isWorldOwned(path)) {
        await attempt(path, async () => {
          const bytes = await readFileUpTo(join(folder, path), Math.min(MAX_FILE_BYTES, room))
          if (bytes === undefined) problems.push({ path, code: 'invalid', message: TOO_LARGE })
          else {
            room -= bytes.byteLength
            files.set(path, bytes)
          }
        })
      }
    }
  }
  await walk('', await list(folder).catch(noFolder(folder)))
  return { files, problems }
}

function list(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true })
}

function noFolder(folder: string): (cause: NodeJS.ErrnoException) => never {
  return (cause) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw cause
    throw new SyncError('not_a_project', `There is no folder '${folder}'.`, { data: { folder }, cause })
  }
}

/** Undefined for a larger one. What was a file when its folder was listed may be a link or a pipe by now. */
async function readFileUpTo(path: string, most: number): Promise<Uint8Array | undefined> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  try {
    const info = await file.stat()
    if (!info.isFile()) throw Object.assign(new Error('not a file'), { code: 'ENOTSUP' })
    return info.size > most ? undefined : await file.readFile()
  } finally {
    await file.close()
  }
}
