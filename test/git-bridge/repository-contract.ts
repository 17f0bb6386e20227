import { describe } from 'vitest'
import { historyContract } from './contract/history.ts'
import { importsContract } from './contract/imports.ts'
import { refsContract } from './contract/refs.ts'
import { treesContract } from './contract/trees.ts'
import type { OpenFixture } from './contract/vocabulary.ts'

/** What every implementation of `Repository` must do; `open` makes a new, empty one with an unborn `main`. */
export function repositoryContract(name: string, open: OpenFixture): void {
  describe(`${name} keeps the contract of a repository`, () => {
    refsContract(open)
    treesContract(open)
    historyContract(open)
    importsContract(open)
  })
}
