/**
 * The two servers that a world may run on, as what they differ in. The rules of writing are those of `src/runtime`,
 * which both share; its own way of imitating the public server is the second.
 */
export interface ServerKind {
  readonly name: 'reference' | 'public'
  /** What a snapshot advertises (protocol, section 9). */
  readonly capabilities: readonly string[]
  /**
   * State and feed are on disk before the acknowledgement. Otherwise settings and spawn are, the feed just after it, and
   * blueprints and entities only when the world is saved, and deploy locks never (protocol, 'What the server can lose').
   */
  readonly durable: boolean
  /** Checks that an upload's name is the hash of its bytes, and answers with the name that they have. */
  readonly verifiesUploads: boolean
}

export const REFERENCE: ServerKind = {
  name: 'reference',
  capabilities: ['snapshot.cursor', 'ops.batch', 'changes.wait', 'durable'],
  durable: true,
  verifiesUploads: true,
}

export const PUBLIC: ServerKind = {
  name: 'public',
  capabilities: [],
  durable: false,
  verifiesUploads: false,
}
