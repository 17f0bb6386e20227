import { createHash } from 'node:crypto'

/** Another sample than usual: `KILL_SEED=… npx vitest run test/e2e/kill`. */
export const SEED = process.env.KILL_SEED ?? 'lamp'

/** Numbers from 0 to 1 that a seed decides. */
export function random(seed: string): () => number {
  let count = 0
  return () => createHash('sha256').update(`${seed} ${count++}`).digest().readUInt32BE(0) / 2 ** 32
}

/** One of each stretch of a list, so that a sample has something of its begin and of its end; all of a shorter one. */
export function sample<T>(list: readonly T[], size: number, seed: string): readonly T[] {
  const draw = random(seed)
  if (list.length <= size) return list
  return Array.from({ length: size }, (_, n) => list[Math.floor(((n + draw()) * list.length) / size)]!)
}

/** One of a list that is not empty. */
export function pick<T>(list: readonly T[], seed: string): T {
  return list[Math.floor(random(seed)() * list.length)]!
}
