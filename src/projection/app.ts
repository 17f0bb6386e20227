import { fromEntries, type Json, type JsonObject, own, withKey } from '../world/json.ts'
import { type ObjectKey, objectKey, type WorldObject } from '../world/state.ts'
import type { AssetPaths, AssetValue, AssetValues } from './asset-value.ts'
import { type BlueprintJson, blueprintFromFile, scriptPaths, writeBlueprintFile } from './blueprint.ts'
import { problemAt } from './file-object.ts'
import { AS_SAID, type Claim, type Identities } from './identities.ts'
import { type FileProblem, parseJsonFile } from './json-file.ts'
import { electEntry } from './script-entry.ts'

export { writeBlueprintFile } from './blueprint.ts'
export { scriptFormatOf } from './imports.ts'

/** The files of one folder below `apps/`; all paths are relative to the project. */
export interface AppFiles {
  readonly blueprints: readonly { readonly path: string; readonly bytes: Uint8Array | string }[]
  readonly scripts: readonly { readonly path: string; readonly value: AssetValue }[]
}

export interface App {
  readonly objects: readonly WorldObject[]
  /** The JSON file of each object. */
  readonly paths: ReadonlyMap<ObjectKey, string>
  readonly problems: readonly FileProblem[]
  /** What each JSON file says about whose it is. */
  readonly claims: readonly Claim[]
}

interface Member extends BlueprintJson {
  readonly path: string
}

/**
 * Reads an app's folder (protocol, section 8): its blueprints, one of which is the root that carries the scripts; the
 * others are its variants unless they name another root or say `"scriptEntry": null`.
 *
 * `entryHint` gives the entry that the world has for a root, for folders whose JSON declares none. Where `identities`
 * give a file another id, the references of its neighbours follow.
 */
export function readApp(
  folder: string,
  files: AppFiles,
  assets: AssetValues,
  options: {
    readonly entryHint?: (rootId: string) => string | undefined
    readonly identities?: Identities
  } = {},
): App {
  const { entryHint, identities = AS_SAID } = options
  const problems: FileProblem[] = []
  const read: Member[] = []
  for (const { path, bytes } of files.blueprints) {
    const parsed = parseJsonFile(path, bytes)
    if (parsed.kind === 'invalid') {
      problems.push(parsed.problem)
      continue
    }
    const checked = blueprintFromFile(folder, path, parsed.value, assets, identities)
    if (checked.kind === 'ok') read.push({ ...checked.value, path })
    else problems.push(problemAt(path, parsed.text, checked.defect))
  }

  const members = withTheirRoots(read)
  const scripts = appScripts(folder, files, problems)
  const root = scripts.size === 0 ? undefined : electRoot(folder, members)
  if (scripts.size > 0 && root === undefined && members.length > 0 && problems.length === 0) {
    const message = `the scripts of apps/${folder} belong to no blueprint: each one there names another's`
    problems.push({ path: members[0]!.path, code: 'script_root', message })
  }

  const objects: WorldObject[] = []
  const paths = new Map<ObjectKey, string>()
  for (const member of members) {
    const { id, path } = member
    const key = objectKey('blueprint', id)
    const other = paths.get(key)
    if (other !== undefined) {
      problems.push({ path, code: 'duplicate_id', message: `${other} and ${path} have the same id: ${id}` })
      continue
    }
    const fields =
      member === root ? rootFields(folder, member, members, scripts, entryHint?.(id)) : variantFields(member, root)
    objects.push({ kind: 'blueprint', id, fields })
    paths.set(key, path)
  }
  const claims = members.map(({ path, id, said, uid }): Claim => ({ kind: 'blueprint', path, id, said, uid }))
  return { objects, paths, problems, claims }
}

/** Members that name another by the id that its file says, though its id is another one. */
function withTheirRoots(members: readonly Member[]): readonly Member[] {
  const ids = new Set(members.map(({ id }) => id))
  const renamed = new Map(members.filter((m) => m.ownId !== m.id && !ids.has(m.ownId)).map((m) => [m.ownId, m.id]))
  if (renamed.size === 0) return members
  return members.map((member) => {
    const root = member.scriptRef === undefined ? undefined : (renamed.get(member.scriptRef) ?? member.scriptRef)
    return { ...member, scriptRef: root === member.id ? undefined : root }
  })
}

/** The JSON of every blueprint of one folder, as {@link readApp} reads it back: path → text. */
export function writeApp(
  blueprints: readonly { readonly path: string; readonly object: WorldObject }[],
  assets: AssetPaths,
): ReadonlyMap<string, string> {
  const folderHasScripts = blueprints.some(({ object }) => scriptPaths(object).length > 0)
  return new Map(
    blueprints.map(({ path, object }) => [path, writeBlueprintFile(object, assets, { folderHasScripts })] as const),
  )
}

/** Scripts by their path in the folder, sorted. */
function appScripts(folder: string, files: AppFiles, problems: FileProblem[]): ReadonlyMap<string, AssetValue> {
  const scripts = new Map<string, AssetValue>()
  for (const { path, value } of files.scripts.toSorted((a, b) => compare(a.path, b.path))) {
    const relative = path.slice(`apps/${folder}/`.length)
    if (/^@?shared\//.test(relative)) {
      const message = 'would be taken for a shared module in the world: move it to shared/ or rename its folder'
      problems.push({ path, code: 'invalid', message })
    } else scripts.set(relative, value)
  }
  return scripts
}

/**
 * The blueprint that carries the scripts. Whom the others name decides; then the oldest `createdAt`, dated before
 * undated, then the file's name. One that says to have no scripts is root only where nobody else can be: that is a
 * script put beside a blueprint that came from the world without any.
 */
function electRoot(folder: string, members: readonly Member[]): Member | undefined {
  const candidates = members.filter((m) => m.scriptRef === undefined)
  const named = candidates.filter((m) => members.some((other) => other.scriptRef === m.id))
  const willing = candidates.filter((m) => m.scriptEntry !== null)
  const electable = [named, willing, candidates].find((group) => group.length > 0) ?? []
  return electable.toSorted((a, b) => compareDates(a, b) || compareNames(a, b, folder))[0]
}

function compareDates(a: Member, b: Member): number {
  const left = created(a)
  const right = created(b)
  if (left === right) return 0
  if (left === undefined) return 1
  return right === undefined ? -1 : left - right
}

function created(member: Member): number | undefined {
  const value = own(member.fields, 'createdAt')
  const time = typeof value === 'string' || typeof value === 'number' ? new Date(value).getTime() : Number.NaN
  return Number.isNaN(time) ? undefined : time
}

/** Case apart; where that is all they differ in, nobody's order of listing decides. */
function compareNames(a: Member, b: Member, folder: string): number {
  return compare(folded(a, folder), folded(b, folder)) || compare(a.path, b.path)
}

function folded(member: Member, folder: string): string {
  return (member.base === folder ? folder : member.base).toLowerCase()
}

function rootFields(
  folder: string,
  root: Member,
  members: readonly Member[],
  scripts: ReadonlyMap<string, AssetValue>,
  hint: string | undefined,
): JsonObject {
  // The folder's own blueprint speaks for the entry first, then the root, then the other variants (section 8).
  const family = members.filter((m) => m === root || m.scriptRef === undefined || m.scriptRef === root.id)
  const rank = (member: Member) => (member.base === folder ? 0 : member === root ? 1 : 2)
  const speaker = family
    .filter((m) => typeof m.scriptEntry === 'string')
    .toSorted((a, b) => rank(a) - rank(b) || compareNames(a, b, folder))[0]
  const entry = electEntry(speaker?.scriptEntry ?? undefined, hint, [...scripts.keys()])
  let fields = root.fields
  if (root.scriptFormat !== undefined) fields = withKey(fields, 'scriptFormat', root.scriptFormat)
  if (entry !== undefined) fields = withKey(fields, 'scriptEntry', entry)
  return withKey(fields, 'scriptFiles', fromEntries(scripts as ReadonlyMap<string, Json>))
}

function variantFields(member: Member, root: Member | undefined): JsonObject {
  const inherited = member.scriptEntry === null ? undefined : root?.id
  return withKey(member.fields, 'scriptRef', member.scriptRef ?? inherited)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
