import { createHash, randomBytes } from 'node:crypto'
import { SyncError } from '../world/errors.ts'
import { assetLocation, assetName, promisedHash } from './asset-name.ts'
import { checked, loadReplies } from './checked.ts'
import { backOff } from './connection.ts'
import { ExchangeFailure, type Reply } from './exchange.ts'
import { errorCode, type Http, invalidResponse, unexpectedStatus } from './http.ts'
import { printable } from './printable.ts'
import type { RemoteRuntime } from './remote-runtime.ts'

/** What a snapshot says about assets. */
export interface AssetPlace {
  readonly assetsUrl: string
  /** In MB, as text or number. */
  readonly maxUploadSize?: string | number | null
}

/** Knows the place from the last snapshot, or takes one. */
export interface AssetPlaces {
  known(): AssetPlace | undefined
  ask(): Promise<AssetPlace>
}

const MiB = 1024 * 1024

/** Downloads and uploads (protocol, section 7). Any number may run at once; the same name is transferred once. */
export function assetCalls(http: Http, places: AssetPlaces): Pick<RemoteRuntime, 'downloadAsset' | 'uploadAsset'> {
  const downloads = new Map<string, Promise<Uint8Array | undefined>>()
  const uploads = new Map<string, Promise<void>>()
  return {
    downloadAsset: async (assetUrl) => {
      const name = assetName(assetUrl)
      return shared(downloads, name, () => download(http, places, name))
    },
    uploadAsset: async (bytes, extension) => {
      const suffix = extension.replace(/^\./, '').toLowerCase()
      if (!/^[a-z0-9]{1,16}$/.test(suffix)) {
        throw new SyncError('invalid_asset_name', `"${printable(extension)}" is no file extension of an asset`)
      }
      const name = `${sha256(bytes)}.${suffix}`
      await shared(uploads, name, () => upload(http, places, name, bytes))
      return `asset://${name}`
    },
  }
}

async function shared<T>(running: Map<string, Promise<T>>, name: string, start: () => Promise<T>): Promise<T> {
  const present = running.get(name)
  if (present !== undefined) return present
  const started = start().finally(() => running.delete(name))
  running.set(name, started)
  return started
}

/**
 * A content hash proves the bytes wherever they come from. So while no snapshot has said where assets are, a hashed
 * name is looked for at the usual place first: a whole snapshot only to learn `assetsUrl` would be a waste.
 */
async function download(http: Http, places: AssetPlaces, name: string): Promise<Uint8Array | undefined> {
  const hash = promisedHash(name)
  if (places.known() === undefined && hash !== undefined) {
    const usual = assetLocation(http.connection.base, 'assets', name)
    const reply = usual === undefined ? undefined : await fetchAsset(http, usual, name)
    if (reply?.status === 200 && sha256(reply.bytes) === hash) return reply.bytes
  }
  const { assetsUrl } = places.known() ?? (await places.ask())
  const place = assetLocation(http.connection.base, assetsUrl, name)
  if (place === undefined) {
    throw invalidResponse(http.connection, 'GET /admin/snapshot', 'an assetsUrl that is no http or https URL')
  }
  // A 404 just after an upload can be momentary.
  for (let attempt = 0; ; attempt++) {
    const reply = await fetchAsset(http, place, name)
    if (reply.status === 200) return verified(reply.bytes, name, hash)
    if (reply.status !== 404) {
      throw invalidResponse(http.connection, `GET ${place.origin}${place.pathname}`, `HTTP ${reply.status}`)
    }
    if (attempt >= http.connection.retries) return undefined
    await backOff(http.connection, attempt)
  }
}

async function fetchAsset(http: Http, url: URL, name: string): Promise<Reply> {
  try {
    return await http.fetch(url, http.connection.limits.assetBytes)
  } catch (error) {
    if (error instanceof ExchangeFailure)
      throw tooLarge(name, `it has ${error.reason}`, http.connection.limits.assetBytes)
    throw error
  }
}

function verified(bytes: Buffer, name: string, hash: string | undefined): Uint8Array {
  if (hash === undefined || sha256(bytes) === hash) return bytes
  throw new SyncError('asset_corrupt', `asset://${printable(name)} does not have the bytes that its name promises`, {
    hint: 'The runtime holds a damaged copy; upload the file again.',
    data: { name, bytes: bytes.byteLength },
  })
}

async function upload(http: Http, places: AssetPlaces, name: string, bytes: Uint8Array): Promise<void> {
  const { maxUploadSize } = places.known() ?? (await places.ask())
  const announced = Number(maxUploadSize ?? Number.NaN) * MiB
  const most = Math.min(http.connection.limits.assetBytes, announced > 0 ? announced : Number.POSITIVE_INFINITY)
  if (bytes.byteLength > most) throw tooLarge(name, `it has ${bytes.byteLength} bytes`, most)
  if (await isThere(http, name)) return
  try {
    await post(http, name, bytes)
  } catch (error) {
    // Whether a cut upload arrived is for the runtime to say: the name is the content.
    if (!(error instanceof SyncError) || error.code !== 'unreachable' || !(await isThere(http, name))) throw error
  }
  for (let attempt = 0; !(await isThere(http, name)); attempt++) {
    if (attempt >= http.connection.retries) {
      throw new SyncError('asset_missing', `${http.connection.base} accepted asset://${name} but does not have it`, {
        hint: 'Is there space left on its disk?',
        data: { name },
      })
    }
    await backOff(http.connection, attempt)
  }
}

async function isThere(http: Http, name: string): Promise<boolean> {
  const answer = await http.read(`/admin/upload-check?${new URLSearchParams({ filename: name })}`)
  if (answer.status !== 200) throw unexpectedStatus(http.connection, answer)
  const { uploadCheckSchema } = await loadReplies()
  return checked<{ readonly exists: boolean }>(http, answer.endpoint, uploadCheckSchema, answer.json).exists
}

/** One multipart field `file`, named by the hash: the runtime keeps the client's name, whatever the content. */
async function post(http: Http, name: string, bytes: Uint8Array): Promise<void> {
  const boundary = `----gamedev-${randomBytes(16).toString('hex')}`
  const head =
    `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\n` +
    'content-type: application/octet-stream\r\n\r\n'
  const answer = await http.upload('/admin/upload', `multipart/form-data; boundary=${boundary}`, [
    Buffer.from(head),
    bytes,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])
  if (answer.status === 413) throw tooLarge(name, `it has ${bytes.byteLength} bytes`, undefined)
  if (answer.status !== 200 || errorCode(answer) !== undefined) throw unexpectedStatus(http.connection, answer)
  const { uploadedSchema } = await loadReplies()
  const { filename } = checked<{ readonly filename: string }>(http, answer.endpoint, uploadedSchema, answer.json)
  if (filename !== name) throw invalidResponse(http.connection, answer.endpoint, 'another file name than the one sent')
}

function tooLarge(name: string, size: string, most: number | undefined): SyncError {
  const limit = most === undefined ? 'more than the runtime accepts' : `at most ${most} bytes are possible`
  return new SyncError('asset_too_large', `asset://${printable(name)} is too large: ${size}, ${limit}`, {
    data: { name, ...(most === undefined ? {} : { most }) },
  })
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
