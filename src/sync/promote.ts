import type { Oid } from '../git-bridge/repository.ts'
import type { ContestedObject, ResolvedObject, WorldMerge } from '../git-bridge/world-merge.ts'
import { DEFAULT_POLICY, type Owner, type Policy } from '../resolvers/policy.ts'
import { SyncError } from '../world/errors.ts'
import { type FetchReport, fetchWorld } from './fetch.ts'
import { UNHEARD } from './figures/event.ts'
import { tellContested, tellResolved } from './figures/tell.ts'
import type { HeldBack } from './hold-back.ts'
import type { UnseenWrite } from './overwritten.ts'
import type { Attribution, PlannedOperation } from './plan.ts'
import { takeProcessLock } from './process-lock.ts'
import {
  isOwnScene,
  lastPromoted,
  mergePromotion,
  type Promoted,
  type PromotedWorlds,
  promotedRefs,
  rememberPromoted,
  seenAfter,
} from './promote-base.ts'
import { refuseMarkers } from './push-guards.ts'
import {
  ATTEMPTS,
  actorName,
  type MergeToSend,
  planMerge,
  readBack,
  type Sent,
  sendMerge,
  worldBusy,
} from './send-merge.ts'
import { type Context, openSession, type Session } from './session.ts'
import { settledFor } from './settle-by-policy.ts'
import { requireBidirectional } from './switches.ts'

export interface PromoteOptions {
  /** Names of targets. */
  readonly from: string
  readonly to: string
  /** Which world's values stand where both changed them: the name of either target. */
  readonly prefer?: string | undefined
  readonly dryRun: boolean
  readonly allowMassDelete: boolean
  /** Asked with the plan before anything is sent. */
  readonly confirm: (plan: PromotePlan) => Promise<boolean>
  readonly noBatch?: boolean
  /** How long to wait for a deploy lock that somebody holds, in milliseconds. */
  readonly waitLockMs?: number
}

export interface PromotePlan {
  readonly from: FetchReport
  readonly to: FetchReport
  /** Nothing was promoted from the one to the other yet. */
  readonly first: boolean
  readonly operations: readonly PlannedOperation[]
  readonly held: readonly HeldBack[]
  /** What both changed and a rule, or `prefer`, settled (M5). */
  readonly resolved: readonly ResolvedObject[]
}

export type PromoteReport = {
  readonly from: FetchReport
  readonly to: FetchReport
} /** There is nothing in the one that the other lacks. */ & (
  | { readonly kind: 'up-to-date'; readonly resolved: readonly ResolvedObject[] }
  /** Both worlds changed these; nothing was sent. */
  | { readonly kind: 'contested'; readonly first: boolean; readonly contested: readonly ContestedObject[] }
  | { readonly kind: 'planned'; readonly plan: PromotePlan }
  /** Nothing could be sent now. */
  | { readonly kind: 'held'; readonly held: readonly HeldBack[] }
  | ({
      readonly kind: 'promoted'
      readonly plan: PromotePlan
      /** Operations that are still to be done, told from both worlds as they are now; the next promotion sends them. */
      readonly left: readonly PlannedOperation[]
      /** What somebody changed in the other world while the promotion was on its way. */
      readonly contested: readonly ContestedObject[]
      readonly unseen: readonly UnseenWrite[]
    } & Sent)
)

/**
 * Brings one world's state to another, as a merge into what that one holds: what changed in the first since it was last
 * promoted, where the second did not change it as well. Both are fetched first; the branch takes no part, and the next
 * pull from the second world brings it. What was promoted is remembered when all of it landed.
 *
 * Throws `same_world`, `unnamed_target`, `not_confirmed`, and what `sendMerge` throws.
 */
export async function promote(context: Context, options: PromoteOptions): Promise<PromoteReport> {
  if (options.from === options.to) throw sameWorld(options)
  if (options.prefer !== undefined && options.prefer !== options.from && options.prefer !== options.to) {
    throw new SyncError('invalid_prefer', `--prefer names "${options.prefer}", which takes no part.`, {
      hint: `Name "${options.from}" or "${options.to}".`,
    })
  }
  const from = await openSession(context, { target: options.from })
  try {
    const to = await openSession(context, { target: options.to })
    try {
      if (!options.dryRun) requireBidirectional(to.switches, 'sync promote')
      const lock = await takeProcessLock(to, 'sync promote')
      try {
        return await promoteLocked(from, to, options)
      } finally {
        await lock.release()
      }
    } finally {
      await to.close()
    }
  } finally {
    await from.close()
  }
}

async function promoteLocked(from: Session, to: Session, options: PromoteOptions): Promise<PromoteReport> {
  const refs = promotedRefs(to, options.to, options.from)
  let agreed: string | undefined
  for (let attempt = 1; ; attempt++) {
    const known = await readKnown(to, refs)
    const fetchedFrom = await fetchWorld(from, await startOf(from))
    const fetchedTo = await fetchWorld(to, await startOf(to))
    if (fetchedFrom.worldId === fetchedTo.worldId) throw sameWorld(options)
    const report = { from: fetchedFrom, to: fetchedTo }
    const worlds: PromotedWorlds = {
      from: { session: from, tip: fetchedFrom.tip, worldId: fetchedFrom.worldId },
      to: { session: to, tip: fetchedTo.tip, worldId: fetchedTo.worldId },
    }
    const promoted = await lastPromoted(worlds, known)
    const first = promoted === undefined
    const merge = await mergeWith(worlds, promoted, options)
    const heard = options.dryRun ? UNHEARD : to.report
    if (merge.tree === undefined) {
      tellContested(heard, merge.contested, promoted?.state, 'promote')
      return { ...report, kind: 'contested', first, contested: merge.contested }
    }
    tellResolved(heard, told(merge.resolved), promoted?.state)
    await refuseMarkers(to, merge.tree, merge.outgoing)
    const request = await requestFor(worlds, fetchedTo, { ...merge, tree: merge.tree }, options)
    const remember = (seen: Oid) => rememberPromoted(to, refs, known, { state: fetchedFrom.tip, seen })
    const planOf = (operations: readonly PlannedOperation[], held: readonly HeldBack[]): PromotePlan => ({
      ...report,
      first,
      operations,
      held,
      resolved: told(merge.resolved),
    })
    const { operations } = await planMerge(to, request)
    if (operations.length === 0) {
      if (!options.dryRun) await remember(fetchedTo.tip)
      return { ...report, kind: 'up-to-date', resolved: told(merge.resolved) }
    }
    if (options.dryRun) return { ...report, kind: 'planned', plan: planOf(operations, []) }

    let plan = planOf(operations, [])
    const sent = await sendMerge(to, request, {
      attempt,
      allowMassDelete: options.allowMassDelete,
      noBatch: options.noBatch === true,
      waitLockMs: options.waitLockMs ?? 0,
      confirm: async (planned, held) => {
        plan = planOf(planned, held)
        // What was agreed to need not be agreed to again because something else moved meanwhile.
        const same = JSON.stringify(planned.map(({ kind, key, changes, after }) => [kind, key, changes, after]))
        if (same !== agreed && !(await options.confirm(plan))) return false
        agreed = same
        return true
      },
    })
    if (sent.kind === 'moved') {
      if (attempt >= ATTEMPTS) throw worldBusy(fetchedTo.worldId, sent.fields, 'sync promote')
      continue
    }
    if (sent.kind === 'nothing') return { ...report, kind: 'held', held: sent.held }
    // What landed, the feed says; only where nothing is left was it promoted.
    const after = await fetchWorld(to)
    const now: PromotedWorlds = { ...worlds, to: { ...worlds.to, tip: after.tip } }
    const rest = await mergeWith(now, promoted, options)
    const left =
      rest.tree === undefined
        ? []
        : (await planMerge(to, await requestFor(now, after, { ...rest, tree: rest.tree }, options))).operations
    const { unseen, opIds } = await readBack(to, sent.journal, after.tip)
    if (rest.tree !== undefined && left.length === 0 && unseen.length === 0) {
      await remember(await seenAfter(to, fetchedTo.tip, after.tip, opIds))
    }
    return { ...report, ...sent, kind: 'promoted', to: after, plan, left, contested: rest.contested, unseen }
  }
}

/** Merges, and settles what both changed as the user said; `contested` in the result is what nobody settled. */
async function mergeWith(
  worlds: PromotedWorlds,
  promoted: Promoted | undefined,
  { from, prefer }: PromoteOptions,
): Promise<WorldMerge> {
  const { session } = worlds.to
  const rules = (session.lobby?.policy ?? DEFAULT_POLICY).rules
  // Each world has its own, and the runtime never changes it (protocol, section 4).
  const policy: Policy = { rules: [...rules, { type: 'blueprint', field: ['createdAt'], owner: 'runtime' }] }
  const sides = { ours: worlds.from.tip, theirs: worlds.to.tip }
  const merge = await mergePromotion(worlds, promoted, sides, { policy })
  const { objects } = merge
  const scenes = merge.contested.filter(({ sides: { ours, theirs } }) =>
    [ours, theirs].some((side) => isOwnScene(side?.object, objects)),
  )
  const decided = prefer === undefined ? [] : merge.contested.filter((object) => !scenes.includes(object))
  if (scenes.length + decided.length === 0) return merge
  const owner: Owner = prefer === from ? 'local' : 'runtime'
  const settled = settledFor(settledFor(policy, scenes, 'runtime'), decided, owner)
  return mergePromotion(worlds, promoted, sides, { policy: settled })
}

/** What is worth telling: a birthday settles itself. */
function told(resolved: readonly ResolvedObject[]): readonly ResolvedObject[] {
  return resolved
    .map((object) => ({ ...object, fields: object.fields.filter(({ path }) => path[0] !== 'createdAt') }))
    .filter(({ fields }) => fields.length > 0)
}

async function requestFor(
  { from }: PromotedWorlds,
  fetched: FetchReport,
  merge: MergeToSend['merge'],
  options: PromoteOptions,
): Promise<MergeToSend> {
  // The source of every operation names the state that it came from: other clones tell from it what was promoted.
  const by: Attribution = { commit: from.tip, actor: await actorName(from.session) }
  const omit = ({ kind, after, before }: PlannedOperation) =>
    (kind === 'entity.add' || kind === 'entity.remove') && isOwnScene(after ?? before, merge.objects)
  return { merge, fetched, attribute: () => by, omit, note: `promote ${options.from}@${from.tip.slice(0, 8)}` }
}

async function readKnown(
  { repository }: Session,
  refs: Readonly<Record<keyof Promoted, string>>,
): Promise<Partial<Promoted>> {
  const found = await repository.readRefs([refs.state, refs.seen])
  const [state, seen] = [found.get(refs.state), found.get(refs.seen)]
  return { ...(state === undefined ? {} : { state }), ...(seen === undefined ? {} : { seen }) }
}

/** A target that was never fetched begins with a snapshot, in the layout that the project has (G3, G8). */
async function startOf({ repository, prefix }: Session): Promise<{ start: { layout: 'manifest' | 'split' } }> {
  const head = await repository.resolve('HEAD')
  const manifest = head === undefined ? undefined : await repository.lookup(head, `${prefix}world.json`)
  return { start: { layout: manifest === undefined ? 'split' : 'manifest' } }
}

function sameWorld({ from, to }: PromoteOptions): SyncError {
  return new SyncError('same_world', `"${from}" and "${to}" are the same world.`, {
    exitCode: 5,
    hint: 'Name two targets of lobby.json that stand for different worlds.',
    data: { from, to },
  })
}
