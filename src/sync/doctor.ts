import { isSyncedEntity } from '../projection/wire.ts'
import type { ObjectKey } from '../world/state.ts'
import type { Unmarked } from './doctor-marks.ts'
import type { ExaminedProject } from './doctor-project.ts'
import type { Context } from './session.ts'
import { requireBidirectional } from './switches.ts'
import type { World } from './world-target.ts'

/** Something worth knowing about the project or its surroundings. */
export interface Finding {
  /** The check that found it. */
  readonly check: string
  /** `problem`: the command fails by it. */
  readonly kind: 'problem' | 'information'
  readonly path?: string
  readonly message: string
}

/** What the checks look at. */
export interface Patient {
  readonly context: Context
  readonly project: ExaminedProject | undefined
}

interface DoctorCheck {
  readonly name: string
  run(patient: Patient): Promise<readonly Finding[]> | readonly Finding[]
}

/** What a doctor looks at besides the world's objects, in this order. */
const CHECKS: readonly DoctorCheck[] = [
  {
    name: 'ids',
    run: ({ project }) =>
      (project?.unsaid ?? []).map(({ kind, id, path }) => ({
        check: 'ids',
        kind: 'information',
        path,
        message:
          id === undefined
            ? `this ${kind} has no id`
            : `has no id of its own: by its path it is ${kind} ${JSON.stringify(id)}`,
      })),
  },
]

export interface DoctorReport {
  readonly worldId: string
  readonly url: string
  /** How many blueprints and entities the world has. */
  readonly objects: number
  /** Objects without `uid`, `scope` or `managedBy`: after a fix those that lack it still. */
  readonly unmarked: readonly Unmarked[]
  /** Objects to which a fix wrote what they lacked; undefined where none was asked for. */
  readonly fixed: readonly Unmarked[] | undefined
  /** What the runtime answered instead of taking it. */
  readonly refused: ReadonlyMap<ObjectKey, string>
  readonly findings: readonly Finding[]
}

export interface DoctorOptions {
  /** Write to the world what its objects lack. */
  readonly fix: boolean
  readonly confirm: (question: string) => Promise<boolean>
}

/**
 * Looks whether a world and the project beside it are fit for syncing, before the first time or later: no object may
 * lack `uid`, `scope` or `managedBy`, and with `fix` it gets them. Works without a project, and without a repository.
 *
 * Throws `switched_off` (exit 5) for a fix, `not_confirmed`, `refused`, and what the runtime throws.
 */
export async function examine(context: Context, world: World, options: DoctorOptions): Promise<DoctorReport> {
  if (options.fix) requireBidirectional(world.switches, 'sync doctor --fix')
  const [{ examineProject }, { findUnmarked, writeMarks }] = await Promise.all([
    import('./doctor-project.ts'),
    import('./doctor-marks.ts'),
  ])
  await world.runtime.identify()
  const project = await examineProject(context)
  const folderOf = (id: string) => project?.folders.get(id)
  const findings: Finding[] = []
  for (const check of CHECKS) findings.push(...(await check.run({ context, project })))
  const snapshot = await world.runtime.snapshot()
  const { worldId, blueprints } = snapshot
  const entities = snapshot.entities.filter(isSyncedEntity)
  const unmarked = findUnmarked(snapshot, folderOf)
  const report = { worldId, url: world.url, objects: blueprints.length + entities.length, findings }
  if (!options.fix) return { ...report, unmarked, fixed: undefined, refused: new Map() }
  if (unmarked.length === 0) return { ...report, unmarked, fixed: [], refused: new Map() }
  const { written, missing, refused } = await writeMarks(world, unmarked.length, folderOf, options.confirm)
  return { ...report, unmarked: missing, fixed: written, refused }
}
