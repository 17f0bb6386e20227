import { isFile } from '../git-bridge/tree-objects.ts'
import type { Claim } from '../projection/identities.ts'
import { classify, isWorldOwned, MANIFEST_FILE } from '../projection/paths.ts'
import { layoutOf, readProject } from '../projection/project.ts'
import { SyncError } from '../world/errors.ts'
import { objectKey, type WorldObject } from '../world/state.ts'
import { openForCheck } from './check-project.ts'
import { treeOfIndex } from './check-tree.ts'
import { count, information, ok, problem, type Said } from './doctor-finding.ts'
import { type Context, openProject, type Project } from './session.ts'

/** Entities from which on a manifest should be split (G8). */
const MANY = 2000

/** The files of a project, as far as a doctor looks into them. */
export interface ExaminedProject {
  /** App folder of each blueprint that the files hold. */
  readonly folders: ReadonlyMap<string, string>
  /** Files whose objects have an id by their path only, or none. */
  readonly unsaid: readonly Claim[]
  readonly layout: ReturnType<typeof layoutOf>
  readonly objects: readonly WorldObject[]
}

/**
 * The project around the current folder, connected with a world or not, though its `lobby.json` cannot be read; undefined
 * where there is none, not even a repository. Throws what keeps git from being used: `git_missing`, `git_too_old`,
 * `repository_not_trusted`.
 */
export async function findProject(context: Context): Promise<Project | undefined> {
  try {
    return await openProject(context, { here: true })
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    if (error.code === 'invalid_lobby_file') return openForCheck(context)
    if (error.code === 'not_a_repository' || error.code === 'not_a_project') return undefined
    throw error
  }
}

/** Reads the files of a project as they are in the working tree. */
export async function examineProject(project: Project, context: Context): Promise<ExaminedProject> {
  const { repository, prefix } = project
  const { tree } = await treeOfIndex(project, context.env, 'working')
  const listed = await repository.listFiles(tree, prefix.slice(0, -1) || undefined)
  const files = listed
    .filter(({ mode }) => isFile(mode))
    .map(({ path, oid }) => ({ path: path.slice(prefix.length), oid }))
    .filter(({ path }) => isWorldOwned(path))
  const documents = files.filter(({ path }) => ['blueprint', 'entity', 'manifest'].includes(classify(path).kind))
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
  return {
    folders,
    unsaid: read.claims.filter(({ said }) => !said),
    layout: layoutOf(files.map(({ path }) => path)),
    objects: [...read.state.values()],
  }
}

/** Files that do not say whose they are (M8). */
export function examineIds({ unsaid }: ExaminedProject): readonly Said[] {
  if (unsaid.length === 0) return [ok('every file says whose it is')]
  return unsaid.map(({ kind, id, path }) => {
    const what = `has no id of its own: by its path it is ${kind} ${JSON.stringify(id)}`
    return information(id === undefined ? `this ${kind} has no id` : what, { path })
  })
}

/** How the files say the world, and whether that is fit for one of this size (G8). */
export function examineLayout({ layout, objects }: ExaminedProject, prefix: string): readonly Said[] {
  if (layout === 'none') return [information('there are neither world.json nor files below world/ yet')]
  const entities = objects.filter(({ kind }) => kind === 'entity').length
  if (layout === 'both') {
    const hint = `Keep the one that "git log --stat" shows in use, and remove the other.`
    return [problem('both world.json and files below world/ say the world', { path: prefix + MANIFEST_FILE, hint })]
  }
  if (layout === 'split') return [ok(`one file per entity; ${count(entities, 'entity file')}`)]
  if (entities <= MANY) return [ok(`all ${entities} entities in ${MANIFEST_FILE}`)]
  const what = `holds ${entities} entities: each operation costs in proportion to all of them`
  const hint = `Beyond ${MANY}, one file per entity is better: "gamedev sync layout split" makes it so.`
  return [information(what, { path: prefix + MANIFEST_FILE, hint })]
}
