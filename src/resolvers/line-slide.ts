/** A text and which of its lines the other one lacks; slides move the flags. */
export interface MarkedLines {
  readonly lines: Int32Array
  readonly changed: Uint8Array
}

/**
 * The changed lines between two unchanged ones, from `start` to before `end`; often none. Two texts have equally many
 * groups, since their unchanged lines are the same, so that groups of both are walked side by side. Beyond either end of
 * a text is no line: it equals none, and is not changed.
 */
class Group {
  readonly #text: MarkedLines
  start = 0
  end = 0

  constructor(text: MarkedLines) {
    this.#text = text
    this.#extendDown()
  }

  get isEmpty(): boolean {
    return this.start === this.end
  }

  /** Steps to the following group; false at the end of the text. */
  next(): boolean {
    if (this.end === this.#text.lines.length) return false
    this.start = this.end + 1
    this.end = this.start
    this.#extendDown()
    return true
  }

  /** Steps to the group before; there is one wherever a group of the other text was moved up. */
  previous(): void {
    this.end = this.start - 1
    this.start = this.end
    this.#extendUp()
  }

  /** Moves a group one line up, where the line before it equals its last one; joins the group it bumps into. */
  slideUp(): boolean {
    const { lines, changed } = this.#text
    if (lines[this.start - 1] !== lines[this.end - 1]) return false
    changed[--this.start] = 1
    changed[--this.end] = 0
    this.#extendUp()
    return true
  }

  /** Moves a group one line down, where the line after it equals its first one; joins the group it bumps into. */
  slideDown(): boolean {
    const { lines, changed } = this.#text
    if (lines[this.start] !== lines[this.end]) return false
    changed[this.start++] = 0
    changed[this.end++] = 1
    this.#extendDown()
    return true
  }

  #extendUp(): void {
    while (this.#text.changed[this.start - 1] === 1) this.start--
  }

  #extendDown(): void {
    while (this.#text.changed[this.end] === 1) this.end++
  }
}

/**
 * Slides each group of changed lines of `text` to where git has it: as far down as it goes or, if on the way it stands
 * opposite to a change of the other text, to the last such place. An added function thus begins after the blank line
 * before it on both sides of a merge, whichever of two equal blank lines the search took (M3).
 */
export function slideChanges(text: MarkedLines, other: MarkedLines): void {
  const group = new Group(text)
  const opposite = new Group(other)
  do {
    if (!group.isEmpty) slide(group, opposite)
    opposite.next()
  } while (group.next())
}

function slide(group: Group, opposite: Group): void {
  let size: number
  let facesChange: boolean
  // Again, with what it has become, whenever it joined another one.
  do {
    size = group.end - group.start
    while (group.slideUp()) opposite.previous()
    facesChange = !opposite.isEmpty
    while (group.slideDown()) {
      opposite.next()
      facesChange ||= !opposite.isEmpty
    }
  } while (size !== group.end - group.start)
  if (!facesChange) return
  while (opposite.isEmpty) {
    group.slideUp()
    opposite.previous()
  }
}
