import type { Disk } from '../fs/disk.ts'
import { Repo, type RepoOptions } from './repo.ts'
import { ModelRepository } from './repository.ts'

/** A repository of a simulated machine: git as its user runs it, synchronously. */
export class GitModel {
  readonly repo: Repo

  /** Makes the repository where there is none yet, HEAD on an unborn `main`. */
  constructor(disk: Disk, folder: string, options: RepoOptions = {}) {
    this.repo = new Repo(disk, folder, options)
    if (disk.file(`${this.repo.gitDir}/HEAD`) === undefined) {
      disk.mkdir(`${this.repo.gitDir}/refs/heads`, { recursive: true })
      this.repo.refs.writeHead({ branch: 'refs/heads/main' })
    }
  }

  /** The repository as the product opens it. */
  repository(signal?: AbortSignal): ModelRepository {
    return new ModelRepository(this.repo, signal)
  }
}
