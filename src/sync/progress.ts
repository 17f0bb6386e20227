/** What the use cases say while they work; the commands decide how it is shown (stderr, a bar, nothing). */
export interface Progress {
  /** A step begins, or goes on: `done` of `total`, where the total is known. */
  step(label: string, done?: number, total?: number): void
  /** Something that the user should know, though the command goes on. */
  warn(text: string): void
}

export const SILENT: Progress = { step: () => {}, warn: () => {} }
