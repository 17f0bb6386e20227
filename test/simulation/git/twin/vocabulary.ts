import type { Random } from '../../host.ts'
import { isUnderWay } from '../porcelain/commit.ts'
import type { Twin } from './twin.ts'

/** A command that both sides were given, and what each answered, as far as anybody reads it. */
export interface Step {
  readonly name: string
  readonly git: unknown
  readonly model: unknown
}

export const PATHS = ['a.txt', 'b.txt', 'c.bin', 'd/a.txt', 'd/b.txt', 'd/e/f.txt', 'd-x', 'Ü.txt'] as const
export const BRANCHES = ['main', 'left', 'right'] as const

/** Undefined where it cannot be done, or says nothing. */
export type Action = (twin: Twin, random: Random) => Step | undefined

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)]!
}

export function nothing(name: string): Step {
  return { name, git: undefined, model: undefined }
}

/** Something is under way: most commands are for another time. */
export function isMerging({ model }: Twin): boolean {
  return isUnderWay(model.repo)
}
