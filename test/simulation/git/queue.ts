import type { Commit } from '../../../src/git-bridge/repository.ts'

/** Commits by date, the newest first, and of equal dates the one that came first: the order of all of git's walks. */
export class DateQueue {
  readonly #items: Commit[] = []

  push(commit: Commit): void {
    const { time } = commit.committer
    let low = 0
    let high = this.#items.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#items[middle]!.committer.time >= time) low = middle + 1
      else high = middle
    }
    this.#items.splice(low, 0, commit)
  }

  pop(): Commit | undefined {
    return this.#items.shift()
  }

  get first(): Commit | undefined {
    return this.#items[0]
  }

  some(test: (commit: Commit) => boolean): boolean {
    return this.#items.some(test)
  }
}
