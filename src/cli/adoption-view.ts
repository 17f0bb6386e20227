import type { AdoptionPlan, DifferentObject } from '../sync/adopt-plan.ts'
import type { MovedPolicy } from '../sync/old-policy.ts'
import { oneLine } from './render.ts'

/** How the first meeting of a project and a world looks to people. */

/** As many lines of a list as somebody reads. */
const MOST = 20

type Side = 'local' | 'remote'

interface Decision {
  readonly kind: 'connected' | 'contested' | 'planned'
  /** The side that `--prefer` or `--mirror` named. */
  readonly decided: Side | undefined
  readonly mirror: Side | undefined
}

/** A list, cut where it gets long. */
export function bounded(lines: readonly string[], most = MOST): readonly string[] {
  return lines.length <= most ? lines : [...lines.slice(0, most), `  and ${lines.length - most} more`]
}

/** What is the same, what differs and how that was decided, what only one side has and what becomes of it. */
export function adoptionLines(plan: AdoptionPlan, { kind, decided, mirror }: Decision): readonly string[] {
  const { equal, different, onlyLocal, onlyRemote, remoteTotal } = plan
  const will = kind === 'planned'
  const lines: string[] = []
  if (equal > 0) lines.push(`${objects(equal)} ${equal === 1 ? 'is' : 'are'} the same here and in the world.`)
  // With conflicts left open, these are listed as such.
  if (different.length > 0 && (kind !== 'contested' || decided !== undefined)) {
    lines.push(`${objects(different.length)} ${different.length === 1 ? 'differs' : 'differ'}${side(decided)}:`)
    lines.push(...bounded(different.map((object) => `  ${differs(object, decided, mirror)}`)))
  }
  if (onlyRemote.length > 0) {
    const half = onlyRemote.length * 2 > remoteTotal ? ', which will ask for --allow-mass-delete' : ''
    const fate =
      mirror === 'local'
        ? `the next push deletes ${them(onlyRemote)} there${half}`
        : `${will ? 'would come' : 'came'} into this project`
    lines.push(`${objects(onlyRemote.length)} only in the world: ${fate}.`)
    lines.push(...bounded(onlyRemote.map((name) => `  ${oneLine(name, 100)}`)))
  }
  if (onlyLocal.length > 0) {
    const fate =
      mirror === 'remote'
        ? `${will ? 'would be' : onlyLocal.length === 1 ? 'was' : 'were'} deleted here`
        : `the next push adds ${them(onlyLocal)} to the world`
    lines.push(`${objects(onlyLocal.length)} only in this project: ${fate}.`)
    lines.push(...bounded(onlyLocal.map((key) => `  ${oneLine(key, 100)}`)))
  }
  return lines
}

function differs(object: DifferentObject, decided: Side | undefined, mirror: Side | undefined): string {
  const { key, path, fields, taken, kept, contested } = object
  const names =
    fields.length <= 6 ? fields.join(', ') : `${fields.slice(0, 6).join(', ')} and ${fields.length - 6} more`
  const counts: string[] = []
  if (mirror === 'local') counts.push(`${fields.length} as here`)
  else {
    if (kept > 0) counts.push(`${kept} as here`)
    if (taken > 0) counts.push(`${taken} as in the world`)
    if (contested.length > 0 && decided === undefined) counts.push(`${contested.length} in conflict`)
  }
  return oneLine(`${key} in ${path}: ${names} (${counts.join(', ')})`, 240)
}

function side(decided: Side | undefined): string {
  if (decided === undefined) return ''
  return decided === 'local' ? '; this project decides' : '; the world decides'
}

function objects(count: number): string {
  return `${count} object${count === 1 ? '' : 's'}`
}

function them(list: readonly unknown[]): string {
  return list.length === 1 ? 'it' : 'them'
}

/** What became of the old ownership policy. */
export function policyLines({ rules, unclear }: MovedPolicy): readonly string[] {
  const moved = `${rules.length} rule${rules.length === 1 ? '' : 's'}`
  const head = rules.length > 0 ? [`${moved} of .lobby/sync-policy.json moved into lobby.json.`] : []
  if (unclear.length === 0) return head
  return [
    ...head,
    'Of .lobby/sync-policy.json this was not understood; write it as rules into "policy" of lobby.json:',
    ...bounded(unclear.map((what) => `  ${oneLine(what, 200)}`)),
  ]
}

/** The same facts for `--json`. */
export function adoptionJson(plan: AdoptionPlan, mirror: Side | undefined): unknown {
  const { equal, different, onlyLocal, onlyRemote } = plan
  return {
    equal,
    different: different.map(({ key, path, fields, contested }) => ({ object: key, path, fields, contested })),
    onlyLocal,
    onlyRemote,
    deletedInWorld: mirror === 'local' ? onlyRemote.length : 0,
    deletedHere: mirror === 'remote' ? onlyLocal.length : 0,
  }
}
