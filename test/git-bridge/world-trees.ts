import { type Layout, Materializer } from '../../src/git-bridge/materializer.ts'
import { createMemoryRepository, type MemoryRepository } from '../../src/git-bridge/memory/memory-repository.ts'
import { Overlay } from '../../src/git-bridge/overlay.ts'
import type { Oid, TreeEdit } from '../../src/git-bridge/repository.ts'
import { formatTrailers } from '../../src/git-bridge/trailers.ts'
import { type AssetValue, assetValue, extensionOf, parseAssetValue } from '../../src/projection/asset-value.ts'
import { type Project, readProject } from '../../src/projection/project.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/world/json.ts'
import type { Effect } from '../../src/world/wire-world.ts'

const SIGNATURE = { name: 'Ada', email: 'ada@example.com', time: 1_700_000_000, offset: 0 }

/** Path → content; an object is written as JSON; undefined removes the file. */
export type Files = Readonly<Record<string, string | Uint8Array | JsonObject | undefined>>

/** A repository in memory, and worlds told in files or in effects. */
export class Trees {
  readonly repository: MemoryRepository
  /** Bytes behind `asset://` URLs that are to be had. */
  readonly #assets = new Map<string, AssetValue>()

  private constructor(repository: MemoryRepository) {
    this.repository = repository
  }

  static async open(): Promise<Trees> {
    return new Trees(await createMemoryRepository())
  }

  /** A commit that holds what `parent` holds, with these files changed. */
  async commit(parent: Oid | undefined, files: Files, message = 'edit\n'): Promise<Oid> {
    const edits = Object.entries(files).map(([path, content]): TreeEdit => {
      if (content === undefined) return { path, kind: 'delete' }
      const text = isPlain(content) ? `${JSON.stringify(content, null, 2)}\n` : content
      return { path, kind: 'write', bytes: typeof text === 'string' ? new TextEncoder().encode(text) : text }
    })
    return this.#write(parent, edits, message)
  }

  async #write(parent: Oid | undefined, edits: readonly TreeEdit[], message: string): Promise<Oid> {
    const base = parent === undefined ? undefined : (await this.repository.readCommit(parent)).tree
    const tree = await this.repository.writeTree(base, edits)
    return this.repository.writeCommit({
      tree,
      parents: parent === undefined ? [] : [parent],
      author: SIGNATURE,
      committer: SIGNATURE,
      message,
    })
  }

  /** Gives an `asset://` URL its bytes, and returns the URL. */
  async asset(url: string, content: string): Promise<string> {
    const [oid] = await this.repository.writeBlobs([new TextEncoder().encode(content)])
    this.#assets.set(url, assetValue(oid!, extensionOf(url.slice('asset://'.length))))
    return url
  }

  readonly assetOf = (url: string): AssetValue | undefined => this.#assets.get(url)

  /** A line that goes on after a commit. */
  line(after: Oid | undefined, layout: Layout = 'split', prefix = ''): Line {
    return new Line(this, after, layout, prefix)
  }

  async write(parent: Oid | undefined, edits: readonly TreeEdit[], about: string, cursor: number): Promise<Oid> {
    const trailers = formatTrailers({ worldId: 'plaza', cursor, opId: `op-${cursor}`, source: 'admin', object: about })
    return this.#write(parent, edits, `change\n\n${trailers}`)
  }

  async files(treeish: Oid, prefix = ''): Promise<ReadonlyMap<string, Oid>> {
    const files = await this.repository.listFiles(treeish)
    return new Map(
      files.filter(({ path }) => path.startsWith(prefix)).map(({ path, oid }) => [path.slice(prefix.length), oid]),
    )
  }

  async paths(treeish: Oid, prefix = ''): Promise<readonly string[]> {
    return [...(await this.files(treeish, prefix)).keys()]
  }

  async text(treeish: Oid, path: string): Promise<string | undefined> {
    const found = await this.repository.lookup(treeish, path)
    if (found === undefined) return undefined
    return Buffer.from((await this.repository.readBlobs([found.oid])).get(found.oid)!).toString('utf8')
  }

  async project(treeish: Oid, prefix = ''): Promise<Project> {
    const files = await this.files(treeish, prefix)
    const blobs = await this.repository.readBlobs(files.values())
    return readProject(
      [...files].map(([path, oid]) => ({ path, oid })),
      (path) => blobs.get(files.get(path)!),
    )
  }

  /** The state that a tree says, as plain data; content as text. Throws when something is wrong with its files. */
  async state(treeish: Oid, prefix = ''): Promise<Readonly<Record<string, Json>>> {
    const project = await this.project(treeish, prefix)
    const wrong = project.problems.filter(({ code }) => code !== 'unknown_blueprint')
    if (wrong.length > 0) throw new Error(JSON.stringify(wrong))
    const state: Record<string, Json> = {}
    for (const [key, { fields }] of project.state) state[key] = await this.#said(fields)
    return state
  }

  /** A copy with each content as its bytes say it. */
  async #said(value: Json): Promise<Json> {
    const asset = parseAssetValue(value)
    if (asset !== undefined) {
      const bytes = (await this.repository.readBlobs([asset.oid as Oid])).get(asset.oid as Oid)!
      return `content:${Buffer.from(bytes).toString('utf8')}`
    }
    if (Array.isArray(value)) return Promise.all(value.map((item) => this.#said(item as Json)))
    if (!isJsonObject(value)) return value
    const said: Record<string, Json> = {}
    for (const key of Object.keys(value).sort()) said[key] = await this.#said(value[key]!)
    return said
  }
}

function isPlain(content: string | Uint8Array | JsonObject): content is JsonObject {
  return isJsonObject(content) && !(content instanceof Uint8Array)
}

/** Commits of a line, made by one materializer as a fetch makes them. */
export class Line {
  readonly #trees: Trees
  readonly #overlay: Overlay
  readonly #materializer: Materializer
  readonly refused: (readonly [string, string])[] = []
  tip: Oid | undefined
  /** Edits of the last commit, or of what would have been one. */
  edits: readonly TreeEdit[] = []
  #cursor = 0

  constructor(trees: Trees, after: Oid | undefined, layout: Layout, prefix: string) {
    this.#trees = trees
    this.tip = after
    this.#overlay = new Overlay(trees.repository, after, prefix)
    this.#materializer = new Materializer(this.#overlay, layout, {
      assetOf: trees.assetOf,
      refuse: (key, reason) => this.refused.push([key, reason]),
    })
  }

  /** One commit of these effects; none when they change nothing. */
  async apply(...effects: readonly Effect[]): Promise<Oid> {
    await this.#materializer.prefetch(effects)
    for (const effect of effects) await this.#materializer.apply(effect)
    return this.#commit(effects.length === 1 ? about(effects[0]!) : 'snapshot')
  }

  async settings(settings: JsonObject): Promise<Oid> {
    await this.#materializer.putSettings(settings)
    return this.#commit('settings')
  }

  async #commit(object: string): Promise<Oid> {
    await this.#materializer.finish()
    this.edits = this.#overlay.take()
    if (this.edits.length > 0 || this.tip === undefined)
      this.tip = await this.#trees.write(this.tip, this.edits, object, ++this.#cursor)
    return this.tip
  }
}

function about(effect: Effect): string {
  if (effect.kind === 'put' || effect.kind === 'remove') return `${effect.of}:${effect.id}`
  return effect.kind === 'setting' ? 'settings' : effect.kind
}

export function putEntity(id: string, fields: JsonObject = {}): Effect {
  return { kind: 'put', of: 'entity', id, object: { id, type: 'app', blueprint: 'Lamp', ...fields } }
}

export function putBlueprint(id: string, fields: JsonObject = {}): Effect {
  return { kind: 'put', of: 'blueprint', id, object: { id, name: id, ...fields } }
}

export function remove(of: 'blueprint' | 'entity', id: string): Effect {
  return { kind: 'remove', of, id, object: undefined }
}
