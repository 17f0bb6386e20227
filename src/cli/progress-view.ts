import type { Progress } from '../sync/progress.ts'

/** Nothing is shown before a command has taken this long. */
const QUIET_MS = 1000
const REDRAW_MS = 100
/** Without a terminal, a line now and then. */
const LINE_MS = 5000

export interface ProgressView extends Progress {
  /** Clears the bar, so that the result stands on a line of its own. */
  end(): void
}

/** Shows progress on a stream: a bar that redraws itself on a terminal, a line every few seconds elsewhere. */
export function progressView(stream: NodeJS.WriteStream, now: () => number = Date.now): ProgressView {
  const terminal = stream.isTTY === true
  const begun = now()
  let shown = 0
  let lastLabel = ''
  let drawn = false
  const warned = new Set<string>()
  const clear = () => {
    if (drawn) stream.write('\r\x1b[K')
    drawn = false
  }
  return {
    step(label, done, total) {
      const time = now()
      if (time - begun < QUIET_MS) return
      if (terminal) {
        if (time - shown < REDRAW_MS && label === lastLabel) return
        stream.write(`\r\x1b[K${line(label, done, total)}`)
        drawn = true
      } else {
        if (label === lastLabel && time - shown < LINE_MS) return
        stream.write(`${line(label, done, total)}\n`)
      }
      shown = time
      lastLabel = label
    },
    warn(text) {
      if (warned.has(text)) return
      warned.add(text)
      clear()
      stream.write(`warning: ${printable(text)}\n`)
    },
    end: clear,
  }
}

function line(label: string, done: number | undefined, total: number | undefined): string {
  if (done === undefined) return `${label} …`
  if (total === undefined || total === 0) return `${label}: ${done}`
  const width = 24
  const filled = Math.min(width, Math.round((done / total) * width))
  return `${label} [${'#'.repeat(filled)}${' '.repeat(width - filled)}] ${done}/${total}`
}

/** Text from outside, without the escapes that would command a terminal (S1). */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => (char === '\n' || char === '\t' ? char : '\uFFFD'))
}
