import { isFile } from '../git-bridge/tree-objects.ts'
import type { Claim } from '../projection/identities.ts'
import { classify, isWorldOwned } from '../projection/paths.ts'
import { readProject } from '../projection/project.ts'
import { SyncError } from '../world/errors.ts'
import { objectKey } from '../world/state.ts'
import { treeOfIndex } from './check-tree.ts'
import { type Context, openProject } from './session.ts'

/** The project in the current folder, as far as a doctor looks into it. */
export interface ExaminedProject {
  /** App folder of each blueprint that the files hold. */
  readonly folders: ReadonlyMap<string, string>
  /** Files whose objects have an id by their path only, or none. */
  readonly unsaid: readonly Claim[]
}

/**
 * Reads the project around the current folder, files as they are, connected with a world or not; undefined where there
 * is none, not even a repository.
 */
export async function examineProject(context: Context): Promise<ExaminedProject | undefined> {
  const project = await openProject(context, { here: true }).catch((error: unknown) => {
    const none = ['not_a_repository', 'not_a_project', 'git_missing']
    if (error instanceof SyncError && none.includes(error.code)) return undefined
    throw error
  })
  if (project === undefined) return undefined
  const { repository, prefix } = project
  try {
    const { tree } = await treeOfIndex(project, context.env, 'working')
    const listed = await repository.listFiles(tree, prefix.slice(0, -1) || undefined)
    const files = listed
      .filter(({ mode }) => isFile(mode))
      .map(({ path, oid }) => ({ path: path.slice(prefix.length), oid }))
      .filter(({ path }) => isWorldOwned(path))
    const documents = files.filter(({ path }) => ['blueprint', 'entity'].includes(classify(path).kind))
    const blobs = await repository.readBlobs(new Set(documents.map(({ oid }) => oid)))
    const oids = new Map(documents.map(({ path, oid }) => [path, oid] as const))
    const read = readProject(files, (path) => {
      const oid = oids.get(path)
      return oid === undefined ? undefined : blobs.get(oid)
    })
    const folders = new Map<string, string>()
    for (const { id, path } of read.claims) {
      const place = read.paths.get(objectKey('blueprint', id ?? ''))
      if (place === path) folders.set(id!, path.split('/')[1]!)
    }
    return { folders, unsaid: read.claims.filter(({ said }) => !said) }
  } finally {
    await repository.close()
  }
}
