import type { SyncError } from '../world/errors.ts'

/** What carries the frames. */
export interface Wire {
  send(frame: Uint8Array): void
  /** Bytes handed over but not sent yet. */
  buffered(): number
}

export interface WindowOptions {
  /** How long one command may stay unanswered, in milliseconds, from when it is sent. */
  readonly timeoutMs: number
  /** Made when a command's time is over. */
  readonly timedOut: () => SyncError
}

/** Commands waiting for their answers, in the order of the calls. */
export interface CommandWindow<T> {
  /** `frame` carries `id`, by which {@link CommandWindow.settle} finds the caller again. */
  send(id: string, frame: Uint8Array): Promise<T>
  /** Ignores ids that nobody waits for: answers that came too late. */
  settle(id: string, answer: T): void
  /** Rejects everything that waits, and whatever is sent from now on. */
  fail(error: SyncError): void
}

const MAX_IN_FLIGHT = 256
const MAX_BUFFERED = 1024 * 1024

interface Waiting<T> {
  readonly resolve: (answer: T) => void
  readonly reject: (error: SyncError) => void
  readonly timer: ReturnType<typeof setTimeout>
}
interface Queued<T> extends Omit<Waiting<T>, 'timer'> {
  readonly id: string
  readonly frame: Uint8Array
}

/**
 * Keeps many commands in flight without ever filling the socket's buffer: answers are what makes room, so a runtime
 * that is slower than we are is never flooded.
 */
export function commandWindow<T>(wire: Wire, options: WindowOptions): CommandWindow<T> {
  const waiting = new Map<string, Waiting<T>>()
  let queue: Queued<T>[] = []
  let head = 0
  let failed: SyncError | undefined

  const hasRoom = () => waiting.size === 0 || (waiting.size < MAX_IN_FLIGHT && wire.buffered() < MAX_BUFFERED)

  const pump = () => {
    while (failed === undefined && head < queue.length && hasRoom()) {
      const { id, frame, resolve, reject } = queue[head++]!
      const timer = setTimeout(() => {
        waiting.delete(id)
        reject(options.timedOut())
        pump()
      }, options.timeoutMs)
      waiting.set(id, { resolve, reject, timer })
      wire.send(frame)
    }
    if (head === queue.length) {
      queue = []
      head = 0
    }
  }

  return {
    send: (id, frame) =>
      new Promise((resolve, reject) => {
        if (failed !== undefined) return reject(failed)
        queue.push({ id, frame, resolve, reject })
        pump()
      }),
    settle: (id, answer) => {
      const present = waiting.get(id)
      if (present === undefined) return
      clearTimeout(present.timer)
      waiting.delete(id)
      present.resolve(answer)
      pump()
    },
    fail: (error) => {
      if (failed !== undefined) return
      failed = error
      for (const { reject, timer } of waiting.values()) {
        clearTimeout(timer)
        reject(error)
      }
      for (const { reject } of queue.slice(head)) reject(error)
      waiting.clear()
      queue = []
      head = 0
    },
  }
}
