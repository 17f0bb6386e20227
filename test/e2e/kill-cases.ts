import type { RuntimeOptions } from '../../src/runtime/index.ts'
import type { Ran } from './conflict-project.ts'
import { nameOf, type Point } from './kill-lab.ts'
import { random, SEED, sample } from './kill-seed.ts'
import { LONG } from './long.ts'

export interface RuntimeKind {
  readonly name: string
  readonly options: Partial<RuntimeOptions>
}

const RUNTIMES: readonly RuntimeKind[] = [
  { name: 'reference', options: {} },
  { name: 'public-like', options: { publicLike: true } },
]

/** A test of both runtimes at once: what takes time in it are processes. */
export async function onBothRuntimes(test: (kind: RuntimeKind) => Promise<void>): Promise<void> {
  const failed = (await Promise.allSettled(RUNTIMES.map(test))).filter(({ status }) => status === 'rejected')
  if (failed.length > 0)
    throw new Error(failed.map((one) => String((one as PromiseRejectedResult).reason)).join('\n\n'))
}

/** To see one failure again: `KILL_ONLY="push, reference: git 5 kill-after" KILL_THEN=pull npx vitest run test/e2e/kill`. */
const ONLY = process.env.KILL_ONLY
const THEN = process.env.KILL_THEN

/** One kill, and what comes after it. */
export interface Case<Afterwards extends string> {
  readonly point: Point
  readonly afterwards: Afterwards
  /** Adds to the story that is told when the case fails. */
  readonly tell: (text: string, ran?: Ran) => void
}

/**
 * Runs a case for each point (`npm run test:long`) or for a sample. `attempt` returns whether its kill struck before the
 * command had ended. Throws when cases fail, with the story of each.
 */
export async function killEverywhere<Afterwards extends string>(
  name: string,
  points: readonly Point[],
  all: readonly Afterwards[],
  { sampled }: { readonly sampled: number },
  attempt: (one: Case<Afterwards>) => Promise<boolean>,
): Promise<void> {
  const turn = Math.floor(random(`${SEED} ${name}`)() * all.length)
  const wanted = ONLY === undefined ? points : points.filter((point) => `${name}: ${nameOf(point)}`.includes(ONLY))
  const chosen = LONG || ONLY !== undefined ? wanted : sample(points, sampled, `${SEED} ${name}`)
  const failures: string[] = []
  let struck = 0
  for (const [index, point] of chosen.entries()) {
    const afterwards = all.find((one) => one === THEN) ?? all[(index + turn) % all.length]!
    const story = [`${name}: killed at ${nameOf(point)}, then ${afterwards}`]
    const tell = (text: string, ran?: Ran) => {
      story.push(ran === undefined ? text : `${text} → ${ran.code}\n${ran.stdout}${ran.stderr}`)
    }
    try {
      if (await attempt({ point, afterwards, tell })) struck++
    } catch (error) {
      failures.push(`${story.join('\n')}\n${(error as Error).message}`)
      if (LONG) console.log(failures.at(-1))
    }
  }
  const tally = `${name}: ${points.length} points, ${chosen.length} tried, ${struck} struck, ${failures.length} failed`
  if (LONG) console.log(tally)
  if (failures.length > 0) throw new Error(`${tally} (KILL_SEED=${SEED})\n\n${failures.join('\n\n')}`)
}
