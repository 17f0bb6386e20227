/**
 * After so many edits from either end a search takes the furthest point reached. Git's limit for files of our size: the
 * limit grows, and more heuristics come into play, only beyond {@link MAX_LINES}.
 */
const MAX_COST = 256

/** Texts of more lines than this are not compared: git itself would search them differently. */
export const MAX_LINES = 32_000

/** Beyond every place in a text, for diagonals that the backward search has not reached. */
const NOWHERE = 2 ** 31 - 1

/** The lines of one text that take part in a search. */
export interface Sequence {
  /** The lines, as numbers: equal lines have equal numbers. */
  readonly lines: Int32Array
  /** Which line of the whole text each of them is. */
  readonly places: Int32Array
  /** One flag for each line of the whole text; the search raises those of lines that the other text lacks. */
  readonly changed: Uint8Array
}

/** A rectangle of the edit graph: lines `a0` to `a1` of one text against lines `b0` to `b1` of the other. */
interface Box {
  readonly a0: number
  readonly a1: number
  readonly b0: number
  readonly b1: number
}

/** A point that a good path passes. A half is exact if the way through it is known to be cheap: no limit applies. */
interface Split {
  readonly a: number
  readonly b: number
  readonly exactBefore: boolean
  readonly exactAfter: boolean
}

/**
 * Marks the lines that differ between two texts: Myers' algorithm in linear space ("An O(ND) Difference Algorithm and
 * Its Variations", 1986, section 4b), with git's order of exploration and git's limit, because where several shortest
 * answers exist a merge depends on which one is taken (M3).
 */
export class LineSearch {
  readonly #a: Sequence
  readonly #b: Sequence
  /** How far into `a` the search has come on each diagonal, from the start of a box and from its end. */
  readonly #forward: Int32Array
  readonly #backward: Int32Array
  /** Where diagonal 0 stands in these; the others have one line more or less of `a` than of `b`. */
  readonly #zero: number

  constructor(a: Sequence, b: Sequence) {
    const diagonals = a.lines.length + b.lines.length + 3
    this.#a = a
    this.#b = b
    this.#forward = new Int32Array(diagonals)
    this.#backward = new Int32Array(diagonals)
    this.#zero = b.lines.length + 1
  }

  run(): void {
    this.#mark({ a0: 0, a1: this.#a.lines.length, b0: 0, b1: this.#b.lines.length }, false)
  }

  #mark(whole: Box, isExact: boolean): void {
    for (let box = whole, exact = isExact; ; ) {
      const { a0, a1, b0, b1 } = this.#trimmed(box)
      if (a0 === a1 || b0 === b1) {
        for (let i = a0; i < a1; i++) this.#a.changed[this.#a.places[i]!] = 1
        for (let i = b0; i < b1; i++) this.#b.changed[this.#b.places[i]!] = 1
        return
      }
      const split = this.#split({ a0, a1, b0, b1 }, exact)
      this.#mark({ a0, a1: split.a, b0, b1: split.b }, split.exactBefore)
      box = { a0: split.a, a1, b0: split.b, b1 }
      exact = split.exactAfter
    }
  }

  /** A box without the lines that are equal at its start and at its end. */
  #trimmed(box: Box): Box {
    const [a, b] = [this.#a.lines, this.#b.lines]
    let { a0, a1, b0, b1 } = box
    while (a0 < a1 && b0 < b1 && a[a0] === b[b0]) {
      a0++
      b0++
    }
    while (a0 < a1 && b0 < b1 && a[a1 - 1] === b[b1 - 1]) {
      a1--
      b1--
    }
    return { a0, a1, b0, b1 }
  }

  /** Searches from both corners at once, one more edit at a time, until the two meet or it has cost enough. */
  #split(box: Box, exact: boolean): Split {
    const { a0, a1, b0, b1 } = box
    const [a, b] = [this.#a.lines, this.#b.lines]
    const [forward, backward, zero] = [this.#forward, this.#backward, this.#zero]
    const [lowest, highest] = [a0 - b1, a1 - b0]
    const [start, end] = [a0 - b0, a1 - b1]
    // The paths meet in the forward step where their diagonals have different parity, else in the backward one.
    const isOdd = ((start - end) & 1) !== 0
    let [forwardLow, forwardHigh, backwardLow, backwardHigh] = [start, start, end, end]
    forward[zero + start] = a0
    backward[zero + end] = a1

    for (let cost = 1; ; cost++) {
      // One diagonal more at either side, or, at the edge of the box, one less.
      if (forwardLow > lowest) forward[zero + --forwardLow - 1] = -1
      else forwardLow++
      if (forwardHigh < highest) forward[zero + ++forwardHigh + 1] = -1
      else forwardHigh--
      for (let d = forwardHigh; d >= forwardLow; d -= 2) {
        const [below, above] = [forward[zero + d - 1]!, forward[zero + d + 1]!]
        let at = below >= above ? below + 1 : above
        while (at < a1 && at - d < b1 && a[at] === b[at - d]) at++
        forward[zero + d] = at
        if (isOdd && d >= backwardLow && d <= backwardHigh && backward[zero + d]! <= at) return met(at, d)
      }

      if (backwardLow > lowest) backward[zero + --backwardLow - 1] = NOWHERE
      else backwardLow++
      if (backwardHigh < highest) backward[zero + ++backwardHigh + 1] = NOWHERE
      else backwardHigh--
      for (let d = backwardHigh; d >= backwardLow; d -= 2) {
        const [below, above] = [backward[zero + d - 1]!, backward[zero + d + 1]!]
        let at = below < above ? below : above - 1
        while (at > a0 && at - d > b0 && a[at - 1] === b[at - d - 1]) at--
        backward[zero + d] = at
        if (!isOdd && d >= forwardLow && d <= forwardHigh && at <= forward[zero + d]!) return met(at, d)
      }

      if (!exact && cost >= MAX_COST) {
        return this.#furthest(box, [forwardLow, forwardHigh], [backwardLow, backwardHigh])
      }
    }
  }

  /** The point furthest from its corner, by lines of both texts, that either search has reached. */
  #furthest(box: Box, ahead: readonly [number, number], back: readonly [number, number]): Split {
    const { a0, a1, b0, b1 } = box
    let [best, bestA] = [-1, -1]
    for (let d = ahead[1]; d >= ahead[0]; d -= 2) {
      const at = Math.min(this.#forward[this.#zero + d]!, a1, b1 + d)
      if (best < 2 * at - d) [best, bestA] = [2 * at - d, at]
    }
    let [least, leastA] = [NOWHERE, NOWHERE]
    for (let d = back[1]; d >= back[0]; d -= 2) {
      const at = Math.max(this.#backward[this.#zero + d]!, a0, b0 + d)
      if (2 * at - d < least) [least, leastA] = [2 * at - d, at]
    }
    return a1 + b1 - least < best - (a0 + b0)
      ? { a: bestA, b: best - bestA, exactBefore: true, exactAfter: false }
      : { a: leastA, b: least - leastA, exactBefore: false, exactAfter: true }
  }
}

/** Where the two searches met, both halves are as cheap as can be. */
function met(at: number, diagonal: number): Split {
  return { a: at, b: at - diagonal, exactBefore: true, exactAfter: true }
}
