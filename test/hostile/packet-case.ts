import { PACKETS, type PacketName } from '../../src/protocol/packets.ts'
import { asJson, decodeFrame, encodeFrame, hasLostKey } from '../../src/remote-runtime/frames.ts'
import { parseJson } from '../../src/remote-runtime/json-answer.ts'
import type { CaseReport } from './case.ts'
import { Draw } from './draw.ts'
import { describe } from './sandbox.ts'
import { record, spelled, value, word } from './words.ts'

/** Frames a case looks at: each takes microseconds. */
const FRAMES = 100

/** Bytes that begin a value of msgpack whose size is a lie, or an extension: records, references, errors, patterns. */
const HEADS = [
  'dd7fffffff',
  'df7fffffff',
  'c6ffffffff',
  'db7fffffff',
  'c7ff72',
  'd47240',
  'd5691234',
  'c70565a5',
  'c70478a1',
  'd6ff00000000',
  'c1',
]

function bytesOf(draw: Draw): Buffer {
  const name = draw.pick(Object.keys(PACKETS) as PacketName[])
  const payload = record(
    draw.times(0, 4, () => [
      draw.pick(['ok', 'error', 'requestId', 'current', 'lock', '__proto__', word(draw)]),
      value(draw),
    ]),
  )
  const bytes = Buffer.from(encodeFrame(name, draw.chance(0.2) ? value(draw) : payload))
  if (draw.chance(0.3)) {
    const head = Buffer.from(draw.pick(HEADS), 'hex')
    return Buffer.concat([bytes.subarray(0, draw.int(0, 4)), ...draw.times(1, 50, () => head), bytes])
  }
  for (let n = draw.int(0, 6); n > 0; n--) bytes[draw.int(0, bytes.length - 1)] = draw.int(0, 255)
  return draw.chance(0.2) ? bytes.subarray(0, draw.int(0, bytes.length)) : bytes
}

/** Frames of the WebSocket and answers as broken bytes: whatever they are is read as something, or as nothing, and quickly. */
export async function packetCase(seed: number): Promise<CaseReport> {
  const draw = new Draw(seed)
  const findings: string[] = []
  for (let n = 0; n < FRAMES; n++) {
    const bytes = bytesOf(draw)
    const text = Buffer.from(spelled(value(draw)))
    const broken = draw.chance(0.5) ? text : Buffer.from(text.subarray(0, draw.int(0, text.length)))
    try {
      const frame = decodeFrame(bytes)
      if (frame !== undefined && !Object.hasOwn(PACKETS, frame.name))
        findings.push(`a frame called ${String(frame.name)}`)
      const json = frame === undefined ? undefined : asJson(frame.payload)
      if (typeof json === 'function') findings.push('a payload that can be called')
      if (json !== undefined) hasLostKey(json)
      const parsed = parseJson(broken, { maxDepth: 200, maxValues: 10_000 })
      if (parsed.kind === 'broken' && parsed.why === '') findings.push('an answer refused without a reason')
    } catch (error) {
      findings.push(`${describe(error)}: ${bytes.toString('hex')} ${broken.toString('hex')}`)
    }
  }
  if (Object.keys(Object.prototype).length > 0) findings.push('the prototype of all objects was changed')
  return { findings, story: [`${FRAMES} frames and answers`] }
}
