import { perform } from '../host.ts'

/** Something that outlives the process: where a crash may come before, after, or in the middle of it. */
export interface Effect {
  readonly name: string
  readonly act: () => void
  /** What a crash in the middle leaves; nothing of it by default. */
  readonly torn?: () => void
}

/** Work that says each effect before it is done, and gives its result at the end. */
export type Work<T> = Generator<Effect, T, void>

/** Does work of the product's, which may be killed at each effect. */
export async function carryOut<T>(work: Work<T>): Promise<T> {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
    await perform(step.value.name, step.value.act, step.value.torn)
  }
}

/** Does work of the user's, whom nobody kills. */
export function doAll<T>(work: Work<T>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
    step.value.act()
  }
}
