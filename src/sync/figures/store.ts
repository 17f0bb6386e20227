import { randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isJsonObject, type Json } from '../../world/json.ts'
import { Sums } from './sums.ts'

/**
 * The figures of all runs, in a folder below the project's state folder (G13). A run adds a file of its own and waits for
 * nobody, so that two at once lose nothing (S4); now and then one of them folds what has gathered into a new total:
 *
 *     total-<n>.json     everything up to some run, with the names of the files it was made of
 *     run-<time>-….json  what one run counted
 *
 * The highest total counts, and the files that it does not name. A total comes into being by `link`, which fails where
 * another run was faster: that is the compare-and-swap. The files go only after it, so that a crash between counts
 * nothing twice. What cannot be read is put aside as `damaged.json`, and counting goes on without it.
 */
export interface Kept {
  readonly sums: Sums
  /** Files that could not be read, and were put aside. */
  readonly damaged: readonly string[]
}

/** Files of single runs that may gather. */
const MOST_RUNS = 32
/** How old, in milliseconds, a file is that its writer has certainly given up. */
const ABANDONED = 3_600_000
/** A total names its files: a run that began to fold long ago must find itself overtaken, never alone. */
const OVERTAKEN = 3

export function figuresFolder({ stateFolder }: { readonly stateFolder: string }): string {
  return join(stateFolder, 'figures')
}

/** Adds what one run counted. Returns the names of files that had to be put aside. */
export async function keepRun(folder: string, sums: Sums, now: number = Date.now()): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true })
  const name = `run-${String(now).padStart(14, '0')}-${randomUUID()}.json`
  await writeWhole(join(folder, name), sums.toString())
  const names = await readdir(folder)
  if (names.filter(isRun).length <= MOST_RUNS) return []
  return fold(folder, now)
}

/** What all runs counted; a project that never counted has nothing. */
export async function readKept(folder: string): Promise<Kept> {
  const { sums, damaged } = await readAll(folder)
  return { sums, damaged }
}

interface Total {
  readonly number: number
  readonly sums: Sums
  readonly runs: ReadonlySet<string>
}

interface All extends Kept {
  /** The total's number, 0 where there is none. */
  readonly number: number
  /** The files of runs that are in these sums. */
  readonly runs: readonly string[]
}

/** How often everything is read anew because somebody folded it meanwhile. */
const ATTEMPTS = 5

async function readAll(folder: string): Promise<All> {
  const damaged: string[] = []
  for (let attempt = 1; ; attempt++) {
    const read = await tryReadAll(folder, damaged)
    if (read.complete || attempt === ATTEMPTS) return read
  }
}

/** `complete`: nobody folded files away while they were read. */
async function tryReadAll(folder: string, damaged: string[]): Promise<All & { readonly complete: boolean }> {
  const names = await readdir(folder).catch(() => [])
  const sums = new Sums(new Date().toISOString())
  const total = await readTotal(folder, names, damaged)
  if (total === 'gone') return { sums, damaged, number: 0, runs: [], complete: false }
  if (total !== undefined) sums.merge(total.sums)
  const runs: string[] = []
  let complete = true
  for (const name of names.filter(isRun).sort()) {
    if (total?.runs.has(name) === true) {
      runs.push(name)
      continue
    }
    const document = await readJson(join(folder, name))
    if (document === 'gone') {
      complete = false
      continue
    }
    const run = document === 'damaged' ? undefined : Sums.parse(document)
    if (run === undefined) damaged.push(await putAside(folder, name))
    else {
      sums.merge(run)
      runs.push(name)
    }
  }
  return { sums, damaged, number: total?.number ?? 0, runs, complete }
}

/** The highest total; `gone` where it was folded into higher ones meanwhile. */
async function readTotal(
  folder: string,
  names: readonly string[],
  damaged: string[],
): Promise<Total | 'gone' | undefined> {
  const numbers = names.map(numberOf).filter((number) => number !== undefined)
  for (const number of numbers.sort((a, b) => b - a)) {
    const document = await readJson(join(folder, totalName(number)))
    if (document === 'gone') return 'gone'
    const total = document === 'damaged' ? undefined : parseTotal(document)
    if (total !== undefined) return { ...total, number }
    damaged.push(await putAside(folder, totalName(number)))
  }
  return undefined
}

function parseTotal(document: Json): Omit<Total, 'number'> | undefined {
  if (!isJsonObject(document)) return undefined
  const { sums: json, runs } = document
  const sums = json === undefined ? undefined : Sums.parse(json)
  if (sums === undefined || !Array.isArray(runs)) return undefined
  return { sums, runs: new Set(runs.filter((name) => typeof name === 'string')) }
}

/** Folds what has gathered into a new total, unless somebody else does. */
async function fold(folder: string, now: number): Promise<readonly string[]> {
  const { sums, damaged, number, runs } = await readAll(folder)
  const next = totalName(number + 1)
  const own = join(folder, `new-${randomUUID()}`)
  await writeFile(own, `{"sums":${sums},"runs":${JSON.stringify(runs)}}`, { flush: true })
  try {
    await link(own, join(folder, next))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return damaged
    throw error
  } finally {
    await rm(own, { force: true })
  }
  // Whoever read an older total than there is now comes out below it, and must leave the files alone.
  const names = await readdir(folder)
  const highest = Math.max(...names.map((name) => numberOf(name) ?? 0))
  if (highest > number + 1) return damaged
  for (const name of runs) await rm(join(folder, name), { force: true })
  for (const name of names) {
    const old = numberOf(name)
    if (old !== undefined && old <= highest - OVERTAKEN) await rm(join(folder, name), { force: true })
    if (name.startsWith('new-') && (await isAbandoned(join(folder, name), now))) await rm(join(folder, name))
  }
  return damaged
}

async function isAbandoned(path: string, now: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && now - found.mtimeMs > ABANDONED
}

/** In one rename: a reader sees all of it, or nothing. */
async function writeWhole(path: string, text: string): Promise<void> {
  const own = join(path, '..', `new-${randomUUID()}`)
  await writeFile(own, text)
  await rename(own, path)
}

async function readJson(path: string): Promise<Json | 'gone' | 'damaged'> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone'
    return 'damaged'
  }
  try {
    return JSON.parse(text) as Json
  } catch {
    return 'damaged'
  }
}

/** Only the newest damaged file is kept: it is there to be looked at. */
async function putAside(folder: string, name: string): Promise<string> {
  await rename(join(folder, name), join(folder, 'damaged.json')).catch(() => {})
  return name
}

function totalName(number: number): string {
  return `total-${number}.json`
}

function numberOf(name: string): number | undefined {
  const digits = /^total-([1-9]\d{0,14})\.json$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

function isRun(name: string): boolean {
  return /^run-\d+-[0-9a-f-]+\.json$/.test(name)
}
