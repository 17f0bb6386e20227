import { Packr } from 'msgpackr'
import { PACKETS, type PacketName, packetName } from '../../../src/protocol/packets.ts'
import { parseAdminCommand } from '../../../src/runtime/admin-command.ts'
import type { Packet } from '../../../src/runtime/engine-types.ts'
import type { SimProcess } from '../host.ts'
import { surroundings } from './http-routes.ts'
import type { Listener, WorldModel } from './model.ts'

/** What the server sends over one connection. */
export interface DoorEvents {
  frame(name: PacketName, bytes: Uint8Array): void
  /** The server ends the connection; the code is that of the WebSocket, 1006 for one that was cut. */
  end(code: number): void
}

type Fields = { readonly [field: string]: unknown }
type Frame = { readonly name: PacketName | undefined; readonly data: Fields }

const packr = new Packr({ structuredClone: true })
/** The frame of a packet, made once for all who hear it. */
const frames = new WeakMap<Packet, Uint8Array>()

/** The server's end of one admin WebSocket (protocol, section 5). What it is told is done when the call returns. */
export class AdminDoor implements Listener {
  readonly #model: WorldModel
  readonly #base: string
  readonly #process: SimProcess | undefined
  readonly #events: DoorEvents
  /** The server that took the connection; a later one knows nothing of it. */
  readonly #incarnation: number
  #leave: (() => void) | undefined
  #networkId: string | undefined
  #ended = false

  constructor(model: WorldModel, base: string, process: SimProcess | undefined, events: DoorEvents) {
    this.#model = model
    this.#base = base
    this.#process = process
    this.#events = events
    this.#incarnation = model.incarnation
  }

  /** False when nobody reads this connection any more. */
  get open(): boolean {
    return !this.#ended && this.#model.running && this.#model.incarnation === this.#incarnation
  }

  /** `late` for a frame whose sender is cut off or dead. */
  receive(bytes: Uint8Array, late = false): void {
    if (!this.open) return
    const frame = decode(bytes)
    if (frame === undefined) this.#fail('invalid_packet')
    else if (this.#leave !== undefined) {
      if (frame.name === 'adminCommand') this.#command(frame.data, late)
    } else if (frame.name !== 'adminAuth') this.#fail('unauthorized')
    else this.#authenticate(frame.data)
  }

  packet(packet: Packet): void {
    let bytes = frames.get(packet)
    if (bytes === undefined) {
      bytes = encode(packet.name, packet.data)
      frames.set(packet, bytes)
    }
    this.#events.frame(packet.name, bytes)
  }

  cut(): void {
    if (this.#ended) return
    this.leave()
    this.#events.end(1006)
  }

  /** The client is gone; what it sent before may still be read. */
  unheard(): void {
    this.#leave?.()
    this.#leave = () => {}
  }

  /** The connection is over on both sides. */
  leave(): void {
    this.#ended = true
    this.#leave?.()
  }

  #authenticate(data: Fields): void {
    const code = this.#model.adminCode ?? ''
    if (code !== '' && data.code !== code) {
      this.#fail('invalid_code')
      return
    }
    this.#leave = this.#model.listen(this)
    this.#send('adminAuthOk', { ok: true, capabilities: { builder: true, deploy: true } })
    if (fieldsOf(data.subscriptions).snapshot === true) this.#send('snapshot', this.#snapshot())
    this.#networkId = typeof data.networkId === 'string' ? data.networkId : undefined
  }

  /** Without the world's id, as the public server has it. */
  #snapshot(): Fields {
    const { world } = this.#model
    const objects = { blueprints: [...world.all('blueprint')], entities: [...world.all('entity')] }
    return { serverTime: this.#model.now() / 1000, ...surroundings(this.#model, this.#base), ...objects }
  }

  #command(data: Fields, late: boolean): void {
    const { requestId } = data
    const parsed = parseAdminCommand(data, this.#networkId)
    if (parsed.kind === 'refused') {
      this.#send('adminResult', { ok: false, error: parsed.error, requestId })
      return
    }
    const { command, by } = parsed.request
    const { outcome } = this.#model.apply(command, by, { what: command.kind, process: this.#process, late })
    if (outcome.kind === 'done') {
      this.#send('adminResult', { ok: true, ...outcome.reply, requestId })
      return
    }
    this.#send('adminResult', { ok: false, error: outcome.error, ...outcome.reply, requestId })
    for (const packet of outcome.toSender) this.packet(packet)
  }

  #fail(error: string): void {
    this.#send('adminAuthError', { error })
    this.leave()
    this.#events.end(1005)
  }

  #send(name: PacketName, data: unknown): void {
    this.#events.frame(name, encode(name, data))
  }
}

function encode(name: PacketName, data: unknown): Uint8Array {
  return packr.pack([PACKETS[name], data])
}

/** A frame of ours or of a later protocol (name undefined); undefined when it is no frame at all. */
function decode(bytes: Uint8Array): Frame | undefined {
  try {
    const frame: unknown = packr.unpack(bytes)
    if (!Array.isArray(frame) || typeof frame[0] !== 'number') return undefined
    return { name: packetName(frame[0]), data: fieldsOf(frame[1]) }
  } catch {
    return undefined
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}
