/** A frame of a WebSocket, as it goes over the wire and without its mask. */
export interface WireFrame {
  readonly raw: Buffer
  readonly payload: Buffer
  readonly binary: boolean
}

const BINARY = 2

/** Takes the bytes of one direction as they come and tells the whole frames (RFC 6455, section 5.2). */
export function frameReader(tell: (frame: WireFrame) => void): (bytes: Buffer) => void {
  let rest = Buffer.alloc(0)
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    for (let frame = firstFrame(rest); frame !== undefined; frame = firstFrame(rest)) {
      rest = rest.subarray(frame.raw.byteLength)
      tell(frame)
    }
  }
}

function firstFrame(bytes: Buffer): WireFrame | undefined {
  if (bytes.byteLength < 2) return undefined
  const short = bytes[1]! & 0x7f
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0
  const masked = (bytes[1]! & 0x80) !== 0
  const start = 2 + lengthBytes + (masked ? 4 : 0)
  if (bytes.byteLength < start) return undefined
  const length = lengthBytes === 0 ? short : Number.parseInt(bytes.toString('hex', 2, 2 + lengthBytes), 16)
  if (bytes.byteLength < start + length) return undefined
  const raw = bytes.subarray(0, start + length)
  const payload = Buffer.from(raw.subarray(start))
  if (masked) {
    const mask = raw.subarray(start - 4, start)
    for (let at = 0; at < payload.byteLength; at++) payload[at]! ^= mask[at % 4]!
  }
  return { raw, payload, binary: (raw[0]! & 0x0f) === BINARY }
}
