import { describe } from 'vitest'
import { LONG } from '../e2e/long.ts'
import { importsContract } from './contract/imports.ts'
import { treesContract } from './contract/trees.ts'
import { nativeFixture } from './native-fixture.ts'
import { repositoryContract } from './repository-contract.ts'

repositoryContract('a native repository', () => nativeFixture('sha1'))

// What depends on how objects are named; all of it with `npm run test:long`.
const sha256 = () => nativeFixture('sha256')
if (LONG) repositoryContract('a native repository of sha256', sha256)
else {
  describe('a native repository of sha256', () => {
    treesContract(sha256)
    importsContract(sha256)
  })
}
