import type { UnmergedPath } from './index-stages.ts'

/**
 * Files that both sides of a git merge moved, each to a place of its own. git leaves three paths of such a file: the old
 * one with the base alone, and the new ones with a side each, both holding what it merged of the content. They are one
 * conflict: settled one by one, each answer could be right and the file be gone from both places.
 *
 * @returns groups of paths: our place, theirs, and the old one where it is known
 */
export function movedApart(unmerged: Iterable<UnmergedPath>): readonly (readonly UnmergedPath[])[] {
  const entries = [...unmerged]
  const bySide = (side: 'ours' | 'theirs') =>
    entries.filter((entry) => entry.base === undefined && sidesOf(entry) === side)
  const there = bySide('theirs')
  const pairs = bySide('ours').flatMap((ours) => {
    const index = there.findIndex(({ theirs }) => theirs === ours.ours)
    return index < 0 ? [] : [[ours, there.splice(index, 1)[0]!]]
  })
  // Neither side has anything at an old place: whichever of these moves it belongs to, it is left empty.
  const left = entries.filter((entry) => sidesOf(entry) === 'none')
  return pairs.map((pair, index) => [...pair, ...(index === pairs.length - 1 ? left : left.splice(0, 1))])
}

function sidesOf({ ours, theirs }: UnmergedPath): 'both' | 'ours' | 'theirs' | 'none' {
  if (ours === undefined) return theirs === undefined ? 'none' : 'theirs'
  return theirs === undefined ? 'ours' : 'both'
}
