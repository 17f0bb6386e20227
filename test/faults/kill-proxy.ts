import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { finished } from 'node:stream/promises'
import { decodeFrame } from '../../src/remote-runtime/frames.ts'
import { bytesOf, forward, headerLines } from './forward.ts'
import { frameReader, type WireFrame } from './frames.ts'
import { type Command, type Moment, Watch } from './watch.ts'

/**
 * Stands between commands and the world: counts what goes through, and kills a command, or the runtime, at the chosen
 * step. Nothing that a killed command had not sent before its step reaches the runtime.
 *
 * Several commands at once are told apart by their admin codes; what carries none belongs to whoever runs alone.
 */
export class KillProxy {
  #upstream = ''
  readonly #server: Server
  readonly #watches = new Map<string | undefined, Watch>()
  /** Connections, and whose they are once that is known. */
  readonly #sockets = new Map<Duplex, Watch | undefined>()

  static async listen(): Promise<KillProxy> {
    const proxy = new KillProxy(createServer())
    await new Promise<void>((done) => proxy.#server.listen(0, '127.0.0.1', done))
    return proxy
  }

  private constructor(server: Server) {
    this.#server = server
    server.keepAliveTimeout = 60_000
    server.on('connection', (socket) => this.#hold(socket))
    server.on('request', (incoming: IncomingMessage, answer: ServerResponse) => {
      const watch = this.#watchOf(incoming.headers['x-admin-code'])
      if (watch !== undefined) this.#sockets.set(incoming.socket, watch)
      const done = this.#request(incoming, answer, watch).catch(() => {
        answer.destroy()
      })
      watch?.wait(done)
    })
    server.on('upgrade', (incoming: IncomingMessage, socket: Duplex) => this.#upgrade(incoming, socket))
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Leads to this runtime from now on. */
  to(url: string): void {
    this.#upstream = url
  }

  /** Before a command runs: what kills it, and when. What an earlier one with its code left open is cut. */
  watch(command: Command): Watch {
    const earlier = this.#watches.get(command.code)
    const watch = new Watch(command)
    this.#watches.set(command.code, watch)
    // Whose a connection is that has not said its code yet, is known where nobody else runs one.
    const isAlone = this.#watches.size === 1
    for (const [socket, owner] of this.#sockets) {
      if (owner === undefined ? isAlone : owner === earlier) socket.destroy()
    }
    return watch
  }

  /** A command is over: it is nobody's who comes next. */
  unwatch(watch: Watch): void {
    if (this.#watches.get(watch.command.code) === watch) this.#watches.delete(watch.command.code)
  }

  close(): void {
    for (const socket of this.#sockets.keys()) socket.destroy()
    this.#server.close()
  }

  #watchOf(code: unknown): Watch | undefined {
    const named = typeof code === 'string' ? this.#watches.get(code) : undefined
    return named ?? (this.#watches.size === 1 ? [...this.#watches.values()][0] : undefined)
  }

  #hold(socket: Duplex): void {
    this.#sockets.set(socket, undefined)
    socket.on('close', () => this.#sockets.delete(socket))
    // Killed processes leave their connections in any way.
    socket.on('error', () => {})
  }

  async #request(incoming: IncomingMessage, answer: ServerResponse, watch: Watch | undefined): Promise<void> {
    const { method = 'GET', url = '/' } = incoming
    const reads = method === 'GET'
    const name = `${method} ${url.replace(/\?.*$/, '')}`
    const step = watch?.count(name, reads ? ['before', 'answered'] : ['before', 'landed', 'answered']) ?? 0
    const hits = (moment: Moment) => watch?.hits(step, moment) === true
    const isDead = () => watch?.dead === true
    const body = await bytesOf(incoming)
    if (isDead() || hits('before')) return void answer.destroy()
    if (!reads) watch?.command.onWrite?.({ name, body })
    const { status, headers, bytes } = await forward(this.#upstream, incoming, body, {
      half: () => hits('half'),
      sent: () => hits('sent'),
    })
    if (isDead() || hits('landed')) return void answer.destroy()
    answer.writeHead(status, headers)
    answer.end(bytes, () => hits('answered'))
    // It may be over already: killed with another request under way.
    await finished(answer)
  }

  #upgrade(incoming: IncomingMessage, client: Duplex): void {
    this.#hold(client)
    const alone = this.#watchOf(undefined)
    if (alone !== undefined) {
      this.#sockets.set(client, alone)
      const step = alone.count(`GET ${incoming.url} (upgrade)`, ['before'])
      if (alone.dead || alone.hits(step, 'before')) return void client.destroy()
    }
    const { hostname, port } = new URL(this.#upstream)
    const server = connect(Number(port), hostname)
    server.on('error', () => client.destroy())
    // Plain frames only, so that we can read them.
    const lines = headerLines(incoming).filter((line) => !/^sec-websocket-extensions:/i.test(line))
    server.write(`GET ${incoming.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    this.#relay(client, server, alone)
  }

  /** Frames of the command one by one, each of them a step; those of the runtime as they come. */
  #relay(client: Duplex, server: Socket, alone: Watch | undefined): void {
    const closed = new Promise<void>((done) => server.on('close', () => done()))
    const asked = new Map<string, number>()
    let watch = alone
    watch?.wait(closed)
    const sent = frameReader((frame) => {
      const decoded = frame.binary ? decodeFrame(frame.payload) : undefined
      const payload = decoded?.payload as FramePayload | undefined
      if (watch === undefined && decoded?.name === 'adminAuth') {
        watch = this.#watchOf(payload?.code)
        watch?.wait(closed)
        this.#sockets.set(client, watch)
      }
      if (watch?.dead === true) return
      if (decoded === undefined || watch === undefined) return void server.write(frame.raw)
      const { type, requestId } = payload ?? {}
      const step = watch.count(`frame ${decoded.name}${type === undefined ? '' : ` ${type}`}`, ['before', 'answered'])
      asked.set(requestId ?? '', step)
      if (watch.hits(step, 'before')) return
      if (type !== undefined) watch.command.onWrite?.({ name: 'frame', payload: decoded.payload })
      const half = frame.raw.byteLength >> 1
      server.write(frame.raw.subarray(0, half))
      if (watch.hits(step, 'half')) return void (watch.dead || server.write(frame.raw.subarray(half)))
      server.write(frame.raw.subarray(half))
      watch.hits(step, 'sent')
    })
    client.on('data', (bytes: Buffer) => sent(bytes))
    // What was passed on before is still done, as it would be by a runtime far away.
    client.on('end', () => server.end()).on('close', () => server.end())
    const heard = frameReader((frame) => {
      const step = answeredBy(frame, asked)
      if (step !== undefined) watch?.hits(step, 'answered')
    })
    let head = Buffer.alloc(0)
    let opened = false
    server.on('data', (bytes: Buffer) => {
      if (watch?.dead !== true && !client.destroyed) client.write(bytes)
      if (opened) return heard(bytes)
      head = Buffer.concat([head, bytes])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      opened = true
      heard(head.subarray(end + 4))
    })
    server.on('close', () => client.end())
  }
}

interface FramePayload {
  readonly type?: string
  readonly requestId?: string
  readonly code?: string
}

/** The step that a frame of the runtime answers. */
function answeredBy({ payload, binary }: WireFrame, asked: ReadonlyMap<string, number>): number | undefined {
  const frame = binary ? decodeFrame(payload) : undefined
  if (frame?.name === 'adminAuthOk') return asked.get('')
  if (frame?.name !== 'adminResult') return undefined
  return asked.get(String((frame.payload as { readonly requestId?: unknown }).requestId))
}
