import WebSocket from 'ws'
import { asJson, decodeFrame, encodeFrame } from '../../src/remote-runtime/frames.ts'
import type { Snapshot } from '../../src/remote-runtime/remote-runtime.ts'
import { isJsonObject, type JsonObject } from '../../src/world/json.ts'

/** What an operation found, and what it left. */
export interface Written {
  readonly before: JsonObject | undefined
  readonly after: JsonObject | undefined
}

/** The world as everybody in it sees it: object packets of the admin WebSocket, in their order (protocol, section 5). */
export class LiveWorld {
  readonly #socket: WebSocket
  readonly #objects = new Map<string, JsonObject>()
  readonly #written = new Map<string, Written>()
  readonly #waiting = new Map<string, (written: Written) => void>()

  private constructor(socket: WebSocket, snapshot: Snapshot) {
    this.#socket = socket
    for (const one of snapshot.blueprints as readonly JsonObject[]) this.#objects.set(`blueprint:${one.id}`, one)
    for (const one of snapshot.entities as readonly JsonObject[]) this.#objects.set(`entity:${one.id}`, one)
    socket.on('message', (bytes) => this.#receive(bytes as Buffer))
  }

  /** Nothing may change between the snapshot and the return of this. */
  static async open(url: string, code: string, snapshot: Snapshot): Promise<LiveWorld> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/admin`)
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    const subscriptions = { snapshot: false, players: false, runtime: false }
    socket.send(encodeFrame('adminAuth', { code, subscriptions }))
    await new Promise((resolve) => socket.once('message', resolve))
    return new LiveWorld(socket, snapshot)
  }

  get(object: string): JsonObject | undefined {
    return this.#objects.get(object)
  }

  /** What an operation of one's own did, once it is shown; asked once. */
  written(object: string, opId: string): Promise<Written> {
    const name = `${object} ${opId}`
    const written = this.#written.get(name)
    if (written !== undefined) return Promise.resolve(written)
    return new Promise((resolve) => this.#waiting.set(name, resolve))
  }

  close(): void {
    this.#socket.close()
  }

  #receive(bytes: Buffer): void {
    const frame = decodeFrame(bytes)
    const data = asJson(frame?.payload)
    switch (frame?.name) {
      case 'entityAdded':
      case 'entityModified':
        if (isJsonObject(data)) this.#put(`entity:${data.id}`, data)
        break
      case 'blueprintAdded':
      case 'blueprintModified':
        if (isJsonObject(data)) this.#put(`blueprint:${data.id}`, data)
        break
      case 'entityRemoved':
        this.#objects.delete(`entity:${data}`)
        break
      default:
    }
  }

  #put(object: string, after: JsonObject): void {
    const written = { before: this.#objects.get(object), after }
    this.#objects.set(object, after)
    const name = `${object} ${after.lastOpId}`
    const waiting = this.#waiting.get(name)
    this.#waiting.delete(name)
    if (waiting !== undefined) waiting(written)
    else this.#written.set(name, written)
  }
}
