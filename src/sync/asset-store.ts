import { createHash } from 'node:crypto'
import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Cleaner, type CleaningRules, hasRules } from '../git-bridge/native/cleaner.ts'
import type { NativeRepository } from '../git-bridge/native/native-repository.ts'
import { type Oid, parseOid } from '../git-bridge/repository.ts'
import { type AssetValue, assetValue, extensionOf, parseAssetValue } from '../projection/asset-value.ts'
import type { RemoteRuntime } from '../remote-runtime/remote-runtime.ts'
import { SyncError } from '../world/errors.ts'
import type { Progress } from './progress.ts'

/** Downloads under way at once. */
const PARALLEL = 8
/** What has arrived waits for others under way, so that one git writes them: up to so many bytes. */
const MOST_WAITING = 1 << 20

/** What came of a download. */
interface Arrived {
  readonly url: string
  readonly bytes: Uint8Array
}

/**
 * Which content stands behind which `asset://` URL. Downloads become blobs of the repository, once; what was learned is
 * kept in a cache that can be lost at any time (an asset's URL names content that never changes, protocol section 7).
 */
export class AssetStore {
  readonly #repository: NativeRepository
  readonly #runtime: RemoteRuntime
  readonly #prefix: string
  /** Without the rules of a line in its name. */
  readonly #basePath: string
  #cachePath: string
  #cleaner: Cleaner
  readonly #progress: Progress
  readonly #byUrl = new Map<string, AssetValue>()
  readonly #byOid = new Map<string, string>()
  readonly #missing = new Set<string>()
  #loaded = false

  constructor(
    repository: NativeRepository,
    runtime: RemoteRuntime,
    place: { readonly prefix: string; readonly cachePath: string },
    progress: Progress,
  ) {
    this.#repository = repository
    this.#runtime = runtime
    this.#prefix = place.prefix
    this.#basePath = place.cachePath
    this.#cachePath = place.cachePath
    this.#cleaner = new Cleaner(repository, {})
    this.#progress = progress
  }

  /** Cleans what is downloaded from now on by the rules of a line (G5): the same bytes are another blob then. */
  async useRules(rules: CleaningRules): Promise<void> {
    if (!hasRules(rules)) return
    await this.#cleaner.close()
    this.#cleaner = new Cleaner(this.#repository, rules)
    this.#cachePath = `${this.#basePath}-${createHash('sha256').update(JSON.stringify(rules)).digest('hex').slice(0, 8)}`
  }

  /** The content of a URL that {@link ensure} was asked for; undefined when the runtime does not have it (G4). */
  valueOf(url: string): AssetValue | undefined {
    return this.#byUrl.get(url)
  }

  /** The URL that a content was last seen under; undefined when it has to be uploaded. */
  urlOf(value: AssetValue): string | undefined {
    return this.#byOid.get(parseAssetValue(value)!.oid)
  }

  /** Whether any URL is known: a fresh clone knows none. */
  async load(): Promise<void> {
    if (this.#loaded) return
    this.#loaded = true
    const text = await readFile(this.#cachePath, 'utf8').catch(() => '')
    for (const line of text.split('\n')) {
      const [oid, url] = readRecord(line)
      if (isOid(oid) && url?.startsWith('asset://')) this.#learn(url, parseOid(oid))
    }
  }

  /** Downloads what is not known yet, so that {@link valueOf} answers. Missing assets are named in a warning. */
  async ensure(urls: Iterable<string>): Promise<void> {
    await this.load()
    const wanted: string[] = []
    for (const url of new Set(urls)) {
      const known = this.#byUrl.get(url)
      if (known !== undefined && (await this.#repository.hasObject(parseOid(parseAssetValue(known)!.oid)))) continue
      if (!this.#missing.has(url)) wanted.push(url)
    }
    let done = 0
    let underWay = 0
    let waiting: Arrived[] = []
    const queue = wanted.values()
    const worker = async (): Promise<void> => {
      for (const url of queue) {
        underWay++
        try {
          const bytes = await this.#download(url)
          if (bytes !== undefined) waiting.push({ url, bytes })
        } finally {
          underWay--
          const size = waiting.reduce((sum, { bytes }) => sum + bytes.length, 0)
          if (underWay === 0 || waiting.length >= PARALLEL || size >= MOST_WAITING) {
            const together = waiting
            waiting = []
            await this.#keep(together)
          }
        }
        done++
        if (wanted.length > PARALLEL) this.#progress.step('Downloading assets', done, wanted.length)
      }
    }
    await Promise.all(Array.from({ length: Math.min(PARALLEL, wanted.length) }, worker))
  }

  /** The bytes of an asset; undefined, and said, where the runtime does not have it or has something else. */
  async #download(url: string): Promise<Uint8Array | undefined> {
    let bytes: Uint8Array | undefined
    try {
      bytes = await this.#runtime.downloadAsset(url)
    } catch (error) {
      // A damaged or oversized asset refuses itself alone (S1); a runtime that cannot be reached stops everything.
      if (!(error instanceof SyncError) || error.exitCode === 4) throw error
      this.#progress.warn(error.message)
    }
    if (bytes === undefined) {
      this.#missing.add(url)
      this.#progress.warn(`${url} cannot be had from the runtime; it is left out until it can.`)
    }
    return bytes
  }

  async #keep(arrived: readonly Arrived[]): Promise<void> {
    await Promise.all(
      arrived.map(async ({ url, bytes }) =>
        this.#remember(url, await this.#cleaner.write(this.#pathLike(extensionOf(url)), bytes)),
      ),
    )
  }

  /**
   * The URL of a content for an operation: the one it has in the world, or that of its upload. `send` false only
   * computes what the URL would be.
   */
  async publish(value: AssetValue, send: boolean): Promise<string> {
    await this.load()
    const known = this.urlOf(value)
    if (known !== undefined) return known
    const { oid, extension } = parseAssetValue(value)!
    const bytes = await this.#contentOf(parseOid(oid), extension)
    if (!send) return `asset://${createHash('sha256').update(bytes).digest('hex')}.${extension}`
    const url = await this.#runtime.uploadAsset(bytes, extension)
    await this.#remember(url, parseOid(oid))
    return url
  }

  /** Where content of a kind stands in a project: attributes go by place and extension. */
  #pathLike(extension: string): string {
    const script = extension === 'js' || extension === 'ts'
    return `${this.#prefix}${script ? `apps/app/index.${extension}` : `assets/asset${extension === '' ? '' : `.${extension}`}`}`
  }

  /** The bytes for the world: what stands in for them in git (LFS) is resolved first. Throws `lfs_pointer`. */
  async #contentOf(oid: Oid, extension: string): Promise<Uint8Array> {
    const bytes = (await this.#repository.readBlobs([oid])).get(oid)!
    if (!isPointer(bytes)) return bytes
    const path = this.#pathLike(extension)
    const smudged = (await this.#repository.run(['cat-file', '--filters', `--path=${path}`, oid])).stdout
    if (!isPointer(smudged)) return smudged
    throw new SyncError('lfs_pointer', `The content ${oid.slice(0, 8)} (.${extension}) is in Git LFS and not here.`, {
      hint: 'Run "git lfs install" and "git lfs pull", then push again.',
    })
  }

  async close(): Promise<void> {
    await this.#cleaner.close()
  }

  async #remember(url: string, oid: Oid): Promise<void> {
    this.#learn(url, oid)
    await mkdir(dirname(this.#cachePath), { recursive: true })
    await appendFile(this.#cachePath, `${JSON.stringify([oid, url])}\n`)
  }

  #learn(url: string, oid: Oid): void {
    this.#byUrl.set(url, assetValue(oid, extensionOf(url)))
    this.#byOid.set(oid, url)
  }
}

/** An id and a URL. Of what was half written nothing is read: a part of a name would be the name of another asset. */
function readRecord(line: string): readonly (string | undefined)[] {
  try {
    const record: unknown = JSON.parse(line)
    return Array.isArray(record) && record.every((part) => typeof part === 'string') ? record : []
  } catch {
    return []
  }
}

function isOid(text: string | undefined): text is string {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text ?? '')
}

function isPointer(bytes: Uint8Array): boolean {
  return (
    bytes.length < 1024 && Buffer.from(bytes).toString('latin1').startsWith('version https://git-lfs.github.com/spec/')
  )
}
