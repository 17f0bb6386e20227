import type { CaseReport } from './case.ts'
import { closeTemplate } from './cloned-world.ts'
import { withoutWaiting } from './commands.ts'
import { lineCase } from './line-case.ts'
import { packetCase } from './packet-case.ts'
import { projectCase } from './project-case.ts'
import { FLOODS, floodCase } from './volume.ts'
import { wireCase } from './wire-case.ts'
import { worldCase } from './world-case.ts'

/** What is fuzzed: hostile worlds, lying servers, hostile projects, broken packets, and the line in memory. */
export const FAMILIES: Readonly<Record<string, (seed: number) => Promise<CaseReport>>> = {
  line: lineCase,
  packet: packetCase,
  world: worldCase,
  wire: wireCase,
  project: projectCase,
}

/** Which family the cases of a run take in turn: those in memory are fast. */
const TURNS = ['line', 'world', 'packet', 'wire', 'line', 'project', 'line', 'packet']

/** What does not end in this time, in milliseconds, hangs. */
const LONGEST = 120_000

export interface FuzzOptions {
  readonly minutes: number
  readonly seed: number
  /** One case alone: `world:17`. */
  readonly only: string | undefined
  readonly json: boolean
  /** The top of this repository. */
  readonly root: string
}

interface Failure {
  readonly case: string
  readonly findings: readonly string[]
  readonly story: readonly string[]
}

/** Runs cases until the time is over; the same seed gives the same cases. Returns how many failed. */
export async function fuzz(options: FuzzOptions): Promise<number> {
  withoutWaiting()
  const begun = Date.now()
  const failures: Failure[] = []
  const counts: Record<string, number> = {}
  const print = (text: string) => {
    if (!options.json) console.log(text)
  }
  const judge = async (name: string, work: () => Promise<CaseReport>) => {
    const { findings, story } = await bounded(work)
    const family = name.split(':')[0]!
    counts[family] = (counts[family] ?? 0) + 1
    if (findings.length === 0) return
    failures.push({ case: name, findings, story })
    print(`FAILED ${name}   npm run fuzz -- --case ${name}`)
    for (const finding of findings) print(`  ${finding}`)
    for (const line of story) print(`    ${line}`)
  }
  if (options.only !== undefined) {
    const [family = '', seed = ''] = options.only.split(':')
    const flood = FLOODS[Number(seed)]
    const run = Object.hasOwn(FAMILIES, family) ? FAMILIES[family] : undefined
    if (family === 'volume' && flood !== undefined) await judge(options.only, () => floodCase(flood, options.root))
    else if (run !== undefined && /^\d+$/.test(seed)) await judge(options.only, () => run(Number(seed)))
    else
      throw new Error(
        `no case is called ${options.only}: they are called ${Object.keys(FAMILIES).join(', ')} or volume, with a number after a colon`,
      )
  } else {
    for (const [index, flood] of FLOODS.entries()) await judge(`volume:${index}`, () => floodCase(flood, options.root))
    const from = Date.now()
    for (let index = 0; Date.now() - from < options.minutes * 60_000; index++) {
      const family = TURNS[index % TURNS.length]!
      await judge(`${family}:${options.seed + index}`, () => FAMILIES[family]!(options.seed + index))
      if (index % 500 === 499) print(`${index + 1} cases, ${failures.length} failed`)
    }
  }
  await closeTemplate()
  const seconds = (Date.now() - begun) / 1000
  const cases = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const summary = {
    seed: options.seed,
    seconds: Math.round(seconds),
    cases,
    perSecond: Math.round((cases / seconds) * 10) / 10,
    families: counts,
    peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    failed: failures.length,
  }
  if (options.json) console.log(JSON.stringify({ ...summary, failures }, null, 2))
  else
    print(
      `${cases} cases (${Object.entries(counts)
        .map(([family, count]) => `${family} ${count}`)
        .join(
          ', ',
        )}) in ${summary.seconds} s, ${summary.perSecond} a second, at most ${summary.peakMiB} MiB, seed ${options.seed}: ${failures.length} failed`,
    )
  return failures.length
}

/** A case that does not end is a finding like any other. */
async function bounded(work: () => Promise<CaseReport>): Promise<CaseReport> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<CaseReport>((done) => {
    timer = setTimeout(() => done({ findings: [`does not end within ${LONGEST / 1000} s`], story: [] }), LONGEST)
  })
  try {
    return await Promise.race([work(), late])
  } finally {
    clearTimeout(timer)
  }
}
