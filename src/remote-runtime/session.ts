import { assert, SyncError } from '../world/errors.ts'
import { isJsonObject } from '../world/json.ts'
import { loadReplies } from './checked.ts'
import { commandWindow } from './command-window.ts'
import type { Connection } from './connection.ts'
import { unauthorized, unreachable } from './http.ts'
import type { AdminSession, CommandOutcome } from './remote-runtime.ts'
import { openSocket } from './socket.ts'
import { refusedOf } from './writes.ts'

/** A session that also tells its end. */
export interface LiveSession extends AdminSession {
  /** Resolves when the connection is over, for whatever reason. */
  readonly closed: Promise<void>
}

const ENDPOINT = 'WebSocket /admin'
const LONGEST_GRACE_MS = 2_000
const OBJECT_PACKETS: ReadonlySet<string> = new Set([
  'blueprintAdded',
  'blueprintModified',
  'blueprintRemoved',
  'entityAdded',
  'entityModified',
  'entityRemoved',
  'settingsModified',
  'spawnModified',
])

/**
 * Opens the admin WebSocket and authenticates (protocol, section 5). Throws {@link SyncError} `unreachable` or
 * `unauthorized`; commands that are under way when the connection breaks reject with `connection_lost`, and what
 * became of them is read from the feed (P6).
 */
export async function openSession(connection: Connection): Promise<LiveSession> {
  const [frames, replies] = await Promise.all([import('./frames.ts'), loadReplies()])
  connection.signal?.throwIfAborted()
  const authenticated = deferred()
  const closed = deferred()
  const listeners = new Set<() => void>()
  const grace = Math.min(LONGEST_GRACE_MS, connection.timeoutMs)
  let ready = false

  const socket = await openSocket(connection, {
    open: () => {
      const subscriptions = { snapshot: false, players: false, runtime: false }
      socket.send(frames.encodeFrame('adminAuth', { code: connection.code ?? '', subscriptions }))
    },
    message: (bytes) => {
      const frame = frames.decodeFrame(bytes)
      if (frame === undefined) return
      if (!ready) return authenticate(frame.name, frame.payload)
      if (frame.name === 'adminResult') settle(frame.payload)
      else if (OBJECT_PACKETS.has(frame.name)) for (const listener of listeners) listener()
    },
    end: (reason) => {
      clearTimeout(patience)
      connection.signal?.removeEventListener('abort', abort)
      authenticated.reject(unreachable(connection, ENDPOINT, reason))
      window.fail(lost(connection, reason))
      closed.resolve()
    },
  })

  const window = commandWindow<CommandOutcome>(socket, {
    timeoutMs: connection.timeoutMs,
    timedOut: () => lost(connection, 'a command was not answered in time'),
  })
  const abort = () => {
    authenticated.reject(connection.signal?.reason)
    socket.destroy()
  }
  const patience = setTimeout(() => {
    authenticated.reject(unreachable(connection, ENDPOINT, 'timeout'))
    socket.destroy()
  }, connection.timeoutMs)
  connection.signal?.addEventListener('abort', abort)

  const authenticate = (name: string, payload: unknown) => {
    if (name === 'adminAuthOk') {
      ready = true
      clearTimeout(patience)
      authenticated.resolve()
    } else if (name === 'adminAuthError') {
      const said = isJsonObject(payload) && typeof payload.error === 'string' ? payload.error : undefined
      authenticated.reject(unauthorized(connection, ENDPOINT, said))
      socket.close(grace)
    }
  }
  const settle = (payload: unknown) => {
    const result = frames.asJson(payload)
    if (!isJsonObject(result) || typeof result.requestId !== 'string') return
    if (result.ok === true) window.settle(result.requestId, { kind: 'ok' })
    else {
      const error = typeof result.error === 'string' ? result.error : 'server_error'
      window.settle(result.requestId, refusedOf(error, result, replies, connection.code))
    }
  }

  let commands = 0
  await authenticated.promise
  return {
    closed: closed.promise,
    send: async (command) => {
      if (frames.hasLostKey(command)) return { kind: 'refused', error: 'invalid_payload' }
      const requestId = String(++commands)
      return window.send(requestId, frames.encodeFrame('adminCommand', { ...command, requestId }))
    },
    onChange: (listener) => {
      listeners.add(listener)
    },
    close: async () => {
      window.fail(lost(connection, 'the session was closed'))
      socket.close(grace)
      await closed.promise
    },
  }
}

interface Deferred {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

function deferred(): Deferred {
  let settle: Omit<Deferred, 'promise'> | undefined
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject }
  })
  assert(settle !== undefined, 'a promise runs its executor at once')
  return { promise, ...(settle as Omit<Deferred, 'promise'>) }
}

function lost(connection: Connection, reason: string): SyncError {
  return new SyncError('connection_lost', `The connection to ${connection.base} was lost: ${reason} (${ENDPOINT})`, {
    exitCode: 4,
    hint: 'What became of the commands is read from the feed by the next run.',
    data: { url: connection.base, reason },
  })
}
