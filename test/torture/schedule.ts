import { pick, randomFrom } from '../e2e/race-world.ts'
import type { Moment } from '../faults/watch.ts'

/** What a round does, decided by seed and number alone; when each thing happens in the world is not. */
export type RuntimeKind = 'reference' | 'public'

/** Where a command, or the runtime under it, is killed. */
export type Strike =
  /** At one step of the command's network. */
  | {
      readonly kind: 'net'
      readonly victim: 'command' | 'runtime'
      readonly at: number
      readonly moment: Moment
      readonly later: number
      readonly group: boolean
    }
  /** At one of its git processes: the command (alone, or with all its children), or that git process. */
  | {
      readonly kind: 'git'
      readonly fault: 'kill-before' | 'kill-after' | 'kill-during' | 'kill-git' | 'kill-git-before'
      readonly at: number
      readonly delay: number
      readonly group: boolean
    }
  /** Some time after its begin, as a part of what the first push took. */
  | { readonly kind: 'time'; readonly victim: 'command' | 'runtime'; readonly part: number; readonly group: boolean }

export const ACTIONS = ['pull', 'push', 'merge', 'fetch', 'status'] as const
export type Action = (typeof ACTIONS)[number]

/** One command of one person. */
export interface Turn {
  readonly person: number
  readonly action: Action
  /** Edits that are committed before it. */
  readonly edits: number
  /** A push sends one by one, though the runtime takes transactions. */
  readonly oneByOne: boolean
  readonly strike: Strike | undefined
  /** Where an open merge is to be settled first, what strikes that. */
  readonly settling: Strike | undefined
  /** A runtime that was struck is back at once, while the command still tries; or only when that is over. */
  readonly restart: 'at once' | 'afterwards'
}

export type Step =
  | { readonly kind: 'turns'; readonly turns: readonly Turn[] }
  /** Everybody in the world writes as fast as they can, and the runtime is killed after so many answers. */
  | { readonly kind: 'burst'; readonly answers: number }
  /** A public server is killed when everybody in the world rests and everything is saved: its locks and `state` are gone. */
  | { readonly kind: 'outage' }

export interface Round {
  readonly seed: number
  readonly round: number
  readonly runtime: RuntimeKind
  readonly people: number
  readonly editors: number
  readonly steps: readonly Step[]
}

/**
 * What such a command takes by experience, so that strikes are spread over all of it: git processes, steps of the
 * network, and its time as a part of that of the first push.
 */
const USUAL: Readonly<
  Record<Action | 'resolve', { readonly git: number; readonly net: number; readonly part: number }>
> = {
  pull: { git: 20, net: 4, part: 0.5 },
  push: { git: 36, net: 14, part: 0.7 },
  merge: { git: 0, net: 0, part: 0.15 },
  fetch: { git: 10, net: 4, part: 0.35 },
  status: { git: 12, net: 3, part: 0.35 },
  resolve: { git: 8, net: 0, part: 0.25 },
}

const STEPS_OF_A_ROUND = 20
const MOMENTS: readonly Moment[] = ['before', 'half', 'sent', 'landed', 'answered']
const GIT_FAULTS = ['kill-before', 'kill-after', 'kill-during', 'kill-git', 'kill-git-before'] as const

export function planRound(seed: number, round: number, runtime: RuntimeKind): Round {
  const random = randomFrom(seed * 7919 + round)
  const people = random() < 0.5 ? 2 : 3
  const steps = Array.from({ length: STEPS_OF_A_ROUND }, (_, index): Step => {
    if (random() < 0.08) {
      const answers = 1 + Math.floor(random() * 60)
      return runtime === 'reference' ? { kind: 'burst', answers } : { kind: 'outage' }
    }
    const first = Math.floor(random() * people)
    // Consecutive numbers over all rounds: enumerated strikes walk through all points.
    const count = round * STEPS_OF_A_ROUND + index
    const turns = [planTurn(first, count, runtime, random)]
    if (random() < 0.3) turns.push(planTurn((first + 1) % people, count + 7, runtime, random))
    return { kind: 'turns', turns }
  })
  return { seed, round, runtime, people, editors: 2, steps }
}

function planTurn(person: number, count: number, runtime: RuntimeKind, random: () => number): Turn {
  const dice = random()
  const action = dice < 0.42 ? 'push' : dice < 0.74 ? 'pull' : dice < 0.9 ? 'merge' : dice < 0.95 ? 'fetch' : 'status'
  const isStruck = random() < 0.85
  return {
    person,
    action,
    edits: action === 'push' ? 1 + Math.floor(random() * 4) : Math.floor(random() * 3),
    oneByOne: random() < 0.2,
    strike: isStruck ? planStrike(action, count, runtime, random) : undefined,
    settling: isStruck ? planStrike('resolve', count, runtime, random) : undefined,
    restart: random() < 0.5 ? 'at once' : 'afterwards',
  }
}

/** Half of the points are enumerated, one after the other; the rest is chance. */
function planStrike(action: Action | 'resolve', count: number, runtime: RuntimeKind, random: () => number): Strike {
  const { git, net, part } = USUAL[action]
  // A public server loses what it acknowledged when it is killed (protocol, section 3): see `outage`.
  const victim = runtime === 'reference' && net > 0 && random() < 0.4 ? 'runtime' : 'command'
  const group = random() < 0.6
  // Many commands end early: what they all have is struck more often.
  const at = (points: number) => 1 + (random() < 0.5 ? count % points : Math.floor(random() * random() * points))
  const dice = random()
  if (git === 0 || dice < 0.25) return { kind: 'time', victim, part: part * (0.1 + random()), group }
  if ((dice < 0.6 || victim === 'runtime') && net > 0) {
    const later = random() < 0.5 ? 0 : Math.floor(random() * 16)
    return { kind: 'net', victim, at: at(net), moment: pick(random, MOMENTS), later, group }
  }
  return { kind: 'git', fault: pick(random, GIT_FAULTS), at: at(git), delay: Math.floor(random() * 12), group }
}

/** Who dies of a strike. */
export function victimOf(strike: Strike | undefined): 'command' | 'runtime' | 'git' | undefined {
  if (strike?.kind !== 'git') return strike?.victim
  return strike.fault.startsWith('kill-git') ? 'git' : 'command'
}

/** A strike in a few words, for the tally: who was killed, and where. */
export function kindOf(strike: Strike): string {
  switch (strike.kind) {
    case 'net':
      return `${strike.victim} ${strike.moment} a request`
    case 'git':
      return strike.fault.startsWith('kill-git')
        ? `git ${strike.fault.slice(9) || 'at work'}`
        : `command ${strike.fault.slice(5)} git`
    case 'time':
      return `${strike.victim} at any time`
  }
}
