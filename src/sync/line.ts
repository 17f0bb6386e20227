import { type Layout, Materializer, type ObjectStep, type StaleModules } from '../git-bridge/materializer.ts'
import { type CleaningRules, hasRules } from '../git-bridge/native/cleaner.ts'
import { Overlay } from '../git-bridge/overlay.ts'
import type { NewCommit, Signature, TreeEdit } from '../git-bridge/repository.ts'
import {
  authorOf,
  committerOf,
  formatRewritten,
  formatTrailers,
  harmless,
  NO_OPERATION,
  oneLine,
} from '../git-bridge/trailers.ts'
import { type AssetValue, assetValue, extensionOf } from '../projection/asset-value.ts'
import { wireAssetUrls } from '../projection/wire.ts'
import { describeOperation } from '../projection/words.ts'
import { fieldEquality } from '../resolvers/equality.ts'
import { type FieldPath, fieldAt, withField } from '../resolvers/fields.ts'
import { type JsonObject, jsonEquals, own, withKey } from '../world/json.ts'
import type { Cursor, Operation } from '../world/operation.ts'
import { type ObjectKey, objectKey } from '../world/state.ts'
import { type Effect, effectOf, isInHand, type WireWorld } from '../world/wire-world.ts'
import { describeRules, rulesOfLine, rulesOfProject } from './cleaning.ts'
import { edition, editionsOf, isRewound, leavesModules, mayNameStale } from './editions.ts'
import { inOrder, keyOfChange, type LineChange, objectOf } from './line-changes.ts'
import type { Session } from './session.ts'
import type { LineCommit } from './tip.ts'
import {
  ALL_OLDER,
  changedScripts,
  correctionText,
  hasStill,
  mayHide,
  missingObject,
  namesIn,
  namesScripts,
  type Question,
  type ScriptChange,
  unannouncedFields,
  type Verdict,
  withFields,
} from './unannounced.ts'

/** An object of the world that could not be written safely, and why (S1). */
export interface Refusal {
  readonly key: ObjectKey
  readonly reason: string
}

/** What a commit that no operation explains says of itself. */
export interface Unexplained {
  readonly actor: string
  readonly subject: string
  /** Objects of which every field counts as written (G9). */
  readonly rewritten?: Iterable<ObjectKey>
  /** It holds nothing but what went back behind the feed (G11). */
  readonly lost?: boolean
  readonly cursor: Cursor
  /** Shared modules of which a blueprint of the world names the line's edition. */
  readonly standing: ReadonlySet<string>
  /** The operation at that cursor, where the feed has one. */
  readonly at: Pick<Operation, 'opId' | 'ts'> | undefined
}

/** What an operation changes without naming it, and how it stands in the line. */
interface Found {
  readonly effect: Effect & { readonly kind: 'put' }
  /** Undefined for what the line does not have. */
  readonly step?: ObjectStep
  readonly question: Question
}

const NO_MODULES: Question['modules'] = new Map()

/** Writes commits of the line from what the world says (G3, G4), fetching the assets that they need on the way. */
export class LineWriter {
  readonly #session: Session
  readonly #worldId: string
  readonly #tree: Overlay
  readonly #materializer: Materializer
  readonly #refusals: Map<ObjectKey, string>
  readonly #about = new Set<ObjectKey>()
  readonly #rules: CleaningRules
  readonly #assumed: ReadonlyMap<string, AssetValue>
  /** Where somebody's hand moved an object last, which made no commit: the object's next operation carries it (G4). */
  readonly #held = new Map<ObjectKey, JsonObject>()
  /** The blueprints that operations were about, as the newest of them left each. */
  readonly #newest = new Map<ObjectKey, JsonObject>()
  /** Objects that operations changed though the line did not have them. */
  readonly #missing = new Set<ObjectKey>()
  #time: number
  #place: Pick<Operation, 'cursor' | 'opId'>

  private constructor(
    session: Session,
    worldId: string,
    tree: Overlay,
    layout: Layout,
    rules: CleaningRules,
    place: Pick<Operation, 'cursor' | 'opId'> & { readonly time: number },
    assumed: ReadonlyMap<string, AssetValue>,
  ) {
    this.#session = session
    this.#rules = rules
    this.#worldId = worldId
    this.#tree = tree
    this.#time = place.time
    this.#place = place
    this.#assumed = assumed
    const refusals = new Map<ObjectKey, string>()
    this.#refusals = refusals
    this.#materializer = new Materializer(tree, layout, {
      assetOf: (url) => session.assets.valueOf(url) ?? assumed.get(url),
      refuse: (key, reason) => refusals.set(key, reason),
    })
  }

  /** Continues a line after a commit of it; `assumed` says what stands behind URLs whose bytes nobody fetched. */
  static async after(
    session: Session,
    worldId: string,
    tip: LineCommit,
    assumed: ReadonlyMap<string, AssetValue> = new Map(),
  ): Promise<LineWriter> {
    const rules = tip.trailers.cleaned ? await rulesOfLine(session, tip.oid) : {}
    await session.assets.useRules(rules)
    const tree = new Overlay(session.repository, tip.oid, session.prefix)
    const layout = (await tree.oid('world.json')) === undefined ? 'split' : 'manifest'
    return new LineWriter(session, worldId, tree, layout, rules, { ...tip.trailers, time: tip.time }, assumed)
  }

  /** Begins a line, with the cleaning rules of the project as it is (G5). */
  static async root(session: Session, worldId: string, layout: Layout): Promise<LineWriter> {
    const rules = await rulesOfProject(session, await session.repository.resolve('HEAD'))
    await session.assets.useRules(rules)
    return new LineWriter(
      session,
      worldId,
      new Overlay(session.repository, undefined, session.prefix),
      layout,
      rules,
      { cursor: 0, opId: NO_OPERATION, time: 0 },
      new Map(),
    )
  }

  get refusals(): readonly Refusal[] {
    return [...this.#refusals].map(([key, reason]) => ({ key, reason }))
  }

  /** The objects that operations of this run were about: what was known about their refusal is outdated. */
  get about(): ReadonlySet<ObjectKey> {
    return this.#about
  }

  /**
   * One commit per operation that changes anything (G4). What an operation shows beyond what it names is asked about,
   * when all before it was taken: unless it turns out to be announced, it is a commit of its own just before (G11).
   */
  async *commits(operations: readonly Operation[]): AsyncGenerator<NewCommit | Question, void, Verdict | undefined> {
    const effects = operations.map((operation) => (isInHand(operation) ? undefined : effectOf(operation)))
    const urls = new Set<string>()
    for (const effect of effects)
      if (effect?.kind === 'put') for (const url of wireAssetUrls(effect.of, effect.object)) urls.add(url)
    if (urls.size > 0) await this.#session.assets.ensure(urls)
    await this.#materializer.prefetch(effects.filter((effect) => effect !== undefined))
    for (const [index, operation] of operations.entries()) {
      const effect = effects[index]
      if (effect === undefined) {
        this.#hold(operation)
        continue
      }
      if (effect.kind === 'none')
        this.#session.context.progress.warn(`Operation ${operation.cursor}: ${effect.reason}; passed over.`)
      const about = objectOf(effect) as ObjectKey
      // What the world mended since is refused no longer; the materializer says so if it has to.
      this.#refusals.delete(about)
      this.#about.add(about)
      const found = await this.#unannounced(operation, effect)
      if (found?.question.hides === 'removal') this.#missing.add(about)
      this.#held.delete(about)
      let stale: (path: string) => boolean = () => leavesModules(operation)
      if (found !== undefined) {
        const verdict = (yield found.question) ?? { kind: 'announced' }
        const isKnown = (path: string) => verdict.stale?.has(path) === true
        stale = (path) => leavesModules(operation) || isKnown(path)
        await this.#putBackModules(verdict.kind === 'lost' ? isKnown : stale)
        const correction = verdict.kind === 'announced' ? undefined : await this.#correction(operation, found, verdict)
        if (correction !== undefined) yield correction
      }
      if (effect.kind === 'put' && effect.of === 'blueprint') this.#newest.set(about, effect.object)
      else this.#newest.delete(about)
      await this.#materializer.apply(effect, stale)
      await this.#materializer.finish()
      const edits = this.#tree.take()
      if (edits.length === 0) continue
      const committer = committerOf(operation.ts, this.#time)
      this.#time = committer.time
      this.#place = operation
      const place = { cursor: operation.cursor, opId: operation.opId, source: operation.source }
      const subject = `${oneLine(operation.actor, 60)}: ${describeOperation(operation)}`
      yield {
        author: authorOf(operation, this.#worldId),
        committer,
        message: this.#message(subject, { ...place, object: about }),
        edits,
      }
    }
  }

  /** Whether an object that was asked about has the same values at the end of what was written. */
  async hasStill(question: Question, fields: readonly FieldPath[]): Promise<boolean> {
    const { kind, id } = question.object
    const now = await this.#materializer.present(kind === 'blueprint' ? kind : 'entity', id)
    if (now === undefined) return false
    if (question.hides === 'removal') return true
    if (hasStill(now.fields, question, fields)) return true
    for (const { path, field, world } of question.scripts) {
      const oid = path === undefined ? undefined : await this.#tree.oid(path)
      const is = path === undefined ? fieldAt(now.fields, field) : oid && assetValue(oid, extensionOf(path))
      if (is === world) return true
    }
    return false
  }

  #hold(operation: Operation): void {
    const key = objectOf(effectOf(operation)) as ObjectKey
    const at = operation.snapshot ?? {}
    const moved = namesIn(operation).reduce(
      (held, name) => withKey(held, name, own(at, name)),
      this.#held.get(key) ?? {},
    )
    this.#held.set(key, moved)
  }

  /**
   * What an operation changes without naming it (G4). One that may change scripts unnamed is applied to the tree to find
   * out: what it does to scripts depends on whose folder they are in.
   */
  async #unannounced(operation: Operation, effect: Effect): Promise<Found | undefined> {
    if (effect.kind !== 'put') return undefined
    const { of: kind, id } = effect
    const key = objectKey(kind, id)
    const modules = mayNameStale(operation) ? await this.#materializer.otherModules(effect) : NO_MODULES
    const isUpdate = operation.kind.endsWith('.update') && operation.patch !== undefined
    const step = isUpdate ? await this.#materializer.step(effect) : undefined
    if (step === undefined) {
      // Asked once: an object that is refused is missing as well.
      const isMissing = isUpdate && !this.#missing.has(key)
      return isMissing || modules.size > 0 ? { effect, question: missingObject(key, operation, modules) } : undefined
    }
    const held = Object.entries(this.#held.get(key) ?? {})
    const carried = held.filter(([field, at]) => fieldEquality(kind, field)(at, own(effect.object, field)))
    const fields = unannouncedFields(step, new Set([...namesIn(operation), ...carried.map(([field]) => field)]))
    const scripts = kind === 'blueprint' && !namesScripts(operation) ? await this.#scriptsIn(effect, step) : []
    const version = kind === 'blueprint' ? own(effect.object, 'version') : undefined
    const isHiding =
      typeof version === 'number' && mayHide(step, operation, version, own(this.#newest.get(key) ?? {}, 'version'))
    const hides = isHiding ? 'fields' : 'nothing'
    if (fields.length + scripts.length + modules.size === 0 && !isHiding) return undefined
    const { path, object, after } = step
    const shown = { path, object, after, fields, scripts, modules }
    return { effect, step, question: { kind: 'question', key, ...shown, operation, hides } }
  }

  /** Shared modules that the operation does not write after all, though its blueprint names other editions. */
  async #putBackModules(stale: (path: string) => boolean): Promise<void> {
    for (const [path, { before }] of this.#tree.changed()) {
      const module = /^shared\/(.+)$/s.exec(path)?.[1]
      if (module !== undefined && before !== undefined && stale(module)) await this.#tree.put(path, before)
    }
  }

  async #scriptsIn(effect: Effect & { readonly kind: 'put' }, step: ObjectStep): Promise<readonly ScriptChange[]> {
    await this.#materializer.apply(effect)
    // Nothing to ask about: its operation before named the same ones.
    const before = own(this.#newest.get(objectKey('blueprint', effect.id)) ?? {}, 'scriptFiles')
    if (jsonEquals(before, own(effect.object, 'scriptFiles'))) await this.#putBackModules(() => true)
    const now = await this.#materializer.present('blueprint', effect.id)
    return now === undefined ? [] : changedScripts(step, now.fields, this.#tree.changed())
  }

  /** A commit that brings the line to where the world was just before an operation; undefined where it is there. */
  async #correction(
    { ts }: Operation,
    { effect, step, question }: Found,
    verdict: Exclude<Verdict, { kind: 'announced' }>,
  ): Promise<NewCommit | undefined> {
    if (verdict.kind === 'rewound') {
      await this.#session.assets.ensure(wireAssetUrls(effect.of, verdict.snapshot))
      await this.#materializer.apply({ ...effect, object: verdict.snapshot }, (path) => !isRewound(verdict, path))
      await this.#materializer.finish()
    } else if (step !== undefined) {
      const followed = question.scripts.filter(({ path }) => path === undefined)
      const before = withFields(step, verdict.fields)
      const amended = followed.reduce((object, { field, world }) => withField(object, field, world), before)
      await this.#materializer.amend(step, amended)
    }
    const edits = this.#tree.take()
    if (edits.length === 0) return undefined
    const committer = committerOf(ts, this.#time)
    this.#time = committer.time
    const author = { ...authorOf({ actor: 'unannounced', ts }, this.#worldId), time: committer.time }
    const place = { ...this.#place, source: 'snapshot', object: 'snapshot' }
    const { subject, body } = correctionText(question, verdict)
    return { author, committer, message: this.#message(subject, place, body), edits }
  }

  /** What a change does to the files, written nowhere: the next one finds it done. */
  async edits(change: LineChange, stale?: StaleModules): Promise<readonly TreeEdit[]> {
    await (change.kind === 'settings'
      ? this.#materializer.putSettings(change.settings)
      : this.#materializer.apply(change, stale))
    return this.#tree.take()
  }

  /** A commit that brings the line to what a snapshot shows, where no operation says how that came (G9, G11). */
  async unexplained(changes: readonly LineChange[], said: Unexplained): Promise<NewCommit> {
    const urls = new Set<string>()
    for (const change of changes)
      if (change.kind === 'put') for (const url of wireAssetUrls(change.of, change.object)) urls.add(url)
    await this.#session.assets.ensure([...urls].filter((url) => !this.#assumed.has(url)))
    const edits: TreeEdit[] = []
    const stale = await this.#standing(changes, said.standing)
    for (const change of inOrder(changes)) {
      const about = keyOfChange(change)
      if (about !== undefined) {
        this.#refusals.delete(about)
        this.#about.add(about)
      }
      edits.push(...(await this.edits(change, stale)))
    }
    await this.#materializer.finish()
    edits.push(...this.#tree.take())
    const committer = committerOf(said.at?.ts ?? '', this.#time)
    this.#time = committer.time
    const author = { ...authorOf({ actor: said.actor, ts: said.at?.ts ?? '' }, this.#worldId), time: committer.time }
    const place = { cursor: said.cursor, opId: said.at?.opId ?? NO_OPERATION, source: 'snapshot', object: 'snapshot' }
    const body = said.lost === true ? ALL_OLDER : formatRewritten(said.rewritten ?? [])
    const message = this.#message(said.subject, place, body)
    return { author, committer, message, edits }
  }

  /** What is no news of modules whose edition some blueprint still names: editions that the line had before. */
  async #standing(changes: readonly LineChange[], standing: Unexplained['standing']): Promise<StaleModules> {
    const asked = new Set<string>()
    for (const change of changes) {
      if (change.kind === 'settings') continue
      for (const path of (await this.#materializer.otherModules(change)).keys()) if (standing.has(path)) asked.add(path)
    }
    if (asked.size === 0 || this.#tree.base === undefined) return () => false
    const known = await editionsOf(this.#session, this.#tree.base, [...asked])
    return (path, oid) => asked.has(path) && known.has(edition(path, oid))
  }

  /** The first commit of a line: a whole snapshot as of a cursor (G3). Deterministic in its arguments. */
  async snapshot(world: WireWorld, at: Pick<Operation, 'opId' | 'ts'> | undefined, cursor: Cursor): Promise<NewCommit> {
    const puts = (of: 'blueprint' | 'entity', objects: ReadonlyMap<string, JsonObject>) =>
      [...objects].map(([id, object]): Effect => ({ kind: 'put', of, id, object }))
    const effects = inOrder([
      { kind: 'spawn', spawn: world.spawn },
      ...puts('blueprint', world.blueprints),
      ...puts('entity', world.entities),
    ]) as readonly Effect[]
    const urls = new Set<string>()
    for (const effect of effects)
      if (effect.kind === 'put') for (const url of wireAssetUrls(effect.of, effect.object)) urls.add(url)
    await this.#session.assets.ensure(urls)
    await this.#materializer.putSettings(world.settings)
    let done = 0
    for (const effect of effects) {
      await this.#materializer.apply(effect)
      if (++done % 1000 === 0) this.#session.context.progress.step('Writing objects', done, effects.length)
    }
    await this.#materializer.finish()
    const author: Signature = authorOf({ actor: 'snapshot', ts: at?.ts ?? '' }, this.#worldId)
    const counts = `${world.blueprints.size} blueprints, ${world.entities.size} entities`
    return {
      author,
      committer: committerOf(at?.ts ?? '', 0),
      message: this.#message(
        `snapshot: ${oneLine(this.#worldId, 60)}, ${counts}`,
        { cursor, opId: at?.opId ?? NO_OPERATION, source: 'snapshot', object: 'snapshot' },
        describeRules(this.#rules),
      ),
      edits: this.#tree.take(),
    }
  }

  #message(
    subject: string,
    said: { readonly cursor: Cursor; readonly opId: string; readonly source: string; readonly object: string },
    body = '',
  ): string {
    const { cursor, opId, source, object } = said
    const place = { cursor, opId, source, object }
    const trailers = formatTrailers({ worldId: this.#worldId, ...place, cleaned: hasRules(this.#rules) })
    return `${harmless(subject)}\n\n${body}${trailers}`
  }
}
