import type { BatchOperation, BatchRequest, ChangesPage, DeployLock, Snapshot } from '../protocol/schemas.ts'
import type { JsonObject } from '../world/json.ts'
import type { Cursor, Operation } from '../world/operation.ts'

/** How to reach a world; the code never leaves this record for a log, an error or a file (S2). */
export interface RuntimeAddress {
  /** Base URL without a trailing slash, `http(s)://host[/worlds/slug]`. */
  readonly url: string
  /** What the runtime must answer; undefined when it is not known yet (clone). */
  readonly worldId: string | undefined
  readonly adminCode: string | undefined
}

export interface WorldIdentity {
  readonly worldId: string
  readonly title: string | undefined
}

/** What `POST /admin/ops` answered. */
export type BatchOutcome =
  | {
      readonly kind: 'landed'
      readonly cursor: Cursor
      readonly results: readonly { readonly opId: string; readonly cursor?: Cursor; readonly duplicate?: boolean }[]
    }
  | {
      readonly kind: 'mismatch'
      readonly mismatches: readonly {
        readonly opId: string
        readonly id?: string
        readonly field?: string
        readonly current?: unknown
      }[]
    }
  | { readonly kind: 'locked'; readonly error: string; readonly lock: DeployLock | undefined }
  | { readonly kind: 'refused'; readonly error: string; readonly opId: string | undefined; readonly message: string }

/** What an admin command or a single HTTP write answered. */
export type CommandOutcome =
  | { readonly kind: 'ok' }
  | {
      readonly kind: 'refused'
      /** The protocol's error code, e.g. `version_mismatch`. */
      readonly error: string
      /** The object as it is now, where the runtime says it. */
      readonly current?: JsonObject
      readonly lock?: DeployLock
    }

/** One command of the admin WebSocket: `type` and payload of protocol section 5. */
export interface AdminCommand {
  readonly type: string
  readonly actor: string
  readonly source: string
  /** Becomes the operation's `opId`. */
  readonly lastOpId?: string
  /** The rest of the payload. A field whose value is `undefined` is sent as msgpack undefined: it removes the field. */
  readonly [field: string]: unknown
}

export interface AdminSession {
  /** Sends one command and waits for its result. Many may be in flight; they are sent in the order of the calls. */
  send(command: AdminCommand): Promise<CommandOutcome>
  /** Called for each object packet (something changed in the world). */
  onChange(listener: () => void): void
  close(): Promise<void>
}

export type LockOutcome =
  | { readonly kind: 'acquired'; readonly token: string; readonly ttlMs: number }
  | { readonly kind: 'held'; readonly lock: DeployLock }

/** What `POST /admin/deploy-snapshots/rollback` answered. */
export type RollbackOutcome =
  | {
      readonly kind: 'rolled-back'
      /** The snapshot's id. */
      readonly id: string
      /** Ids of blueprints. */
      readonly restored: readonly string[]
      readonly failed: readonly string[]
    }
  | { readonly kind: 'unsupported' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly error: string; readonly lock?: DeployLock }

/**
 * The runtime as a remote. Every answer is validated and bounded (S3); reads are retried with back-off and jitter
 * (5xx, cut connections, time-outs), writes never: what became of them is read from the feed.
 *
 * Throws {@link SyncError} with the codes `unreachable`, `unauthorized` (exit 4), `wrong_world` (exit 5),
 * `no_changefeed`, `invalid_response`, `asset_missing`, `asset_corrupt`, `asset_too_large`, `invalid_asset_name`;
 * commands of a session that broke reject with `connection_lost` (exit 4). A write that throws `unreachable` says in
 * `data.outcome` whether the runtime may have done it (`unknown`) or never got it (`not_sent`).
 */
export interface RemoteRuntime {
  readonly address: RuntimeAddress
  /** `GET /status`, else the snapshot's `worldId`. Refuses a world other than `address.worldId` (protocol, section 1). Called before anything else. */
  identify(): Promise<WorldIdentity>
  /** `GET /admin/snapshot`. */
  snapshot(): Promise<Snapshot>
  /** The head cursor; also a barrier: everything acknowledged before the call is in the feed after it. */
  head(): Promise<Cursor>
  /** One page of the feed, strictly after `cursor`; the answer `expired` is the runtime's 410 (section 9). */
  changes(
    cursor: Cursor,
    options?: { readonly limit?: number; readonly wait?: number },
  ): Promise<
    | { readonly kind: 'page'; readonly page: ChangesPage }
    | { readonly kind: 'expired'; readonly oldestCursor: Cursor | undefined }
  >
  /** The current blueprint as the runtime holds it, with its `version`. */
  blueprint(id: string): Promise<JsonObject | undefined>

  /** `POST /admin/ops`; only when the snapshot advertises `ops.batch`. */
  batch(request: BatchRequest): Promise<BatchOutcome>
  /** Opens and authenticates the admin WebSocket. */
  connect(): Promise<AdminSession>
  removeBlueprint(id: string): Promise<CommandOutcome>
  putSpawn(spawn: { readonly position: unknown; readonly quaternion: unknown }): Promise<CommandOutcome>

  lockStatus(scope: string): Promise<DeployLock>
  acquireLock(owner: string, ttlSeconds: number, scope: string): Promise<LockOutcome>
  /** False when the lock is no longer ours. */
  renewLock(token: string, ttlSeconds: number, scope: string): Promise<boolean>
  releaseLock(token: string, scope: string): Promise<void>
  deploySnapshot(request: {
    readonly ids: readonly string[]
    readonly target: string
    readonly note: string
    readonly lockToken: string
    readonly scope: string
  }): Promise<
    | { readonly kind: 'taken'; readonly id: string }
    | { readonly kind: 'unsupported' }
    | { readonly kind: 'refused'; readonly error: string }
  >
  /** Puts the blueprints of a deploy snapshot back, by default those of the newest (protocol, section 6). */
  rollbackDeploy(request: {
    readonly id?: string
    readonly lockToken: string
    readonly scope: string
  }): Promise<RollbackOutcome>

  /**
   * The bytes of `asset://<name>`, verified by hash when the name is a content hash; undefined when the runtime has
   * none (404 after retries). `assetsUrl` is the snapshot's.
   */
  downloadAsset(assetUrl: string): Promise<Uint8Array | undefined>
  /** Uploads unless the runtime has it already; returns its `asset://<sha256>.<ext>` URL. */
  uploadAsset(bytes: Uint8Array, extension: string): Promise<string>
  close(): Promise<void>
}

export type { BatchOperation, BatchRequest, ChangesPage, DeployLock, Operation, Snapshot }
