import type { About, SyncEvent } from './event.ts'

export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type Level = (typeof LEVELS)[number]

/** One line of a log: how much it matters, what it says to people, and the facts for programs. */
export interface LogLine {
  readonly level: Exclude<Level, 'silent'>
  readonly message: string
  readonly facts: Readonly<Record<string, unknown>>
}

/** An event as a line: the same facts under the same names in every line (docs/figures.md). */
export function lineOf(event: SyncEvent, about: About): LogLine {
  const { kind, ...facts } = event
  const world = 'world' in event ? (event.world ?? about.world) : about.world
  const [level, message] = wordsOf(event)
  return { level, message, facts: { event: kind, ...about, ...facts, world } }
}

function wordsOf(event: SyncEvent): readonly [LogLine['level'], string] {
  switch (event.kind) {
    case 'handshake':
      return ['info', 'the world said which one it is']
    case 'lag':
      return [
        'debug',
        event.cursor > event.taken ? 'the branch is behind the world' : 'the branch has all of the world',
      ]
    case 'line-begun':
      return ['info', 'the line begins with a snapshot']
    case 'layout-changed':
      return ['info', 'the line goes on in another layout']
    case 'snapshot-taken':
      return ['warn', 'the feed does not reach back: the line goes on with a snapshot']
    case 'taken-in':
      return ['debug', event.own ? 'an operation of ours is on the line' : 'an operation of the world is on the line']
    case 'unannounced':
      return ['warn', 'the world changed without an operation']
    case 'loss':
      return ['warn', LOSS[event.step]]
    case 'object-refused':
      return ['warn', 'an object of the world is refused']
    case 'auto-resolved':
      return ['info', 'both sides changed a field, and a rule settled it']
    case 'contested':
      return [
        'warn',
        event.by === 'merge' ? 'a conflict was opened' : 'both sides changed the same fields: nothing was sent',
      ]
    case 'conflict-resolved':
      return ['info', event.mode === 'abandoned' ? 'a conflict was given up' : 'a conflict was resolved']
    case 'planned':
      return ['debug', 'an operation is planned']
    case 'sent':
      return ['debug', 'an operation was sent']
    case 'landed':
      return ['info', 'an operation landed']
    case 'refused':
      return ['warn', event.unsent ? 'an operation was not sent' : 'an operation was refused']
    case 'held-back':
      return ['info', 'a field is held back']
    case 'mismatch':
      return ['warn', 'the world holds another value than expected: nothing was written there']
    case 'unseen-write':
      return ['warn', 'somebody wrote the same field unseen']
    case 'lock':
      return [event.step === 'taken' || event.step === 'released' ? 'debug' : 'warn', LOCK[event.step]]
    case 'replaced-at-start':
      return ['warn', 'connecting gives values of the world up']
    case 'recovered':
      return ['warn', 'what an interrupted run had begun was ended']
    case 'merged':
      return ['info', event.as === 'merged' ? 'the branch was merged with the world' : 'the merge is open']
    case 'warned':
      return ['warn', 'the user was warned']
  }
}

const LOSS = {
  found: 'the world lost what it had acknowledged',
  accept: 'a loss of the world was accepted',
  restore: 'what the world lost is restored here, to be pushed again',
} as const

const LOCK = {
  taken: 'a deploy lock was taken',
  released: 'a deploy lock was released',
  held: 'a deploy lock is held by somebody else',
  lost: 'a deploy lock was lost',
  'not-renewed': 'a deploy lock could not be renewed',
} as const
