import type { Layout } from '../../../src/git-bridge/materializer.ts'
import type { Oid, Repository } from '../../../src/git-bridge/repository.ts'
import { type MergeOptions, mergeWorlds, type WorldMerge } from '../../../src/git-bridge/world-merge.ts'
import { type AssetValue, parseAssetValue } from '../../../src/projection/asset-value.ts'
import { fieldName } from '../../../src/resolvers/fields.ts'
import type { Policy } from '../../../src/resolvers/policy.ts'
import { isJsonObject, type Json } from '../../../src/world/json.ts'
import type { FieldValue } from '../../../src/world/state.ts'
import { PLAZA } from './plaza.ts'
import { commitWorld, type Edit, said, type World } from './worlds.ts'

/** A value of a term: a field's, with content as `content:<text>`; of a whole object only that it is there. */
export type Term = Json | undefined
export const THERE = 'there'
export const GONE = undefined

/** Object, field (its path with dots; empty for the whole object), and its value in the base, here and there. */
export type Contest = readonly [key: string, field: string, base: Term, ours: Term, theirs: Term]
/** Object, field, what settled it, and the value that came out. */
export type Settled = readonly [key: string, field: string, by: 'local' | 'runtime' | 'set' | 'text', value: Term]

/** One merge, told in edits of the plaza, and what must come of it. */
export interface MergeCase {
  /** A sentence, beginning with the rules that it is about. */
  readonly name: string
  /** What the base has beyond {@link PLAZA}. */
  readonly base?: Edit
  /** One edit, or several commits one after the other. */
  readonly ours?: Edit | readonly Edit[]
  readonly theirs?: Edit | readonly Edit[]
  readonly policy?: Policy
  /** The merged world as an edit of the base; contested fields as ours. */
  readonly merged: Edit
  readonly contested?: readonly Contest[]
  readonly resolved?: readonly Settled[]
  /** The conflicted files, where they are not simply those of the contested objects; `{one}` is the file of entity one. */
  readonly files?: readonly string[]
  /** What M6 names beside a contested deletion. */
  readonly dangling?: readonly string[]
  readonly layouts?: readonly Layout[]
  /** What we do here is nothing that a line does: the sides cannot be swapped. */
  readonly oneWay?: boolean
}

export const LAYOUTS: readonly Layout[] = ['split', 'manifest']

/** The three commits of a case, the base's world, and its expected outcome as a world. */
export interface Built {
  readonly base: Oid
  readonly ours: Oid
  readonly theirs: Oid
  readonly expected: World
}

/** Commits the sides of a case. Bases are kept, since most cases share one. */
export class CaseBuilder {
  readonly repository: Repository
  readonly layout: Layout
  readonly #bases = new Map<Edit | undefined, Promise<Oid>>()

  constructor(repository: Repository, layout: Layout) {
    this.repository = repository
    this.layout = layout
  }

  async build(merge: MergeCase): Promise<Built> {
    const start = merge.base === undefined ? PLAZA : merge.base(PLAZA)
    let base = this.#bases.get(merge.base)
    if (base === undefined) {
      base = commitWorld(this.repository, undefined, start, this.layout)
      this.#bases.set(merge.base, base)
    }
    const root = await base
    return {
      base: root,
      ours: await this.#side(root, start, merge.ours),
      theirs: await this.#side(root, start, merge.theirs),
      expected: merge.merged(start),
    }
  }

  async #side(base: Oid, start: World, edits: MergeCase['ours']): Promise<Oid> {
    let [at, world] = [base, start]
    for (const edit of edits === undefined ? [] : typeof edits === 'function' ? [edits] : edits) {
      world = edit(world)
      at = await commitWorld(this.repository, at, world, this.layout)
    }
    return at
  }
}

export function merge(
  repository: Repository,
  { base, ours, theirs }: Pick<Built, 'base' | 'ours' | 'theirs'>,
  options: MergeOptions = {},
): Promise<WorldMerge> {
  return mergeWorlds(repository, '', { base, ours, theirs }, options)
}

/** What a merge contests, as the table says it. */
export async function contestsOf(repository: Repository, { contested }: WorldMerge): Promise<readonly Contest[]> {
  const rows: Contest[] = []
  for (const { key, fields } of contested) {
    for (const { path, terms } of fields) {
      const term = (value: FieldValue) =>
        path.length > 0 ? saidIn(repository, value) : Promise.resolve(value === undefined ? GONE : THERE)
      rows.push([key, fieldName(path), await term(terms.base), await term(terms.ours), await term(terms.theirs)])
    }
  }
  return rows
}

/** What a merge settled by rule, as the table says it. */
export async function settledOf(repository: Repository, { resolved }: WorldMerge): Promise<readonly Settled[]> {
  const rows: Settled[] = []
  for (const { key, fields } of resolved) {
    for (const { path, by, value } of fields) {
      const term = path.length > 0 ? await saidIn(repository, value) : value === undefined ? GONE : THERE
      rows.push([key, fieldName(path), by, term])
    }
  }
  return rows
}

/** A value with each content as its text. */
export async function saidIn(repository: Repository, value: FieldValue): Promise<Term> {
  if (value === undefined) return undefined
  const oids = new Set<Oid>()
  collect(value, oids)
  for (const oid of [...oids]) if (!(await repository.hasObject(oid))) oids.delete(oid)
  const blobs = await repository.readBlobs(oids)
  return said(value, (asset: AssetValue) => blobs.get(parseAssetValue(asset)!.oid as Oid))
}

function collect(value: Json, oids: Set<Oid>): void {
  const asset = parseAssetValue(value)
  if (asset !== undefined) oids.add(asset.oid as Oid)
  else if (Array.isArray(value)) for (const item of value) collect(item as Json, oids)
  else if (isJsonObject(value)) for (const item of Object.values(value)) collect(item, oids)
}
