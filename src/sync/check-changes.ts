import { layoutAt } from '../git-bridge/layout.ts'
import type { Oid } from '../git-bridge/repository.ts'
import { type PlacedObject, readUnits, type TreeObjects } from '../git-bridge/tree-objects.ts'
import { addUnit, type Units, unitsOf } from '../git-bridge/units.ts'
import { AS_SAID, type Claim, type Identities } from '../projection/identities.ts'
import type { FileProblem } from '../projection/json-file.ts'
import { classify, isWorldOwned, MANIFEST_FILE } from '../projection/paths.ts'
import { SyncError } from '../world/errors.ts'
import { own } from '../world/json.ts'
import { type ObjectKey, objectKey, parseObjectKey, TEMPLATE_BLUEPRINTS } from '../world/state.ts'
import { grepTree } from './check-conflicts.ts'
import { importProblems, rootProblems } from './check-files.ts'
import { checkIdentities, isInDoubt } from './check-identity.ts'
import type { Project } from './session.ts'

/** Beyond so many names to look for in the other files, reading all of them takes no longer. */
const MOST_NAMES = 64

/** What a commit would change among the world's files, and what is wrong with that; paths relative to the project. */
export interface CheckedChanges {
  readonly problems: readonly FileProblem[]
  readonly warnings: readonly string[]
  /** The changed files that `tree` has. */
  readonly files: readonly string[]
}

/**
 * Checks what `tree` changes against `head`, at a cost in proportion to that: the changed files (app folders as a whole),
 * what their entities refer to, and, found by git, the unchanged files that name what is gone or has an id of theirs.
 * Undefined where so much changed that the whole project should be read.
 */
export async function checkChanges(project: Project, head: Oid, tree: Oid): Promise<CheckedChanges | undefined> {
  const asSaid = await readChanges(project, head, tree, AS_SAID)
  if (asSaid === undefined || !isInDoubt(asSaid.claims, asSaid.problems)) return asSaid
  const { identities, warnings, problems } = await checkIdentities(project, head, tree)
  const settled = await readChanges(project, head, tree, identities)
  return settled === undefined ? undefined : { ...settled, warnings, problems: [...problems, ...settled.problems] }
}

async function readChanges(
  project: Project,
  head: Oid,
  tree: Oid,
  identities: Identities,
): Promise<(CheckedChanges & { readonly claims: readonly Claim[] }) | undefined> {
  const { repository, prefix } = project
  const changes = (await repository.diffTrees(head, tree, prefix === '' ? undefined : prefix.slice(0, -1)))
    .map((change) => ({ ...change, path: change.path.slice(prefix.length) }))
    .filter(({ path }) => isWorldOwned(path))
  const files = changes.filter(({ after }) => after !== undefined).map(({ path }) => path)
  const units = unitsOf(changes.map(({ path }) => path))
  const [before, after] = await Promise.all([
    readUnits(repository, head, prefix, units),
    readUnits(repository, tree, prefix, units, identities),
  ])
  const effects = effectsOf(units, before, after)
  const names = [...effects.assets, ...effects.blueprints, ...effects.added.map((key) => parseObjectKey(key).id)]
  if (names.length > MOST_NAMES) return undefined

  const others = await readUnits(repository, tree, prefix, await filesNaming(project, tree, names, units), identities)
  const apps = new OtherApps(project, tree, units, identities)
  const shared = changes.some(({ path }) => classify(path).kind === 'shared')
  const blueprints = [...after.objects.values()].filter(({ object }) => object.kind === 'blueprint')
  const scripted = shared ? [...blueprints, ...(await apps.blueprints())] : blueprints
  return {
    files,
    warnings: [],
    claims: after.claims,
    problems: [
      ...(await layoutProblems(project, tree)),
      ...after.problems,
      ...others.problems.filter(({ code }) => code === 'missing_asset' && effects.assets.size > 0),
      ...duplicates(effects.added, after, [...others.objects.values(), ...(await apps.ifAdded(effects.added))]),
      ...(await danglingEntities(effects.blueprints, after, others, apps)),
      ...(await danglingVariants(effects.blueprints, blueprints, apps)),
      ...(await importProblems(project, tree, scripted)),
    ],
  }
}

/** What a change does to files that it does not touch. */
interface Effects {
  /** Paths below `assets/` that are gone. */
  readonly assets: ReadonlySet<string>
  /** Ids of blueprints that are gone. */
  readonly blueprints: ReadonlySet<string>
  /** Blueprints and entities that are new. */
  readonly added: readonly ObjectKey[]
}

function effectsOf(units: Units, before: TreeObjects, after: TreeObjects): Effects {
  const gone = [...before.objects].filter(([key, { object }]) => object.kind === 'blueprint' && !after.objects.has(key))
  const added = [...after.objects].filter(
    ([key, { object }]) => (object.kind === 'blueprint' || object.kind === 'entity') && !before.objects.has(key),
  )
  return {
    assets: new Set([...units.assets].filter((path) => before.assets.has(path) && !after.assets.has(path))),
    blueprints: new Set(gone.map(([, { object }]) => object.id)),
    added: added.map(([key]) => key),
  }
}

/** The units, but for those in `known`, with a file that holds one of these names as JSON spells it. */
async function filesNaming(
  { repository, prefix }: Project,
  tree: Oid,
  names: readonly string[],
  known: Units,
): Promise<Units> {
  const units = unitsOf([])
  if (names.length === 0) return units
  const patterns = names.flatMap((name) => ['-e', JSON.stringify(name)])
  const below = ['apps', 'world', MANIFEST_FILE].map((name) => prefix + name)
  for (const found of await grepTree(repository, tree, ['-F', ...patterns], below)) {
    const path = found.slice(prefix.length)
    const place = classify(path)
    if (place.kind === 'blueprint' ? !known.folders.has(place.folder) : place.kind === 'entity') {
      if (!known.files.has(path)) addUnit(units, path)
    } else if (place.kind === 'manifest' && !known.files.has(path)) addUnit(units, path)
  }
  return units
}

/** The app folders that a change does not touch, read when somebody asks. */
class OtherApps {
  readonly #project: Project
  readonly #tree: Oid
  readonly #touched: Units
  readonly #identities: Identities
  #read: Promise<readonly PlacedObject[]> | undefined

  constructor(project: Project, tree: Oid, touched: Units, identities: Identities) {
    this.#project = project
    this.#tree = tree
    this.#touched = touched
    this.#identities = identities
  }

  blueprints(): Promise<readonly PlacedObject[]> {
    this.#read ??= this.#load()
    return this.#read
  }

  /** Read where a blueprint is new: one without an `id` in its file is named by its path, which no search finds. */
  async ifAdded(added: readonly ObjectKey[]): Promise<readonly PlacedObject[]> {
    return added.some((key) => parseObjectKey(key).kind === 'blueprint') ? this.blueprints() : []
  }

  async #load(): Promise<readonly PlacedObject[]> {
    const { repository, prefix } = this.#project
    const apps = await repository.lookup(this.#tree, `${prefix}apps`)
    const entries = apps?.mode === '40000' ? await repository.readTree(apps.oid) : []
    const units = unitsOf([])
    for (const { name } of entries) if (!this.#touched.folders.has(name)) units.folders.add(name)
    const read = await readUnits(repository, this.#tree, prefix, units, this.#identities)
    return [...read.objects.values()].filter(({ object }) => object.kind === 'blueprint')
  }
}

async function layoutProblems({ repository, prefix }: Project, tree: Oid): Promise<readonly FileProblem[]> {
  const failure = await layoutAt(repository, tree, prefix).catch((error: unknown) => error)
  if (!(failure instanceof Error)) return []
  if (!(failure instanceof SyncError) || failure.code !== 'both_layouts') throw failure
  const message = 'both world.json and files below world/ say the world: keep one of them'
  return [{ path: MANIFEST_FILE, code: 'both_layouts', message }]
}

/** New objects whose id another file has. */
function duplicates(
  added: readonly ObjectKey[],
  after: TreeObjects,
  others: readonly PlacedObject[],
): readonly FileProblem[] {
  const elsewhere = new Map(others.map(({ object, path }) => [objectKey(object.kind, object.id), path] as const))
  return added.flatMap((key): FileProblem[] => {
    const other = elsewhere.get(key)
    if (other === undefined) return []
    const { object, path } = after.objects.get(key)!
    return [{ path, code: 'duplicate_id', message: `${other} and ${path} have the same id: ${object.id}` }]
  })
}

/** Changed entities of a blueprint that does not exist, and unchanged ones of a blueprint that is gone. */
async function danglingEntities(
  gone: ReadonlySet<string>,
  after: TreeObjects,
  others: TreeObjects,
  apps: OtherApps,
): Promise<readonly FileProblem[]> {
  const suspects: { readonly placed: PlacedObject; readonly blueprint: string }[] = []
  const take = (placed: PlacedObject, counts: (blueprint: string) => boolean) => {
    const blueprint = placed.object.kind === 'entity' ? own(placed.object.fields, 'blueprint') : undefined
    if (typeof blueprint !== 'string' || TEMPLATE_BLUEPRINTS.has(blueprint) || !counts(blueprint)) return
    if (!after.objects.has(objectKey('blueprint', blueprint))) suspects.push({ placed, blueprint })
  }
  for (const placed of after.objects.values()) take(placed, () => true)
  for (const placed of others.objects.values()) take(placed, (blueprint) => gone.has(blueprint))
  // As in a check of everything: a blueprint that cannot be read is named as that.
  if (suspects.length === 0 || after.problems.some(({ path }) => path.startsWith('apps/'))) return []
  const known = new Set((await apps.blueprints()).map(({ object }) => object.id))
  return suspects.flatMap(({ placed: { object, path }, blueprint }): FileProblem[] => {
    if (known.has(blueprint)) return []
    const message = `entity ${object.id} names the blueprint ${blueprint}, which does not exist`
    return [{ path, code: 'unknown_blueprint', message }]
  })
}

async function danglingVariants(
  gone: ReadonlySet<string>,
  changed: readonly PlacedObject[],
  apps: OtherApps,
): Promise<readonly FileProblem[]> {
  const here = new Set(changed.map(({ object }) => object.id))
  const refers = changed.some(({ object }) => {
    const root = own(object.fields, 'scriptRef')
    return typeof root === 'string' && !here.has(root)
  })
  if (!refers && gone.size === 0) return []
  const others = await apps.blueprints()
  for (const { object } of others) here.add(object.id)
  const affected = others.filter(({ object }) => gone.has(String(own(object.fields, 'scriptRef'))))
  return rootProblems([...changed, ...affected], (id) => here.has(id))
}
