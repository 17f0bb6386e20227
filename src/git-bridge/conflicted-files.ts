import type { FieldPath } from '../resolvers/fields.ts'
import { mergeHunks, withMarkers } from '../resolvers/text.ts'
import type { ObjectKey } from '../world/state.ts'
import { type ConflictLabels, markDifferences } from './conflict-markers.ts'
import { natureOf } from './object-docs.ts'
import type { FileMode, Oid, Repository } from './repository.ts'

/** The three sides of a conflicted file, in the order of git's index stages 1, 2 and 3. */
export const SIDES = ['base', 'ours', 'theirs'] as const
export type Side = (typeof SIDES)[number]

/** One contested field, and whose it is. */
export interface FieldOfObject {
  readonly key: ObjectKey
  readonly path: FieldPath
}

/** A file of the merged tree that holds contested fields: what git shows of it (C1, C2). */
export interface ConflictedFile {
  /** Relative to the project. */
  readonly path: string
  /** That of our file. */
  readonly mode: FileMode
  readonly fields: readonly FieldOfObject[]
  /** The merged file with only the contested fields as each side has them; a side without the file is missing. */
  readonly stages: Readonly<Partial<Record<Side, Oid>>>
  /** What stands in the working tree: both sides between markers, or the one side that there is. */
  readonly working: Oid
}

/** How the difference of the sides is shown in the working file: field by field, line by line, or not at all. */
export type ConflictStyle = 'fields' | 'text' | 'whole'

interface Draft {
  readonly fields: FieldOfObject[]
  readonly stages: Partial<Record<Side, Uint8Array | Oid>>
  readonly style: ConflictStyle
}

/** The conflicted files of a merge in progress. */
export class ConflictedFiles {
  readonly #drafts = new Map<string, Draft>()

  get size(): number {
    return this.#drafts.size
  }

  /** Adds a file; contents are bytes, or blobs that exist. */
  add(
    path: string,
    fields: readonly FieldOfObject[],
    style: ConflictStyle,
    stages: Readonly<Record<Side, Uint8Array | Oid | undefined>>,
  ): void {
    const present = Object.fromEntries(Object.entries(stages).filter(([, content]) => content !== undefined))
    this.#drafts.set(path, { fields: [...fields], style, stages: present })
  }

  /** Writes stages and working files as blobs. */
  async write(repository: Repository, labels: ConflictLabels): Promise<readonly Omit<ConflictedFile, 'mode'>[]> {
    const drafts = [...this.#drafts].sort(([a], [b]) => (a < b ? -1 : 1))
    const named = drafts.flatMap(([, { stages, style }]) =>
      style === 'text' ? SIDES.flatMap((side) => (typeof stages[side] === 'string' ? [stages[side]] : [])) : [],
    )
    const blobs = await repository.readBlobs(named)
    const written: Uint8Array[] = []
    const plans = drafts.map(([path, { fields, stages, style }]) => {
      const bytes = (side: Side): Uint8Array | undefined => {
        const content = stages[side]
        return typeof content === 'string' ? blobs.get(content) : content
      }
      const place = (content: Uint8Array | Oid): (() => Oid) => {
        if (typeof content === 'string') return () => content
        const index = written.push(content) - 1
        return () => oids[index]!
      }
      const working = workingFile(
        path,
        style,
        { base: bytes('base'), ours: bytes('ours'), theirs: bytes('theirs') },
        labels,
      )
      const sides = SIDES.flatMap((side) => (stages[side] === undefined ? [] : [[side, place(stages[side])] as const]))
      return { path, fields, sides, working: place(working ?? stages.ours ?? stages.theirs!) }
    })
    const oids: readonly Oid[] = await repository.writeBlobs(written)
    return plans.map(({ path, fields, sides, working }) => ({
      path,
      fields,
      stages: Object.fromEntries(sides.map(([side, oid]) => [side, oid()])),
      working: working(),
    }))
  }
}

/** Both sides between markers; undefined where there is one side only, or nothing that lines could show. */
function workingFile(
  path: string,
  style: ConflictStyle,
  { base, ours, theirs }: Readonly<Record<Side, Uint8Array | undefined>>,
  labels: ConflictLabels,
): Uint8Array | undefined {
  if (style === 'whole' || ours === undefined || theirs === undefined) return undefined
  if (style === 'fields') return markDifferences({ base, ours, theirs }, labels, natureOf(path))
  const hunks = mergeHunks({ base: base ?? new Uint8Array(), ours, theirs })
  if (hunks?.some(({ kind }) => kind === 'contested') === true) return withMarkers(hunks, labels)
  // What the world put back on purpose (M2) merges cleanly line by line, and is contested all the same.
  return hunks === undefined ? undefined : markDifferences({ base, ours, theirs }, labels)
}
