import { type Change, PRESENCE, tagOf } from '../e2e/race-world.ts'

/**
 * Whether an edit was lost, from the feed and from git alone, however the clones merged each other (the promise of
 * docs/architecture.md). Every value that somebody wrote is unique. Wherever one disappears — in a commit, in a merge
 * against any of its parents, in an operation of the feed — what stands there instead must be *known* to replace it:
 *
 * - a commit of somebody's replaced what stood in the files before them;
 * - an operation of somebody in the world replaced what the world showed them;
 * - a pushed operation replaced what was in the history of the HEAD that it was sent from;
 * - a merge took a value that replaces the other by a chain of these.
 *
 * Else it must be listed: as a side of a conflict, or as what a push reported (C3, P5).
 */
export interface History {
  /** The branch that all clones ended on: whatever is no commit of the line. */
  readonly commits: readonly Commit[]
  readonly feed: readonly Operation[]
  /** `object field value` of everything that anybody was told of. */
  readonly listed: ReadonlySet<string>
  readonly knowledge: Knowledge
  /** `object field` → JSON, as all clones and the world have it in the end. */
  readonly final: ReadonlyMap<string, string>
}

export interface Commit {
  readonly oid: string
  readonly subject: string
  readonly merge: boolean
  /** Against its parent; a merge's against each of its parents. */
  readonly changes: readonly Change[]
}

export interface Operation {
  readonly cursor: number
  readonly opId: string
  readonly actor: string
  readonly changes: readonly Change[]
  /** The commit that HEAD was at when it was sent; undefined for what was done in the world. */
  readonly head: string | undefined
}

/** What is in the history of a commit. */
export interface Knowledge {
  has(head: string, commit: string): boolean
  /** How far the line is in it. */
  taken(head: string): number
}

export interface Loss {
  readonly object: string
  readonly field: string
  readonly value: string | undefined
  readonly instead: string | undefined
  readonly where: string
}

export const listing = (object: string, field: string, value: string | undefined): string =>
  `${object} ${field} ${value}`

const ABSENT = '(absent)'

/** What happened to one field: who replaced what knowing it, and what disappeared in some other way. */
interface FieldStory {
  readonly replaced: Map<string, Set<string>>
  readonly doubtful: { readonly change: Change; readonly where: string }[]
}

export function judge(history: History): readonly Loss[] {
  const stories = new Map<string, FieldStory>()
  const storyOf = ({ object, field }: Change): FieldStory => {
    const name = `${object} ${field}`
    const story = stories.get(name) ?? { replaced: new Map(), doubtful: [] }
    stories.set(name, story)
    return story
  }
  const know = (change: Change) => {
    const { replaced } = storyOf(change)
    const before = nodeOf(change.before)
    replaced.set(before, (replaced.get(before) ?? new Set()).add(nodeOf(change.after)))
  }
  const doubt = (change: Change, where: string) => void storyOf(change).doubtful.push({ change, where })

  const landed = new Map<string, number>()
  const written = new Map<string, string>()
  for (const { oid, merge, changes } of history.commits) {
    for (const change of merge ? [] : changes) {
      written.set(listing(change.object, change.field, change.after), oid)
      know(change)
    }
  }
  for (const { cursor, opId, head, changes } of history.feed) {
    for (const change of changes) {
      const name = listing(change.object, change.field, change.before)
      const commit = written.get(name)
      const isKnown =
        head === undefined ||
        (landed.get(name) ?? 0) <= history.knowledge.taken(head) ||
        (commit !== undefined && history.knowledge.has(head, commit))
      if (isKnown) know(change)
      else doubt(change, `${opId} at ${cursor}, sent from ${head.slice(0, 9)}`)
      landed.set(listing(change.object, change.field, change.after), cursor)
    }
  }
  for (const { oid, subject, merge, changes } of history.commits) {
    for (const change of merge ? changes : []) doubt(change, `merge ${oid.slice(0, 9)} "${subject}"`)
  }
  const losses: Loss[] = []
  for (const { replaced, doubtful } of stories.values()) {
    for (const { change, where } of doubtful) {
      const { object, field, before: value, after: instead } = change
      if (!isEdit(change) || history.listed.has(listing(object, field, value))) continue
      if (!leads(replaced, nodeOf(value), nodeOf(instead))) losses.push({ object, field, value, instead, where })
    }
  }
  return losses
}

/** Whether what disappears is somebody's edit: a value of theirs, or the removal of an object. */
function isEdit({ field, before, after }: Change): boolean {
  if (field === PRESENCE) return before === undefined && after !== undefined
  return tagOf(before) !== undefined
}

function nodeOf(value: string | undefined): string {
  return value ?? ABSENT
}

function leads(replaced: ReadonlyMap<string, ReadonlySet<string>>, from: string, to: string): boolean {
  const open = [from]
  const seen = new Set(open)
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node === to) return true
    for (const next of replaced.get(node) ?? []) {
      if (seen.has(next)) continue
      seen.add(next)
      open.push(next)
    }
  }
  return false
}

/** All that is known about a field, for whoever has to find out where its value went. */
export function tell({ commits, feed, listed, final }: History, loss: Loss): string {
  const about = (change: Change) =>
    change.object === loss.object && (change.field === loss.field || change.field === PRESENCE)
  const told = ({ field, before, after }: Change) => `${field === PRESENCE ? '(object)' : field}: ${before} → ${after}`
  const lines = [`${loss.value} of ${loss.object} ${loss.field} was lost for ${loss.instead} in ${loss.where}`]
  for (const { cursor, opId, actor, head, changes } of feed) {
    const from = head === undefined ? '' : ` from ${head.slice(0, 9)}`
    for (const change of changes.filter(about)) lines.push(`  feed ${cursor} ${actor} ${opId}${from}  ${told(change)}`)
  }
  for (const { oid, subject, merge, changes } of commits) {
    for (const change of changes.filter(about))
      lines.push(`  ${merge ? 'merge' : 'commit'} ${oid.slice(0, 9)} "${subject}"  ${told(change)}`)
  }
  const prefix = `${loss.object} ${loss.field} `
  for (const name of listed) if (name.startsWith(prefix)) lines.push(`  listed: ${name.slice(prefix.length)}`)
  lines.push(`  in the end: ${final.get(`${loss.object} ${loss.field}`)}`)
  return lines.join('\n')
}
