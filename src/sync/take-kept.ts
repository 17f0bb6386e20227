import { docField, isJsonPath, readDoc, withDocField, writeDoc } from '../git-bridge/object-docs.ts'
import { folderOf, isScriptPath, oidOf, scriptFiles } from '../git-bridge/object-files.ts'
import { type Oid, parseOid } from '../git-bridge/repository.ts'
import { isFile, type PlacedObject } from '../git-bridge/tree-objects.ts'
import { type AssetValue, extensionOf, mapAssetUrls, parseAssetValue } from '../projection/asset-value.ts'
import { writeBlueprintFile } from '../projection/blueprint.ts'
import { writeEntityFile } from '../projection/entity.ts'
import { assetFile, classify, foldPath, MANIFEST_FILE } from '../projection/paths.ts'
import { type FieldPath, fieldAt } from '../resolvers/fields.ts'
import { SyncError } from '../world/errors.ts'
import { fromEntries, isJsonObject, type Json, type JsonObject, jsonEquals, own } from '../world/json.ts'
import type { FieldValue, ObjectKey, WorldObject } from '../world/state.ts'
import type { Project } from './session.ts'
import { worktreeFile } from './settle-files.ts'

/** The project's files with values of the world taken into them; nothing is written here. */
export class KeptFiles {
  /** Files to write, or to remove; paths relative to the project. */
  readonly edits = new Map<string, Uint8Array | undefined>()
  /** Those of them that are the user's, uncommitted changes included, but for the fields that were taken. */
  readonly partial = new Set<string>()
  readonly #project: Project
  readonly #head: Oid | undefined
  /** Path → content of the project's files, assets to come included. */
  #known: Promise<Map<string, Oid>> | undefined

  constructor(project: Project, head: Oid | undefined) {
    this.#project = project
    this.#head = head
  }

  /** Takes one field. Throws `local_changes` where the user has changed it, `invalid_files` where it cannot be set. */
  async takeField(key: ObjectKey, tip: Oid, there: PlacedObject, here: PlacedObject, path: FieldPath): Promise<void> {
    const { object } = there
    const value = fieldAt(object.fields, path)
    if (isScriptPath(object, path)) {
      // What neither side has is no file of ours, whatever an artifact says.
      if (value === undefined && fieldAt(here.object.fields, path) === undefined) return
      const file = object.kind === 'shared' ? here.path : folderOf(here.path) + path[1]!
      this.edits.set(file, value === undefined ? undefined : await this.#blob(oidOf(value)))
      return
    }
    if (!isJsonPath(here.path) || path[0] === 'scriptFiles') return
    const theirs = docField(there.path, await this.#doc(tip, there.path), key, path)
    const said = await this.#withAssets(theirs, value)
    await this.#setField(here.path, key, path, said)
  }

  /** Takes the object as the world has it, with all its files, or its absence. */
  async takeWhole(
    key: ObjectKey,
    tip: Oid,
    there: PlacedObject | undefined,
    here: PlacedObject | undefined,
  ): Promise<void> {
    const path = here?.path ?? (there && (await this.#freePath(there)))
    if (path === undefined) return
    const mine = here === undefined ? [] : [...scriptFiles(here.object).keys()]
    for (const file of mine) this.edits.set(folderOf(path) + file, undefined)
    if (there === undefined) {
      if (path === MANIFEST_FILE) await this.#setField(path, key, [], undefined)
      else this.edits.set(path, undefined)
      return
    }
    const { object } = there
    for (const [file, value] of scriptFiles(object))
      this.edits.set(folderOf(path) + file, await this.#blob(oidOf(value)))
    if (path === MANIFEST_FILE) {
      const theirs = docField(there.path, await this.#doc(tip, there.path), key, [])
      await this.#setField(path, key, [], await this.#withAssets(theirs, object.fields))
    } else this.edits.set(path, await this.#content(object, path))
  }

  /** The file of an object of the world. */
  async #content(object: WorldObject, path: string): Promise<Uint8Array> {
    if (object.kind !== 'entity' && object.kind !== 'blueprint') return this.#blob(oidOf(own(object.fields, 'content')))
    const values = new Map<AssetValue, string>()
    mapAssetUrls(object.kind, object.fields, (value, { name }) => {
      const asset = parseAssetValue(value)
      if (asset !== undefined) values.set(value as AssetValue, `assets/${name}.${asset.extension}`)
      return value
    })
    const paths = new Map<AssetValue, string>()
    for (const [value, name] of values) paths.set(value, await this.#nameOf(value, name))
    const assets = { pathOf: (value: AssetValue) => paths.get(value) }
    const folderHasScripts =
      scriptFiles(object).size > 0 || [...(await this.#files()).keys()].some((file) => isScriptOf(file, path))
    const text =
      object.kind === 'entity'
        ? writeEntityFile(object, assets)
        : writeBlueprintFile(object, assets, { folderHasScripts })
    return new TextEncoder().encode(text)
  }

  /** Where an object that the project lacks can stand: where the world's line has it, unless something else is there. */
  async #freePath({ object, path }: PlacedObject): Promise<string> {
    if (path === MANIFEST_FILE || object.kind === 'shared') return path
    const files = [...(await this.#files()).keys()].map(foldPath)
    const folder = folderOf(path)
    const name = folder.split('/')[1]!
    const crowded = scriptFiles(object).size > 0 && files.some((file) => isScriptOf(file, foldPath(path)))
    for (let n = 0; ; n++) {
      const suffix = n === 0 ? '' : `_${n}`
      if (crowded && n === 0) continue
      const candidate = crowded
        ? `apps/${name}${suffix}/${name}${suffix}.json`
        : path.replace(/\.json$/, `${suffix}.json`)
      const taken = crowded
        ? files.some((file) => file.startsWith(foldPath(folderOf(candidate))))
        : files.includes(foldPath(candidate))
      if (!taken) return candidate
    }
  }

  /** Sets a field in a file as it is now: only what the user changed in that very field is in the way. */
  async #setField(path: string, key: ObjectKey, field: FieldPath, value: FieldValue): Promise<void> {
    const { folder } = this.#project
    const bytes = this.edits.get(path) ?? (await worktreeFile(this.#project, path))
    const doc = bytes && readDoc(path, bytes)
    if (doc === undefined) {
      const what = bytes === undefined ? 'is not there' : 'does not parse'
      throw new SyncError('invalid_files', `${path} ${what}; nothing was changed.`, {
        hint: `Bring it back ("git checkout -- ${path}") or correct it, and run the command again.`,
        data: { path, folder },
      })
    }
    const now = docField(path, doc, key, field)
    const committed =
      this.#head === undefined ? undefined : docField(path, await this.#doc(this.#head, path), key, field)
    if (!jsonEquals(now, value) && !jsonEquals(now, committed)) throw localChanges(path)
    this.partial.add(path)
    this.edits.set(path, writeDoc(path, withDocField(path, doc, key, field, value)))
  }

  /** JSON of the world's files as the project says it: the same content may have another name here, or none yet. */
  async #withAssets(said: FieldValue, value: FieldValue): Promise<FieldValue> {
    if (typeof said === 'string') {
      const asset = parseAssetValue(value)
      return asset === undefined || said === value ? said : await this.#nameOf(value as AssetValue, said)
    }
    if (!isJsonObject(said) || !isJsonObject(value)) return said
    const entries: [string, Json][] = []
    for (const [key, inner] of Object.entries(said)) {
      entries.push([key, (await this.#withAssets(inner, own(value, key)))!])
    }
    return fromEntries(entries)
  }

  /** The file that has an asset's content, in the project or from now on. */
  async #nameOf(value: AssetValue, said: string): Promise<string> {
    const oid = parseOid(parseAssetValue(value)!.oid)
    const assets = await this.#files()
    if (assets.get(said) === oid) return said
    const extension = extensionOf(said)
    const known = [...assets].find(
      ([path, other]) => other === oid && classify(path).kind === 'asset' && extensionOf(path) === extension,
    )?.[0]
    if (known !== undefined) return known
    const taken = new Set([...assets.keys()].map(foldPath))
    const base = said.slice('assets/'.length, extension === '' ? undefined : -(extension.length + 1))
    let path = said
    // A file that git does not know yet is in the way all the same.
    for (let again = taken.has(foldPath(said)) || (await this.#differs(said, oid)); again; ) {
      taken.add(foldPath(path))
      path = assetFile(base, extension, (candidate) => taken.has(foldPath(candidate)))
      again = await this.#differs(path, oid)
    }
    assets.set(path, oid)
    this.edits.set(path, await this.#blob(oid))
    return path
  }

  #files(): Promise<Map<string, Oid>> {
    this.#known ??= this.#listFiles()
    return this.#known
  }

  async #listFiles(): Promise<Map<string, Oid>> {
    const { repository, prefix } = this.#project
    const listed =
      this.#head === undefined ? [] : await repository.listFiles(this.#head, prefix.slice(0, -1) || undefined)
    return new Map(
      listed.flatMap(({ path, mode, oid }) => {
        const inside = path.slice(prefix.length)
        return isFile(mode) && classify(inside).kind !== 'other' ? [[inside, oid] as const] : []
      }),
    )
  }

  /** Whether something else stands at a path of the working tree. */
  async #differs(path: string, oid: Oid): Promise<boolean> {
    const bytes = await worktreeFile(this.#project, path)
    return bytes !== undefined && this.#project.repository.hashBlob(bytes) !== oid
  }

  async #doc(treeish: Oid, path: string): Promise<JsonObject> {
    const { repository, prefix } = this.#project
    const found = isJsonPath(path) ? await repository.lookup(treeish, prefix + path) : undefined
    return (found && readDoc(path, await this.#blob(found.oid))) ?? {}
  }

  async #blob(oid: Oid): Promise<Uint8Array> {
    return (await this.#project.repository.readBlobs([oid])).get(oid)!
  }
}

/** Whether a file is a script beside a blueprint's JSON. */
function isScriptOf(file: string, blueprint: string): boolean {
  return file.startsWith(folderOf(blueprint)) && classify(file).kind === 'script'
}

export function localChanges(path: string): SyncError {
  return new SyncError('local_changes', `${path} has changes that are not committed; nothing was changed.`, {
    hint: 'Commit them, or take them back, and run the command again; "--use local" keeps what the project has.',
    data: { paths: [path] },
  })
}
