import { type Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import WebSocket from 'ws'
import { framePackr } from '../../src/protocol/frame-packr.ts'
import { PACKETS } from '../../src/protocol/packets.ts'
import { type Case, CODE } from './case.ts'

/** What came of a case; `acknowledged` maps the opIds that the runtime said it has recorded to their cursors. */
export interface Outcome {
  readonly problems: readonly string[]
  readonly acknowledged: ReadonlyMap<string, number>
}

/** Longer than any answer may take, on a machine with better things to do. */
const PATIENCE_MS = 30_000
const OPEN = new Set(['/health', '/status', '/metrics'])
/** Answered with an empty 500, as by the public server (protocol, section 1). */
const EMPTY_500 = /^\/admin\/(?!ops\b)/

export interface Target {
  readonly url: string
  readonly agent: Agent
  /** No answer may hold any of these. */
  readonly secrets: readonly string[]
}

export async function perform(target: Target, one: Case): Promise<Outcome> {
  switch (one.kind) {
    case 'request':
      return requestOutcome(target, one)
    case 'socket':
      return socketOutcome(target, one)
    case 'raw':
      return rawOutcome(target, one)
  }
}

interface Answer {
  readonly status: number
  readonly text: string
}

/** One request; undefined when the connection ended without an answer. */
export function ask(
  target: Target,
  one: {
    readonly method: string
    readonly path: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: Buffer | undefined
  },
): Promise<Answer | 'no answer' | 'not sendable'> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(target.url)
    const patience = setTimeout(() => resolve('no answer'), PATIENCE_MS)
    const done = (answer: Answer | 'no answer' | 'not sendable') => {
      clearTimeout(patience)
      resolve(answer)
    }
    try {
      const length = one.body === undefined ? {} : { 'content-length': String(one.body.length) }
      const { method, path, headers } = one
      const sent = httpRequest({
        hostname,
        port,
        agent: target.agent,
        method,
        path,
        headers: { ...length, ...headers },
      })
      sent.on('error', (error: NodeJS.ErrnoException) => {
        done({ status: 0, text: `${error.code}${sent.reusedSocket ? ', a connection used before' : ''}` })
      })
      sent.on('upgrade', (_answer, socket) => {
        socket.destroy()
        done({ status: 101, text: '' })
      })
      sent.on('response', (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', () => done({ status: 0, text: '' }))
        answer.on('end', () => done({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('latin1') }))
      })
      sent.end(one.body)
    } catch {
      // node's own client refuses some paths and headers: nothing was sent.
      done('not sendable')
    }
  })
}

async function requestOutcome(target: Target, one: Extract<Case, { kind: 'request' }>): Promise<Outcome> {
  const headers = { ...Object.fromEntries(one.headers), ...(one.coded ? { 'x-admin-code': CODE } : {}) }
  const answer = await ask(target, { ...one, headers })
  const problems: string[] = []
  const acknowledged = new Map<string, number>()
  if (answer === 'not sendable') return { problems, acknowledged }
  const say = (problem: string) => problems.push(`${one.method} ${one.path.slice(0, 100)}: ${problem}`)
  if (answer === 'no answer') say('no answer in time')
  else {
    const { status, text } = answer
    leaks(target, text).forEach(say)
    const path = one.path.split('?')[0]!
    if (status === 0 && one.body === undefined) say(`the connection broke (${text})`)
    if (status >= 500 && !(text === '' && EMPTY_500.test(path) && one.body !== undefined))
      say(`status ${status} ${text.slice(0, 200)}`)
    const admin = /^\/+(?:%61|a)dmin\//.test(path)
    if (admin && !one.coded && status > 0 && status < 300 && one.method !== 'OPTIONS')
      say(`answered ${status} without the code`)
    if (status >= 400 && status < 500 && text === '' && one.method !== 'HEAD' && status !== 416)
      say(`status ${status} without a reason`)
    if (status === 200 && path === '/admin/ops' && one.coded && one.method === 'POST') record(text, acknowledged, say)
    if (status === 200 && OPEN.has(path) && text === '' && one.method === 'GET') say('empty')
  }
  return { problems, acknowledged }
}

function record(text: string, acknowledged: Map<string, number>, say: (problem: string) => void): void {
  const { results } = JSON.parse(Buffer.from(text, 'latin1').toString()) as {
    results: readonly { opId: string; cursor?: number }[]
  }
  for (const { opId, cursor } of results) if (cursor !== undefined) acknowledged.set(opId, cursor)
  if (!Array.isArray(results)) say('no results')
}

/** What no answer may tell: where the server lives, and how its code failed. */
function leaks(target: Target, text: string): readonly string[] {
  const found = target.secrets.filter((secret) => text.includes(secret)).map((secret) => `tells ${secret}`)
  if (/\bat (?:[\w.<>]+ \()?(?:file:|node:|\/)[^\s]*:\d+:\d+/.test(text))
    found.push(`has a stack trace: ${text.slice(0, 300)}`)
  return found
}

async function socketOutcome(target: Target, one: Extract<Case, { kind: 'socket' }>): Promise<Outcome> {
  const problems: string[] = []
  const right = one.code === CODE
  await new Promise<void>((resolve) => {
    const socket = new WebSocket(`${target.url.replace('http', 'ws')}/admin`, { perMessageDeflate: false })
    const patience = setTimeout(() => {
      problems.push('WebSocket: neither answered nor closed in time')
      socket.terminate()
    }, PATIENCE_MS)
    let authenticated = false
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(patience)
      resolve()
    })
    socket.on('open', () => {
      socket.send(framePackr.pack([PACKETS.adminAuth, { code: one.code, subscriptions: {} }]))
      for (const frame of one.frames) socket.send(one.text ? frame.toString('latin1') : frame)
      // Answered in order: what came before it is done when this is.
      socket.send(framePackr.pack([PACKETS.adminCommand, { type: 'last', requestId: 'the last one' }]))
    })
    socket.on('message', (bytes) => {
      let packet: unknown
      try {
        packet = framePackr.unpack(bytes as Buffer)
      } catch {
        problems.push('WebSocket: a frame that cannot be read')
      }
      const [id, data] = Array.isArray(packet)
        ? (packet as [number, Record<string, unknown> | undefined])
        : [-1, undefined]
      if (id === PACKETS.adminAuthOk) authenticated = true
      else if (!authenticated && id !== PACKETS.adminAuthError) problems.push(`WebSocket: packet ${id} before the code`)
      if (authenticated && !right) problems.push('WebSocket: let in with a wrong code')
      if (id === PACKETS.adminResult && data?.error === 'server_error') {
        // The public server's own word for an entity of another type (protocol, section 5).
        if (!one.frames.some((frame) => frame.includes('entity_add'))) problems.push('WebSocket: server_error')
      }
      if (data?.requestId === 'the last one') socket.close()
    })
  })
  return { problems, acknowledged: new Map() }
}

async function rawOutcome(target: Target, one: Extract<Case, { kind: 'raw' }>): Promise<Outcome> {
  const { hostname, port } = new URL(target.url)
  const problems: string[] = []
  await new Promise<void>((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) })
    const patience = setTimeout(() => {
      problems.push('raw: left connected')
      socket.destroy()
    }, PATIENCE_MS)
    const chunks: Buffer[] = []
    socket.on('error', () => {})
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('close', () => {
      clearTimeout(patience)
      const text = Buffer.concat(chunks).toString('latin1')
      for (const leak of leaks(target, text)) problems.push(`raw: ${leak}`)
      if (/"blueprints":\[|"token":|"operations":\[/.test(text))
        problems.push(`raw: answered without the code: ${text.slice(0, 200)}`)
      resolve()
    })
    socket.on('connect', () => {
      socket.write(one.bytes)
      if (one.drop) socket.destroySoon()
    })
  })
  return { problems, acknowledged: new Map() }
}
