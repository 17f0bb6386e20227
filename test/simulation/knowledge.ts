import { type Bits, hasBit, intersection, members, NO_BITS, union, withBit } from './bits.ts'
import { type Place, PRESENCE } from './values.ts'

/** One edit: somebody gave a field a value, or took it away, having seen what stood there. */
export interface Edit {
  readonly id: number
  readonly by: string
  readonly what: string
  /** The world that it was made in: there, a value that is put back on purpose is a new edit for everybody (M2). */
  readonly world: string | undefined
}

/** A value as it stands somewhere, and the edits that put it there: several where several wrote the same. */
export interface Stand {
  readonly value: string | undefined
  readonly edits: readonly number[]
}

export type Stands = ReadonlyMap<Place, Stand>

/** Fields and who has seen what: those of a commit, or of a world at a cursor. */
export interface Site {
  readonly stands: Stands
  /** The edits that are current here, or were superseded by somebody who had seen them. */
  readonly seen: Bits
  /** What this line had seen before its world lost it: whoever decides about that has seen it as well. */
  readonly lost?: Bits
  /** What a world had lost, on a line that a snapshot took over an expired feed, behind writes that no feed tells. */
  readonly bridged?: ReadonlyMap<Place, Bits>
  /** Where a line began with an object in somebody's hand: there it is until an operation says otherwise. */
  readonly adrift?: ReadonlySet<Place>
}

export const EMPTY_SITE: Site = { stands: new Map(), seen: NO_BITS }

/** Who makes the edits of crashes. */
export const CRASHING = 'the server'

/** All edits of a run, and which fields and values each is about. */
export class Edits {
  readonly all: Edit[] = []
  readonly #masks = new Map<Place, Bits>()
  readonly #values = new Map<string, Bits>()

  /** A new edit; an object that comes or goes is one edit of many fields. */
  make(by: string, what: string, world?: string): number {
    const id = this.all.length
    this.all.push({ id, by, what, world })
    return id
  }

  /** An edit gave a field this value. */
  about(id: number, at: Place, value: string | undefined): void {
    this.#masks.set(at, withBit(this.mask(at), id))
    const key = `${at} = ${value}`
    this.#values.set(key, withBit(this.#values.get(key) ?? NO_BITS, id))
  }

  /** Nobody's edit but a crash's: something that had never been saved is gone. */
  isCrash({ edits }: Stand): boolean {
    return edits.length > 0 && edits.every((id) => this.all[id]!.by === CRASHING)
  }

  /** The edits of a field. */
  mask(at: Place): Bits {
    return this.#masks.get(at) ?? NO_BITS
  }

  /**
   * Whether whoever knows `seen` has seen the value that stands somewhere: of several who wrote the same, one is enough,
   * and for a value that was put back in files, its first time, because git does not tell that from a value that stayed.
   * To `world`, what another one says is no more than that: its feed is not the one that is read.
   */
  hasSeen(seen: Bits, at: Place, { value, edits }: Stand, world?: string): boolean {
    if (edits.length === 0 || edits.some((id) => hasBit(seen, id))) return true
    const isHere = (made: string | undefined) => made !== undefined && (world === undefined || made === world)
    if (value === undefined || edits.every((id) => isHere(this.all[id]!.world))) return false
    return this.saying(seen, at, value).length > 0
  }

  /** The edits among `seen` that gave a field this value. */
  saying(seen: Bits, at: Place, value: string | undefined): readonly number[] {
    return [...members(intersection(seen, this.#values.get(`${at} = ${value}`) ?? NO_BITS))]
  }

  describe(ids: readonly number[]): string {
    return ids.map((id) => `#${id} ${this.all[id]!.what} by ${this.all[id]!.by}`).join(', ') || 'nobody'
  }
}

export function standAt(site: Site, at: Place): Stand {
  return site.stands.get(at) ?? NOWHERE
}

const NOWHERE: Stand = { value: undefined, edits: [] }

export type Expected =
  /** Only this value is right. */
  | { readonly kind: 'value'; readonly value: string | undefined }
  /** Neither side has seen the other's: somebody must decide, or a rule that says so. */
  | { readonly kind: 'concurrent' }
  /** Each side has superseded the other's. */
  | { readonly kind: 'crossed' }

/** Two sides of a merge. */
export interface Meeting {
  readonly ours: Site
  readonly theirs: Site
  /** The world whose line is theirs; undefined where git merges two branches. */
  readonly world?: string | undefined
}

/** Whether the other side has seen what stands on one. */
function isKnown(edits: Edits, { ours, theirs, world }: Meeting, side: 'ours' | 'theirs', at: Place): boolean {
  const there = standAt(side === 'ours' ? theirs : ours, at)
  // What never was there is there no less for somebody's word that it is not to be.
  const isNothing = standAt(side === 'ours' ? ours : theirs, at).value === undefined
  if (isNothing && there.value === undefined && there.edits.length === 0) return true
  return side === 'ours'
    ? edits.hasSeen(theirs.seen, at, standAt(ours, at), world)
    : edits.hasSeen(ours.seen, at, standAt(theirs, at))
}

/** What a merge has to make of a field, by who has seen what alone. */
export function expectField(edits: Edits, meeting: Meeting, at: Place): Expected {
  const a = standAt(meeting.ours, at)
  const b = standAt(meeting.theirs, at)
  if (a.value === b.value) return { kind: 'value', value: a.value }
  const ourSeen = isKnown(edits, meeting, 'ours', at)
  const theirSeen = isKnown(edits, meeting, 'theirs', at)
  if (ourSeen && theirSeen) {
    // A field that nobody of one side ever wrote is there to be taken.
    if (a.edits.length === 0 && b.edits.length > 0) return { kind: 'value', value: b.value }
    if (b.edits.length === 0 && a.edits.length > 0) return { kind: 'value', value: a.value }
    return { kind: 'crossed' }
  }
  if (ourSeen) return { kind: 'value', value: b.value }
  if (theirSeen) return { kind: 'value', value: a.value }
  return { kind: 'concurrent' }
}

/** What a merge has to make of an object that only one side has. */
export function expectObject(edits: Edits, meeting: Meeting, object: string, places: Iterable<Place>): Expected {
  const at = `${object} ${PRESENCE}`
  const [has, lacks] =
    standAt(meeting.ours, at).value === undefined ? (['theirs', 'ours'] as const) : (['ours', 'theirs'] as const)
  const there = standAt(meeting[has], at)
  const gone = standAt(meeting[lacks], at)
  const isGoneKnown = isKnown(edits, meeting, lacks, at)
  if (!isKnown(edits, meeting, has, at)) {
    // Made, or made again, without their knowing.
    return isGoneKnown ? { kind: 'value', value: there.value } : { kind: 'concurrent' }
  }
  const unseen = [...places].some((one) => !isKnown(edits, meeting, has, one))
  if (gone.edits.length > 0 && isGoneKnown) return { kind: 'crossed' }
  return unseen ? { kind: 'concurrent' } : { kind: 'value', value: undefined }
}

/**
 * Who put a value there that several sides hold: the last one, or all who did not know of each other. What a crash took,
 * nobody can remove after it: whoever removes the same has done so beside it, and who brings back what the crash took has
 * seen one of both.
 */
export function mergeStand(
  edits: Edits,
  at: Place,
  value: string | undefined,
  sides: readonly Site[],
): Stand | undefined {
  const same = sides.filter((site) => standAt(site, at).value === value)
  if (same.length < 2) return same[0] === undefined ? undefined : standAt(same[0], at)
  const last = same.filter((site) => {
    const stand = standAt(site, at)
    if (edits.isCrash(stand)) return true
    return !same.some(
      (other) =>
        other !== site && edits.hasSeen(other.seen, at, stand) && !edits.hasSeen(site.seen, at, standAt(other, at)),
    )
  })
  return { value, edits: [...new Set(last.flatMap((site) => standAt(site, at).edits))] }
}

export function knowing(...seen: readonly Bits[]): Bits {
  return seen.reduce(union, NO_BITS)
}
