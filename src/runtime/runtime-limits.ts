/** What one client may take of the runtime; times in milliseconds. */
export interface RuntimeLimits {
  /** A request's head must be there this long after its connection or the request before it. */
  readonly headMs: number
  /** A whole request must be there. */
  readonly requestMs: number
  /** A connection on which nothing moves is cut; longer than `changes.wait` may hold an answer. */
  readonly idleMs: number
  /** Between two requests a connection is kept open this long. */
  readonly keepAliveMs: number
  /** What follows a refusal for want of the admin code is read this long, so that the refusal is heard. */
  readonly lingerMs: number
  /** A WebSocket must authenticate. */
  readonly authMs: number
  /** Received on a WebSocket before it authenticated. */
  readonly authBytes: number
  /** Between pings of a WebSocket; one that has not answered at the next is cut. */
  readonly heartbeatMs: number
  /** Waiting to be read by a WebSocket's client; one that reads no more is cut. */
  readonly backlogBytes: number
  /** Connections that have shown no admin code; beyond, the oldest of them is cut. */
  readonly strangers: number
  /** Of one answer of the feed: an operation repeats its whole object, so that few of them can be large. */
  readonly pageBytes: number
  /** Written by one command, for the same reason. */
  readonly commitCharacters: number
  /** Members copied by the dotted patches of one batch: each operation keeps the state of its object after it. */
  readonly copiedMembers: number
}

export const DEFAULT_LIMITS: RuntimeLimits = {
  headMs: 30_000,
  requestMs: 300_000,
  idleMs: 120_000,
  keepAliveMs: 72_000,
  lingerMs: 10_000,
  authMs: 10_000,
  authBytes: 64 * 1024,
  heartbeatMs: 60_000,
  backlogBytes: 64 * 1024 * 1024,
  strangers: 1000,
  pageBytes: 32 * 1024 * 1024,
  commitCharacters: 256 * 1024 * 1024,
  copiedMembers: 2_000_000,
}
