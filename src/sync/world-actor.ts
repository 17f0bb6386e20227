import { randomBytes } from 'node:crypto'
import type {
  AdminCommand,
  AdminSession,
  BatchOperation,
  CommandOutcome,
  RemoteRuntime,
  Snapshot,
} from '../remote-runtime/remote-runtime.ts'
import { SyncError } from '../world/errors.ts'
import type { ObjectKey } from '../world/state.ts'
import { requireBidirectional } from './switches.ts'
import type { World } from './world-target.ts'

/** What edits made in the world are recorded with (protocol, section 3). */
export const SOURCE = 'admin'

type Refused = Extract<CommandOutcome, { kind: 'refused' }>
type Unsigned<T> = T extends unknown ? Omit<T, 'opId' | 'actor' | 'source'> : never

/** One who edits a world over the admin WebSocket, as somebody inside it would, and what they did so far. */
export class WorldActor {
  readonly #runtime: RemoteRuntime
  readonly #session: AdminSession
  readonly #batches: boolean
  readonly #name: string
  readonly #opIds: string[] = []
  #recordedAs: string

  constructor(runtime: RemoteRuntime, session: AdminSession, snapshot: Snapshot, name: string) {
    this.#runtime = runtime
    this.#session = session
    this.#batches = snapshot.capabilities?.includes('ops.batch') ?? false
    this.#name = name
    this.#recordedAs = name
  }

  /** The operations that were accepted, as far as their ids can be known. */
  get opIds(): readonly string[] {
    return this.#opIds
  }

  /** Whom the feed names for them: routes of the public protocol without an actor record `admin`. */
  get recordedAs(): string {
    return this.#recordedAs
  }

  /** Sends one command of the WebSocket. */
  async command(type: string, payload: Readonly<Record<string, unknown>>): Promise<CommandOutcome> {
    const lastOpId = newOpId()
    const command: AdminCommand = { ...payload, type, actor: this.#name, source: SOURCE, lastOpId }
    const outcome = await this.#session.send(command)
    if (outcome.kind === 'ok') this.#opIds.push(lastOpId)
    return outcome
  }

  /**
   * Makes a change that the WebSocket has no command for: in a batch of one where the runtime takes batches, which
   * records who it was, else over the public HTTP route, which records `admin`.
   */
  async write(
    operation: Unsigned<BatchOperation>,
    route: (runtime: RemoteRuntime) => Promise<CommandOutcome>,
  ): Promise<CommandOutcome> {
    if (!this.#batches) {
      const outcome = await route(this.#runtime)
      if (outcome.kind === 'ok') this.#recordedAs = 'admin'
      return outcome
    }
    const opId = newOpId()
    const signed: BatchOperation = { ...operation, opId, actor: this.#name, source: SOURCE }
    const outcome = await this.#runtime.batch({ operations: [signed] })
    switch (outcome.kind) {
      case 'landed':
        this.#opIds.push(opId)
        return { kind: 'ok' }
      case 'mismatch':
        return { kind: 'refused', error: 'expectation_failed' }
      case 'locked':
        return {
          kind: 'refused',
          error: outcome.error,
          ...(outcome.lock === undefined ? {} : { lock: outcome.lock }),
        }
      case 'refused':
        return { kind: 'refused', error: outcome.error }
    }
  }
}

/** How an edit is made: in whose name, and who is asked where the target wants that (P7). */
export interface ActOptions {
  readonly as: string
  readonly confirm: (question: string) => Promise<boolean>
}

/** What was done, for every kind of edit. */
export interface ActReport {
  readonly worldId: string
  readonly object: ObjectKey
  readonly actor: string
  /** Ids of the operations; those of public HTTP routes cannot be known. */
  readonly opIds: readonly string[]
}

/**
 * Opens a world for one edit and closes it again. The world is identified before anything else is sent to it; the
 * snapshot is read last, so that what is composed from it is as fresh as can be. Throws `not_confirmed`.
 */
export async function actIn<R>(
  { runtime, url, confirm, switches }: World,
  options: ActOptions,
  what: string,
  work: (actor: WorldActor, snapshot: Snapshot) => Promise<R>,
): Promise<R> {
  requireBidirectional(switches, 'world')
  if (confirm && !(await options.confirm(`${what} in the world at ${url}?`))) {
    throw new SyncError('not_confirmed', `The edit of ${url} was not confirmed; nothing was sent.`, {
      exitCode: 5,
      hint: 'Confirm it, or pass --yes where nobody can be asked.',
    })
  }
  if (options.as === '') {
    throw new SyncError('invalid_actor', 'Somebody must have made the edit: --as is empty.', {
      hint: 'Leave --as out, or name somebody.',
    })
  }
  await runtime.identify()
  const session = await runtime.connect()
  try {
    const snapshot = await runtime.snapshot()
    return await work(new WorldActor(runtime, session, snapshot, options.as), snapshot)
  } finally {
    await session.close()
  }
}

function newOpId(): string {
  return randomBytes(16).toString('base64url')
}

const SCRIPTS = 'Scripts are changed through files: edit them, commit, and run "gamedev sync push".'
const HINTS: Readonly<Record<string, string>> = {
  version_mismatch: 'Somebody else keeps changing it; run the command again.',
  deploy_lock_required: SCRIPTS,
  scope_unknown: SCRIPTS,
  scope_mismatch: SCRIPTS,
  invalid_script_files: SCRIPTS,
  invalid_script_entry: SCRIPTS,
  in_use: 'Remove the entities that use it first; "gamedev world list" shows them.',
  not_found: 'It is gone meanwhile; "gamedev world list" shows what there is.',
  invalid_payload: 'Check the values: the runtime does not take them.',
  builder_required: 'The admin code does not allow building in this world.',
  admin_required: 'Set ADMIN_CODE, or the adminCode of the target in .lobby/targets.json.',
}

/** The error for what a runtime refused. `landed` says which parts of the same edit it had accepted before. */
export function refusal(key: ObjectKey, { error, lock }: Refused, landed: readonly string[] = []): SyncError {
  const holder = lock?.owner === undefined ? 'Somebody' : `"${lock.owner}"`
  const hint = error === 'deploy_locked' ? `${holder} is deploying it; wait until that is done.` : HINTS[error]
  const before = landed.length === 0 ? '' : ` (${landed.join(', ')} had been changed by then)`
  return new SyncError('refused', `The world refused the edit of ${key}: ${error}${before}.`, {
    exitCode: error === 'builder_required' || error === 'admin_required' ? 4 : 1,
    hint: hint ?? 'Look at the object with "gamedev world list --json" and try again.',
    data: { object: key, error, landed },
  })
}
