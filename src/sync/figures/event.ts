import type { Oid } from '../../git-bridge/repository.ts'
import type { Cursor } from '../../world/operation.ts'
import type { ObjectKey } from '../../world/state.ts'

/**
 * What a use case decided or learned, said once where that happened. Figures are counted from these events and log lines
 * are written from them (docs/figures.md); nothing else is counted or logged. No event carries a value of the world, nor
 * a secret (S2).
 */
export type SyncEvent =
  | { readonly kind: 'handshake'; readonly world: string; readonly ms: number }
  /** How far the branch is behind the world; `taken` is the baseline's cursor. */
  | { readonly kind: 'lag'; readonly cursor: Cursor; readonly taken: Cursor }
  | { readonly kind: 'line-begun'; readonly cursor: Cursor }
  | { readonly kind: 'layout-changed'; readonly layout: string; readonly head: Oid; readonly cursor: Cursor }
  /** The feed does not reach back to the line: it goes on with a snapshot (G9). */
  | { readonly kind: 'snapshot-taken'; readonly from: Cursor; readonly cursor: Cursor; readonly rewritten: number }
  /** An operation of the feed is on the line now; `own`: a push from here sent it. */
  | (OperationFacts & { readonly kind: 'taken-in'; readonly cursor: Cursor; readonly own: boolean })
  /** The world changed something without an operation (G11). */
  | { readonly kind: 'unannounced'; readonly object?: ObjectKey; readonly objects: number }
  | (ObjectFacts & {
      readonly kind: 'loss'
      readonly step: 'found' | 'accept' | 'restore'
      readonly fields: readonly string[]
    })
  /** The world holds what cannot be written safely (S1). */
  | (ObjectFacts & { readonly kind: 'object-refused'; readonly reason: string })
  /** Both sides changed a field, and a rule settled it (M5). */
  | (ObjectFacts & {
      readonly kind: 'auto-resolved'
      readonly field: string
      readonly mode: 'local' | 'runtime' | 'set' | 'text'
      readonly since: Oid | undefined
    })
  /** Both sides changed these fields and no rule settles them; `push`: nothing is open yet, the push stopped before that. */
  | (ObjectFacts & {
      readonly kind: 'contested'
      readonly by: 'push' | 'promote' | 'merge'
      readonly fields: readonly string[]
      readonly since: Oid | undefined
      /** The conflict's, once it is open. */
      readonly id?: string
      /** Open in git, or committed as open (C6). */
      readonly as?: 'shown' | 'kept'
    })
  | (ObjectFacts & {
      readonly kind: 'conflict-resolved'
      /** Where the conflict says it: a merge in progress may be with any world. */
      readonly world: string | undefined
      readonly id: string
      readonly fields: readonly string[]
      readonly mode: 'local' | 'remote' | 'merged' | 'abandoned'
    })
  | (OperationFacts & { readonly kind: 'planned' })
  | (OperationFacts & { readonly kind: 'sent' })
  | (OperationFacts & { readonly kind: 'landed' })
  /** The runtime did not take it; `unsent`: nor was it asked, because of something that did not land. */
  | (OperationFacts & { readonly kind: 'refused'; readonly error: string; readonly unsent: boolean })
  /** Part of a plan that is not sent now. */
  | (ObjectFacts & {
      readonly kind: 'held-back'
      readonly field: string
      readonly why: 'hand' | 'conflict' | 'runtime'
      readonly reason: string
      readonly since: Oid | undefined
    })
  /** The world holds another value than the push believed; nothing was written there (P5). `refused`: the runtime said so. */
  | (Partial<OperationFacts> & { readonly kind: 'mismatch'; readonly field: string; readonly refused: boolean })
  /** A push and somebody else wrote the same field, neither having seen the other (P5). */
  | (ObjectFacts & { readonly kind: 'unseen-write'; readonly field: string; readonly by: string; readonly commit: Oid })
  | {
      readonly kind: 'lock'
      readonly step: 'taken' | 'released' | 'held' | 'lost' | 'not-renewed'
      readonly scope: string
      readonly owner?: string | undefined
    }
  /** Connecting took the project's side in bulk: the next push replaces these values of the world, unmerged. */
  | (ObjectFacts & { readonly kind: 'replaced-at-start'; readonly fields: number })
  /** What an interrupted run had begun was ended. */
  | {
      readonly kind: 'recovered'
      readonly what: 'merge' | 'push' | 'changes'
      readonly landed?: number
      readonly left?: number
    }
  | { readonly kind: 'merged'; readonly as: 'merged' | 'contested'; readonly head: Oid; readonly cursor: Cursor }
  /** Something that the user is told as well. */
  | { readonly kind: 'warned'; readonly text: string }

export interface ObjectFacts {
  readonly object: ObjectKey
  /** Where it is known. */
  readonly uid?: string | undefined
}

export interface OperationFacts {
  /** Undefined for kinds that nobody knows. */
  readonly object: ObjectKey | undefined
  readonly uid?: string | undefined
  readonly op: string
  /** The operation's kind, in the words of the protocol (section 3). */
  readonly does: string
}

/** Whom an event is about: what its figures and its line name. */
export interface About {
  readonly world?: string | undefined
  /** The target's name in `lobby.json`. */
  readonly target?: string | undefined
}

/** How a use case says what it decides. */
export interface Report {
  tell(event: SyncEvent): void
  /** A value that must never be written anywhere, like a lock's token (S2). */
  conceal(secret: string | undefined): void
}

/** Where a command's events go. */
export interface Reporter {
  tell(event: SyncEvent, about: About): void
  conceal(secret: string | undefined): void
  enter(project: EnteredProject): Promise<void>
}

/** The project that a command works in: figures and logs are kept in its state folder (G13). */
export interface EnteredProject {
  /** The git dir that the state folder is in: nothing is kept where it is gone again, as after a clone that failed. */
  readonly gitDir: string
  readonly stateFolder: string
  /** Every code that stands in the project's files: asked for by whoever writes, to know what not to. */
  codes(): Promise<readonly string[]>
}

/** Listens to nothing. */
export const UNHEARD: Report = { tell: () => {}, conceal: () => {} }

/** A report about a world, whose id may be known only later. */
export function reportOn(reporter: Reporter | undefined, about: () => About = () => ({})): Report {
  if (reporter === undefined) return UNHEARD
  return { tell: (event) => reporter.tell(event, about()), conceal: (secret) => reporter.conceal(secret) }
}
