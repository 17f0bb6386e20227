/**
 * The three terms of a merge. Absence is a value like any other (M4), so adding, removing and changing are not special
 * cases of the rules below: `T` carries `undefined` where a side may lack the value.
 */
export interface Terms<T> {
  readonly base: T
  readonly ours: T
  readonly theirs: T
}

/** A merged value, or the three terms that nobody but the user can settle. */
export type Outcome<T> =
  | { readonly kind: 'settled'; readonly value: T }
  | { readonly kind: 'contested'; readonly terms: Terms<T> }

export function settled<T>(value: T): Outcome<T> {
  return { kind: 'settled', value }
}

export function contested<T>(terms: Terms<T>): Outcome<T> {
  return { kind: 'contested', terms }
}

/**
 * The trivial rules of every three-way merge (M2): equal sides settle, one changed side wins.
 *
 * `theirsWrote` says that an operation after the base wrote the value, even if it put the base's value back: then the
 * remote side counts as changed. Where both sides changed, differently, the terms come back contested.
 *
 * @example resolve({ base: 1, ours: 1, theirs: 2 }, Object.is, false) // settled 2
 */
export function resolve<T>(terms: Terms<T>, equal: (a: T, b: T) => boolean, theirsWrote: boolean): Outcome<T> {
  const { base, ours, theirs } = terms
  // Equal sides: where they are equal to the base too, its spelling was there first; else the world's was.
  if (equal(ours, theirs)) return settled(equal(base, theirs) ? base : theirs)
  // From here on the sides differ, so at least one differs from the base.
  if (equal(base, ours)) return settled(theirs)
  if (equal(base, theirs) && !theirsWrote) return settled(ours)
  return contested(terms)
}
