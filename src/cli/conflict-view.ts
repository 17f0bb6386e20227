import type { ResolvedObject } from '../git-bridge/world-merge.ts'
import { type ArtifactField, type ConflictArtifact, sideValue } from '../sync/conflict-artifact.ts'
import type { OpenConflict } from '../sync/conflicts.ts'
import { contestedName } from '../sync/contested-name.ts'
import { oneLine, value } from './render.ts'

/** How conflicts look to people; the JSON of commands has the artifacts themselves. */

/** Contested objects, field by field, with both values and who wrote them. */
export function conflictLines(artifacts: readonly ConflictArtifact[]): readonly string[] {
  return artifacts.flatMap(({ id, object, path, fields }) => [
    `  ${id}  ${object}  ${path}`,
    ...fields.map((field) => `    ${fieldLine(field)}`),
  ])
}

function fieldLine(field: ArtifactField): string {
  const by = (who: ArtifactField['localBy']) => (who === undefined ? '' : ` (${oneLine(who.name, 30)})`)
  if (field.path.length === 0) {
    if (field.dangling !== undefined) {
      return `${wholeState(field)}, but ${field.dangling.map((key) => oneLine(key, 60)).join(', ')} came to use it`
    }
    return wholeState(field, by(field.localBy), by(field.remoteBy))
  }
  const [was, here, there] = [field.base, field.local, field.remote].map((side) => value(sideValue(side)))
  return `${field.field}: was ${was}, here ${here}${by(field.localBy)}, in the world ${there}${by(field.remoteBy)}`
}

function wholeState({ local, remote, dangling }: ArtifactField, localBy = '', remoteBy = ''): string {
  const kept = dangling === undefined ? 'changed' : 'still there'
  if (!('value' in local)) return `deleted here${localBy}, ${kept} in the world${remoteBy}`
  if ('value' in remote) return 'changed on both sides'
  return `${kept} here${localBy}, deleted in the world${remoteBy}`
}

/** A table of open conflicts: a line for each contested field. */
export function conflictTable(conflicts: readonly OpenConflict[]): readonly string[] {
  const head = ['ID', 'OBJECT', 'FIELD', 'BASE', 'LOCAL', 'REMOTE', 'WHO', 'WHEN']
  const rows = conflicts.flatMap((conflict) => {
    const object = conflict.object ?? conflict.path
    if (conflict.fields.length === 0) return [[conflict.id, object, ...fileCells(conflict), '', '']]
    return conflict.fields.map((field) => {
      const whole = field.path.length === 0
      const [base, local, remote] = [field.base, field.local, field.remote].map((side) =>
        whole ? ('value' in side ? '(present)' : '(absent)') : value(sideValue(side)),
      )
      const who = [field.localBy, field.remoteBy].map((by) => (by === undefined ? '?' : by.name)).join(' / ')
      const when = field.remoteBy?.at ?? field.localBy?.at ?? ''
      return [conflict.id, object, field.field, base!, local!, remote!, who, when]
    })
  })
  const limits = [12, 40, 32, 24, 24, 24, 32, 20]
  const cut = [head, ...rows].map((row) => row.map((cell, column) => oneLine(cell, limits[column]!)))
  const widths = head.map((_, column) => Math.max(...cut.map((row) => row[column]!.length)))
  return cut.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}

/** A file as a whole: on which sides it is, or where each side has moved it; or what git took for one. */
function fileCells({ unmerged, both }: OpenConflict): readonly [string, string, string, string] {
  const [base, local, remote] = (['base', 'ours', 'theirs'] as const).map((side) =>
    unmerged.find((entry) => entry[side] !== undefined),
  )
  const two = both === undefined ? undefined : '(two files)'
  if (local !== undefined && remote !== undefined && local !== remote) {
    return [two ?? '(place)', base?.path ?? '', local.path, remote.path]
  }
  const [was, here, there] = [base, local, remote].map((side) => (side === undefined ? '(absent)' : '(present)'))
  return [two ?? '(file)', was!, here!, there!]
}

/** Fields that both sides changed and a rule settled (M5). */
export function resolvedLines(resolved: readonly ResolvedObject[]): readonly string[] {
  const decided = resolved.flatMap(({ key, fields }) =>
    // A merge of texts keeps what both sides wrote: it takes nothing from anybody.
    fields.filter(({ by }) => by !== 'text').map((field) => ({ key, field })),
  )
  if (decided.length === 0) return []
  return [
    'Settled by a rule of lobby.json (gamedev sync policy explain):',
    ...decided.slice(0, 20).map(({ key, field: { path, terms, value: taken, by } }) => {
      if (path.length === 0) return `  ${key}: ${by === 'local' ? 'yours' : "the world's"} is taken as a whole`
      const lost = by === 'set' ? '' : `, not ${value(by === 'local' ? terms.theirs : terms.ours)}`
      return `  ${key} ${contestedName(path)}: ${by} takes ${value(taken)}${lost}`
    }),
    ...(decided.length > 20 ? [`  … and ${decided.length - 20} more`] : []),
  ]
}

/** The same facts for `--json`. */
export function resolvedJson(resolved: readonly ResolvedObject[]): unknown {
  return resolved.map(({ key, path, fields }) => ({
    object: key,
    path,
    fields: fields.map(({ path: field, terms, value: taken, by }) => ({
      field: contestedName(field),
      by,
      base: terms.base,
      local: terms.ours,
      remote: terms.theirs,
      value: taken,
    })),
  }))
}
