import type { WebSocket } from 'ws'
import { framePackr } from '../protocol/frame-packr.ts'
import { PACKETS, type PacketName, packetName } from '../protocol/packets.ts'
import { admits } from './admin-code.ts'
import { parseAdminCommand } from './admin-command.ts'
import type { Packet } from './engine-types.ts'
import { type RuntimeCore, worldSnapshot } from './runtime-core.ts'

/** The admin WebSocket's sessions (protocol, section 5). */
export interface AdminSockets {
  accept(socket: WebSocket, baseUrl: string): void
  /** To every authenticated socket. */
  broadcast(packet: Packet): void
  /** Cuts all connections at once. */
  terminate(): void
}

/** `core` is asked for late: the writer inside it needs the sockets to broadcast. */
export function createAdminSockets(core: () => RuntimeCore): AdminSockets {
  const sockets = new Set<WebSocket>()
  const authenticated = new Set<WebSocket>()

  function accept(socket: WebSocket, baseUrl: string): void {
    let networkId: string | undefined
    sockets.add(socket)
    socket.on('error', () => socket.terminate())
    socket.on('close', () => {
      sockets.delete(socket)
      authenticated.delete(socket)
    })
    socket.on('message', (data, isBinary) => {
      const frame = isBinary ? decode(data as Buffer) : undefined
      if (frame === undefined) fail(socket, 'invalid_packet')
      else if (authenticated.has(socket)) {
        if (frame.name === 'adminCommand') command(socket, frame.data, networkId)
      } else if (frame.name !== 'adminAuth') fail(socket, 'unauthorized')
      else networkId = authenticate(socket, frame.data, baseUrl)
    })
  }

  function authenticate(socket: WebSocket, data: Fields, baseUrl: string): string | undefined {
    if (!admits(core().adminCode, data.code)) {
      fail(socket, 'invalid_code')
      return undefined
    }
    authenticated.add(socket)
    send(socket, 'adminAuthOk', { ok: true, capabilities: { builder: true, deploy: true } })
    if (fieldsOf(data.subscriptions).snapshot === true) {
      send(socket, 'snapshot', { serverTime: performance.now() / 1000, ...worldSnapshot(core(), baseUrl) })
    }
    return typeof data.networkId === 'string' ? data.networkId : undefined
  }

  function command(socket: WebSocket, data: Fields, networkId: string | undefined): void {
    const requestId = echoed(data.requestId)
    const parsed = parseAdminCommand(data, networkId)
    if (parsed.kind === 'refused') {
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

  return {
    accept,
    broadcast(packet) {
      if (authenticated.size === 0) return
      const bytes = encode(packet.name, packet.data)
      for (const socket of authenticated) socket.send(bytes)
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

function send(socket: WebSocket, name: PacketName, data: unknown): void {
  socket.send(encode(name, data))
}

/** Says why and closes; whatever else is sent on this socket is not looked at. */
function fail(socket: WebSocket, error: string): void {
  socket.removeAllListeners('message')
  send(socket, 'adminAuthError', { error })
  socket.close()
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
