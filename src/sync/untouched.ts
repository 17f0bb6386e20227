import { markDifferences } from '../git-bridge/conflict-markers.ts'
import { natureOf } from '../git-bridge/object-docs.ts'
import { mergeHunks, withMarkers } from '../resolvers/text.ts'
import type { Stages } from './settle-files.ts'

const LABELS = [
  { ours: '', theirs: '' },
  { ours: '', theirs: '', base: '' },
]

/**
 * Whether a conflicted file is as a merge leaves it, ours or git's own, whatever stands behind the markers: then nobody
 * has edited it. `stages` are those of the index, and what a merge by field makes of them.
 */
export function isAsMerged(path: string, content: Uint8Array, stages: readonly Stages[]): boolean {
  const found = plain(content)
  return stages.some(({ base, ours, theirs }) => {
    if (ours === undefined || theirs === undefined) {
      const left = ours ?? theirs
      return left !== undefined && plain(left) === found
    }
    const hunks = mergeHunks({ base: base ?? new Uint8Array(), ours, theirs })
    if (hunks === undefined) return plain(ours) === found
    return LABELS.some(
      (labels) =>
        plain(withMarkers(hunks, labels)) === found ||
        plain(markDifferences({ base, ours, theirs }, labels, natureOf(path))) === found,
    )
  })
}

/** The text without what stands behind its markers, and with one kind of line ending. */
function plain(content: Uint8Array): string {
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength)
    .toString('latin1')
    .replace(/\r\n/g, '\n')
    .replace(/^(<{7}|\|{7}|>{7})(?: .*)?$/gm, '$1')
}
