import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { finished } from 'node:stream/promises'
import { onTestFinished } from 'vitest'
import { decodeFrame } from '../../src/remote-runtime/frames.ts'
import { frameReader, type WireFrame } from './kill-frames.ts'

/**
 * When a step of the network kills: before the runtime got it; when the runtime has done it and the command does not
 * know; or a moment after its answer was passed on.
 */
export type Moment = 'before' | 'landed' | 'answered'

/** One HTTP request, or one frame that the command sends over the WebSocket. */
export interface NetStep {
  readonly name: string
  readonly moments: readonly Moment[]
}

export interface NetStrike {
  /** The n-th step of the command, from 1. */
  readonly at: number
  readonly moment: Moment
  /** Milliseconds from passing the answer on, so that what follows it without network or git is struck as well. */
  readonly later: number
}

/**
 * Stands between a command and the world: counts what goes through and kills the command at the chosen step. Nothing
 * that a killed command had not sent before its step reaches the runtime.
 */
export class KillProxy {
  /** What the running command did so far. */
  steps: NetStep[] = []
  /** What the strike hit. */
  struck: string | undefined
  #upstream = ''
  #kill: () => void = () => {}
  #strike: NetStrike | undefined
  #dead = false
  readonly #server: Server
  readonly #sockets = new Set<Duplex>()
  /** What the runtime still works on. */
  readonly #busy = new Set<Promise<void>>()

  static async listen(): Promise<KillProxy> {
    const proxy = new KillProxy(createServer())
    await new Promise<void>((done) => proxy.#server.listen(0, '127.0.0.1', done))
    onTestFinished(() => {
      proxy.#cut()
      proxy.#server.close()
    })
    return proxy
  }

  private constructor(server: Server) {
    this.#server = server
    server.keepAliveTimeout = 60_000
    server.on('connection', (socket) => this.#hold(socket))
    server.on('request', (incoming: IncomingMessage, answer: ServerResponse) => {
      const done = this.#request(incoming, answer).catch(() => {
        answer.destroy()
      })
      this.#wait(done)
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

  /** Before a command runs: what kills it, and when. */
  arm(kill: () => void, strike: NetStrike | undefined): void {
    this.#cut()
    this.steps = []
    this.struck = undefined
    this.#dead = false
    this.#kill = kill
    this.#strike = strike
  }

  /** Until the runtime has done all that reached it. */
  async settled(): Promise<void> {
    while (this.#busy.size > 0) await Promise.all(this.#busy)
  }

  /** The runtime is gone, and with it who speaks to it. */
  #cut(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets.clear()
  }

  #hold(socket: Duplex): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    // Killed processes leave their connections in any way.
    socket.on('error', () => {})
  }

  #wait(work: Promise<void>): void {
    this.#busy.add(work)
    work.then(() => this.#busy.delete(work))
  }

  #count(name: string, moments: readonly Moment[]): number {
    this.steps.push({ name, moments })
    return this.steps.length
  }

  /** Whether the command is killed now. */
  #hits(step: number, moment: Moment): boolean {
    const strike = this.#strike
    if (strike?.at !== step || strike.moment !== moment) return false
    this.struck = `${moment} ${this.steps[step - 1]?.name}`
    if (moment === 'answered') setTimeout(this.#kill, strike.later)
    else {
      this.#dead = true
      this.#kill()
    }
    return true
  }

  async #request(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = incoming
    const reads = method === 'GET'
    const name = `${method} ${url.replace(/\?.*$/, '')}`
    const step = this.#count(name, reads ? ['before', 'answered'] : ['before', 'landed', 'answered'])
    const body = await bytesOf(incoming)
    if (this.#dead || this.#hits(step, 'before')) return void answer.destroy()
    const { status, headers, bytes } = await this.#forward(incoming, body)
    if (this.#dead || this.#hits(step, 'landed')) return void answer.destroy()
    answer.writeHead(status, headers)
    answer.end(bytes, () => this.#hits(step, 'answered'))
    // It may be over already: killed with another request under way.
    await finished(answer)
  }

  #forward(
    { method, url, headers }: IncomingMessage,
    body: Buffer,
  ): Promise<{ readonly status: number; readonly headers: IncomingMessage['headers']; readonly bytes: Buffer }> {
    return new Promise((resolve, reject) => {
      const outgoing = request(`${this.#upstream}${url}`, {
        method,
        headers: { ...headers, connection: 'close' },
        agent: false,
      })
      outgoing.on('error', reject)
      outgoing.on('response', (response) => {
        const { connection: _, 'transfer-encoding': __, ...rest } = response.headers
        bytesOf(response).then(
          (bytes) =>
            resolve({
              status: response.statusCode ?? 500,
              headers: { ...rest, 'content-length': String(bytes.byteLength) },
              bytes,
            }),
          reject,
        )
      })
      outgoing.end(body)
    })
  }

  #upgrade(incoming: IncomingMessage, client: Duplex): void {
    this.#hold(client)
    const step = this.#count(`GET ${incoming.url} (upgrade)`, ['before'])
    if (this.#dead || this.#hits(step, 'before')) return void client.destroy()
    const { hostname, port } = new URL(this.#upstream)
    const server = connect(Number(port), hostname)
    server.on('error', () => client.destroy())
    this.#wait(new Promise((done) => server.on('close', () => done())))
    // Plain frames only, so that we can read them.
    const lines = headerLines(incoming).filter((line) => !/^sec-websocket-extensions:/i.test(line))
    server.write(`GET ${incoming.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    this.#relay(client, server)
  }

  /** Frames of the command one by one, each of them a step; those of the runtime as they come. */
  #relay(client: Duplex, server: Socket): void {
    const asked = new Map<string, number>()
    const sent = frameReader((frame) => {
      if (this.#dead) return
      const step = this.#countFrame(frame, asked)
      if (step !== undefined && this.#hits(step, 'before')) return
      server.write(frame.raw)
    })
    client.on('data', (bytes: Buffer) => sent(bytes))
    // What was passed on before is still done, as it would be by a runtime far away.
    client.on('end', () => server.end()).on('close', () => server.end())
    const heard = frameReader((frame) => {
      const step = answeredBy(frame, asked)
      if (step !== undefined) this.#hits(step, 'answered')
    })
    let head = Buffer.alloc(0)
    let opened = false
    server.on('data', (bytes: Buffer) => {
      if (!this.#dead && !client.destroyed) client.write(bytes)
      if (opened) return heard(bytes)
      head = Buffer.concat([head, bytes])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      opened = true
      heard(head.subarray(end + 4))
    })
    server.on('close', () => client.end())
  }

  #countFrame({ payload, binary }: WireFrame, asked: Map<string, number>): number | undefined {
    const frame = binary ? decodeFrame(payload) : undefined
    if (frame === undefined) return undefined
    const { type, requestId } = frame.payload as { readonly type?: string; readonly requestId?: string }
    const step = this.#count(`frame ${frame.name}${type === undefined ? '' : ` ${type}`}`, ['before', 'answered'])
    asked.set(requestId ?? '', step)
    return step
  }
}

/** The step that a frame of the runtime answers. */
function answeredBy({ payload, binary }: WireFrame, asked: ReadonlyMap<string, number>): number | undefined {
  const frame = binary ? decodeFrame(payload) : undefined
  if (frame?.name === 'adminAuthOk') return asked.get('')
  if (frame?.name !== 'adminResult') return undefined
  return asked.get(String((frame.payload as { readonly requestId?: unknown }).requestId))
}

function headerLines({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1]}`] : []))
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
