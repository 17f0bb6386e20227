/** A line of `.gitignore` or `.gitattributes`: what it matches, relative to the folder of its file. */
export interface Glob {
  readonly folderOnly: boolean
  matches(path: string): boolean
}

/** A pattern as gitignore(5) tells it: with a slash it is a path from the file's folder, else a name anywhere below. */
export function glob(pattern: string): Glob {
  const folderOnly = pattern.endsWith('/')
  const bare = folderOnly ? pattern.slice(0, -1) : pattern
  const rooted = bare.includes('/')
  const body = bare.replace(/^\//, '').replace(/\*\*\/|\/\*\*$|\*+|\?|[.+^${}()|[\]\\]/g, (part) => {
    if (part === '**/') return '(?:.*/)?'
    if (part === '/**') return '/.*'
    if (part.startsWith('*')) return '[^/]*'
    return part === '?' ? '[^/]' : `\\${part}`
  })
  const regex = new RegExp(`^${rooted ? '' : '(?:.*/)?'}${body}$`, 's')
  return { folderOnly, matches: (path) => regex.test(path) }
}
