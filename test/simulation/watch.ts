import { type Bits, beyond, intersection, NO_BITS, replaced, union, withBit } from './bits.ts'
import { different, type Moment } from './history.ts'
import { CRASHING, type Edits, type Site, type Stand, standAt } from './knowledge.ts'
import { objectOf, ownerOf, type Place, PRESENCE, type Values } from './values.ts'

/** Who did an operation: somebody in the world who looks at it, or a push of a clone. */
export type Author =
  | { readonly kind: 'editor'; readonly edit: number }
  | {
      readonly kind: 'push'
      readonly clone: string
      readonly head: Site
      readonly late: boolean
      /** Its expectations are checked by the runtime: nothing unseen is ever replaced. */
      readonly checked: boolean
    }

/** A value of the world that a push replaced without having seen it, and that it must therefore tell (P5). */
export interface Unseen {
  readonly clone: string
  readonly at: Place
  readonly stand: Stand
  readonly cursor: number
}

/** An operation as the feed announces it, and what the world is after it. */
export interface Announcement {
  readonly cursor: number
  readonly opId: string
  /** The world. */
  readonly values: Values
  /** What the feed says alone: each object as its last operation has it. Other than the world where that lost something. */
  readonly told?: Values
  readonly author: Author
  readonly words: string
  /** Nothing of its object is other than before, watched or not. */
  readonly idle?: boolean
  /** Where somebody had carried the object meanwhile: the operation brings that, too (G4). */
  readonly carried?: { readonly at: Place; readonly edit: number } | undefined
  /** What a comparison with the world may find some fields to be, though no operation ever says so. */
  readonly seemingly?: Values | undefined
  /** Fields that a push may replace unseen: nothing keeps others from writing them until it lands. */
  readonly unguarded?: Values | undefined
}

const NOTHING: ReadonlyMap<string, number> = new Map()

/** What a world holds and has seen, operation by operation. */
export class Watch {
  readonly worldId: string
  /** The project knows other worlds as well. */
  hasOthers = false
  readonly defects: string[] = []
  readonly unseen: Unseen[] = []
  /** Objects that came, with the clone whose push brought them. */
  readonly added: { readonly object: string; readonly clone: string | undefined }[] = []
  readonly #replaced: Unseen[] = []
  readonly #edits: Edits
  /** By cursor: what the feed says, then what the world was, newest first. */
  readonly #moments = new Map<number, readonly [Moment, ...Moment[]]>()
  readonly #opIds = new Set<string>()
  readonly #hands: { readonly cursor: number; readonly held: ReadonlyMap<string, number> }[] = []
  #now: Moment
  #told: Moment
  #saved: Moment
  #cursor: number
  /** Whatever this world has ever known. */
  #ever: Bits
  /** What its server has lost: in the history of the line it stays, but nobody may have had a chance to see it. */
  lost: Bits = NO_BITS
  /** The same by field: what crashes took from each. */
  readonly dropped = new Map<Place, Bits>()
  /** What of that nobody has written over yet. */
  readonly #open = new Map<Place, Bits>()
  /** What of it lies in objects that were written since. */
  #hidden: ReadonlyMap<Place, Bits> = new Map()

  constructor(edits: Edits, start: { worldId: string; cursor: number; values: Values }) {
    this.worldId = start.worldId
    this.#edits = edits
    const stands = new Map<Place, Stand>()
    let seen: Bits = NO_BITS
    for (const [at, value] of start.values) {
      const edit = edits.make('the beginning', `${at} = ${value}`, start.worldId)
      edits.about(edit, at, value)
      stands.set(at, { value, edits: [edit] })
      seen = withBit(seen, edit)
    }
    this.#now = { site: { stands, seen }, values: start.values }
    this.#ever = seen
    this.#told = this.#now
    this.#saved = this.#now
    this.#cursor = start.cursor
    this.#moments.set(start.cursor, [this.#now])
  }

  /**
   * The states that a line may hold at a cursor, or after the last operation before it, because numbers may be skipped:
   * what an operation shows and does not name is a commit of its own, under the cursor before (G11).
   */
  at(cursor: number): readonly Moment[] {
    const held = this.#hands.findLast((hands) => hands.cursor <= cursor)?.held ?? NOTHING
    return this.#statesAt(cursor).map((moment) => (held.size === 0 ? moment : { ...moment, held }))
  }

  #statesAt(cursor: number): readonly Moment[] {
    const here = this.#after(cursor)
    for (let at = cursor + 1; at <= this.#cursor; at++) {
      const next = this.#moments.get(at)
      if (next !== undefined) return [...here, ...next]
    }
    return here
  }

  #after(cursor: number): readonly Moment[] {
    for (let at = Math.min(cursor, this.#cursor); at >= 0; at--) {
      const moments = this.#moments.get(at)
      if (moments !== undefined) return moments
    }
    return []
  }

  /** What is in somebody's hand from a cursor on, each with the edit that this is. */
  inHand(cursor: number, held: ReadonlyMap<string, number>): void {
    this.#hands.push({ cursor, held })
  }

  get now(): Moment {
    return this.#now
  }

  /** The values that pushes from a clone replaced in a field without having seen them, oldest first. */
  replacedBy(clone: string, at: Place): readonly Stand[] {
    return this.#replaced.filter((one) => one.clone === clone && one.at === at).map(({ stand }) => stand)
  }

  operation(announcement: Announcement): void {
    const { cursor, opId, values, told = values, author, words, idle, carried, seemingly, unguarded } = announcement
    if (this.#opIds.has(opId)) this.defects.push(`feed: ${opId} is there twice`)
    this.#opIds.add(opId)
    const stands = new Map(this.#now.site.stands)
    let { seen } = this.#now.site
    const changed = different(this.#now.values, values).filter((at) => {
      if (at !== carried?.at) return true
      this.#edits.about(carried.edit, at, values.get(at))
      stands.set(at, { value: values.get(at), edits: [carried.edit] })
      seen = withBit(seen, carried.edit)
      return false
    })
    const whole = new Set(changed.filter((at) => at.endsWith(` ${PRESENCE}`)).map(objectOf))
    const clone = author.kind === 'push' ? author.clone : undefined
    for (const object of whole) if (values.has(`${object} ${PRESENCE}`)) this.added.push({ object, clone })
    if (author.kind === 'editor') {
      for (const at of changed) {
        this.#edits.about(author.edit, at, values.get(at))
        stands.set(at, { value: values.get(at), edits: [author.edit] })
      }
      seen = withBit(seen, author.edit)
    } else {
      // Unchecked, it may come just after somebody who wrote the same.
      if (idle === true && author.checked)
        this.defects.push(`push: "${words}" of ${author.clone} at ${cursor} changes nothing`)
      for (const at of changed) {
        const value = values.get(at)
        const stand = unguarded?.has(at)
          ? this.#landedUnguarded(author, at, value)
          : this.#landed(author, at, value, cursor, words)
        stands.set(at, stand)
      }
      // Who pushes a field says all that they know about it; who adds or removes an object, all about that.
      for (const at of new Set([...stands.keys(), ...author.head.stands.keys()])) {
        if (!whole.has(objectOf(at)) && !changed.includes(at)) continue
        seen = union(seen, intersection(author.head.seen, this.#edits.mask(at)))
      }
      for (const at of changed) for (const edit of stands.get(at)!.edits) seen = withBit(seen, edit)
    }
    seen = union(seen, this.#writtenOver(new Set(changed)))
    this.#hide(words)
    this.#ever = union(this.#ever, seen)
    this.#now = { site: { stands, seen, lost: this.#ever }, values, hidden: this.#hidden }
    this.#told = told === values ? this.#now : this.#toldAfter(told, changed, whole, author)
    this.#cursor = cursor
    const moments: readonly [Moment, ...Moment[]] = this.#told === this.#now ? [this.#now] : [this.#told, this.#now]
    this.#moments.set(cursor, seemingly === undefined ? moments : [...moments, this.#seeming(seemingly)])
  }

  /** The world as it is, but for some fields, which are as they once were: what followed there was seen. */
  #seeming(fields: Values): Moment {
    const { site, values } = this.#now
    const stands = new Map(site.stands)
    for (const [at, value] of fields) stands.set(at, this.#earlier(at, value) ?? standAt(site, at))
    return { site: { ...site, stands }, values: new Map([...values, ...fields]) }
  }

  /**
   * What the feed says after an operation. Whoever writes a field is taken to have seen what the feed said of it: that
   * the world had lost that meanwhile, nobody can tell (G11). What comes back beside it is a loss.
   */
  #toldAfter(values: Values, changed: readonly Place[], whole: ReadonlySet<string>, author: Author): Moment {
    const written = new Set(changed)
    const stands = new Map(this.#told.site.stands)
    let { seen } = this.#told.site
    if (author.kind === 'push') {
      for (const at of author.head.stands.keys()) {
        if (whole.has(objectOf(at))) seen = union(seen, intersection(author.head.seen, this.#edits.mask(at)))
      }
    }
    for (const at of new Set([...this.#now.site.stands.keys(), ...stands.keys()])) {
      const mask = this.#edits.mask(at)
      if (written.has(at)) seen = union(seen, intersection(this.#now.site.seen, mask))
      else if (values.get(at) === standAt(this.#told.site, at).value) continue
      else if (author.kind === 'push' && standAt(author.head, at).value === values.get(at)) {
        // What the world had lost and a push brings: it is the push's all the same, which knows what it knows.
        seen = union(seen, intersection(author.head.seen, mask))
        stands.set(at, standAt(author.head, at))
        continue
      } else seen = replaced(seen, this.#now.site.seen, mask)
      stands.set(at, standAt(this.#now.site, at))
    }
    return { site: { stands, seen, lost: this.#ever }, values, hidden: this.#hidden }
  }

  /**
   * What a crash took from fields that are now written anew, or go with their object. Whoever writes cannot know of it, and
   * their value stands: the lost one is in the line's history, and is demanded there ({@link dropped}).
   */
  #writtenOver(written: ReadonlySet<Place>): Bits {
    const gone = new Set([...written].filter((at) => at.endsWith(` ${PRESENCE}`)).map(objectOf))
    let over = NO_BITS
    for (const [at, lost] of this.#open) {
      if (!written.has(at) && !gone.has(objectOf(at))) continue
      over = union(over, lost)
      this.#open.delete(at)
    }
    return over
  }

  /** What a crash took of an object that is now written. */
  #hide(words: string): void {
    const hidden = [...this.#open].filter(([at]) => words.endsWith(` ${ownerOf(at)}`))
    if (hidden.length > 0) this.#hidden = new Map([...this.#hidden, ...hidden])
  }

  #landedUnguarded({ head }: Author & { kind: 'push' }, at: Place, value: string | undefined): Stand {
    const ours = standAt(head, at)
    return ours.value === value ? ours : (this.#earlier(at, value) ?? ours)
  }

  #landed(
    author: Author & { kind: 'push' },
    at: Place,
    value: string | undefined,
    cursor: number,
    words: string,
  ): Stand {
    const before = standAt(this.#now.site, at)
    const ours = standAt(author.head, at)
    const known = this.#edits.hasSeen(author.head.seen, at, before)
    if (ours.value === value) {
      const unseen = { clone: author.clone, at, stand: before, cursor }
      if (!author.checked) this.#replaced.push(unseen)
      // A value that was put back while a push was on its way is the one that it expects.
      const expected = author.checked && this.#edits.saying(author.head.seen, at, before.value).length > 0
      if (!known && !expected && !this.#isBroughtBack(author.head, at)) {
        if (author.checked) {
          this.defects.push(
            `push: "${words}" of ${author.clone} at ${cursor} replaces ${at} = ${before.value} [${this.#edits.describe(before.edits)}] by ${value}, unseen`,
          )
        } else if (!author.late) this.unseen.push(unseen)
      }
      return ours
    }
    // A foreign value that the push had replaced and puts back (P5), or found when it was planned: in a whole record it
    // may come over what somebody has written since.
    const back = this.#earlier(at, value)
    if (back !== undefined && !author.checked) {
      const unseen = { clone: author.clone, at, stand: before, cursor }
      this.#replaced.push(unseen)
      if (!known && !author.late && before.value !== back.value) this.unseen.push(unseen)
      return back
    }
    this.defects.push(
      `push: "${words}" of ${author.clone} at ${cursor} writes ${at} = ${value}; its branch holds ${ours.value}, the world held ${before.value}`,
    )
    return { value, edits: before.edits }
  }

  /**
   * Of an object that this world had and removed, and that a clone has from another one, the line says no more than that it
   * is not there: it is added like any other.
   */
  #isBroughtBack(head: Site, at: Place): boolean {
    const presence = `${objectOf(at)} ${PRESENCE}`
    const isGone = standAt(this.#now.site, presence).value === undefined
    return this.hasOthers && isGone && this.#edits.hasSeen(this.#now.site.seen, presence, standAt(head, presence))
  }

  #earlier(at: Place, value: string | undefined): Stand | undefined {
    for (const moments of [...this.#moments.values()].reverse()) {
      for (const moment of moments) {
        const stand = standAt(moment.site, at)
        if (stand.value === value) return stand
      }
    }
    return undefined
  }

  /** The world has written everything down but these objects: what a crash brings back. */
  saved(except: ReadonlySet<string>): void {
    const before = this.#saved.site
    const stands = new Map(this.#now.site.stands)
    let { seen } = this.#now.site
    for (const at of new Set([...stands.keys(), ...before.stands.keys()])) {
      if (!except.has(objectOf(at))) continue
      const was = before.stands.get(at)
      if (was === undefined) stands.delete(at)
      else stands.set(at, was)
      seen = replaced(seen, before.seen, this.#edits.mask(at))
    }
    this.#saved = { site: { stands, seen }, values: this.#now.values }
  }

  /** The feed lost its last operations, which nobody had read: their numbers are given again. */
  cut(head: number): void {
    for (const cursor of this.#moments.keys()) if (cursor > head) this.#moments.delete(cursor)
    this.#cursor = head
    this.#told = this.#after(head)[0]!
  }

  /**
   * The world came back with other values than it had: those of the last save. What was lost is not known to it any more;
   * the feed still says it.
   */
  restarted(values: Values): void {
    const changed = different(this.#now.values, values)
    const stands = new Map(this.#now.site.stands)
    let { seen } = this.#now.site
    // What had never been saved is gone by nobody's edit but the crash: who finds it gone has seen that, and may go on.
    const isUnmade = (at: Place) => standAt(this.#saved.site, at).edits.length === 0
    const crash = changed.some(isUnmade) ? this.#edits.make(CRASHING, 'crash', this.worldId) : undefined
    for (const at of changed) {
      const was = standAt(this.#saved.site, at)
      if (was.value !== values.get(at))
        this.defects.push(`model: ${at} came back as ${values.get(at)}, not ${was.value}`)
      seen = replaced(seen, this.#saved.site.seen, this.#edits.mask(at))
      if (crash !== undefined && isUnmade(at)) {
        stands.set(at, { value: was.value, edits: [crash] })
        this.#edits.about(crash, at, was.value)
      } else stands.set(at, was)
    }
    this.lost = union(this.lost, beyond(this.#ever, seen))
    if (crash !== undefined) {
      seen = withBit(seen, crash)
      this.lost = withBit(this.lost, crash)
    }
    for (const at of changed) {
      const taken = beyond(intersection(this.#ever, this.#edits.mask(at)), seen)
      this.dropped.set(at, union(this.dropped.get(at) ?? NO_BITS, taken))
      this.#open.set(at, union(this.#open.get(at) ?? NO_BITS, taken))
    }
    this.#now = { site: { stands, seen, lost: this.#ever }, values }
    this.#moments.set(this.#cursor, [this.#told, this.#now, ...this.#after(this.#cursor).slice(1)])
  }
}
