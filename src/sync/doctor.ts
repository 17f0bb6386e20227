import { isSyncedEntity } from '../projection/wire.ts'
import { SyncError } from '../world/errors.ts'
import type { ObjectKey } from '../world/state.ts'
import { CHECKS } from './doctor-checks.ts'
import { count, type Finding, ok, orProblem, problem, problemOf, type Said } from './doctor-finding.ts'
import type { ExaminedLine } from './doctor-line.ts'
import type { Unmarked } from './doctor-marks.ts'
import { openPatient, type Patient } from './doctor-patient.ts'
import type { Context } from './session.ts'
import { requireBidirectional } from './switches.ts'
import type { World } from './world-target.ts'

export type { Finding } from './doctor-finding.ts'

export interface DoctorReport {
  /** Undefined where the world could not be asked. */
  readonly worldId: string | undefined
  /** Undefined where nothing says which world is meant. */
  readonly url: string | undefined
  /** How many blueprints and entities the world has; undefined where it was not read. */
  readonly objects: number | undefined
  /** Objects without `uid`, `scope` or `managedBy`: after a fix those that lack it still. */
  readonly unmarked: readonly Unmarked[]
  /** Objects to which a fix wrote what they lacked; undefined where none was asked for. */
  readonly fixed: readonly Unmarked[] | undefined
  /** What the runtime answered instead of taking it. */
  readonly refused: ReadonlyMap<ObjectKey, string>
  /** What each check came to, in the order in which they ran. */
  readonly findings: readonly Finding[]
  /** Why the world could not be looked at; its exit code is the command's. */
  readonly failure: SyncError | undefined
}

export interface DoctorOptions {
  /** Write to the world what its objects lack. */
  readonly fix: boolean
  /** Leave out what takes the longer, the larger the project, the world or its history is. */
  readonly quick?: boolean
  /** The target that somebody named. */
  readonly target?: string | undefined
  readonly confirm: (question: string) => Promise<boolean>
}

type Say = (check: string, said: readonly Said[]) => void

/**
 * Looks whether a world, the project beside it and this machine are fit for syncing, before the first time or later, and
 * says what to do about what is not. With `fix`, objects of the world that lack `uid`, `scope` or `managedBy` get them;
 * nothing else is written, on either side. Works without a project, without a repository and, as far as it can, where
 * the world cannot be reached; `world` is a failure where none can be chosen.
 *
 * Throws `switched_off` (exit 5) for a fix, `not_confirmed`, `refused`; outside of a project also `world`, if it is one.
 */
export async function examine(
  context: Context,
  world: World | SyncError,
  options: DoctorOptions,
): Promise<DoctorReport> {
  if (options.fix && !(world instanceof SyncError)) requireBidirectional(world.switches, 'sync doctor --fix')
  const findings: Finding[] = []
  const say: Say = (check, said) => findings.push(...said.map((one) => ({ check, ...one })))
  const patient = await openPatient(context, world, options, say)
  try {
    for (const { name, run } of patient.project === undefined ? [] : CHECKS) {
      say(name, await orProblem(() => run({ ...patient, project: patient.project! })))
    }
    const tip = await examineRef(patient, say)
    if (world instanceof SyncError) {
      if (patient.project === undefined) throw world
      // What is wrong with a file was said by the check that reads it.
      say('world', findings.some(({ message }) => message === world.message) ? [] : [problemOf(world)])
      return { ...NOTHING, findings, failure: world }
    }
    const { examineClock, examineReach } = await import('./doctor-reach.ts')
    const reached = await examineReach(world)
    say('world', reached.said)
    if (reached.kind === 'failed') return { ...NOTHING, url: world.url, findings, failure: reached.failure }
    say('clock', await orProblem(() => examineClock(world)))
    const looked = await examineObjects(world, reached.worldId, patient, options, say)
    await examineRemote(patient, tip, say)
    return { ...looked, url: world.url, findings, failure: undefined }
  } finally {
    await patient.close()
  }
}

/** The world was not read. */
const NOTHING = {
  worldId: undefined,
  url: undefined,
  objects: undefined,
  unmarked: [],
  fixed: undefined,
  refused: new Map<ObjectKey, string>(),
}

type Looked = Pick<DoctorReport, 'worldId' | 'objects' | 'unmarked' | 'fixed' | 'refused'>

/** The remote ref of the project (G1); of one that is not connected yet, none. */
async function examineRef({ project, session, context, quick }: Patient, say: Say): Promise<ExaminedLine['tip']> {
  if (project === undefined || session === undefined) return undefined
  const { ref, target } = session
  let tip: ExaminedLine['tip']
  const look = async () => {
    const { examineLine } = await import('./doctor-line.ts')
    const examined = await examineLine(project, ref, target.address.worldId, { quick, progress: context.progress })
    tip = examined.tip
    return examined.said
  }
  say('line', await orProblem(look))
  return tip
}

/** The line against the world: its feed, and the state that it has come to (G2, G11). */
async function examineRemote({ session, quick }: Patient, tip: ExaminedLine['tip'], say: Say): Promise<void> {
  if (session === undefined || tip === undefined) return
  const { examineFeed, examineState } = await import('./doctor-feed.ts')
  let known = false
  const feed = async () => {
    const examined = await examineFeed(session, tip)
    known = examined.known
    return [examined.said]
  }
  say('feed', await orProblem(feed))
  if (known && !quick) say('state', await orProblem(() => examineState(session, tip)))
}

/** The objects of the world, each of which should say whose it is. */
async function examineObjects(
  world: World,
  worldId: string,
  patient: Patient,
  options: DoctorOptions,
  say: Say,
): Promise<Looked> {
  if (patient.quick) return { ...NOTHING, worldId }
  const { findUnmarked, writeMarks } = await import('./doctor-marks.ts')
  const folderOf = (id: string) => patient.files?.folders.get(id)
  const snapshot = await world.runtime.snapshot()
  const objects = snapshot.blueprints.length + snapshot.entities.filter(isSyncedEntity).length
  const unmarked = findUnmarked(snapshot, folderOf)
  const looked = { worldId, objects, unmarked, refused: new Map<ObjectKey, string>() }
  const report: Looked = !options.fix
    ? { ...looked, fixed: undefined }
    : unmarked.length === 0
      ? { ...looked, fixed: [] }
      : await writeMarks(world, unmarked.length, folderOf, options.confirm).then(({ written, missing, refused }) => {
          return { ...looked, unmarked: missing, fixed: written, refused }
        })
  const lacking = `${report.unmarked.length} of ${count(objects, 'object')}${options.fix ? ' still' : ''} lack uid, scope or managedBy`
  const hint = options.fix
    ? 'What the world refused is listed below.'
    : 'Run "gamedev sync doctor --fix" to write that to the world.'
  say('objects', [
    report.unmarked.length > 0
      ? problem(lacking, { hint })
      : ok(`all of ${count(objects, 'object')} have uid, scope and managedBy`),
  ])
  return report
}
