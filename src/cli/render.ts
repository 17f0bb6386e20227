import type { ContestedObject } from '../git-bridge/world-merge.ts'
import { parseAssetValue } from '../projection/asset-value.ts'
import { fieldName } from '../resolvers/fields.ts'
import type { FetchReport } from '../sync/fetch.ts'
import type { PlannedOperation } from '../sync/plan.ts'
import type { FieldValue } from '../world/state.ts'

export { oneLine } from '../git-bridge/trailers.ts'
export { fieldName } from '../resolvers/fields.ts'

/** How values, fields and operations look to people; the JSON of commands has the values themselves. */

export function value(value: FieldValue): string {
  if (value === undefined) return '(absent)'
  const asset = parseAssetValue(value)
  if (asset !== undefined) return `(content ${asset.oid.slice(0, 8)})`
  const text = JSON.stringify(value)
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`
}

/** One planned operation: what it does, and on whose behalf. */
export function operation({ kind, id, by, changes, scripts, setting }: PlannedOperation): readonly string[] {
  const subject = kind === 'settings.update' ? setting : kind === 'spawn.update' ? '' : id
  const head = `${kind} ${subject}`.trimEnd()
  const lines = changes.map(({ path, before, after }) => `    ${fieldName(path)}: ${value(before)} → ${value(after)}`)
  if (scripts && kind !== 'blueprint.add') lines.push('    scripts')
  return [`  ${head}  (${by.actor}, ${by.commit.slice(0, 8)})`, ...lines]
}

/** Contested objects, field by field, with the three values. */
export function contested(objects: readonly ContestedObject[]): readonly string[] {
  return objects.flatMap(({ key, path, fields }) => [
    `  ${key}  ${path}`,
    ...fields.map(({ path: field, terms }) => {
      const name =
        field.length === 0
          ? terms.ours === undefined
            ? '(deleted here, changed in the world)'
            : terms.theirs === undefined
              ? '(changed here, deleted in the world)'
              : '(the object)'
          : fieldName(field)
      return field.length === 0
        ? `    ${name}`
        : `    ${name}: was ${value(terms.base)}, here ${value(terms.ours)}, in the world ${value(terms.theirs)}`
    }),
  ])
}

/** The same facts for `--json`. */
export function contestedJson(objects: readonly ContestedObject[]): unknown {
  return objects.map(({ key, path, fields }) => ({
    object: key,
    path,
    fields: fields.map(({ path: field, terms }) => ({
      field: fieldName(field),
      base: terms.base,
      local: terms.ours,
      remote: terms.theirs,
    })),
  }))
}

export function operationJson({ kind, id, opId, by, changes, scripts, setting }: PlannedOperation): unknown {
  return {
    kind,
    id,
    ...(setting === undefined ? {} : { key: setting }),
    opId,
    actor: by.actor,
    commit: by.commit,
    scripts,
    changes: changes.map(({ path, before, after }) => ({ field: fieldName(path), before, after })),
  }
}

export function fetchJson(fetched: FetchReport): Readonly<Record<string, unknown>> {
  const { worldId, tip, cursor, operations, commits, refusals } = fetched
  return {
    worldId,
    tip,
    cursor,
    operations,
    commits,
    refused: refusals.map(({ key, reason }) => ({ object: key, reason })),
  }
}

/** `1 operation`, `2 operations`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
