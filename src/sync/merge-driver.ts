import { access, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { decodeCommit } from '../git-bridge/commit-object.ts'
import { type ConflictLabels, markDifferences } from '../git-bridge/conflict-markers.ts'
import {
  type FileField,
  type FileMerge,
  type FileSides,
  isWorldJson,
  mergeWorldFile,
} from '../git-bridge/merge-file.ts'
import { runGit } from '../git-bridge/native/git-process.ts'
import { parseOid } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import type { ResolvedField } from '../resolvers/object.ts'
import { DEFAULT_POLICY, type Policy, withoutOwners } from '../resolvers/policy.ts'
import { LOBBY_FILE, readLobbyFile } from './lobby-file.ts'

/** What git hands to a merge driver, relative to the top of the work tree, where it starts it. */
export interface DriverFiles {
  /** `%O`, `%A`, `%B`: temporary files. The result goes into `ours`. */
  readonly base: string
  readonly ours: string
  readonly theirs: string
  /** `%P`: the path in the repository. */
  readonly path: string
}

/** What became of the file. git takes 0 for merged and 1 for a conflict; more than 128 would end the whole merge. */
export type DriverReport =
  | { readonly kind: 'merged'; readonly exitCode: 0; readonly resolved: readonly (ResolvedField & FileField)[] }
  /** Both sides changed these fields, differently; markers stand around them. */
  | {
      readonly kind: 'contested'
      readonly exitCode: 1
      readonly fields: readonly FileField[]
      readonly resolved: readonly (ResolvedField & FileField)[]
    }
  /** None of the world's JSON: merged line by line, as git does. */
  | { readonly kind: 'lines'; readonly exitCode: 0 | 1 }
  /** git's ordinary conflict: with markers, or with the file as it was. */
  | { readonly kind: 'conflict'; readonly exitCode: 1; readonly reason: string }

/** What the driver gets from outside. */
export interface DriverIo {
  /** git tells in `GITHEAD_<commit>` what is being merged. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Writes a new file. */
  readonly writeFile: (path: string, bytes: Uint8Array) => Promise<void>
}

const DEFAULT_IO: DriverIo = { env: process.env, writeFile }

/** git of 2.39 tells a driver no names for the sides. */
const LABELS: ConflictLabels = { ours: 'ours', theirs: 'theirs' }

/**
 * Merges one file for `git merge`, `rebase`, `cherry-pick` and `stash pop`: world files by field, all others as git
 * itself would. Whatever goes wrong leaves git's ordinary conflict: the result takes the place of `ours` whole or not
 * at all, and what cannot be merged by field is never merged by lines either where that could mix two objects up.
 *
 * Ownership (M5) decides where git merges a commit of the world's line into the branch. In all other merges neither
 * side is the world (two branches), or they are exchanged (a rebase): there a contested field stays contested.
 */
export async function runMergeDriver(cwd: string, files: DriverFiles, io = DEFAULT_IO): Promise<DriverReport> {
  try {
    const place = await findPlace(cwd, files.path)
    if (!isWorldJson(place.inside)) return await mergeLines(cwd, files, io)
    const sides = await readSides(cwd, files)
    const merge = await mergeByField(cwd, place, sides, io)
    if (merge.kind === 'merged') {
      if (merge.bytes !== sides.ours) await replace(join(cwd, files.ours), merge.bytes, io)
      return { kind: 'merged', exitCode: 0, resolved: merge.resolved }
    }
    if (merge.kind === 'contested') {
      await replace(join(cwd, files.ours), merge.working, io)
      return { kind: 'contested', exitCode: 1, fields: merge.fields, resolved: merge.resolved }
    }
    return await leaveConflict(cwd, files, io, merge)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    // Nobody knows how far it came: nothing is taken for granted, not even whose versions these are.
    return leaveConflict(cwd, files, io, { why: 'identity', reason }).catch(() => conflict(reason))
  }
}

function conflict(reason: string): DriverReport {
  return { kind: 'conflict', exitCode: 1, reason }
}

/** Where a path belongs: relative to its project, and that project's folder. */
interface Place {
  readonly inside: string
  readonly folder: string | undefined
}

/** The nearest `lobby.json` upwards that makes the path a world file; without any, the top of the repository counts. */
async function findPlace(cwd: string, path: string): Promise<Place> {
  for (let at = posix.dirname(path); ; at = posix.dirname(at)) {
    const inside = at === '.' ? path : path.slice(at.length + 1)
    const folder = join(cwd, at)
    if (isWorldJson(inside) && (await exists(join(folder, LOBBY_FILE)))) return { inside, folder }
    if (at === '.' || at === '/') return { inside: path, folder: undefined }
  }
}

async function readSides(cwd: string, files: DriverFiles): Promise<FileSides> {
  const [base, ours, theirs] = await Promise.all(
    [files.base, files.ours, files.theirs].map((file) => readFile(join(cwd, file))),
  )
  return { base: base!, ours: ours!, theirs: theirs! }
}

/** Most merges are clean: policy and configuration are read only when a field is contested. */
async function mergeByField(
  cwd: string,
  { inside, folder }: Place,
  sides: FileSides,
  io: DriverIo,
): Promise<FileMerge> {
  if (Buffer.from(sides.ours).equals(sides.theirs)) return { kind: 'merged', bytes: sides.ours, resolved: [] }
  const first = mergeWorldFile(inside, sides, { policy: withoutOwners(DEFAULT_POLICY), labels: LABELS })
  if (first.kind !== 'contested') return first
  const [policy, labels, ofWorld] = await Promise.all([
    folder === undefined ? DEFAULT_POLICY : readPolicy(folder),
    labelsFor(cwd),
    mergesWorld(cwd, io.env),
  ])
  return mergeWorldFile(inside, sides, { policy: ofWorld ? policy : withoutOwners(policy), labels })
}

/** In the middle of a merge `lobby.json` may be in conflict itself: then it has no say. */
async function readPolicy(folder: string): Promise<Policy> {
  return readLobbyFile(folder).then(
    (lobby) => lobby?.policy ?? DEFAULT_POLICY,
    () => DEFAULT_POLICY,
  )
}

/** `merge.conflictStyle`: all but the oldest style show the base. */
async function labelsFor(cwd: string): Promise<ConflictLabels> {
  const style = await runGit({ cwd }, ['config', '--get', 'merge.conflictStyle'], { allowFailure: true })
  return /diff3$/.test(style.stdout.toString('utf8').trim()) ? { ...LABELS, base: 'base' } : LABELS
}

/** Whether git is merging the world's line into the branch: it says so for `git merge` and `git pull` only. */
async function mergesWorld(cwd: string, env: DriverIo['env']): Promise<boolean> {
  const merged = Object.keys(env).flatMap((name) => /^GITHEAD_((?:[0-9a-f]{40}){1,2})$/.exec(name)?.[1] ?? [])
  const [oid] = merged
  if (oid === undefined || merged.length > 1) return false
  const { code, stdout } = await runGit({ cwd }, ['cat-file', 'commit', oid], { allowFailure: true })
  return code === 0 && readTrailers(decodeCommit(parseOid(oid), stdout)) !== undefined
}

/** What git does without a driver; a binary file keeps our version, in conflict. */
async function mergeLines(cwd: string, files: DriverFiles, io: DriverIo): Promise<DriverReport> {
  const merged = await gitMergeFile(cwd, files)
  if (merged === undefined) return conflict('git cannot merge its lines')
  await replace(join(cwd, files.ours), merged.bytes, io)
  return { kind: 'lines', exitCode: merged.clean ? 0 : 1 }
}

/**
 * Leaves a conflict for people. Where only the text is broken, it looks as git shows it. Where versions of two objects
 * meet, a change that one side made to its object must not slip into the other's: every difference is marked.
 */
async function leaveConflict(
  cwd: string,
  files: DriverFiles,
  io: DriverIo,
  { why, reason }: Pick<Extract<FileMerge, { kind: 'unfit' }>, 'why' | 'reason'>,
): Promise<DriverReport> {
  const lines = why === 'identity' ? undefined : await gitMergeFile(cwd, files)
  const bytes = lines?.clean === false ? lines.bytes : await markAll(cwd, files)
  if (bytes !== undefined) await replace(join(cwd, files.ours), bytes, io)
  return conflict(reason)
}

/** Both versions with markers around all that differs; undefined where they are binary. */
async function markAll(cwd: string, files: DriverFiles): Promise<Uint8Array | undefined> {
  const [base, ours, theirs] = await Promise.all([
    readFile(join(cwd, files.base)).catch(() => undefined),
    readFile(join(cwd, files.ours)),
    readFile(join(cwd, files.theirs)),
  ])
  if ([base, ours, theirs].some((bytes) => bytes?.includes(0))) return undefined
  return markDifferences({ base, ours, theirs }, await labelsFor(cwd))
}

/** Runs `git merge-file`, which changes no file here; undefined where it refuses. */
async function gitMergeFile(
  cwd: string,
  { base, ours, theirs }: DriverFiles,
): Promise<{ readonly clean: boolean; readonly bytes: Uint8Array } | undefined> {
  const labels = [LABELS.ours, 'base', LABELS.theirs].flatMap((label) => ['-L', label])
  const args = ['merge-file', '-p', '-q', ...labels, '--', ours, base, theirs]
  const { code, stdout } = await runGit({ cwd }, args, { allowFailure: true })
  return code > 127 ? undefined : { clean: code === 0, bytes: stdout }
}

/** The result takes the place of `ours` at once: whoever dies on the way leaves the file as it was. */
async function replace(path: string, bytes: Uint8Array, { writeFile }: DriverIo): Promise<void> {
  const beside = `${path}.merged`
  try {
    await writeFile(beside, bytes)
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
