import type { ContestedObject, ResolvedObject } from '../git-bridge/world-merge.ts'
import type { HeldBack } from '../sync/hold-back.ts'
import type { UnseenWrite } from '../sync/overwritten.ts'
import type { Sent } from '../sync/send-merge.ts'
import { fieldName, operationJson, plural, value } from './render.ts'

/** How revert and promote tell what they did to a world; the JSON has the same facts. */

/** What the three sides of a merge are called. */
export interface SideNames {
  readonly base: string
  readonly ours: string
  readonly theirs: string
}

/** Contested objects, field by field. */
export function contestedLines(objects: readonly ContestedObject[], names: SideNames): readonly string[] {
  return objects.flatMap(({ key, fields }) => [
    `  ${key}`,
    ...fields.map(({ path, terms, dangling }) => {
      if (dangling !== undefined) return `    it is used by ${dangling.join(', ')}`
      const side = (which: keyof SideNames) => {
        const shown = path.length > 0 ? value(terms[which]) : terms[which] === undefined ? 'absent' : 'there'
        return `${names[which]} ${shown}`
      }
      return `    ${path.length === 0 ? 'the object' : fieldName(path)}: ${side('base')}, ${side('ours')}, ${side('theirs')}`
    }),
  ])
}

export function contestedJson(objects: readonly ContestedObject[], names: SideNames): unknown {
  return objects.map(({ key, fields }) => ({
    object: key,
    fields: fields.map(({ path, terms, dangling }) => ({
      field: fieldName(path),
      [names.base]: terms.base,
      [names.ours]: terms.ours,
      [names.theirs]: terms.theirs,
      ...(dangling === undefined ? {} : { usedBy: dangling }),
    })),
  }))
}

export function resolvedJson(objects: readonly ResolvedObject[], names: SideNames): unknown {
  return objects.map(({ key, fields }) => ({
    object: key,
    fields: fields.map(({ path, terms, value: taken, by }) => ({
      field: fieldName(path),
      by,
      [names.base]: terms.base,
      [names.ours]: terms.ours,
      [names.theirs]: terms.theirs,
      value: taken,
    })),
  }))
}

export function heldLines(held: readonly HeldBack[]): readonly string[] {
  return held.map(({ key, field, reason }) => `  held back: ${field === '' ? key : `${key} ${field}`}: ${reason}`)
}

export function heldJson(held: readonly HeldBack[]): unknown {
  return held.map(({ key, field, reason }) => ({ object: key, field, reason }))
}

/** What was sent and did not land as it was meant to. */
export function troubleLines({ refused, held }: Sent, unseen: readonly UnseenWrite[]): readonly string[] {
  return [
    ...refused.map(
      ({ operation: { planned }, error, unsent }) =>
        `  ${unsent === true ? 'not sent' : 'refused'}: ${planned.kind} ${planned.id}: ${error}`,
    ),
    ...heldLines(held),
    ...unseen.map(
      ({ key, path, value: theirs, by, commit }) =>
        `  meanwhile: ${key} ${fieldName(path)}: ${by} wrote ${value(theirs)} (${commit.slice(0, 8)})`,
    ),
  ]
}

export function sentJson(sent: Sent, unseen: readonly UnseenWrite[]): Readonly<Record<string, unknown>> {
  return {
    operations: sent.operations.map(operationJson),
    landed: sent.landed,
    refused: sent.refused.map(({ operation: { planned }, error }) => ({ kind: planned.kind, id: planned.id, error })),
    held: heldJson(sent.held),
    snapshots: sent.snapshots,
    meanwhile: unseen.map(({ key, path, value: theirs, base, by, commit }) => ({
      object: key,
      field: fieldName(path),
      value: theirs,
      base,
      by,
      commit,
    })),
  }
}

/** What a rollback can put back, as a push says it. */
export function snapshotLines({ snapshots }: Sent): readonly string[] {
  if (snapshots.length === 0) return []
  return [`Deploy snapshots: ${snapshots.map(({ id, scope }) => `${id} (${scope})`).join(', ')}.`]
}

/** `; 2 operations did not land`, or nothing. */
export function leftText(left: number): string {
  return left === 0 ? '' : `; ${plural(left, 'operation')} did not land`
}
