import type { Duplex } from 'node:stream'
import type { Connection } from './connection.ts'
import { failureOf } from './exchange.ts'
import { socketUrl } from './world-url.ts'

/** The admin WebSocket as the session sees it: binary messages in, binary messages out, one end. */
export interface Socket {
  send(bytes: Uint8Array): void
  buffered(): number
  /** Says goodbye; a peer that does not answer is cut off after `graceMs`. */
  close(graceMs: number): void
  /** Cuts the connection at once. */
  destroy(): void
}

export interface SocketEvents {
  readonly open: () => void
  readonly message: (bytes: Uint8Array) => void
  /** Comes once, as the last event; `reason` is fit for a message. */
  readonly end: (reason: string) => void
}

/** Opens the WebSocket of a world. undici is loaded here only: a pull never needs it. */
export async function openSocket(connection: Connection, events: SocketEvents): Promise<Socket> {
  const { Agent, buildConnector, WebSocket } = await import('undici')
  const connect = buildConnector({ timeout: connection.timeoutMs })
  let wire: Duplex | undefined
  let refused: string | undefined
  const agent = new Agent({
    webSocket: { maxPayloadSize: connection.limits.frameBytes },
    headersTimeout: connection.timeoutMs,
    // WebSocket has no way to cut a connection, so we keep the socket below it.
    connect: (options, callback) =>
      connect(options, (...result) => {
        const [error, socket] = result
        if (error !== null) refused = failureOf(error, false).reason
        else wire = socket
        callback(...result)
      }),
  })
  const socket = new WebSocket(socketUrl(connection.base), { dispatcher: agent })
  socket.binaryType = 'arraybuffer'

  let grace: ReturnType<typeof setTimeout> | undefined
  let opened = false
  let ended = false
  const end = (reason: string) => {
    if (ended) return
    ended = true
    clearTimeout(grace)
    wire?.destroy()
    agent.destroy().catch(() => {})
    events.end(reason)
  }
  socket.addEventListener('open', () => {
    opened = true
    events.open()
  })
  socket.addEventListener('message', ({ data }) => {
    // Text frames are no part of the protocol.
    if (data instanceof ArrayBuffer) events.message(new Uint8Array(data))
  })
  // An 'error' says nothing that the 'close' after it does not.
  socket.addEventListener('close', ({ code }) => {
    end(refused ?? (opened ? `closed with ${code}` : 'no WebSocket is served there'))
  })

  return {
    send: (bytes) => socket.send(bytes),
    buffered: () => socket.bufferedAmount,
    close: (graceMs) => {
      if (ended) return
      grace = setTimeout(() => end('closed'), graceMs)
      socket.close(1000)
    },
    destroy: () => end('closed'),
  }
}
