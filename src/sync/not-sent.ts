import { referenceOf } from '../resolvers/whole.ts'
import type { ObjectKey } from '../world/state.ts'
import type { PlannedOperation } from './plan.ts'

/**
 * What of a push does not reach the world, and what must therefore stay here too (P2): the world would take a user of a
 * blueprint that it does not have, a variant of scripts that it does not have, and the removal of what is still in use.
 */
export class NotSent {
  /** Blueprints that are not in the world. */
  readonly #missing = new Set<ObjectKey>()
  /** Blueprints whose scripts in the world are not those of the push. */
  readonly #behind = new Set<ObjectKey>()
  /** Blueprint → an object that goes on using it. */
  readonly #inUse = new Map<ObjectKey, ObjectKey>()
  readonly #failed = new Set<ObjectKey>()

  /** An operation that is not sent, or was refused. */
  add({ kind, key, before, after, scripts }: PlannedOperation): void {
    if (kind.startsWith('blueprint')) this.#failed.add(key)
    if (kind === 'blueprint.add') this.#missing.add(key)
    if (kind === 'blueprint.update' && scripts) this.#behind.add(key)
    const stays = referenceOf(before)
    if (stays !== undefined && referenceOf(after) !== stays) this.#inUse.set(stays, key)
  }

  /** Why an operation must not be sent either; undefined when nothing speaks against it. Dependencies come first (P2). */
  blocks({ kind, key, before, after, scripts }: PlannedOperation): string | undefined {
    if (this.#failed.has(key)) return 'an earlier change of it did not land'
    const uses = referenceOf(after)
    if (uses !== undefined && this.#missing.has(uses) && uses !== referenceOf(before))
      return `${uses} is not in the world`
    if (uses !== undefined && scripts && this.#behind.has(uses)) return `the scripts of ${uses} did not land`
    const user = kind === 'blueprint.remove' ? this.#inUse.get(key) : undefined
    return user === undefined ? undefined : `${user} still uses it`
  }
}
