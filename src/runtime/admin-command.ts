import type { Command } from './engine-types.ts'
import { InvalidPayload, isStorableId, removedKeys, toJson } from './wire-values.ts'
import type { Request } from './world-engine.ts'

export type ParsedCommand =
  | { readonly kind: 'command'; readonly request: Request }
  | { readonly kind: 'refused'; readonly error: string }

type Fields = { readonly [field: string]: unknown }

/** An `adminCommand` packet as a request to the engine (protocol, section 5). */
export function parseAdminCommand(data: Fields, networkId: string | undefined): ParsedCommand {
  try {
    const command = commandOf(data)
    if (typeof command === 'string') return { kind: 'refused', error: command }
    const given = [data.lastOpId, data.actor, data.source].filter((text) => text !== undefined && text !== null)
    if (!given.every((text) => text === '' || isStorableId(text))) return { kind: 'refused', error: 'invalid_payload' }
    return {
      kind: 'command',
      request: {
        command,
        by: {
          actor: textOf(data.actor) ?? textOf(data.networkId) ?? networkId ?? 'admin',
          source: textOf(data.source) ?? 'admin',
          opId: textOf(data.lastOpId),
        },
      },
    }
  } catch (error) {
    if (error instanceof InvalidPayload) return { kind: 'refused', error: 'invalid_payload' }
    throw error
  }
}

/** The command, or the error code of one that no engine need see. */
function commandOf(data: Fields): Command | string {
  const lockToken = textOf(data.lockToken)
  switch (data.type) {
    case 'blueprint_add':
      return { kind: 'blueprint_add', blueprint: jsonOf(data.blueprint), lockToken }
    case 'blueprint_modify':
      return {
        kind: 'blueprint_modify',
        change: jsonOf(data.change),
        remove: removedKeys(data.change),
        lockToken,
      }
    case 'entity_add':
      return { kind: 'entity_add', entity: jsonOf(data.entity) }
    case 'entity_modify':
      return { kind: 'entity_modify', change: jsonOf(data.change) }
    case 'entity_remove':
      return { kind: 'entity_remove', id: jsonOf(data.id) }
    case 'settings_modify':
      return {
        kind: 'settings_modify',
        key: jsonOf(data.key),
        value: data.value === undefined ? undefined : toJson(data.value),
      }
    case 'spawn_modify':
      return { kind: 'spawn_modify', op: jsonOf(data.op) }
    case 'modify_rank':
    case 'kick':
    case 'mute':
      return 'player_not_found'
    default:
      return 'unknown_type'
  }
}

function jsonOf(value: unknown) {
  return value === undefined ? null : toJson(value)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
