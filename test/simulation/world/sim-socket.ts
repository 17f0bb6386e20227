import { decodeFrame } from '../../../src/remote-runtime/frames.ts'
import type { Socket, SocketEvents } from '../../../src/remote-runtime/socket.ts'
import type { SimProcess } from '../host.ts'
import { AdminDoor } from './admin-door.ts'
import { landed, pass, type Step, sent, type serverAt, type UnderWay, type Verdict } from './network.ts'

type Outbound =
  | { readonly kind: 'frame'; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: 'end'; readonly code: number }

/**
 * The client's end of an admin WebSocket, and the wire below it. Frames to the server pass the gate one by one; what the
 * server has sent until then comes back in one step. When the connection is cut, frames that were sent may still be read.
 */
export class SimSocket implements Socket, UnderWay {
  readonly process: SimProcess | undefined
  readonly origin: string
  readonly #server: ReturnType<typeof serverAt>
  readonly #events: SocketEvents
  #door: AdminDoor | undefined
  #inbound: Uint8Array[] = []
  #outbound: Outbound[] = []
  #sending = false
  #receiving = false
  #closing = false
  /** No event comes any more. */
  #over = false

  constructor(server: ReturnType<typeof serverAt>, process: SimProcess | undefined, events: SocketEvents) {
    this.#server = server
    this.process = process
    this.origin = server?.base ?? ''
    this.#events = events
  }

  async connect(): Promise<void> {
    if (this.#server === undefined) return this.#end('ENOTFOUND, no such host')
    const { world, base } = this.#server
    const verdict = await this.#pass('connect', 'WebSocket /admin', false)
    if (this.#over || this.process?.dead === true) return
    if (verdict === 'lose' || verdict === 'cut') return this.#end('ECONNRESET')
    if (!world.running || !world.reachable) return this.#end('ECONNREFUSED')
    this.#door = new AdminDoor(world, base, this.process, {
      frame: (name, bytes) => this.#hear({ kind: 'frame', name, bytes }),
      end: (code) => this.#hear({ kind: 'end', code }),
    })
    sent(this)
    this.#events.open()
  }

  send(bytes: Uint8Array): void {
    if (this.#over || this.#closing || this.process?.dead === true) return
    this.#inbound.push(bytes)
    if (!this.#sending) void this.#carry()
  }

  /** Nothing is ever held back for want of room. */
  buffered(): number {
    return 0
  }

  close(): void {
    if (this.#over || this.process?.dead === true) return
    this.#closing = true
    if (!this.#sending) void this.#carry()
  }

  destroy(): void {
    this.#cut('closed')
  }

  get abandoned(): boolean {
    return this.#over
  }

  get count(): number {
    return this.#inbound.length
  }

  get what(): string {
    return frameName(this.#inbound[0])
  }

  arrive(): void {
    const frame = this.#inbound.shift()
    if (frame !== undefined) this.#door?.receive(frame, this.#over || this.process?.dead === true)
  }

  /** Frames to the server, in order, then the goodbye. */
  async #carry(): Promise<void> {
    this.#sending = true
    for (let frame = this.#inbound[0]; frame !== undefined; frame = this.#inbound[0]) {
      const verdict = await this.#pass('frame', frameName(frame), true)
      if (this.#over || this.process?.dead === true) return
      // It arrived already, as a late one would.
      if (this.#inbound[0] !== frame) continue
      if (verdict === 'lose') this.#inbound = []
      if (this.#isCut(verdict)) return this.#cut('closed with 1006')
      this.arrive()
    }
    this.#sending = false
    if (!this.#closing) return
    // Not before the caller goes on.
    await undefined
    this.#end('closed with 1000')
  }

  #hear(message: Outbound): void {
    if (this.#over || this.process?.dead === true) return
    this.#outbound.push(message)
    if (!this.#receiving) void this.#bring()
  }

  /** What the server sends, in order. */
  async #bring(): Promise<void> {
    this.#receiving = true
    // What one command makes the server say comes together.
    await undefined
    while (this.#outbound.length > 0) {
      const last = this.#outbound.at(-1)!
      const verdict = await this.#pass('frame', last.kind === 'end' ? 'close' : last.name, false)
      if (this.#over || this.process?.dead === true) return
      if (this.#isCut(verdict)) return this.#cut('closed with 1006')
      for (const message of this.#outbound.splice(0)) {
        if (message.kind === 'end') return this.#end(`closed with ${message.code}`)
        this.#events.message(message.bytes)
        if (this.#over) return
      }
    }
    this.#receiving = false
  }

  #isCut(verdict: Verdict): boolean {
    return verdict === 'lose' || verdict === 'cut' || this.#server?.world.reachable !== true
  }

  #cut(reason: string): void {
    if (this.#over) return
    this.#door?.unheard()
    this.#finish(reason)
    if (this.#inbound.length === 0) this.#forget()
  }

  #end(reason: string): void {
    if (this.#over) return
    this.#inbound = []
    this.#finish(reason)
    this.#forget()
  }

  #finish(reason: string): void {
    this.#over = true
    this.#outbound = []
    if (this.process?.dead !== true) this.#events.end(reason)
  }

  #forget(): void {
    this.#door?.leave()
    landed(this)
  }

  #pass(kind: Step['kind'], what: string, write: boolean) {
    return pass({ process: this.process, origin: this.origin, kind, what, write })
  }
}

/** A frame in words: `adminCommand entity_modify`. */
function frameName(bytes: Uint8Array | undefined): string {
  const frame = bytes === undefined ? undefined : decodeFrame(bytes)
  if (frame === undefined) return 'frame'
  const { type } = (frame.payload ?? {}) as { readonly type?: unknown }
  return typeof type === 'string' ? `${frame.name} ${type}` : frame.name
}
