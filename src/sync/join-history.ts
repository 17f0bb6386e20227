import type { Oid } from '../git-bridge/repository.ts'
import { harmless } from '../git-bridge/trailers.ts'
import { mergeWorlds } from '../git-bridge/world-merge.ts'
import type { Policy } from '../resolvers/policy.ts'
import { SyncError } from '../world/errors.ts'
import type { ObjectKey } from '../world/state.ts'
import { type AdoptionPlan, planAdoption } from './adopt-plan.ts'
import { baselineOf, rememberSeen } from './baseline.ts'
import type { AdoptSide, Connected, ConnectOptions } from './connect.ts'
import type { FetchReport } from './fetch.ts'
import { tellConflicts, tellResolved } from './figures/tell.ts'
import { conflictLabels, describeConflicts, leaveConflicts } from './leave-conflicts.ts'
import { LOBBY_FILE } from './lobby-file.ts'
import { commitMerge } from './merge-commit.ts'
import { attributeEdits, ignoreEdits, write } from './own-files.ts'
import { plural } from './pull.ts'
import type { Session } from './session.ts'
import { requireBranch } from './working-tree.ts'

export interface JoinOptions extends Pick<ConnectOptions, 'prefer' | 'mirror' | 'dryRun' | 'confirm'> {
  /** The text of `lobby.json`. */
  readonly lobby: string
  /** Its ownership rules. */
  readonly rules: Policy
  /** Whether `.gitattributes` shall name the merge driver. */
  readonly driver: boolean
}

type Joined = Omit<Connected, 'name' | 'policy'>

/**
 * The branch has a history of its own: the world joins it in a merge commit. Without a common history nothing is deleted
 * on either side for being absent on the other, unless `mirror` says so.
 */
export async function joinHistory(
  session: Session,
  fetched: FetchReport,
  head: Oid,
  options: JoinOptions,
): Promise<Joined> {
  const { repository, prefix } = session
  const branch = await requireBranch(session)
  const base = await commonHistory(session, head, fetched.tip)
  const side = options.mirror ?? options.prefer
  if (base !== undefined && base !== fetched.tip && side !== undefined) throw isConnected(options)
  const adopting = base === undefined
  const merge = await mergeWorlds(
    repository,
    prefix,
    { base, ours: head, theirs: fetched.tip },
    {
      policy: adopting ? preferring(options.rules, side) : options.rules,
      follow: adopting && options.mirror === 'remote' ? 'theirs' : undefined,
      ...(options.dryRun === true ? {} : { conflicts: () => conflictLabels(session, session.ref) }),
    },
  )
  const plan = adopting ? await planAdoption(session, merge, fetched.tip) : undefined
  const report = {
    folder: session.folder,
    branch: branch.name,
    worldId: fetched.worldId,
    fetched,
    files: merge.incoming.length,
    conflicts: [],
    plan,
  }
  if (options.dryRun === true) return { ...report, kind: 'planned', joined: false }
  if (plan !== undefined && options.mirror !== undefined) await confirmMirror(options.mirror, plan, fetched, options)

  const own = [
    write(`${prefix}${LOBBY_FILE}`, options.lobby),
    ...(await ignoreEdits(session, head)),
    ...(options.driver ? await attributeEdits(session, head) : []),
    ...(base === fetched.tip ? [] : await rememberSeen(session, head, fetched.tip)),
  ]
  const message = connectMessage(fetched, side, options.mirror, plan)
  const planned = { branch: branch.name, head, tip: fetched.tip, message }
  // What is mirrored from here stays as it is, to the byte.
  const mirrored = adopting && options.mirror === 'local'
  if (merge.conflict !== undefined && !mirrored) {
    const tree = await repository.writeTree(merge.conflict.tree, own)
    const conflicts = await describeConflicts(session, merge, fetched, head, base)
    await leaveConflicts(session, { ...planned, tree }, merge.conflict, conflicts)
    tellResolved(session.report, merge.resolved, base)
    tellConflicts(session.report, conflicts, base, 'shown')
    return { ...report, kind: 'contested', conflicts, joined: true }
  }
  const { tree: before } = await repository.readCommit(head)
  const tree = await repository.writeTree(mirrored ? before : merge.tree!, own)
  const connected = { ...report, kind: 'connected' as const, files: mirrored ? 0 : report.files }
  // Connected already: there is nothing to record (G6).
  if (base === fetched.tip && tree === before) return { ...connected, joined: false }
  await commitMerge(session, { ...planned, tree })
  if (mirrored) tellReplaced(session, plan)
  else tellResolved(session.report, merge.resolved, base)
  return { ...connected, joined: true }
}

/** A mirror takes the project's side without merging: what the world has otherwise, the next push replaces. */
function tellReplaced({ report }: Session, plan: AdoptionPlan | undefined): void {
  for (const { key, fields } of plan?.different ?? []) {
    report.tell({ kind: 'replaced-at-start', object: key, fields: fields.length })
  }
  for (const name of plan?.onlyRemote ?? []) {
    report.tell({ kind: 'replaced-at-start', object: name as ObjectKey, fields: 1 })
  }
}

/**
 * Where both sides last met; undefined where they have no common history. Files alone that say so (`lobby.seen/`) may have
 * been copied from anywhere: what they lack would pass for deleted.
 */
async function commonHistory(session: Session, head: Oid, tip: Oid): Promise<Oid | undefined> {
  const common = await session.repository.mergeBase(head, tip)
  return common === undefined ? undefined : baselineOf(session, head, tip)
}

function isConnected({ mirror }: JoinOptions): SyncError {
  const flag = mirror === undefined ? '--prefer' : '--mirror'
  return new SyncError('already_connected', `This branch has met the world before: ${flag} decides a first meeting.`, {
    hint: 'Run "gamedev sync pull"; conflicts are settled in bulk by "gamedev sync resolve --all --use local|remote".',
  })
}

/** The project's policy and, above it, that one side wins all that both have. */
function preferring(policy: Policy, side: AdoptSide | undefined): Policy {
  if (side === undefined) return policy
  return { rules: [...policy.rules, { owner: side === 'local' ? 'local' : 'runtime' }] }
}

async function confirmMirror(
  mirror: AdoptSide,
  plan: AdoptionPlan,
  { worldId }: FetchReport,
  { confirm }: JoinOptions,
): Promise<void> {
  const gone = mirror === 'local' ? plan.onlyRemote.length : plan.onlyLocal.length
  const differ = plan.different.length
  if (gone === 0 && differ === 0) return
  const question =
    mirror === 'local'
      ? `World ${worldId} is to follow this project: ${plural(gone, 'object')} that only the world has will be deleted there by the next push, and ${differ} changed. Go on?`
      : `This project is to follow world ${worldId}: ${plural(gone, 'object')} that only the files have will be deleted here, and ${differ} changed. Go on?`
  if ((await confirm?.(question)) === true) return
  throw new SyncError('not_confirmed', 'Nothing was changed: mirroring was not confirmed.', {
    exitCode: 5,
    hint: 'See what it would do with --dry-run; pass --yes to go on without being asked.',
    data: { mirror, deleted: gone, changed: differ },
  })
}

/** The message of the commit that connects: what was decided in bulk is history that somebody may look for. */
function connectMessage(
  { worldId, cursor }: FetchReport,
  side: AdoptSide | undefined,
  mirror: AdoptSide | undefined,
  plan: AdoptionPlan | undefined,
): string {
  const subject = `${harmless(`Connect with world ${worldId} at ${cursor}`)}\n`
  if (side === undefined || plan === undefined) return subject
  const of = side === 'local' ? 'the project' : 'the world'
  const lines = [`- ${plural(plan.different.length, 'object')} that differed: as in ${of}`]
  if (mirror === 'local')
    lines.push(`- ${plural(plan.onlyRemote.length, 'object')} of the world alone: to be deleted there`)
  if (mirror === 'remote') lines.push(`- ${plural(plan.onlyLocal.length, 'object')} of the files alone: deleted`)
  return `${subject}\n${lines.join('\n')}\n`
}
