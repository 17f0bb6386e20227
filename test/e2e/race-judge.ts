import { type Change, PRESENCE, type Tag, tagOf } from './race-world.ts'

/**
 * What became of every edit of a race, from the feed and from git alone.
 *
 * An edit is a value that somebody wrote to a field, or an object that somebody removed: an operation of the feed, or an
 * own commit of a pusher. It must be in the final world, or have been overwritten by somebody who had seen it, or be
 * listed as a conflict. Who had seen what:
 *
 * - Somebody **in the world** has seen everything that the feed has before their own operation: the world is what they
 *   look at, and the runtime shows them every operation in order, those that their own landed upon too. That holds for
 *   what they meant to write. A whole `props` also writes back what stood in the other props when it was sent: such a
 *   write-back nobody meant, it counts as blind, and whoever overwrites *that* must have seen the edit under it.
 * - A **push** has seen what is in the history of the HEAD that it was made from: operations of the line up to the
 *   furthest commit of it that was merged, and its author's own commits. The HEAD is the first parent of the merge that
 *   brought the operation back, because a push ends in a merge (G6). What a push merges in memory (P1) it has not seen:
 *   where that is about a field of ours it must not have been sent at all.
 *
 * What a push overwrote unseen must be listed. One case is none: before that push had read the feed back, somebody in the
 * world wrote the same field again. Then they overwrote both values, and theirs is what the push has to report.
 */
export interface FeedOperation {
  readonly cursor: number
  readonly opId: string
  readonly actor: string
  readonly source: string
  /** What it changed in the state before it, whatever its patch says. */
  readonly changes: readonly Change[]
  /** The clone that sent it, where that is known otherwise than by whose commit it came from. */
  readonly pusher?: string | undefined
}

/** One commit of a clone's first-parent chain, against its first parent. */
export interface CloneCommit {
  readonly oid: string
  readonly subject: string
  /** A merge with the line: its changes are nobody's edits. */
  readonly merge: boolean
  /** The furthest cursor of the line in this commit's history. */
  readonly taken: number
  readonly changes: readonly Change[]
  /** With a merge: what commits of others changed that came into the history with it. */
  readonly brought?: readonly Change[]
}

/** A value that an artifact lists as one side of a conflict, open or settled, or that a push reported (P5). */
export interface Listed {
  readonly object: string
  readonly field: string
  readonly value: string | undefined
}

export interface CloneHistory {
  readonly name: string
  /** Oldest first, from where all clones were alike. */
  readonly commits: readonly CloneCommit[]
  readonly listed: readonly Listed[]
}

export interface History {
  /** In the feed's order, from where all clones were alike. */
  readonly feed: readonly FeedOperation[]
  readonly clones: readonly CloneHistory[]
  /** The world in the end: `object field` → JSON. */
  readonly final: ReadonlyMap<string, string>
}

export interface Edit {
  readonly by: string
  readonly object: string
  readonly field: string
  /** Undefined: the object was removed. */
  readonly value: string | undefined
}

export type End =
  | 'current'
  /** Overwritten by a later commit of its author's before it was sent. */
  | 'rewritten'
  /** Overwritten in the world by somebody in it. */
  | 'edited-over'
  /** Overwritten by a push whose author had it in their history. */
  | 'pushed-over'
  /** Listed as a side of a conflict. */
  | 'conflict'
  /** Committed, and neither sent nor given up. */
  | 'local'
  | 'lost'

export interface Verdict {
  readonly edit: Edit
  readonly end: End
  readonly why: string
  /** The clone that ended it, or has it. */
  readonly clone?: string
}

export interface Judgement {
  readonly verdicts: readonly Verdict[]
  /** What no history may have, whatever became of the edits. */
  readonly defects: readonly string[]
  /** Values that somebody in the world wrote back without meaning to, in a whole `props`. */
  readonly writtenBack: number
}

export const key = (object: string, field: string): string => `${object} ${field}`

interface Write extends Change {
  readonly operation: FeedOperation
}

interface Chain {
  readonly clone: CloneHistory
  /** Commit → its place. */
  readonly places: ReadonlyMap<string, number>
  readonly listed: ReadonlySet<string>
}

type Say = (end: End, why: string, by?: Chain) => Verdict

export function judge(history: History): Judgement {
  return new Judge(history).judge()
}

class Judge {
  readonly #history: History
  /** `object field` → what the feed did to it. */
  readonly #writes = new Map<string, Write[]>()
  readonly #chains: readonly Chain[]

  constructor(history: History) {
    this.#history = history
    for (const operation of history.feed) {
      for (const change of operation.changes) {
        const name = key(change.object, change.field)
        const writes = this.#writes.get(name) ?? []
        this.#writes.set(name, writes)
        writes.push({ ...change, operation })
      }
    }
    this.#chains = history.clones.map((clone) => ({
      clone,
      places: new Map(clone.commits.map(({ oid }, place) => [oid, place])),
      listed: new Set(clone.listed.map(sideOf)),
    }))
  }

  judge(): Judgement {
    const verdicts = [...this.#edits().values()].map(({ edit, chain, place }) => this.#verdict(edit, chain, place))
    let writtenBack = 0
    for (const writes of this.#writes.values()) for (const write of writes) if (isWriteBack(write)) writtenBack++
    return { verdicts, defects: this.#defects(), writtenBack }
  }

  /** Every edit once, with the chain and the place of the commit that made it, if one did. */
  #edits(): ReadonlyMap<string, { readonly edit: Edit; readonly chain?: Chain; readonly place?: number }> {
    const edits = new Map<string, { readonly edit: Edit; readonly chain?: Chain; readonly place?: number }>()
    for (const chain of this.#chains) {
      for (const [place, commit] of chain.clone.commits.entries()) {
        if (commit.merge) continue
        for (const { object, field, after } of commit.changes) {
          const removed = field === PRESENCE && after === undefined
          if (!removed && tagOf(after) === undefined) continue
          const edit = { by: chain.clone.name, object, field, value: after }
          const name = removed ? `${sideOf(edit)} ${commit.oid}` : sideOf(edit)
          if (!edits.has(name)) edits.set(name, { edit, chain, place })
        }
      }
    }
    for (const operation of this.#history.feed) {
      for (const { object, field, after } of operation.changes) {
        const removed = field === PRESENCE && after === undefined
        const by = removed ? operation.actor : tagOf(after)?.writer
        if (by === undefined) continue
        const edit = { by, object, field, value: after }
        const name = removed && operation.source.startsWith('git:') ? undefined : sideOf(edit)
        if (name !== undefined && !edits.has(name)) edits.set(name, { edit })
      }
    }
    return edits
  }

  #verdict(edit: Edit, chain: Chain | undefined, place: number | undefined): Verdict {
    const say: Say = (end, why, by) => ({ edit, end, why, ...(by === undefined ? {} : { clone: by.clone.name }) })
    if (this.#history.final.get(key(edit.object, edit.field)) === edit.value) return say('current', 'in the world')
    const writes = this.#writes.get(key(edit.object, edit.field)) ?? []
    const last = writes.findLastIndex(({ after }) => after === edit.value)
    if (last < 0) return chain === undefined ? say('lost', 'nowhere') : this.#unsent(edit, chain, place!, say)
    const next = writes[last + 1]
    if (next === undefined) return say('lost', 'the feed ends with it, the world has something else')
    return this.#overwritten(edit, writes, last, say)
  }

  /** What the feed had: whoever wrote the next value must have seen it. */
  #overwritten(edit: Edit, writes: readonly Write[], at: number, say: Say): Verdict {
    const landed = writes[at]!
    for (const over of writes.slice(at + 1)) {
      const where = `${over.operation.opId} at ${over.operation.cursor}`
      const author = this.#authorOf(over)
      if (author === 'world') {
        if (isWriteBack(over)) continue
        return say('edited-over', `overwritten in the world by ${where}`)
      }
      if (author === undefined) return say('lost', `${where} is of a push that no clone knows`)
      if (this.#hasSeen(author, over, landed, edit)) return say('pushed-over', `${where} had it in its history`, author)
      if (this.#isTold(edit, author)) return say('conflict', `overwritten by ${where}, and listed`, author)
      const next = writes[writes.indexOf(over) + 1]
      if (next !== undefined && this.#isBefore(next, author, over)) {
        return say(
          'edited-over',
          `${where} overwrote it, and before that push was over ${next.operation.opId} that`,
          author,
        )
      }
      return say('lost', `${where} of ${author.clone.name} overwrote it unseen, and no conflict lists it`, author)
    }
    if (this.#isTold(edit)) return say('conflict', 'written back by somebody in the world, and listed')
    return say('lost', 'written back by somebody in the world who did not mean it, and nobody has put it right')
  }

  /** Whether the HEAD that a push was made from had what the feed had at an earlier place. */
  #hasSeen({ clone }: Chain, over: Write, landed: Write, edit: Edit): boolean {
    // One's own operation is known without reading it.
    if (this.#authorOf(landed) === this.#authorOf(over)) return true
    const back = closingMerge(clone, over)
    const head = back < 0 ? clone.commits.length - 1 : back - 1
    if ((clone.commits[head]?.taken ?? 0) >= landed.operation.cursor) return true
    const is = (c: Change) => c.object === edit.object && c.field === edit.field && c.after === edit.value
    const own = clone.commits.findIndex(
      ({ merge, changes, brought }) => (!merge && changes.some(is)) || brought?.some(is) === true,
    )
    return own >= 0 && own <= head
  }

  /** Whether a conflict lists an edit for whoever overwrote it, or for its author: others may have settled theirs long ago. */
  #isTold(edit: Edit, by?: Chain): boolean {
    const author = this.#chains.find(({ clone }) => clone.name === edit.by)
    return [author, by].some((chain) => chain?.listed.has(sideOf(edit)) === true)
  }

  /** Whether somebody in the world wrote the field again, on purpose, before a push had read back what became of it. */
  #isBefore(next: Write, { clone }: Chain, over: Write): boolean {
    if (this.#authorOf(next) !== 'world' || isWriteBack(next)) return false
    return (clone.commits[closingMerge(clone, over)]?.taken ?? -1) >= next.operation.cursor
  }

  /** What was never sent: a commit of the same clone must have replaced it. */
  #unsent(edit: Edit, chain: Chain, place: number, say: Say): Verdict {
    const { clone, listed } = chain
    const replaced = clone.commits.slice(place + 1).find(({ changes }) => {
      return changes.some((c) => c.object === edit.object && c.field === edit.field && c.before === edit.value)
    })
    if (replaced === undefined) return say('local', 'in HEAD, and never sent', chain)
    const where = `${replaced.oid.slice(0, 9)} "${replaced.subject}"`
    if (!replaced.merge) return say('rewritten', `overwritten before it was sent by ${where}`, chain)
    if (replaced.brought !== undefined && this.#isSettledElsewhere(edit, replaced.brought)) {
      return say('pushed-over', `overwritten by somebody who had it in their history, and taken in by ${where}`, chain)
    }
    if (listed.has(sideOf(edit))) return say('conflict', `listed, and given up in ${where}`, chain)
    return say('lost', `the merge ${where} dropped it, and no conflict lists it`, chain)
  }

  /** Whether somebody else's commit that a merge brought replaced an edit that it had, or settled a conflict about it. */
  #isSettledElsewhere({ object, field, value }: Edit, brought: readonly Change[]): boolean {
    if (brought.some((c) => c.object === object && c.field === field && c.before === value)) return true
    return this.#chains.some(({ listed }) => listed.has(sideOf({ object, field, value })))
  }

  /** Who wrote something: somebody in the world, or the clone that pushed it; undefined when no clone did. */
  #authorOf(write: Write): 'world' | Chain | undefined {
    if (write.operation.source.startsWith('git:')) return this.#chainOf(write)
    // A request that cannot say who it is for (protocol, section 5): its value does.
    return tagOf(write.after)?.side === 'pusher' && write.operation.source === 'admin.http'
      ? this.#chainOf(write)
      : 'world'
  }

  #chainOf({ operation, after }: Write): Chain | undefined {
    if (operation.pusher !== undefined) return this.#chains.find(({ clone }) => clone.name === operation.pusher)
    const sha = /^git:([0-9a-f]+)$/.exec(operation.source)?.[1]
    if (sha !== undefined) return this.#chains.find(({ places }) => places.has(sha))
    const writer = tagOf(after)?.writer
    return this.#chains.find(({ clone }) => clone.name === writer)
  }

  #defects(): readonly string[] {
    const defects: string[] = []
    const known = new Map<string, number>()
    let cursor = -1
    for (const operation of this.#history.feed) {
      const earlier = known.get(operation.opId)
      if (earlier !== undefined)
        defects.push(`${operation.opId} is in the feed at ${earlier} and at ${operation.cursor}`)
      known.set(operation.opId, operation.cursor)
      if (operation.cursor <= cursor) defects.push(`the feed goes from ${cursor} to ${operation.cursor}`)
      cursor = operation.cursor
    }
    const replayed = new Map([...this.#writes].map(([name, writes]) => [name, writes.at(-1)!.after]))
    for (const [name, value] of replayed) {
      if (this.#history.final.get(name) === value) continue
      defects.push(`${name} is ${this.#history.final.get(name)} in the world, by the feed it is ${value}`)
    }
    return defects
  }
}

/** Where the chain has the merge that brought a pushed operation back; -1: nowhere. */
function closingMerge({ commits }: CloneHistory, { operation }: Write): number {
  return commits.findIndex(({ merge, taken }) => merge && taken >= operation.cursor)
}

const sideOf = ({ object, field, value }: Listed): string => `${key(object, field)} ${value}`

/**
 * Whether an operation in the world wrote something that its author did not mean, as a part of `props`. Names of
 * operations are the edits that they were made for; what puts a prop right on purpose names it.
 */
function isWriteBack({ operation: { opId, source, changes }, field, after }: Write): boolean {
  if (source.startsWith('git:') || source === 'admin.http' || !field.startsWith('props.')) return false
  if (changes.some((change) => change.field === PRESENCE)) return false
  const right = /r\d+\.(\w+)$/.exec(opId)?.[1]
  return right === undefined ? tagOf(after)?.text !== opId : field !== `props.${right}`
}

/** All that is known about the field of an edit, for whoever has to find out where that went. */
export function storyOf({ feed, clones, final }: History, { edit, end, why, clone }: Verdict): string {
  const about = (c: Change) => c.object === edit.object && (c.field === edit.field || c.field === PRESENCE)
  const told = (c: Change) => `${c.field === PRESENCE ? '(object)' : c.field}: ${c.before} → ${c.after}`
  const lines = [`${edit.by} wrote ${edit.value} to ${edit.object} ${edit.field}`, `  ${end}: ${why}`]
  for (const { cursor, opId, actor, source, changes } of feed) {
    for (const c of changes.filter(about)) lines.push(`  feed ${cursor} ${actor} ${source} ${opId}  ${told(c)}`)
  }
  for (const { name, commits, listed } of clones) {
    for (const { oid, subject, merge, taken, changes } of name === clone || name === edit.by ? commits : []) {
      const kind = merge ? 'merge' : 'commit'
      for (const c of changes.filter(about)) {
        lines.push(`  ${name} ${kind} ${oid.slice(0, 9)} (line to ${taken}) "${subject}"  ${told(c)}`)
      }
    }
    for (const { object, field, value } of listed) {
      if (object === edit.object && field === edit.field) lines.push(`  ${name} lists ${value} in a conflict`)
    }
  }
  lines.push(`  world: ${final.get(key(edit.object, edit.field))}`)
  return lines.join('\n')
}

/** Who wrote, and how it ended: counts for the report of a race. */
export function countEnds(verdicts: readonly Verdict[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { edit, end } of verdicts) {
    const side: Tag['side'] = edit.by.startsWith('p') ? 'pusher' : 'editor'
    counts.set(`${side} ${end}`, (counts.get(`${side} ${end}`) ?? 0) + 1)
  }
  return new Map([...counts].sort())
}
