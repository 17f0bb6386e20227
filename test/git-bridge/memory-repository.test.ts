import { createMemoryRepository } from '../../src/git-bridge/memory/memory-repository.ts'
import { repositoryContract } from './repository-contract.ts'

repositoryContract('a repository in memory', async () => {
  const repository = await createMemoryRepository()
  return { repository, dispose: () => repository.close() }
})
