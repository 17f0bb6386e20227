/**
 * Stands in for `src/remote-runtime/exchange.ts` and `socket.ts`: the same exports over a network in memory. A step takes
 * as long as the gate lets it wait; timers play no part. A process that is dead hears nothing any more: its promises stay
 * pending, as after SIGKILL.
 */
import type { Connection } from '../../../src/remote-runtime/connection.ts'
import type { ExchangeRequest, FailureKind, Reply } from '../../../src/remote-runtime/exchange.ts'
import type { Socket, SocketEvents } from '../../../src/remote-runtime/socket.ts'
import type { SimProcess } from '../host.ts'
import type { Incoming } from './answers.ts'
import { handle } from './http-routes.ts'
import type { WorldModel } from './model.ts'
import { currentProcess, landed, pass, type Step, sent, serverAt, type UnderWay, type Verdict } from './network.ts'
import { SimSocket } from './sim-socket.ts'

export { deliverLate, forgetServers, lateWrites, registerServer, setGate } from './network.ts'
export type { ExchangeRequest, FailureKind, Reply, Socket, SocketEvents }

/** As in the module that this one stands in for. */
export class ExchangeFailure extends Error {
  readonly kind: FailureKind
  readonly reason: string
  readonly sent: boolean

  constructor(kind: FailureKind, reason: string, sent: boolean, cause?: unknown) {
    super(reason, cause === undefined ? undefined : { cause })
    this.kind = kind
    this.reason = reason
    this.sent = sent
  }
}

export function failureOf(error: unknown, sent: boolean): ExchangeFailure {
  return error instanceof ExchangeFailure
    ? error
    : new ExchangeFailure('connection', 'the connection was cut', sent, error)
}

export interface Agents {
  readonly destroy: () => void
}

export function openAgents(): Agents {
  return { destroy: () => {} }
}

const NEVER = new Promise<never>(() => {})
const HEADERS = { 'content-type': 'application/json; charset=utf-8' }
const cut = () => new ExchangeFailure('connection', 'ECONNRESET', true)
const noHost = () => new ExchangeFailure('no_host', 'ENOTFOUND, no such host', false)
const noServer = () => new ExchangeFailure('connection', 'ECONNREFUSED', false)

/** One request and its answer, two steps; a write that is cut off may still arrive later. */
export async function exchange(_agents: Agents, request: ExchangeRequest): Promise<Reply> {
  const { method, signal } = request
  signal?.throwIfAborted()
  const process = currentProcess()
  if (isDead(process)) return NEVER
  const url = `${request.origin.protocol}//${request.origin.host}${request.path}`
  const server = serverAt(url)
  if (server === undefined) throw noHost()
  const { base, world, path } = server
  const what = `${method} ${path.replace(/\?.*$/s, '')}`
  const write = method !== 'GET'
  const body = Buffer.concat(request.body ?? [])
  const incoming = { method, path, headers: request.headers, body, base, process, late: false }
  const flight = new Flight(world, incoming, what)
  if (write) sent(flight)
  const toServer = await passing({ process, origin: base, kind: 'request', what, write }, signal)
  if (isDead(process)) return NEVER
  if (toServer === 'abort' || toServer === 'cut') {
    flight.abandoned = true
    signal?.throwIfAborted()
    throw cut()
  }
  landed(flight)
  // Or it arrived already, as a late one.
  if (toServer === 'lose' || flight.count === 0) throw cut()
  flight.count = 0
  if (!world.running || !world.reachable) throw noServer()
  if (toServer === 'repeat') handle(world, incoming)
  const { status, body: said } = handle(world, incoming)

  const back = await passing({ process, origin: base, kind: 'answer', what: `${what} ${status}`, write }, signal)
  if (isDead(process)) return NEVER
  signal?.throwIfAborted()
  if (back === 'lose' || back === 'cut' || !world.reachable) throw cut()
  const bytes = typeof said === 'string' ? Buffer.from(said) : said
  if (bytes.byteLength > request.maxBytes) throw new ExchangeFailure('too_large', `${bytes.byteLength} bytes`, true)
  return { status, headers: HEADERS, bytes }
}

/** A request that is on its way. */
class Flight implements UnderWay {
  readonly process: SimProcess | undefined
  readonly origin: string
  readonly what: string
  abandoned = false
  count = 1
  readonly #world: WorldModel
  readonly #incoming: Incoming
  readonly #incarnation: number

  constructor(world: WorldModel, incoming: Incoming, what: string) {
    this.process = incoming.process
    this.origin = incoming.base
    this.what = what
    this.#world = world
    this.#incoming = incoming
    this.#incarnation = world.incarnation
  }

  arrive(): void {
    this.count = 0
    const there = this.#world.running && this.#world.incarnation === this.#incarnation
    if (there) handle(this.#world, { ...this.#incoming, late: true })
  }
}

/** The gate's verdict, or that the client waits for it no longer. */
function passing(step: Omit<Step, 'awake'>, signal: AbortSignal | undefined): Promise<Verdict | 'abort'> {
  const verdict = pass(step)
  if (signal === undefined) return verdict
  return new Promise((resolve, reject) => {
    const abort = () => resolve('abort')
    signal.addEventListener('abort', abort)
    verdict.then((known) => {
      signal.removeEventListener('abort', abort)
      resolve(known)
    }, reject)
  })
}

/** Opens an admin WebSocket; like a real one, it says nothing before the caller has it in hand. */
export async function openSocket(connection: Connection, events: SocketEvents): Promise<Socket> {
  const process = currentProcess()
  if (isDead(process)) return NEVER
  const socket = new SimSocket(serverAt(connection.base), process, events)
  // The caller's continuation comes first.
  Promise.resolve()
    .then(() => {})
    .then(() => {})
    .then(() => socket.connect())
  return socket
}

function isDead(process: SimProcess | undefined): boolean {
  return process?.dead === true
}
