import { expect, test } from 'vitest'
import { decodeFrame, encodeFrame } from '../../src/remote-runtime/frames.ts'

const HOSTILE: readonly Readonly<Record<string, unknown>>[] = [
  { toJSON: 1 },
  { toJSON: 'x', constructor: 'y' },
  { constructor: 'x' },
  { constructor: null, hasOwnProperty: true },
  { constructor: { name: 'Date' }, toJSON: null },
  { toString: 1, valueOf: 2, length: 4, 0: 5 },
  { nested: [{ toJSON: { toJSON: true } }] },
]

test.each(HOSTILE.map((props) => [props]))(
  'S1: keys that mean something to JavaScript go out and come back as data: %j',
  (props) => {
    const payload = { type: 'entity_modify', change: { id: 'e', props } }
    const frame = decodeFrame(encodeFrame('adminCommand', payload))
    expect(JSON.stringify(frame)).toBe(JSON.stringify({ name: 'adminCommand', payload }))
  },
)
