import { SyncError } from '../world/errors.ts'
import { printable } from './printable.ts'

const SCHEME = 'asset://'
const HASHED = /^([0-9a-f]{64})(?:\.[^.]+)?$/i
const FORBIDDEN = /[/\\\p{Cc}\p{Cs}]|\.\./u
const MAX_NAME = 255

/**
 * The file name of `asset://<name>`, checked before it becomes part of a URL (S1): no slash, no `..`, no control
 * character. Throws {@link SyncError} `invalid_asset_name`.
 */
export function assetName(assetUrl: string): string {
  const name = assetUrl.startsWith(SCHEME) ? assetUrl.slice(SCHEME.length) : ''
  if (name === '' || name === '.' || name.length > MAX_NAME || FORBIDDEN.test(name)) {
    throw new SyncError('invalid_asset_name', `"${printable(assetUrl, undefined, 100)}" is no name of an asset`, {
      data: { assetUrl: printable(assetUrl) },
    })
  }
  return name
}

/** The SHA-256 that a content-addressed name promises; undefined for a plain name, which nothing can verify. */
export function promisedHash(name: string): string | undefined {
  return HASHED.exec(name)?.[1]?.toLowerCase()
}

/** `<assetsUrl>/<name>`; undefined when the announced `assetsUrl` is no http(s) URL. A relative one is below the world's. */
export function assetLocation(base: string, assetsUrl: string, name: string): URL | undefined {
  if (!URL.canParse(assetsUrl, `${base}/`)) return undefined
  const folder = new URL(assetsUrl, `${base}/`)
  if (folder.protocol !== 'http:' && folder.protocol !== 'https:') return undefined
  // Credentials are nobody's to announce, and would end up in messages.
  if (folder.username !== '' || folder.password !== '') return undefined
  return new URL(`${folder.origin}${folder.pathname.replace(/\/+$/, '')}/${encodeURIComponent(name)}`)
}
