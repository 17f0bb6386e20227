import { nativeFixture } from './native-fixture.ts'
import { repositoryContract } from './repository-contract.ts'

repositoryContract('a native repository', () => nativeFixture('sha1'))
repositoryContract('a native repository of sha256', () => nativeFixture('sha256'))
