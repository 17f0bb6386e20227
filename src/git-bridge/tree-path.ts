import { assert } from '../world/errors.ts'

/** Code points that HFS+ ignores in file names, so that `.g\u200cit` is `.git` there. */
const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/gu

/**
 * Whether a segment reaches `.git` on some file system, whatever the case: NTFS short names, trailing dots and spaces, streams
 * and backslashes, characters that HFS+ ignores.
 */
function isDotGit(segment: string): boolean {
  return segment.split('\\').some((part) => {
    const bare = part
      .replace(HFS_IGNORED, '')
      .replace(/:.*$/su, '')
      .replace(/[. ]+$/u, '')
      .toLowerCase()
    return bare === '.git' || bare === 'git~1'
  })
}

/**
 * The segments of a path to be written. Projection has refused bad paths by name before; one that arrives here is a
 * bug of ours, and fast-import would take it (architecture, traps; S1).
 */
export function treePathSegments(path: string): readonly string[] {
  const segments = path.split('/')
  for (const segment of segments) {
    const fine = segment !== '' && segment !== '.' && segment !== '..' && !segment.includes('\0') && !isDotGit(segment)
    assert(fine && segment.isWellFormed(), `a path that can be written in a tree: ${JSON.stringify(path)}`)
  }
  return segments
}

/** A folder or file to look below, spelled without a final slash; undefined for the whole tree. */
export function normalizePrefix(prefix: string | undefined): string | undefined {
  const bare = prefix?.replace(/\/+$/u, '')
  return bare === '' ? undefined : bare
}
