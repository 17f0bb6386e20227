/**
 * Names with these look like other names: overrides of the writing direction, line ends of any kind, characters without
 * a width. HFS+ ignores some of them: `.g\u200cit` is `.git` there.
 */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u
/** Names that Windows keeps for devices, whatever extension follows. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(?:\.|$)/i
const LONE_SURROGATE = /\p{Surrogate}/u
/** The shortest limit of the systems that a project may be checked out on. */
const MAX_PATH_BYTES = 1024
const MAX_SEGMENT_BYTES = 255

const utf8 = new TextEncoder()

/** True for a name that Windows reserves, with or without an extension: `con`, `NUL.txt`, `com1`. */
export function isDeviceName(name: string): boolean {
  return DEVICE.test(name)
}

/**
 * The reason why a path that came from outside is refused, or undefined when it is safe (S1). The path is relative,
 * `/`-separated; nothing that is safe here leaves its folder, reaches `.git`, or cannot be checked out somewhere.
 *
 * @example unsafePath('../x.js') // 'leaves its folder'
 */
export function unsafePath(path: string): string | undefined {
  if (path === '') return 'is empty'
  if (path.startsWith('/')) return 'is absolute'
  if (path.includes('\\')) return 'contains a backslash'
  if (INVISIBLE.test(path)) return 'contains a control character'
  if (LONE_SURROGATE.test(path)) return 'is not valid Unicode'
  if (path.includes(':')) return 'contains a colon'
  if (utf8.encode(path).length > MAX_PATH_BYTES) return 'is too long'
  for (const segment of path.split('/')) {
    const reason = unsafeSegment(segment)
    if (reason !== undefined) return reason
  }
  return undefined
}

function unsafeSegment(segment: string): string | undefined {
  if (segment === '') return 'has an empty segment'
  if (segment === '..') return 'leaves its folder'
  const folded = segment.normalize('NFKC').toLowerCase()
  if (folded === '.git' || /^git~\d+$/.test(folded)) return 'reaches into .git'
  if (segment.startsWith('.') || folded.startsWith('.')) return 'has a name that starts with a dot'
  if (/[. ]$/.test(segment)) return 'has a name that ends with a dot or a space'
  if (isDeviceName(segment)) return 'has a name that is reserved on Windows'
  if (utf8.encode(segment).length > MAX_SEGMENT_BYTES) return 'has a name that is too long'
  return undefined
}
