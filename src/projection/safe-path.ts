/** Code points that HFS+ ignores in names: `.g\u200cit` is `.git` there. */
const IGNORABLE = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g
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
  // Overrides of the writing direction make a name look like another one.
  if (/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(path)) return 'contains a control character'
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
  const visible = segment.replace(IGNORABLE, '')
  const folded = visible.normalize('NFKC').toLowerCase()
  if (folded === '.git' || /^git~\d+$/.test(folded)) return 'reaches into .git'
  if (visible === '' || visible.startsWith('.') || folded.startsWith('.')) return 'has a name that starts with a dot'
  if (/[. ]$/.test(visible)) return 'has a name that ends with a dot or a space'
  if (isDeviceName(visible)) return 'has a name that is reserved on Windows'
  if (utf8.encode(segment).length > MAX_SEGMENT_BYTES) return 'has a name that is too long'
  return undefined
}
