import WebSocket from 'ws'
import { asJson, decodeFrame, encodeFrame } from '../../src/remote-runtime/frames.ts'
import { isJsonObject, type JsonObject } from '../../src/world/json.ts'

/** What became of one command; nobody knows when the connection broke before its answer. */
export type Outcome = 'ok' | 'refused' | 'unknown'

/** Somebody's admin WebSocket: commands, and the objects as everybody in the world sees them change. */
export class Link {
  readonly #socket: WebSocket
  readonly #waiting = new Map<string, (outcome: Outcome) => void>()
  readonly #objects = new Map<string, JsonObject>()
  #count = 0

  /** Rejects when the runtime is not there. */
  static async open(url: string): Promise<Link> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/admin`)
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    const link = new Link(socket)
    const subscriptions = { snapshot: false, players: false, runtime: false }
    const accepted = new Promise<void>((resolve, reject) => {
      socket.once('message', () => resolve())
      socket.once('close', () => reject(new Error('closed')))
    })
    socket.send(encodeFrame('adminAuth', { code: 'editor', subscriptions }))
    await accepted
    return link
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('close', () => {
      for (const done of this.#waiting.values()) done('unknown')
      this.#waiting.clear()
    })
    socket.on('message', (bytes) => this.#receive(bytes as Buffer))
  }

  /** An object as it was shown last, since this link is open. */
  seen(object: string): JsonObject | undefined {
    return this.#objects.get(object)
  }

  send(command: JsonObject): Promise<Outcome> {
    if (this.#socket.readyState !== WebSocket.OPEN) return Promise.resolve('unknown')
    const requestId = `r${++this.#count}`
    return new Promise((resolve) => {
      this.#waiting.set(requestId, resolve)
      this.#socket.send(encodeFrame('adminCommand', { ...command, requestId }))
    })
  }

  close(): void {
    this.#socket.terminate()
  }

  #receive(bytes: Buffer): void {
    const frame = decodeFrame(bytes)
    const data = asJson(frame?.payload)
    if (!isJsonObject(data)) return
    if (frame?.name === 'adminResult') {
      const requestId = String(data.requestId)
      this.#waiting.get(requestId)?.(data.ok === true ? 'ok' : 'refused')
      this.#waiting.delete(requestId)
    } else if (frame?.name === 'blueprintAdded' || frame?.name === 'blueprintModified') {
      this.#objects.set(`blueprint:${data.id}`, data)
    }
  }
}
