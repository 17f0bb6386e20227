import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Reachable } from './support.ts'

/** What came back on a connection until it was closed. */
export interface RawAnswer {
  /** Of the first response; 0 when there was none. */
  readonly status: number
  readonly text: string
}

export interface RawConnection {
  readonly socket: Socket
  write(data: string | Uint8Array): void
  /** Everything received, when the connection is closed by whoever. */
  readonly ended: Promise<RawAnswer>
}

/** A plain connection, for what no HTTP client would send. */
export async function rawConnection(runtime: Reachable): Promise<RawConnection> {
  const { hostname, port } = new URL(runtime.url)
  const socket = connect({ host: hostname, port: Number(port) })
  onTestFinished(() => void socket.destroy())
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => {})
  const ended = new Promise<RawAnswer>((resolve) => {
    socket.on('close', () => {
      const text = Buffer.concat(chunks).toString('latin1')
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text })
    })
  })
  await new Promise((resolve) => socket.once('connect', resolve).once('error', resolve))
  return { socket, write: (data) => void socket.write(data), ended }
}

/** One request, written as it is; the connection is closed after its answer. */
export async function rawRequest(
  runtime: Reachable,
  line: string,
  headers: readonly string[] = [],
  body: string | Uint8Array = '',
): Promise<RawAnswer> {
  const connection = await rawConnection(runtime)
  connection.write(`${[`${line} HTTP/1.1`, 'Host: world', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`)
  connection.write(body)
  return connection.ended
}
