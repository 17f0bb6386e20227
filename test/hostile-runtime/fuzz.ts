import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sizeOf } from './case.ts'
import { caseOf } from './cases.ts'
import { type ChildServer, startServer } from './child-server.ts'
import { type Ledger, openLedger, read } from './ledger.ts'
import { perform, type Target } from './perform.ts'

export interface FuzzOptions {
  /** The bundled server. */
  readonly server: string
  readonly seed: number
  readonly minutes: number
  /** Numbers of the first case, and of the one after the last; none: until the time is over. */
  readonly from: number
  readonly to: number | undefined
  readonly say: (text: string) => void
}

export interface Failure {
  /** The cases that may have caused it, to be tried again by `--from` and `--to`. */
  readonly from: number
  readonly to: number
  readonly problem: string
}

export interface FuzzReport {
  readonly seed: number
  readonly cases: number
  /** And packets. */
  readonly requests: number
  readonly storms: number
  readonly restarts: number
  readonly worlds: number
  readonly operations: number
  readonly seconds: number
  readonly requestsPerSecond: number
  readonly peakMegabytes: number | undefined
  readonly failures: readonly Failure[]
}

const STORM = 200
const AT_ONCE = 16
/** Storms until the world is left for a fresh one, and between restarts. */
const STORMS_OF_A_WORLD = 25
const STORMS_OF_A_START = 5
const HEAP_MEGABYTES = 192
/** The heap, sixteen uploads and batches in flight, SQLite's cache, and node itself. */
const MAX_MEGABYTES = 640
const MAX_FAILURES = 20

/**
 * Attacks a runtime in storms of {@link STORM} cases, {@link AT_ONCE} at a time. After each storm an ordinary client must
 * be served, the feed must tell the world that the snapshot shows and hold all that was acknowledged, and nothing may have
 * been written elsewhere, left half-written or complained about. Now and then the runtime is killed or stopped, and must
 * come back with the same world.
 */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const started = performance.now()
  const failures: Failure[] = []
  let [next, requests, storms, restarts, worlds, operations, peak, told] = [options.from, 0, 0, 0, 0, 0, 0, 0]
  const over = () =>
    failures.length >= MAX_FAILURES ||
    (options.to === undefined ? performance.now() - started > options.minutes * 60_000 : next >= options.to)

  while (!over()) {
    const sandbox = mkdtempSync(join(tmpdir(), 'gamedev-fuzz-'))
    const tidy = () => rmSync(sandbox, { recursive: true, force: true })
    process.once('exit', tidy)
    writeFileSync(join(sandbox, 'canary'), 'untouched')
    mkdirSync(join(sandbox, 'data'))
    const ledger = openLedger()
    let server = await startServer(options.server, join(sandbox, 'data'), HEAP_MEGABYTES)
    worlds++
    try {
      let broken = await check(server, sandbox, ledger)
      for (let storm = 0; storm < STORMS_OF_A_WORLD && !over() && broken.length === 0; storm++) {
        const from = next
        next = Math.min(next + STORM, options.to ?? Number.POSITIVE_INFINITY)
        const problems = await strike(server, sandbox, ledger, options.seed, from, next)
        for (let index = from; index < next; index++) requests += sizeOf(caseOf(options.seed, index))
        failures.push(...problems)
        const failure = (problem: string): Failure => ({ from, to: next, problem })
        broken = await check(server, sandbox, ledger)
        storms++
        if (broken.length === 0 && storms % STORMS_OF_A_START === 0) {
          peak = Math.max(peak, server.memory()?.peak ?? 0)
          await server.stop(storms % (2 * STORMS_OF_A_START) === 0 ? 'SIGKILL' : 'SIGTERM')
          server = await startServer(options.server, join(sandbox, 'data'), HEAP_MEGABYTES)
          restarts++
          broken = (await check(server, sandbox, ledger)).map((problem) => `after a restart: ${problem}`)
        }
        failures.push(...broken.map(failure))
        for (const { from, to, problem } of failures.slice(told)) options.say(`--from ${from} --to ${to}: ${problem}`)
        told = failures.length
        options.say(`case ${next}, head ${ledger.head}, ${JSON.stringify(server.memory())}, ${told} failures`)
      }
    } finally {
      peak = Math.max(peak, server.memory()?.peak ?? 0)
      operations += ledger.head
      await server.stop('SIGKILL')
      tidy()
      process.off('exit', tidy)
    }
  }
  const seconds = (performance.now() - started) / 1000
  const cases = next - options.from
  return {
    seed: options.seed,
    cases,
    requests,
    storms,
    restarts,
    worlds,
    operations,
    seconds: Math.round(seconds),
    requestsPerSecond: Math.round(requests / seconds),
    peakMegabytes: peak === 0 ? undefined : peak,
    failures,
  }
}

async function strike(
  server: ChildServer,
  sandbox: string,
  ledger: Ledger,
  seed: number,
  from: number,
  to: number,
): Promise<readonly Failure[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
  const target: Target = { url: server.url, agent, secrets: [sandbox] }
  const failures: Failure[] = []
  let next = from
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < to && server.ended === undefined) {
        const index = next++
        const { problems, acknowledged } = await perform(target, caseOf(seed, index))
        ledger.acknowledge(acknowledged)
        failures.push(...problems.map((problem) => ({ from: index, to: index + 1, problem })))
      }
    }),
  )
  agent.destroy()
  return failures
}

/** What must hold whenever nothing is under way. */
async function check(server: ChildServer, sandbox: string, ledger: Ledger): Promise<readonly string[]> {
  if (server.ended !== undefined) return [`the runtime ended with ${server.ended}: ${server.complaints().slice(-1500)}`]
  const problems: string[] = []
  const agent = new Agent()
  const target: Target = { url: server.url, agent, secrets: [] }
  try {
    const start = performance.now()
    await read(target, '/health')
    if (performance.now() - start > 5000) problems.push('an ordinary client waited more than five seconds')
    problems.push(...(await ledger.audit(target)))
  } catch (error) {
    problems.push(String(error))
  }
  agent.destroy()
  const complaints = server.complaints()
  if (complaints !== '') problems.push(`the runtime complained: ${complaints.slice(0, 1500)}`)
  const outside = readdirSync(sandbox).sort().join()
  if (outside !== 'canary,data') problems.push(`beside the data folder there is ${outside}`)
  problems.push(...strayFiles(join(sandbox, 'data')))
  const memory = server.memory()
  if (memory !== undefined && memory.now > MAX_MEGABYTES) problems.push(`the runtime takes ${memory.now} MB`)
  return problems
}

function strayFiles(data: string): readonly string[] {
  const stray = readdirSync(data).filter(
    (name) => !/^(?:assets|(?:world|lock)\.sqlite(?:-wal|-shm|-journal)?)$/.test(name),
  )
  const incoming = readdirSync(join(data, 'assets', '.incoming'))
  const odd = readdirSync(join(data, 'assets')).filter(
    (name) => !/^(?:[0-9a-f]{64}\.[a-z0-9]{1,16}|[\w-]+\.[A-Za-z0-9]+|\.incoming)$/.test(name),
  )
  return [
    ...stray.map((name) => `the data folder has ${name}`),
    ...odd.map((name) => `the assets have ${name}`),
    ...(incoming.length > 0 ? [`${incoming.length} uploads are half-written`] : []),
  ]
}
