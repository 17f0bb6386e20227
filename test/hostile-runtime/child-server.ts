import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { CODE } from './case.ts'

/** A runtime in a process of its own, with a small heap. */
export interface ChildServer {
  readonly url: string
  /** What it wrote to standard error since it was asked last; every line is a failure of ours. */
  complaints(): string
  /** Megabytes: now, and at most so far; undefined where the system does not tell. */
  memory(): { readonly now: number; readonly peak: number } | undefined
  /** Undefined while it runs. */
  readonly ended: string | undefined
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

export async function startServer(script: string, dataDir: string, heapMegabytes: number): Promise<ChildServer> {
  const child: ChildProcess = spawn(
    process.execPath,
    [`--max-old-space-size=${heapMegabytes}`, '--enable-source-maps', script, dataDir, CODE],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let errors = ''
  let ended: string | undefined
  child.stderr!.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-20_000)
  })
  const orphaned = () => void child.kill('SIGKILL')
  process.once('exit', orphaned)
  const exit = once(child, 'exit').then(([code, signal]) => {
    process.off('exit', orphaned)
    ended = String(signal ?? code)
  })
  const [url] = (await Promise.race([
    once(createInterface({ input: child.stdout! }), 'line'),
    exit.then(() => Promise.reject(new Error(`the runtime ended with ${ended}: ${errors}`))),
  ])) as [string]
  return {
    url,
    complaints() {
      const text = errors
      errors = ''
      return text
    },
    memory: () => memoryOf(child.pid!),
    get ended() {
      return ended
    },
    async stop(signal) {
      child.kill(signal)
      await exit
    },
  }
}

function memoryOf(pid: number): { readonly now: number; readonly peak: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const megabytes = (name: string) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024)
    return { now: megabytes('VmRSS'), peak: megabytes('VmHWM') }
  } catch {
    return undefined
  }
}
