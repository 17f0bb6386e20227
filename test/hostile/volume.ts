import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { resolve } from 'node:path'
import { createGzip } from 'node:zlib'
import type { CaseReport } from './case.ts'
import { GIT_ENV } from './commands.ts'
import { addGood } from './hostile-objects.ts'
import { HostileWorld, type Tamper } from './hostile-world.ts'
import { Sandbox, SECRET } from './sandbox.ts'

const MiB = 1024 * 1024

/** An answer that is far too much, and how a clone that gets it must end. */
interface Flood {
  readonly name: string
  readonly code: number
  readonly says: RegExp
  readonly tamper: (world: HostileWorld) => Tamper
}

/** Writes the same bytes again and again, as fast as they are read, for as long as somebody reads. */
function endless(response: ServerResponse, head: string, chunk: Buffer): void {
  response.on('error', () => {})
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/json' })
  response.write(head)
  const more = () => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', more)
  }
  more()
}

const only =
  (path: RegExp, answer: (response: ServerResponse) => void): Tamper =>
  (asked, _, response) => {
    if (!path.test(asked.path)) return undefined
    answer(response)
    return 'done'
  }

export const FLOODS: readonly Flood[] = [
  {
    name: 'a snapshot of 1 GB, announced',
    code: 1,
    says: /1073741824 bytes, more than we read/,
    tamper: () =>
      only(/snapshot/, (response) => {
        response.writeHead(200, { 'content-length': String(1024 * MiB) })
        response.write('{')
      }),
  },
  {
    name: 'a string in a snapshot that never ends',
    code: 1,
    says: /more than 268435456 bytes, more than we read/,
    tamper: () => only(/snapshot/, (response) => endless(response, '{"worldId":"', Buffer.alloc(MiB, 'a'))),
  },
  {
    name: 'a page of the feed that grows when it is decompressed',
    code: 1,
    says: /more than 268435456 bytes, more than we read/,
    tamper: () =>
      only(/changes/, (response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' })
        const gzip = createGzip({ level: 1 })
        gzip.on('error', () => {})
        response.on('close', () => gzip.destroy())
        gzip.pipe(response)
        const zeros = Buffer.alloc(MiB, ' ')
        const more = () => {
          while (!response.destroyed && gzip.write(zeros));
          if (!response.destroyed) gzip.once('drain', more)
        }
        more()
      }),
  },
  {
    name: 'ten million empty values',
    code: 1,
    says: /more than 10000000 values/,
    tamper: () => only(/snapshot/, (response) => response.end(`{"entities":[${'{},'.repeat(10_000_000)}{}]}`)),
  },
  {
    name: 'a snapshot that opens brackets for ever',
    code: 1,
    says: /more than we read/,
    tamper: () => only(/snapshot/, (response) => endless(response, '{"entities":', Buffer.alloc(MiB, '['))),
  },
  {
    name: 'an asset that never ends: it is left out, the rest is synced',
    code: 0,
    says: /is too large: it has more than 209715200 bytes/,
    tamper: (world) => {
      const name = `${createHash('sha256').update('never').digest('hex')}.glb`
      world.put('entity', 'heavy', {
        ...world.entities.get('good0'),
        id: 'heavy',
        props: { model: { type: 'model', name: 'heavy', url: `asset://${name}` } },
      })
      return only(new RegExp(name), (response) => endless(response, '', Buffer.alloc(MiB, 'x')))
    },
  },
]

/** Old space of the child, in MiB: a flood that is kept as objects ends it. */
const HEAP = 400
/** What the child may hold in memory at most, buffers included. */
const MOST_RSS = 900

/** Tells the peak of the child's memory when it ends. */
const WATCH = `data:text/javascript,process.on('exit',()=>process.stderr.write('\\nmaxrss='+process.resourceUsage().maxRSS+'\\n'))`

/** Clones a world that answers with a flood, in a process with little memory: it ends in words, and within bounds (S3). */
export async function floodCase(flood: Flood, root: string): Promise<CaseReport & { readonly rss: number }> {
  const world = new HostileWorld()
  const sandbox = new Sandbox()
  let rss = 0
  try {
    const url = await world.listen()
    addGood(world)
    world.tamper = flood.tamper(world)
    const { code, err } = await runBuilt(root, ['sync', 'clone', url, sandbox.project], sandbox.folder)
    rss = Number(/maxrss=(\d+)/.exec(err)?.[1] ?? 0) / 1024
    sandbox.story.push(`${flood.name} → ${code}, ${Math.round(rss)} MiB`)
    if (code !== flood.code) sandbox.find(`ended with ${code}: ${err.slice(-600)}`)
    if (!flood.says.test(err)) sandbox.find(`does not say what was wrong: ${err.slice(-600)}`)
    if (rss === 0 || rss > MOST_RSS) sandbox.find(`took ${Math.round(rss)} MiB`)
    sandbox.look('clone', true)
    return { findings: sandbox.findings, story: sandbox.story, rss }
  } finally {
    await world.close()
    sandbox.dispose()
  }
}

async function runBuilt(
  root: string,
  argv: readonly string[],
  home: string,
): Promise<{ readonly code: number; readonly err: string }> {
  const node = ['--import', WATCH, `--max-old-space-size=${HEAP}`, resolve(root, 'bin/run.js'), ...argv]
  const child = spawn(process.execPath, node, {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, ADMIN_CODE: SECRET, ...GIT_ENV },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let err = ''
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString('utf8')
  })
  const code = await new Promise<number>((done) => child.on('close', (exit) => done(exit ?? -1)))
  return { code, err }
}
