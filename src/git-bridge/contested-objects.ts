import type { AssetPaths } from '../projection/asset-value.ts'
import { type Manifest, writeManifest } from '../projection/manifest.ts'
import { MANIFEST_FILE } from '../projection/paths.ts'
import { type ContestedField, conflictSide, type ObjectMerge } from '../resolvers/object.ts'
import { jsonEquals, own } from '../world/json.ts'
import { type FieldValue, type ObjectKey, parseObjectKey, type WorldObject } from '../world/state.ts'
import { ConflictedFiles, type FieldOfObject, SIDES, type Side } from './conflicted-files.ts'
import { ContestedAssets } from './contested-assets.ts'
import type { MergedAssets } from './merged-assets.ts'
import { folderOf, isScriptPath, oidOf, scriptFiles } from './object-files.ts'
import type { Oid } from './repository.ts'
import type { TreeObjects } from './tree-objects.ts'

type Sides<T> = Readonly<Record<Side, T | undefined>>

/** How objects are spelled in files. */
export interface Spelling {
  /** An object as its file says it. */
  readonly inFile: (object: WorldObject) => WorldObject
  readonly format: (object: WorldObject, path: string, assets: AssetPaths) => string
}

/**
 * Turns contested fields into conflicted files (C2): fields of JSON into three versions of the object's file that differ
 * in nothing else, scripts into three texts, assets replaced in place into three contents, an object that one side
 * deleted into files that one side lacks.
 */
export class ContestedObjects {
  readonly files = new ConflictedFiles()
  readonly #sides: Readonly<Record<Side, TreeObjects>>
  readonly #assets: MergedAssets
  readonly #contestedAssets: ContestedAssets
  readonly #files: Spelling

  constructor(sides: Readonly<Record<Side, TreeObjects>>, assets: MergedAssets, files: Spelling) {
    this.#sides = sides
    this.#assets = assets
    this.#contestedAssets = new ContestedAssets(sides, assets)
    this.#files = files
  }

  /** One object with a file of its own; `path` is where the merged tree has it, or would. */
  contest(key: ObjectKey, merge: ObjectMerge, path: string, hasBase: boolean): void {
    if (merge.contested.some((field) => field.path.length === 0)) this.#contestWhole(key, merge, path)
    else this.#contestFields(key, merge, path, hasBase)
  }

  /** Deleted on one side: all files of the object, lest half of it is kept. */
  #contestWhole(key: ObjectKey, merge: ObjectMerge, path: string): void {
    const identity = parseObjectKey(key)
    const sides = this.#place({
      base: conflictSide(identity, merge, 'base'),
      ours: conflictSide(identity, merge, 'ours'),
      theirs: conflictSide(identity, merge, 'theirs'),
    })
    const fields = [{ key, path: [] }]
    const both = sides.ours !== undefined && sides.theirs !== undefined
    this.files.add(path, fields, both && identity.kind !== 'shared' ? 'fields' : 'whole', this.#contents(path, sides))
    if (identity.kind !== 'blueprint') return
    const scripts = SIDES.map((side) => (sides[side] === undefined ? new Map() : scriptFiles(sides[side])))
    for (const file of new Set(scripts.flatMap((files) => [...files.keys()]))) {
      const [base, ours, theirs] = scripts.map((files) => optionalOid(files.get(file)))
      // Gone on both sides, the same on both, or the script of another blueprint of ours: not in question.
      if (ours === theirs || this.#isAnothers(folderOf(path) + file, key)) continue
      this.files.add(folderOf(path) + file, fields, both ? 'text' : 'whole', { base, ours, theirs })
    }
  }

  #isAnothers(script: string, key: ObjectKey): boolean {
    return [...this.#sides.ours.objects].some(
      ([other, { object, path }]) =>
        other !== key &&
        object.kind === 'blueprint' &&
        script.startsWith(folderOf(path)) &&
        scriptFiles(object).has(script.slice(folderOf(path).length)),
    )
  }

  #contestFields(key: ObjectKey, merge: ObjectMerge, path: string, hasBase: boolean): void {
    const identity = parseObjectKey(key)
    const json = this.#withoutReplaced(key, merge.contested).filter((field) => {
      if (!isScriptPath(identity, field.path)) return true
      const { ours, theirs } = field.terms
      const base = isPutBack(field) ? undefined : field.terms.base
      const stages = { base: optionalOid(base), ours: optionalOid(ours), theirs: optionalOid(theirs) }
      const file = identity.kind === 'shared' ? path : folderOf(path) + field.path[1]!
      this.files.add(file, [{ key, path: field.path }], 'text', stages)
      return false
    })
    if (json.length === 0) return
    const stages = this.#contents(path, this.#jsonSides(key, merge, json, hasBase))
    // What a file leaves unsaid (the format of scripts that are contested themselves) needs no conflict of its own.
    const unsaid = Buffer.from(stages.ours!).equals(Buffer.from(stages.theirs!))
    if (unsaid && json.length < merge.contested.length) return
    const fields = json.map((field) => ({ key, path: field.path }))
    this.files.add(path, fields, 'fields', stages)
  }

  /** The manifest: one file holds the contested fields of all its objects. */
  contestManifest(
    merges: ReadonlyMap<ObjectKey, ObjectMerge>,
    merged: ReadonlyMap<ObjectKey, WorldObject>,
    previous: Manifest | undefined,
    keep: boolean,
  ): void {
    const fields: FieldOfObject[] = []
    const sides = { base: new Map(merged), ours: new Map(merged), theirs: new Map(merged) }
    for (const [key, merge] of merges) {
      const json = this.#withoutReplaced(key, merge.contested)
      if (json.length === 0) continue
      for (const { path } of json) fields.push({ key, path })
      const objects = this.#jsonSides(key, merge, json, true)
      for (const side of SIDES) {
        const object = objects[side]
        if (object === undefined) sides[side].delete(key)
        else sides[side].set(key, object)
      }
    }
    if (fields.length === 0) return
    const text = (side: Side) => {
      const said = new Map([...sides[side]].map(([key, object]) => [key, this.#files.inFile(object)]))
      return encode(writeManifest(said, previous, this.#pathsOf(side), { keep }))
    }
    const base = this.#sides.base.manifest === undefined ? undefined : text('base')
    this.files.add(MANIFEST_FILE, fields, 'fields', { base, ours: text('ours'), theirs: text('theirs') })
  }

  /** Takes out the assets that were replaced in place: their files are conflicted, the JSON that names them is not. */
  #withoutReplaced(key: ObjectKey, contested: readonly ContestedField[]): readonly ContestedField[] {
    return contested.filter((field) => {
      const replaced = isScriptPath(parseObjectKey(key), field.path) ? undefined : this.#contestedAssets.replaced(field)
      if (replaced === undefined) return true
      this.files.add(replaced.path, [{ key, path: field.path }], 'whole', replaced.stages)
      return false
    })
  }

  /** The object with some contested fields as each side has them, and all else as it is merged. */
  #jsonSides(
    key: ObjectKey,
    { object }: ObjectMerge,
    json: readonly ContestedField[],
    hasBase: boolean,
  ): Sides<WorldObject> {
    const identity = parseObjectKey(key)
    const atBase = json.map((field) =>
      isPutBack(field) || this.#contestedAssets.misleads(field)
        ? { ...field, terms: { ...field.terms, base: undefined } }
        : field,
    )
    return this.#place({
      base: hasBase ? conflictSide(identity, { object, contested: atBase }, 'base') : undefined,
      ours: conflictSide(identity, { object, contested: json }, 'ours'),
      theirs: conflictSide(identity, { object, contested: json }, 'theirs'),
    })
  }

  /** Sees to it that the assets of both sides are in the merged tree: the user may choose either. */
  #place(sides: Sides<WorldObject>): Sides<WorldObject> {
    for (const object of [sides.ours, sides.theirs]) if (object !== undefined) this.#assets.place(object)
    return sides
  }

  #contents(path: string, sides: Sides<WorldObject>): Sides<Uint8Array | Oid> {
    const content = (side: Side): Uint8Array | Oid | undefined => {
      const object = sides[side]
      if (object === undefined) return undefined
      if (object.kind === 'shared') return oidOf(own(object.fields, 'content'))
      return encode(this.#files.format(object, path, this.#pathsOf(side)))
    }
    return { base: content('base'), ours: content('ours'), theirs: content('theirs') }
  }

  #pathsOf(side: Side): AssetPaths {
    return side === 'base' ? this.#contestedAssets.basePaths() : this.#assets
  }
}

/**
 * What the world put back on purpose (M2): with a base that is the same, every merge tool would take our side unasked, so
 * the base is left out.
 */
function isPutBack({ terms }: ContestedField): boolean {
  return jsonEquals(terms.base, terms.theirs)
}

function optionalOid(value: FieldValue): Oid | undefined {
  return value === undefined ? undefined : oidOf(value)
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
