/** A message as `git commit` keeps it: no blank lines at its ends or in a row, no blanks at the end of lines. */
export function cleanMessage(text: string, options: { readonly comments: boolean }): string {
  const lines = text
    .split('\n')
    .filter((line) => options.comments || !line.startsWith('#'))
    .map((line) => line.replace(/[ \t\r\f\v]+$/, ''))
  const kept = lines.filter((line, n) => line !== '' || (n > 0 && lines[n - 1] !== ''))
  const body = kept.join('\n').replace(/^\n+|\n+$/g, '')
  return body === '' ? '' : `${body}\n`
}

/** What git adds to the message of a merge with conflicts. */
export function conflictList(paths: Iterable<string>): string {
  return `\n# Conflicts:\n${[...paths].map((path) => `#\t${path}\n`).join('')}`
}

export function subjectOf(message: string): string {
  return message.replace(/^\n+/, '').split('\n', 1)[0] ?? ''
}
