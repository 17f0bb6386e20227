import { type JsonObject, own } from '../world/json.ts'
import { type ObjectKey, objectKey } from '../world/state.ts'
import type { Effect } from '../world/wire-world.ts'

/** A change of the line that a snapshot shows: what an operation would do, or all settings at once. */
export type LineChange = Effect | { readonly kind: 'settings'; readonly settings: JsonObject }

/** Script roots before their variants, which go where the root is; what goes after what comes, entities first. */
export function inOrder(changes: readonly LineChange[]): readonly LineChange[] {
  const rank = (change: LineChange): number => {
    if (change.kind === 'remove') return change.of === 'entity' ? 4 : 5
    if (change.kind !== 'put') return 0
    if (change.of === 'entity') return 3
    return typeof own(change.object, 'scriptRef') === 'string' ? 2 : 1
  }
  const name = (change: LineChange) => ('id' in change ? change.id : change.kind)
  return changes.toSorted((a, b) => rank(a) - rank(b) || (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0))
}

/** The object that a change is about. */
export function keyOfChange(change: LineChange): ObjectKey | undefined {
  if (change.kind === 'settings') return objectKey('settings', 'settings')
  return change.kind === 'none' ? undefined : (objectOf(change) as ObjectKey)
}

/** The same of an operation's effect; empty for one that is about nothing. */
export function objectOf(effect: Effect): string {
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
