import { join } from 'node:path'
import type { Layout } from '../git-bridge/materializer.ts'
import type { Oid } from '../git-bridge/repository.ts'
import { parseWorldUrl } from '../remote-runtime/world-url.ts'
import { SyncError } from '../world/errors.ts'
import type { AdoptionPlan } from './adopt-plan.ts'
import type { ConflictArtifact } from './conflict-artifact.ts'
import { type FetchReport, fetchWorld } from './fetch.ts'
import { firstCommit } from './first-commit.ts'
import { initTarget } from './init-target.ts'
import { joinHistory } from './join-history.ts'
import { isTargetName, LOBBY_FILE, parseLobbyFile, readLobbyFile, withTarget } from './lobby-file.ts'
import { isMergeInterrupted, recoverMerge, requireIdentity } from './merge-commit.ts'
import { configureMergeDriver, isProgramOnPath } from './merge-driver-setup.ts'
import { type MovedPolicy, readOldPolicy } from './old-policy.ts'
import { attributeEdits } from './own-files.ts'
import { takeProcessLock } from './process-lock.ts'
import { type Context, type Project, type Session, sessionFor } from './session.ts'
import { readSwitches, requireBidirectional } from './switches.ts'
import { targetOf } from './target.ts'
import { readText, requireBranch, text } from './working-tree.ts'

/** One of the two sides that meet: the project's files, or the world. */
export type AdoptSide = 'local' | 'remote'

export interface ConnectOptions {
  /** The world's URL; undefined: what the environment, `.env` or the project's targets say. */
  readonly url: string | undefined
  readonly worldId: string | undefined
  /** The name that the world gets in `lobby.json`; `main` where nothing else suggests itself. */
  readonly name?: string | undefined
  /** Asked whether git shall merge world files by field, where `.gitattributes` does not say so already. */
  readonly mergeDriver?: () => Promise<boolean>
  /** Whose values are taken where both sides have an object and it differs (add/add); else that is contested. */
  readonly prefer?: AdoptSide | undefined
  /** Whose objects are all there are: the other side follows, deletions included. Prefers that side as well. */
  readonly mirror?: AdoptSide | undefined
  /** Only work out what would happen. */
  readonly dryRun?: boolean | undefined
  /** Asked before a mirror that deletes anything. */
  readonly confirm?: ((question: string) => Promise<boolean>) | undefined
}

export interface Connected {
  readonly kind: 'connected' | 'contested' | 'planned'
  readonly folder: string
  readonly branch: string
  readonly worldId: string
  /** The world's name in `lobby.json`. */
  readonly name: string
  readonly fetched: FetchReport
  /** Files that the world brought. */
  readonly files: number
  /** With `contested`: the open git conflicts. */
  readonly conflicts: readonly ConflictArtifact[]
  /** Whether a commit was made, or is to be made when the conflicts are settled. */
  readonly joined: boolean
  /** Where both sides had objects and no common history. */
  readonly plan: AdoptionPlan | undefined
  /** What became of an old project's ownership policy. */
  readonly policy: MovedPolicy | undefined
}

/**
 * Makes a world's line part of the branch's history and remembers the world in `lobby.json`. Nothing is left behind
 * when it fails, not even the remote ref. Throws `invalid_target_name`, `already_connected`, `not_confirmed`,
 * `files_in_the_way`, and what fetching and merging throw.
 */
export async function connect(context: Context, project: Project, options: ConnectOptions): Promise<Connected> {
  checkOptions(options)
  if (options.dryRun !== true) requireBidirectional(await readSwitches(project.folder, context.env), 'sync init')
  const lock = await takeProcessLock(project, 'sync init')
  try {
    if (options.dryRun !== true) {
      await requireIdentity(project)
      await recoverMerge(project)
    }
    const head = await project.repository.resolve('HEAD')
    if (head !== undefined) await requireBranch(project)
    const { name, target } = await initTarget(context, project, options)
    const session = await sessionFor(context, project, target)
    try {
      return await connectWith(session, head, { ...options, name })
    } finally {
      await session.runtime.close()
    }
  } finally {
    await lock.release()
    await project.repository.close()
  }
}

function checkOptions({ name, prefer, mirror }: ConnectOptions): void {
  if (name !== undefined && !isTargetName(name)) {
    throw new SyncError('invalid_target_name', `"${name}" cannot be the name of a target.`, {
      hint: 'Use letters, digits, "-" and "_".',
    })
  }
  if (mirror !== undefined && prefer !== undefined && mirror !== prefer) {
    throw new SyncError('contradiction', `--mirror ${mirror} takes the values of that side, not --prefer ${prefer}.`, {
      hint: 'Leave --prefer out: --mirror decides it.',
    })
  }
}

async function connectWith(
  session: Session,
  head: Oid | undefined,
  options: ConnectOptions & { readonly name: string },
): Promise<Connected> {
  const { repository, prefix, target } = session
  const identity = await session.runtime.identify()
  const hasManifest = head !== undefined && (await repository.lookup(head, `${prefix}world.json`)) !== undefined
  const layout: Layout = hasManifest ? 'manifest' : 'split'
  const fetched = await fetchWorld(session, { start: { layout } })
  let joined = false
  try {
    const dryRun = options.dryRun === true
    const driver = !dryRun && (await wantsDriver(session, head, options))
    const entry = { worldUrl: target.address.url, worldId: identity.worldId }
    const { lobby, policy } = await nextLobby(session, options.name, entry)
    const said = { name: options.name, policy }
    let report: Connected
    if (head !== undefined) {
      report = {
        ...said,
        ...(await joinHistory(session, fetched, head, {
          ...options,
          lobby,
          driver,
          rules: parseLobbyFile(lobby).policy,
        })),
      }
    } else if (dryRun) {
      throw new SyncError('unborn_branch', 'This branch has no commit yet: there is nothing to be compared.', {
        hint: 'Commit your files first; without any, "gamedev sync init" takes the whole world.',
      })
    } else report = { ...said, ...(await firstCommit(session, fetched, lobby, driver)), joined: true, plan: undefined }
    joined = report.kind !== 'planned'
    // A driver that cannot be started would leave conflicts where git alone has none.
    if (driver && (await isProgramOnPath(session.context.env))) await configureMergeDriver(session)
    if (joined) await keepMerges(session)
    return report
  } finally {
    // What began here and came to nothing leaves no trace; an interrupted one goes on from where it was.
    if (!joined && fetched.before === undefined) await forgetLine(session, fetched.tip)
  }
}

/** Takes the remote ref away again, unless HEAD has the line already or a merge with it is under way. */
async function forgetLine(session: Session, tip: Oid): Promise<void> {
  const { repository, ref } = session
  const head = await repository.resolve('HEAD')
  if (head !== undefined && (await repository.mergeBase(head, tip)) !== undefined) return
  const merging = await readText(join(repository.gitDir, 'MERGE_HEAD'))
  if (merging?.trim() === tip || (await isMergeInterrupted(session))) return
  await repository.run(['update-ref', '-d', ref, tip], { allowFailure: true })
}

/** The text of `lobby.json` with the world in it, as it stands where it has it already. */
async function nextLobby(
  session: Session,
  name: string,
  entry: { readonly worldUrl: string; readonly worldId: string },
): Promise<{ readonly lobby: string; readonly policy: MovedPolicy | undefined }> {
  const { folder } = session
  const previous = await readLobbyFile(folder)
  const policy = previous?.document.policy === undefined ? await readOldPolicy(folder) : undefined
  const rules = policy === undefined || policy.rules.length === 0 ? undefined : { rules: policy.rules }
  const known = targetOf(previous, name)
  const same =
    known !== undefined && known.worldId === entry.worldId && parseWorldUrl(known.worldUrl) === entry.worldUrl
  const present = await readText(join(folder, LOBBY_FILE))
  if (same && rules === undefined && present !== undefined) return { lobby: present, policy }
  return { lobby: withTarget(previous, name, entry, rules), policy }
}

/** A rebase that flattens would tear the line out of the history: where `git pull` rebases, it keeps merges (G6). */
async function keepMerges({ repository }: Session): Promise<void> {
  const rebase = await repository.run(['config', '--get', 'pull.rebase'], { allowFailure: true })
  if (text(rebase.stdout).trim() === 'true') await repository.run(['config', 'pull.rebase', 'merges'])
}

/** Whether git shall merge world files by field here: it does already, or the user wants it to. */
async function wantsDriver(session: Session, head: Oid | undefined, options: ConnectOptions): Promise<boolean> {
  const known = head !== undefined && (await attributeEdits(session, head)).length === 0
  return known || ((await options.mergeDriver?.()) ?? false)
}
