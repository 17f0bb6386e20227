import { GLOBAL_SCOPE } from '../../../src/runtime/deploy-locks.ts'
import type { Attribution, Command } from '../../../src/runtime/engine-types.ts'
import type { Settled } from '../../../src/runtime/group-writer.ts'
import { bearsScripts, scopeOf } from '../../../src/runtime/script-rules.ts'
import type { Json, JsonObject } from '../../../src/world/json.ts'
import type { WorldModel } from './model.ts'

/** What somebody inside the world does. */
export type EditorWrite =
  | { readonly kind: 'add'; readonly of: 'blueprint' | 'entity'; readonly object: JsonObject }
  | {
      readonly kind: 'modify'
      readonly of: 'blueprint' | 'entity'
      readonly id: string
      /** Top-level fields; `props` is replaced whole. */
      readonly change: JsonObject
      /** Fields of a blueprint that go. */
      readonly remove?: readonly string[]
    }
  | { readonly kind: 'remove'; readonly of: 'blueprint' | 'entity'; readonly id: string }
  | { readonly kind: 'setting'; readonly key: string; readonly value: Json | undefined }
  | { readonly kind: 'spawn'; readonly position: Json; readonly quaternion: Json }
  /** Takes an entity into the hand, or moves it there. */
  | { readonly kind: 'hold'; readonly id: string; readonly change: JsonObject }
  /** Puts it down. */
  | { readonly kind: 'drop'; readonly id: string; readonly change: JsonObject }

/**
 * Writes as the world's own tools do (protocol, section 5): blueprints with the next version, scripts under a deploy lock
 * that is taken for this one write, removals of blueprints over HTTP, whose operations are the admin's.
 */
export function writeAsEditor(model: WorldModel, write: EditorWrite, by: string): Settled {
  const via = { what: 'editor', process: undefined, late: false }
  const person: Attribution = { actor: by, source: 'admin', opId: undefined }
  const http: Attribution = { actor: 'admin', source: 'admin.http', opId: undefined }
  const send = (command: Command, attribution = person): Settled => model.apply(command, attribution, via)
  switch (write.kind) {
    case 'add': {
      const { object } = write
      if (write.of === 'entity') {
        return send({ kind: 'entity_add', entity: { mover: null, uploader: null, state: {}, type: 'app', ...object } })
      }
      const blueprint: JsonObject = { version: 0, ...object }
      return withLock(model, blueprint, [], (lockToken) => send({ kind: 'blueprint_add', blueprint, lockToken }))
    }
    case 'modify': {
      const { id, remove = [] } = write
      if (write.of === 'entity') return send({ kind: 'entity_modify', change: { ...write.change, id } })
      const version = model.world.get('blueprint', id)?.version
      const change = { ...write.change, id, version: typeof version === 'number' ? version + 1 : 0 }
      return withLock(model, change, remove, (lockToken) =>
        send({ kind: 'blueprint_modify', change, remove, lockToken }),
      )
    }
    case 'remove':
      if (write.of === 'entity') return send({ kind: 'entity_remove', id: write.id })
      return send({ kind: 'blueprint_remove', id: write.id }, http)
    case 'setting':
      return send({ kind: 'settings_modify', key: write.key, value: write.value })
    case 'spawn':
      return send({ kind: 'spawn_put', position: write.position, quaternion: write.quaternion })
    case 'hold':
      return send({ kind: 'entity_modify', change: { ...write.change, id: write.id, mover: by } })
    case 'drop':
      return send({ kind: 'entity_modify', change: { ...write.change, id: write.id, mover: null } })
  }
}

/** Holds the lock that a script-bearing write needs, where nobody else does. */
function withLock(
  model: WorldModel,
  fields: JsonObject,
  remove: readonly string[],
  write: (lockToken: string | undefined) => Settled,
): Settled {
  const id = fields.id as string
  if (!bearsScripts({ id, fields, remove })) return write(undefined)
  const scope = scopeOf(fields) ?? scopeOf(model.world.get('blueprint', id)) ?? GLOBAL_SCOPE
  const now = model.now()
  if (model.locks.blocking(scope, now) !== undefined) return write(undefined)
  const token = model.newUid()
  model.locks.put({ scope, token, owner: 'editor', acquiredAt: now, expiresAt: now + 1000 })
  const settled = write(token)
  model.locks.release(scope)
  return settled
}
