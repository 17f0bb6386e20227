import type { GitChild } from './git-process.ts'

/**
 * Whether node waits for a long-lived git process before it exits: while something is being asked, and from the moment
 * on that its end is waited for. What is answered on the way to the end lets nothing go: else node exits in the middle
 * of closing, with code 13 and without a word.
 */
export class Hold {
  readonly #child: GitChild
  #forGood = false

  constructor(child: GitChild) {
    this.#child = child
  }

  take(): void {
    this.#each('ref')
  }

  takeForGood(): void {
    this.#forGood = true
    this.take()
  }

  letGo(): void {
    if (!this.#forGood) this.#each('unref')
  }

  #each(call: 'ref' | 'unref'): void {
    const { process } = this.#child
    for (const handle of [process, process.stdin, process.stdout, process.stderr]) {
      const each = (handle as { ref?: () => void; unref?: () => void })[call]
      each?.call(handle)
    }
  }
}
