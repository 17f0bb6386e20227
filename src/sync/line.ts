import { type Layout, Materializer } from '../git-bridge/materializer.ts'
import { type CleaningRules, hasRules } from '../git-bridge/native/cleaner.ts'
import { Overlay } from '../git-bridge/overlay.ts'
import type { NewCommit, Signature } from '../git-bridge/repository.ts'
import { authorOf, committerOf, formatTrailers, harmless, NO_OPERATION, oneLine } from '../git-bridge/trailers.ts'
import { layoutOf } from '../projection/project.ts'
import { wireAssetUrls } from '../projection/wire.ts'
import { describeOperation } from '../projection/words.ts'
import type { Operation } from '../world/operation.ts'
import { type ObjectKey, objectKey } from '../world/state.ts'
import { type Effect, effectOf, isInHand, type WireWorld } from '../world/wire-world.ts'
import { describeRules, rulesOfLine, rulesOfProject } from './cleaning.ts'
import type { Session } from './session.ts'
import type { LineCommit } from './tip.ts'

/** An object of the world that could not be written safely, and why (S1). */
export interface Refusal {
  readonly key: ObjectKey
  readonly reason: string
}

/** Writes commits of the line from what the world says (G3, G4), fetching the assets that they need on the way. */
export class LineWriter {
  readonly #session: Session
  readonly #worldId: string
  readonly #tree: Overlay
  readonly #materializer: Materializer
  readonly #refusals: Map<ObjectKey, string>
  readonly #about = new Set<ObjectKey>()
  readonly #rules: CleaningRules
  #time: number

  private constructor(
    session: Session,
    worldId: string,
    tree: Overlay,
    layout: Layout,
    rules: CleaningRules,
    time: number,
  ) {
    this.#session = session
    this.#rules = rules
    this.#worldId = worldId
    this.#tree = tree
    this.#time = time
    const refusals = new Map<ObjectKey, string>()
    this.#refusals = refusals
    this.#materializer = new Materializer(tree, layout, {
      assetOf: (url) => session.assets.valueOf(url),
      refuse: (key, reason) => refusals.set(key, reason),
    })
  }

  /** Continues a line after a commit of it. */
  static async after(session: Session, worldId: string, tip: LineCommit): Promise<LineWriter> {
    const rules = tip.trailers.cleaned ? await rulesOfLine(session, tip.oid) : {}
    await session.assets.useRules(rules)
    const tree = new Overlay(session.repository, tip.oid, session.prefix)
    const layout = (await tree.oid('world.json')) === undefined ? 'split' : 'manifest'
    return new LineWriter(session, worldId, tree, layout, rules, tip.time)
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
      0,
    )
  }

  get refusals(): readonly Refusal[] {
    return [...this.#refusals].map(([key, reason]) => ({ key, reason }))
  }

  /** The objects that operations of this run were about: what was known about their refusal is outdated. */
  get about(): ReadonlySet<ObjectKey> {
    return this.#about
  }

  /** One commit per operation that changes anything (G4). */
  async *commits(operations: readonly Operation[]): AsyncGenerator<NewCommit, void, undefined> {
    const effects = operations.map((operation) => (isInHand(operation) ? undefined : effectOf(operation)))
    const urls = new Set<string>()
    for (const effect of effects)
      if (effect?.kind === 'put') for (const url of wireAssetUrls(effect.of, effect.object)) urls.add(url)
    if (urls.size > 0) await this.#session.assets.ensure(urls)
    await this.#materializer.prefetch(effects.filter((effect) => effect !== undefined))
    for (const [index, operation] of operations.entries()) {
      const effect = effects[index]
      if (effect === undefined) continue
      if (effect.kind === 'none')
        this.#session.context.progress.warn(`Operation ${operation.cursor}: ${effect.reason}; passed over.`)
      const about = objectOf(effect) as ObjectKey
      // What the world mended since is refused no longer; the materializer says so if it has to.
      this.#refusals.delete(about)
      this.#about.add(about)
      await this.#materializer.apply(effect)
      await this.#materializer.finish()
      const edits = this.#tree.take()
      if (edits.length === 0) continue
      const committer = committerOf(operation.ts, this.#time)
      this.#time = committer.time
      const subject = `${oneLine(operation.actor, 60)}: ${describeOperation(operation)}`
      yield {
        author: authorOf(operation, this.#worldId),
        committer,
        message: this.#message(subject, operation.cursor, operation.opId, operation.source, about),
        edits,
      }
    }
  }

  /** The first commit of a line: a whole snapshot as of a cursor (G3). Deterministic in its arguments. */
  async snapshot(world: WireWorld, at: Pick<Operation, 'cursor' | 'opId' | 'ts'> | undefined): Promise<NewCommit> {
    const effects: Effect[] = [{ kind: 'spawn', spawn: world.spawn }]
    const byId = (a: readonly [string, unknown], b: readonly [string, unknown]) => (a[0] < b[0] ? -1 : 1)
    // Script roots before their variants, which go where the root is.
    const blueprints = [...world.blueprints].sort(
      (a, b) => Number(typeof a[1].scriptRef === 'string') - Number(typeof b[1].scriptRef === 'string') || byId(a, b),
    )
    for (const [id, object] of blueprints) effects.push({ kind: 'put', of: 'blueprint', id, object })
    for (const [id, object] of [...world.entities].sort(byId)) effects.push({ kind: 'put', of: 'entity', id, object })
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
        at?.cursor ?? 0,
        at?.opId ?? NO_OPERATION,
        'snapshot',
        'snapshot',
      ),
      edits: this.#tree.take(),
    }
  }

  #message(subject: string, cursor: number, opId: string, source: string, object: string): string {
    const trailers = formatTrailers({
      worldId: this.#worldId,
      cursor,
      opId,
      source,
      object,
      cleaned: hasRules(this.#rules),
    })
    const rules = object === 'snapshot' ? describeRules(this.#rules) : ''
    return `${harmless(subject)}\n\n${rules}${trailers}`
  }
}

function objectOf(effect: Effect): string {
  switch (effect.kind) {
    case 'put':
    case 'remove':
      return objectKey(effect.of, effect.id)
    case 'setting':
      return 'settings'
    case 'spawn':
      return 'spawn'
    case 'none':
      return ''
  }
}

export { layoutOf }
