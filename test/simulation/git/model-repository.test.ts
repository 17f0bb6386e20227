import { repositoryContract } from '../../git-bridge/repository-contract.ts'
import { Disk } from '../fs/disk.ts'
import { GitModel } from './model.ts'

repositoryContract('a repository of the model', async () => {
  const repository = new GitModel(new Disk(), '/project').repository()
  return { repository, dispose: () => repository.close() }
})
