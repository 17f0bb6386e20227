import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { framePackr } from '../protocol/frame-packr.ts'
import { PACKETS, type PacketName, packetName } from '../protocol/packets.ts'
import { admits } from './admin-code.ts'
import { parseAdminCommand } from './admin-command.ts'
import type { Packet } from './engine-types.ts'
import { type RuntimeCore, worldSnapshot } from './runtime-core.ts'

/** Where a WebSocket came from. */
export interface SocketOrigin {
  readonly baseUrl: string
  readonly connection: Socket
  /** Called when it has shown the admin code. */
  readonly admit: () => void
}

/** The admin WebSocket's sessions (protocol, section 5). */
export interface AdminSockets {
  accept(socket: WebSocket, origin: SocketOrigin): void
  /** To every authenticated socket. */
  broadcast(packet: Packet): void
  /** How many are authenticated. */
  readonly size: number
  /** No more pings; the connections are closed by the server. */
  stop(): void
  /** Cuts all connections at once. */
  terminate(): void
}

/** How long a refused client may take to close. */
const CLOSE_MS = 2000

/** `core` is asked for late: the writer inside it needs the sockets to broadcast. */
export function createAdminSockets(core: () => RuntimeCore): AdminSockets {
  const sockets = new Set<WebSocket>()
  const authenticated = new Set<WebSocket>()
  /** Those that were heard of since the last ping. */
  const alive = new Set<WebSocket>()
  let heartbeat: NodeJS.Timeout | undefined

  function beat(): void {
    for (const socket of authenticated) {
      if (alive.delete(socket)) socket.ping()
      else socket.terminate()
    }
  }

  function accept(socket: WebSocket, origin: SocketOrigin): void {
    const { limits } = core()
    const { connection } = origin
    heartbeat ??= setInterval(beat, limits.heartbeatMs).unref()
    let networkId: string | undefined
    sockets.add(socket)
    const patience = setTimeout(() => refuse(socket, 'unauthorized'), limits.authMs).unref()
    // A frame is put together before we see it: what a stranger may send is counted as it comes in.
    let unread = limits.authBytes
    const count = (chunk: Buffer) => {
      unread -= chunk.byteLength
      if (unread < 0 && !authenticated.has(socket)) socket.terminate()
    }
    connection.on('data', count)
    const settled = () => {
      clearTimeout(patience)
      connection.off('data', count)
    }
    socket.on('error', () => socket.terminate())
    socket.on('close', () => {
      settled()
      sockets.delete(socket)
      authenticated.delete(socket)
      alive.delete(socket)
    })
    socket.on('pong', () => alive.add(socket))
    socket.on('message', (data, isBinary) => {
      alive.add(socket)
      try {
        const frame = isBinary ? decode(data as Buffer) : undefined
        if (frame === undefined) refuse(socket, 'invalid_packet')
        else if (authenticated.has(socket)) {
          if (frame.name === 'adminCommand') command(socket, frame.data, networkId)
        } else if (frame.name !== 'adminAuth') refuse(socket, 'unauthorized')
        else if (!admits(core().adminCode, frame.data.code)) {
          core().metrics?.wrongCode('websocket')
          refuse(socket, 'invalid_code')
        } else {
          settled()
          origin.admit()
          networkId = typeof frame.data.networkId === 'string' ? frame.data.networkId : undefined
          welcome(socket, frame.data, origin.baseUrl)
        }
      } catch (error) {
        core().report(error)
        refuse(socket, 'server_error')
      }
    })
  }

  function welcome(socket: WebSocket, data: Fields, baseUrl: string): void {
    authenticated.add(socket)
    send(socket, 'adminAuthOk', { ok: true, capabilities: { builder: true, deploy: true } })
    if (fieldsOf(data.subscriptions).snapshot === true) {
      send(socket, 'snapshot', { serverTime: performance.now() / 1000, ...worldSnapshot(core(), baseUrl) })
    }
  }

  function command(socket: WebSocket, data: Fields, networkId: string | undefined): void {
    const requestId = echoed(data.requestId)
    const parsed = parseAdminCommand(data, networkId)
    if (parsed.kind === 'refused') {
      core().metrics?.malformed('unknown')
      send(socket, 'adminResult', { ok: false, error: parsed.error, requestId })
      return
    }
    core().writer.submit(parsed.request, ({ outcome }) => {
      if (outcome.kind === 'done') send(socket, 'adminResult', { ok: true, ...outcome.reply, requestId })
      else {
        send(socket, 'adminResult', { ok: false, error: outcome.error, ...outcome.reply, requestId })
        for (const packet of outcome.toSender) send(socket, packet.name, packet.data)
      }
    })
  }

  function send(socket: WebSocket, name: PacketName, data: unknown): void {
    deliver(socket, encode(name, data))
  }

  /** A client that does not read what it is sent is cut off, before it fills our memory; the feed has what it missed. */
  function deliver(socket: WebSocket, bytes: Buffer): void {
    if (socket.bufferedAmount > core().limits.backlogBytes) socket.terminate()
    else socket.send(bytes)
  }

  /** Says why and closes; whatever else is sent on this socket is not looked at. */
  function refuse(socket: WebSocket, error: string): void {
    socket.removeAllListeners('message')
    authenticated.delete(socket)
    send(socket, 'adminAuthError', { error })
    socket.close()
    const patience = setTimeout(() => socket.terminate(), CLOSE_MS).unref()
    socket.once('close', () => clearTimeout(patience))
  }

  return {
    accept,
    broadcast(packet) {
      if (authenticated.size === 0) return
      const bytes = encode(packet.name, packet.data)
      for (const socket of authenticated) deliver(socket, bytes)
    },
    get size() {
      return authenticated.size
    },
    stop() {
      clearInterval(heartbeat)
    },
    terminate() {
      for (const socket of sockets) socket.terminate()
    },
  }
}

type Fields = { readonly [field: string]: unknown }

function encode(name: PacketName, data: unknown): Buffer {
  return framePackr.pack([PACKETS[name], data])
}

/** What a client uses to recognise its answer, if it is something to be recognised by. */
function echoed(requestId: unknown): string | number | undefined {
  return typeof requestId === 'string' || typeof requestId === 'number' ? requestId : undefined
}

/** A frame of ours or of a later protocol (name undefined); undefined when it is no frame at all. */
function decode(bytes: Buffer): { readonly name: PacketName | undefined; readonly data: Fields } | undefined {
  try {
    const frame: unknown = framePackr.unpack(bytes)
    if (!Array.isArray(frame) || typeof frame[0] !== 'number') return undefined
    return { name: packetName(frame[0]), data: fieldsOf(frame[1]) }
  } catch {
    return undefined
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}
