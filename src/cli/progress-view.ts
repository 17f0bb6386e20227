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
      stream.write(`warning: ${printableLine(text)}\n`)
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

/** What commands a terminal, makes text look like another, or is no text at all. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** Text from outside, without the escapes that would command a terminal (S1). */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => (char === '\n' || char === '\t' ? char : '\uFFFD'))
}

/** The same on one line, whatever stands in it: text from the world cannot make up another (S1). */
export function printableLine(text: string): string {
  return printable(text).replace(/\n/g, '\uFFFD')
}

/** The same in as many lines as it has, the later ones indented: none of them can pass for one of ours. */
export function printableText(text: string): string {
  return printable(text).replace(/\n/g, '\n  ')
}

/** JSON text that says the same without a character that commands a terminal: `JSON.stringify` escapes few of them. */
export function printableJson(json: string): string {
  return json.replace(UNPRINTABLE, (char) =>
    char === '\n'
      ? char
      : char
          .split('')
          .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
          .join(''),
  )
}
