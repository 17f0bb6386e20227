import type { GitModel } from './model.ts'

/** The repositories of the simulation that runs: what the product opens by a path is one of these. */
const repositories = new Map<string, GitModel>()
let initialize: ((folder: string) => GitModel) | undefined

export function registerRepository(model: GitModel): void {
  repositories.set(model.folder, model)
}

export function forgetRepositories(): void {
  repositories.clear()
  initialize = undefined
}

/** How `git init` makes a repository, which is registered then: whose machine a folder is on says its configuration. */
export function onInit(make: (folder: string) => GitModel): void {
  initialize = make
}

/** The repository that a folder is in; one whose git dir was removed is none. */
export function findRepository(folder: string): GitModel | undefined {
  for (let at = folder; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const model = repositories.get(at)
    if (model?.exists === true) return model
  }
  return undefined
}

/** `git init`: nothing where there is a repository already. */
export function initRepository(folder: string): void {
  if (repositories.get(folder)?.exists === true) return
  if (initialize === undefined) throw new Error('no repository can begin here')
  registerRepository(initialize(folder))
}
