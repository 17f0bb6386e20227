import { SyncError } from '../world/errors.ts'
import { printable } from './printable.ts'

const PROTOCOLS: Readonly<Record<string, 'http:' | 'https:'>> = {
  'http:': 'http:',
  'https:': 'https:',
  'ws:': 'http:',
  'wss:': 'https:',
}

/**
 * The base URL of a world as every other module expects it: `http` or `https` (`ws` and `wss` are taken for them), no
 * trailing slash, nothing after the path (protocol, section 1).
 *
 * Throws {@link SyncError} `invalid_url`, whose message never repeats what might be a secret: credentials, a query or
 * a fragment (S2).
 *
 * @example parseWorldUrl('wss://worlds.example/worlds/plaza/') // 'https://worlds.example/worlds/plaza'
 */
export function parseWorldUrl(text: string): string {
  const trimmed = text.trim()
  const url = URL.canParse(trimmed) ? new URL(trimmed) : undefined
  if (url === undefined) {
    throw invalid(`${/[@?#]/.test(trimmed) ? 'the world URL' : JSON.stringify(printable(trimmed))} is no URL`)
  }
  const protocol = Object.hasOwn(PROTOCOLS, url.protocol) ? PROTOCOLS[url.protocol] : undefined
  if (protocol === undefined || url.hostname === '') {
    throw invalid(`a world URL begins with http:// or https://, not with ${printable(url.protocol)}`)
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid(
      `the world URL of ${url.host} carries credentials`,
      'Leave them out of the URL; the admin code belongs in ADMIN_CODE or .lobby/targets.json.',
    )
  }
  const place = `${protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`
  // `http://host/?` has an empty search, which URL does not tell from none.
  if (/[?#]/.test(trimmed)) throw invalid(`the world URL ${place} carries a query or a fragment`, `Use ${place} alone.`)
  return place
}

/** The admin WebSocket of a world: its URL with `ws` or `wss` and `/admin` (protocol, section 1). */
export function socketUrl(base: string): string {
  return `${base.replace(/^http/, 'ws')}/admin`
}

function invalid(message: string, hint = 'A world URL looks like https://host/worlds/<slug>.'): SyncError {
  return new SyncError('invalid_url', message.charAt(0).toUpperCase() + message.slice(1), { hint })
}
