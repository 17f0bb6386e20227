import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** Connections that have shown no admin code: players that load assets, proxies, and whoever else can reach the port. */
export interface Strangers {
  /** The code was right: this connection is one of ours. */
  admit(connection: Socket): void
  readonly size: number
}

/**
 * Keeps at most `most` strangers connected, by cutting the oldest: a flood of connections that say nothing can shut nobody
 * out, because who has the code shows it at once.
 */
export function limitStrangers(server: Server, most: number): Strangers {
  const strangers = new Set<Socket>()
  server.on('connection', (connection: Socket) => {
    strangers.add(connection)
    connection.once('close', () => strangers.delete(connection))
    if (strangers.size <= most) return
    for (const oldest of strangers) {
      strangers.delete(oldest)
      oldest.destroy()
      return
    }
  })
  return {
    admit: (connection) => void strangers.delete(connection),
    get size() {
      return strangers.size
    },
  }
}
