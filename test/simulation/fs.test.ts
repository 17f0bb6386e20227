import * as real from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as model from './fs.ts'
import { type Random, seeded } from './host.ts'

const RUNS = Number(process.env.DIFF_RUNS ?? 40)
const STEPS = 30

/** What both file systems have of the calls that are tried. */
type Calls = Pick<
  typeof real,
  | 'access'
  | 'appendFile'
  | 'chmod'
  | 'link'
  | 'lstat'
  | 'mkdir'
  | 'readFile'
  | 'readdir'
  | 'realpath'
  | 'rename'
  | 'rm'
  | 'rmdir'
  | 'stat'
  | 'unlink'
  | 'writeFile'
  | 'symlink'
  | 'readlink'
>

const NAMES = ['a', 'b', 'a/b', 'a/c', 'b/d', 'a/b/e', 'l', 'l/x', 'd'] as const

function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)]!
}

type Attempt = (calls: Calls, top: string) => Promise<unknown>

/** One call, by chance. */
function attempt(random: Random): { readonly name: string; readonly act: Attempt } {
  const [from, to] = [pick(random, NAMES), pick(random, NAMES)]
  const content = pick(random, ['', 'one', 'two\n', 'x'.repeat(100)])
  const flag = pick(random, ['w', 'wx', 'a', 'ax'] as const)
  const recursive = random() < 0.5
  const force = random() < 0.5
  const table: readonly (readonly [string, Attempt])[] = [
    [`writeFile ${from} ${flag}`, (fs, top) => fs.writeFile(join(top, from), content, { flag })],
    [
      `writeFile ${from} bytes`,
      (fs, top) => fs.writeFile(top + from, new TextEncoder().encode(content), { mode: 0o755 }),
    ],
    [`appendFile ${from}`, (fs, top) => fs.appendFile(top + from, content)],
    [`readFile ${from}`, (fs, top) => fs.readFile(top + from, 'utf8')],
    [`readFile ${from} bytes`, async (fs, top) => [...(await fs.readFile(top + from))]],
    [`mkdir ${from} ${recursive}`, async (fs, top) => (await fs.mkdir(top + from, { recursive }))?.slice(top.length)],
    [`rm ${from} ${recursive} ${force}`, (fs, top) => fs.rm(top + from, { recursive, force })],
    [`rmdir ${from}`, (fs, top) => fs.rmdir(top + from)],
    [`unlink ${from}`, (fs, top) => fs.unlink(top + from)],
    [`rename ${from} ${to}`, (fs, top) => fs.rename(top + from, top + to)],
    [`link ${from} ${to}`, (fs, top) => fs.link(top + from, top + to)],
    [`symlink ${from} l`, (fs, top) => fs.symlink(from, `${top}l`)],
    [`readlink ${from}`, (fs, top) => fs.readlink(top + from)],
    [`readdir ${from}`, async (fs, top) => (await fs.readdir(top + from)).sort()],
    [
      `entries ${from}`,
      async (fs, top) =>
        (await fs.readdir(top + from, { withFileTypes: true }))
          .map((e) => `${e.name} ${e.isFile()} ${e.isDirectory()} ${e.isSymbolicLink()}`)
          .sort(),
    ],
    [`stat ${from}`, async (fs, top) => described(await fs.stat(top + from))],
    [`lstat ${from}`, async (fs, top) => described(await fs.lstat(top + from))],
    [`access ${from}`, (fs, top) => fs.access(top + from)],
    [`realpath ${from}`, async (fs, top) => (await fs.realpath(top + from)).slice(top.length)],
    [`chmod ${from}`, (fs, top) => fs.chmod(top + from, 0o700)],
  ]
  const [name, act] = pick(random, table)
  return { name, act }
}

interface Described {
  readonly mode: number
  readonly size: number
  readonly nlink: number
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
}

function described(stats: Described): unknown {
  const kind = [stats.isFile(), stats.isDirectory(), stats.isSymbolicLink()]
  const mode = stats.isSymbolicLink() ? 0 : stats.mode
  return { kind, mode, ...(stats.isFile() ? { size: stats.size, nlink: stats.nlink } : {}) }
}

/** What came of a call: its value, or the code of its error. */
async function outcome(act: Attempt, calls: Calls, top: string): Promise<unknown> {
  try {
    return { value: await act(calls, top) }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return { code }
  }
}

test('the disk in memory does what the real one does', async () => {
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const random = seeded(seed)
    const folder = `${await real.realpath(await real.mkdtemp(join(tmpdir(), 'gamedev-disk-')))}/`
    model.useDisk(new model.Disk())
    await model.mkdir('/top')
    const done: string[] = []
    try {
      for (let n = 0; n < STEPS; n += 1) {
        const { name, act } = attempt(random)
        done.push(name)
        const expected = await outcome(act, real, folder)
        expect(await outcome(act, model as unknown as Calls, '/top/'), `seed ${seed}: ${done.join(', ')}`).toEqual(
          expected,
        )
      }
    } finally {
      await real.rm(folder, { recursive: true, force: true })
    }
  }
})
