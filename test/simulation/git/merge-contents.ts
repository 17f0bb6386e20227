import { posix } from 'node:path'
import { type ConflictLabels, markDifferences } from '../../../src/git-bridge/conflict-markers.ts'
import { isWorldJson, mergeWorldFile } from '../../../src/git-bridge/merge-file.ts'
import type { Oid } from '../../../src/git-bridge/repository.ts'
import { readTrailers } from '../../../src/git-bridge/trailers.ts'
import { DEFAULT_POLICY, type Policy, withoutOwners } from '../../../src/resolvers/policy.ts'
import { mergeHunks, withMarkers } from '../../../src/resolvers/text.ts'
import { parseLobbyFile } from '../../../src/sync/lobby-file.ts'
import { attribute } from './ignore.ts'
import { readCommit } from './objects.ts'
import type { Repo } from './repo.ts'

export interface Contents {
  readonly base: Uint8Array
  readonly ours: Uint8Array
  readonly theirs: Uint8Array
}

export interface MergedContent {
  readonly clean: boolean
  readonly bytes: Uint8Array
}

/** What git tells of a merge that is under way. */
export interface MergeContext {
  readonly labels: { readonly ours: string; readonly theirs: string; readonly base: string }
  /** Of a merge of merge bases, which nobody will see: how deep among such. */
  readonly depth: number
  /** The commit that `git merge` merges (`GITHEAD_<oid>`); undefined in a rebase, a cherry-pick, a revert. */
  readonly merged: Oid | undefined
  /** Of a renamed file on its way into another one. */
  readonly inner?: boolean
}

/** Merges the contents of a file as git does: by the product's driver where attributes and configuration say so. */
export function mergeContents(repo: Repo, path: string, contents: Contents, context: MergeContext): MergedContent {
  const driver = attribute(repo, path, 'merge')
  const isOurs = driver === 'gamedev' && repo.config('merge.gamedev.driver') !== undefined
  if (driver === 'unset' || driver === 'binary') return mergeBinary(contents, context)
  if (!isOurs) {
    const merged = mergeLines(contents, labelsOf(repo, context.labels)) ?? mergeBinary(contents, context)
    return merged.clean ? merged : { clean: false, bytes: longer(merged.bytes, context) }
  }
  if (context.depth > 0 && repo.config('merge.gamedev.recursive') === 'binary') return mergeBinary(contents, context)
  return mergeByDriver(repo, path, contents, context)
}

/** Ours, in conflict; of a merge that nobody sees, the base. */
function mergeBinary({ base, ours }: Contents, { depth }: MergeContext): MergedContent {
  return depth > 0 ? { clean: true, bytes: base } : { clean: false, bytes: ours }
}

function labelsOf(repo: Repo, { ours, theirs, base }: MergeContext['labels']): ConflictLabels {
  return /diff3$/.test(repo.config('merge.conflictStyle') ?? '') ? { ours, theirs, base } : { ours, theirs }
}

/** Markers around what has markers in it already, or will be merged once more, are longer: two signs for each merge. */
function longer(bytes: Uint8Array, { depth, inner, labels }: MergeContext): Uint8Array {
  const extra = 2 * depth + (inner === true ? 1 : 0)
  if (extra === 0) return bytes
  let open = false
  const lines = Buffer.from(bytes).toString('latin1').split('\n')
  const [ours, theirs] = [labels.ours, labels.theirs].map((label) => Buffer.from(label).toString('latin1'))
  const all = lines.map((line) => {
    const bare = line.replace(/\r$/, '')
    const begins = !open && bare === `<<<<<<< ${ours}`
    const ends = open && bare === `>>>>>>> ${theirs}`
    if (begins || ends) open = begins
    return begins || ends || (open && bare === '=======') ? line[0]!.repeat(extra) + line : line
  })
  return Buffer.from(all.join('\n'), 'latin1')
}

/** Undefined for binary contents. */
function mergeLines(contents: Contents, labels: ConflictLabels): MergedContent | undefined {
  const hunks = mergeHunks(contents)
  if (hunks === undefined) return undefined
  const clean = hunks.every(({ kind }) => kind === 'merged')
  return { clean, bytes: clean ? Buffer.concat(hunks.map(({ ours }) => ours)) : withMarkers(hunks, labels) }
}

/** What `gamedev sync merge-driver` does with the same files (see src/sync/merge-driver.ts). */
function mergeByDriver(repo: Repo, path: string, contents: Contents, { merged }: MergeContext): MergedContent {
  const { base, ours, theirs } = contents
  const labels = labelsOf(repo, { ours: 'ours', theirs: 'theirs', base: 'base' })
  const { inside, lobby } = placeOf(repo, path)
  if (!isWorldJson(inside)) return mergeLines(contents, labels) ?? { clean: false, bytes: ours }
  if (Buffer.compare(ours, theirs) === 0) return { clean: true, bytes: ours }
  const ofWorld = merged !== undefined && readTrailers(readCommit(repo.objects, merged)) !== undefined
  const policy = ofWorld ? policyOf(lobby) : withoutOwners(policyOf(lobby))
  const merge = mergeWorldFile(inside, contents, { policy, labels })
  if (merge.kind === 'merged') return { clean: true, bytes: merge.bytes }
  if (merge.kind === 'contested') return { clean: false, bytes: merge.working }
  const lines = merge.why === 'identity' ? undefined : mergeLines(contents, labels)
  if (lines?.clean === false) return lines
  const isBinary = [base, ours, theirs].some((bytes) => bytes.includes(0))
  return { clean: false, bytes: isBinary ? ours : markDifferences(contents, labels) }
}

/** The nearest `lobby.json` upwards that makes a path a world file; without any, the top of the repository counts. */
function placeOf(repo: Repo, path: string): { readonly inside: string; readonly lobby: string | undefined } {
  for (let at = posix.dirname(path); ; at = posix.dirname(at)) {
    const inside = at === '.' ? path : path.slice(at.length + 1)
    const lobby = repo.disk.readText(`${repo.workTree}/${at === '.' ? '' : `${at}/`}lobby.json`)
    if (isWorldJson(inside) && lobby !== undefined) return { inside, lobby }
    if (at === '.') return { inside: path, lobby: undefined }
  }
}

function policyOf(lobby: string | undefined): Policy {
  if (lobby === undefined) return DEFAULT_POLICY
  try {
    return parseLobbyFile(lobby).policy ?? DEFAULT_POLICY
  } catch {
    // In the middle of a merge it may be in conflict itself: then it has no say.
    return DEFAULT_POLICY
  }
}
