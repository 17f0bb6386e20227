/** What node says after the code of an error of the file system, and its number on Linux. */
const KINDS = {
  EPERM: [1, 'operation not permitted'],
  ENOENT: [2, 'no such file or directory'],
  EEXIST: [17, 'file already exists'],
  ENOTDIR: [20, 'not a directory'],
  EISDIR: [21, 'illegal operation on a directory'],
  EINVAL: [22, 'invalid argument'],
  EACCES: [13, 'permission denied'],
  ENOTEMPTY: [39, 'directory not empty'],
  ELOOP: [40, 'too many symbolic links encountered'],
} as const

export type ErrorCode = keyof typeof KINDS

/** An error as `node:fs` throws it. */
export function fileError(code: ErrorCode, syscall: string, path: string, dest?: string): NodeJS.ErrnoException {
  const [number, text] = KINDS[code]
  const to = dest === undefined ? '' : ` -> '${dest}'`
  // That a file is not there is an ordinary answer: where it was asked costs more than all the rest.
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  const error: NodeJS.ErrnoException = new Error(`${code}: ${text}, ${syscall} '${path}'${to}`)
  Error.stackTraceLimit = limit
  return Object.assign(error, { errno: -number, code, syscall, path, ...(dest === undefined ? {} : { dest }) })
}
