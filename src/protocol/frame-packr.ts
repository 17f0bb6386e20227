import { Packr } from 'msgpackr'

/**
 * The msgpack of the admin WebSocket, for both of its ends (protocol, section 5): `Packr({ structuredClone: true })`, kept
 * from tripping over data.
 *
 * Objects go out as msgpackr's records, which other tools of the protocol expect. An object with a key `__keys__` or
 * `__proto__` goes out as a plain map instead: msgpackr keeps its own notes under the first, and would write frames from
 * then on that nobody can read. A key `toJSON` is data, no function to call. Maps are read as objects.
 */
export const framePackr = new Packr({
  structuredClone: true,
  mapsAsObjects: true,
  useToJSON: false,
  variableMapSize: true,
  useRecords: (object: object) => !Object.hasOwn(object, '__keys__') && !Object.hasOwn(object, '__proto__'),
})
