import { type IncomingMessage, request } from 'node:http'

interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly bytes: Buffer
}

/** Asked on the way, where a strike may fall; `half` says that no more is to be sent. */
interface Moments {
  readonly half: () => boolean
  readonly sent: () => void
}

/** Passes a request on to another server and reads its whole answer. Rejects when the connection breaks. */
export function forward(
  upstream: string,
  { method, url, headers }: IncomingMessage,
  body: Buffer,
  moments: Moments,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${upstream}${url}`, {
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
    if (body.byteLength < 2) return void outgoing.end(body, moments.sent)
    const half = body.byteLength >> 1
    outgoing.write(body.subarray(0, half), () => {
      if (moments.half()) outgoing.destroy()
      else outgoing.end(body.subarray(half), moments.sent)
    })
  })
}

export function headerLines({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1]}`] : []))
}

export async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
