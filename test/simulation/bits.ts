/** A set of small numbers, immutable. */
export type Bits = Uint32Array

export const NO_BITS: Bits = new Uint32Array(0)

export function hasBit(bits: Bits, index: number): boolean {
  return ((bits[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0
}

export function withBit(bits: Bits, index: number): Bits {
  const word = index >>> 5
  const made = new Uint32Array(Math.max(bits.length, word + 1))
  made.set(bits)
  made[word]! |= 1 << (index & 31)
  return made
}

export function union(a: Bits, b: Bits): Bits {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a]
  const made = new Uint32Array(long)
  for (let index = 0; index < short.length; index++) made[index]! |= short[index]!
  return made
}

export function intersection(a: Bits, b: Bits): Bits {
  const made = new Uint32Array(Math.min(a.length, b.length))
  for (let index = 0; index < made.length; index++) made[index] = a[index]! & b[index]!
  return made
}

export function* members(bits: Bits): Iterable<number> {
  for (let word = 0; word < bits.length; word++) {
    for (let bit = 0, left = bits[word]!; left !== 0; bit++, left >>>= 1) if ((left & 1) !== 0) yield word * 32 + bit
  }
}

/** The numbers in `a` that are not in `b`. */
export function beyond(a: Bits, b: Bits): Bits {
  return a.map((bits, word) => bits & ~(b[word] ?? 0))
}

/** The numbers of `mask` as `by` has them, all others as `bits` has them. */
export function replaced(bits: Bits, by: Bits, mask: Bits): Bits {
  const made = new Uint32Array(Math.max(bits.length, by.length))
  for (let word = 0; word < made.length; word++) {
    const about = mask[word] ?? 0
    made[word] = ((bits[word] ?? 0) & ~about) | ((by[word] ?? 0) & about)
  }
  return made
}
