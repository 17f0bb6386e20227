import { framePackr } from '../protocol/frame-packr.ts'
import { PACKETS, type PacketName, packetName } from '../protocol/packets.ts'

/** One message of the admin WebSocket: msgpack of `[packetId, payload]` (protocol, section 5). */
export interface Frame {
  readonly name: PacketName
  readonly payload: unknown
}

/** A field whose value is `undefined` goes out as msgpack undefined. */
export function encodeFrame(name: PacketName, payload: unknown): Uint8Array {
  return framePackr.pack([PACKETS[name], payload])
}

/** Undefined for whatever is no frame that we know: broken msgpack, other shapes, unknown packets. */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  let message: unknown
  try {
    message = framePackr.unpack(bytes)
  } catch {
    return undefined
  }
  if (!Array.isArray(message) || message.length < 1 || typeof message[0] !== 'number') return undefined
  const name = packetName(message[0])
  return name === undefined ? undefined : { name, payload: message[1] }
}

/**
 * Whether a value has a key that does not survive the wire: msgpack's decoder renames `__proto__`, so the runtime would
 * quietly store something else.
 */
export function hasLostKey(value: unknown): boolean {
  const open: unknown[] = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null) continue
    if (Object.hasOwn(next, '__proto__')) return true
    for (const inner of Object.values(next)) if (typeof inner === 'object') open.push(inner)
  }
  return false
}

/** A decoded payload as JSON: undefined fields left out, what JSON does not know refused. */
export function asJson(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value))
  } catch {
    return undefined
  }
}
