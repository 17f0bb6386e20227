import { fieldName } from '../resolvers/fields.ts'
import { SyncError } from '../world/errors.ts'
import type { ObjectKey } from '../world/state.ts'
import type { Difference } from './compare-worlds.ts'
import type { Report } from './figures/event.ts'

/** What to do about state that the world lost (G11): take that over, or keep it here, to be pushed again. */
export type LossChoice = 'accept' | 'restore'

/** An object that the world has lost, or fields of it. */
export interface LostObject {
  readonly object: ObjectKey
  /** Gone; back though it had been removed; or back at older values. */
  readonly kind: 'gone' | 'back' | 'older'
  readonly fields: readonly { readonly field: string; readonly line: unknown; readonly world: unknown }[]
}

/** Objects that a sentence names; the data have all. */
const NAMED = 20

export function lostObjects(lost: readonly Difference[]): readonly LostObject[] {
  return lost
    .map(
      ({ key, kind, fields }): LostObject => ({
        object: key,
        kind: kind === 'missing' ? 'gone' : kind === 'extra' ? 'back' : 'older',
        fields: fields.map(({ path, before, after }) => ({ field: fieldName(path), line: before, world: after })),
      }),
    )
    .toSorted((a, b) => (a.object < b.object ? -1 : 1))
}

/** Tells of a loss, or of what was decided about it, object by object. */
export function tellLoss(report: Report, step: 'found' | LossChoice, lost: readonly LostObject[]): void {
  for (const { object, fields } of lost)
    report.tell({ kind: 'loss', step, object, fields: fields.map(({ field }) => field) })
}

/** The world is behind what it acknowledged: nothing is taken over before somebody has decided. */
export function lostState(
  { report }: { readonly report: Report },
  worldId: string,
  lost: readonly LostObject[],
  why: string,
): SyncError {
  tellLoss(report, 'found', lost)
  const names = lost.slice(0, NAMED).map(({ object, kind, fields }) => {
    if (kind === 'gone') return `${object} is gone`
    if (kind === 'back') return `${object} is back, though it was removed`
    return `${object} is older in ${fields.map(({ field }) => field).join(', ')}`
  })
  const more = lost.length > NAMED ? [`and ${lost.length - NAMED} more`] : []
  return new SyncError('lost_state', `World "${worldId}" ${why}: ${[...names, ...more].join('; ')}.`, {
    exitCode: 5,
    hint: 'Nothing was changed here. "gamedev sync pull --restore" keeps it here, to be pushed again; "gamedev sync pull --accept-loss" takes the loss over.',
    data: { worldId, objects: lost },
  })
}
