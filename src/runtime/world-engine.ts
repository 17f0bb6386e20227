/**
 * The world's rules, pure: state and command in, draft and outcome out. Clock, ids, locks and what is recorded already
 * are injected; nothing here knows a database, a socket or a file.
 */
import { isJsonObject, type Json } from '../world/json.ts'
import { applyBatch } from './batch.ts'
import { addBlueprint, modifyBlueprint, removeBlueprint, type Write } from './blueprint-writes.ts'
import { stamp } from './bookkeeping.ts'
import { type Attribution, type Command, done, type EngineContext, type Outcome } from './engine-types.ts'
import { addEntity, modifyEntity, removeEntity } from './entity-writes.ts'
import type { WorldTables } from './world-tables.ts'
import { clean, modifySettings, modifySpawn, putSpawn, rollback } from './world-writes.ts'

/** A command, who sent it, and the token of the deploy lock that it was sent with. */
export interface Request {
  readonly command: Command
  readonly by: Attribution
}

/**
 * Applies one command to a draft over `world`, which itself stays as it is.
 *
 * An opId that is recorded already is acknowledged without being applied again; the public server applies it again and
 * records nothing (protocol, section 5).
 */
export function applyCommand(
  world: WorldTables,
  request: Request,
  context: EngineContext,
): { readonly outcome: Outcome; readonly draft: WorldTables } {
  const draft = world.fork()
  const { opId } = request.by
  const repeated = opId !== undefined && !context.publicLike && context.recorded(opId) !== undefined
  return { outcome: repeated ? done([], [], { duplicate: true }) : dispatch(draft, request, context), draft }
}

function dispatch(tables: WorldTables, { command, by }: Request, context: EngineContext): Outcome {
  const next = (lockToken?: string): Write => ({
    tables,
    by: stamp(by, context),
    context,
    lockTokens: lockToken === undefined ? [] : [lockToken],
  })
  switch (command.kind) {
    case 'blueprint_add':
      return addBlueprint(command.blueprint, next(command.lockToken))
    case 'blueprint_modify': {
      const outcome = modifyBlueprint(command.change, command.remove, 'sent', next(command.lockToken))
      if (context.publicLike && outcome.kind === 'done') resetStates(tables, command.change)
      return outcome
    }
    case 'blueprint_remove':
      return removeBlueprint(command.id, next())
    case 'entity_add':
      return addEntity(command.entity, next())
    case 'entity_modify':
      return modifyEntity(command.change, [], 'known', next())
    case 'entity_remove':
      return removeEntity(command.id, next())
    case 'settings_modify':
      return modifySettings(command.key, command.value, next())
    case 'spawn_put':
      return putSpawn(command.position, command.quaternion, undefined, next())
    case 'spawn_modify':
      return modifySpawn(command.op, next())
    case 'batch':
      return applyBatch(command, tables, context)
    case 'rollback':
      return rollback(command.blueprints, next(), () => next(command.lockToken))
    case 'clean':
      return clean(command.dryrun, next(), () => next())
  }
}

/** The public server restarts the scripts of a changed blueprint, which empties `state` without an operation. */
function resetStates(tables: WorldTables, change: Json): void {
  const id = isJsonObject(change) ? change.id : undefined
  for (const entity of [...tables.all('entity')]) {
    if (entity.blueprint === id) tables.set('entity', entity.id as string, { ...entity, state: {} })
  }
}
