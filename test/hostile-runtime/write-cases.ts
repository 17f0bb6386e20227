import { framePackr } from '../../src/protocol/frame-packr.ts'
import { PACKETS } from '../../src/protocol/packets.ts'
import { type Case, CODE } from './case.ts'
import { idOf, jsonOf, keyOf, mutated, objectOf, textOf } from './hostile-values.ts'
import type { Random } from './random.ts'

/** A request with a JSON body, most of the time. */
export function json(method: string, path: string, body: unknown, random: Random): Case {
  const text = Buffer.from(JSON.stringify(body) ?? 'null')
  return {
    kind: 'request',
    method,
    path,
    headers: [
      [
        'content-type',
        random.chance(0.95) ? 'application/json' : random.pick(['text/plain', 'x/y', 'multipart/form-data']),
      ],
    ],
    body: random.chance(0.05) ? mutated(random, text) : text,
    coded: random.chance(0.97),
  }
}

/** One that should land, so that there is a world to be broken. */
function tameBatch(random: Random, name: string): Case {
  let number = 0
  const operations = random.list(8, () => {
    const op = { opId: `${name}-${number++}`, actor: 'tame', source: 'fuzz' }
    const id = idOf(random)
    const props = objectOf(random)
    switch (random.below(5)) {
      case 0:
        return { ...op, kind: 'blueprint.add', blueprint: { id, scope: id, name: id, props } }
      case 1:
        return { ...op, kind: 'settings.update', key: 'title', value: jsonOf(random, 1) }
      case 2:
        return { ...op, kind: 'entity.remove', id }
      default:
        return {
          ...op,
          kind: 'entity.add',
          entity: { id, type: 'app', blueprint: '$scene', props, more: jsonOf(random, 1) },
        }
    }
  })
  const ids = (kind: string) =>
    operations.flatMap((op) => (op.kind !== kind ? [] : 'entity' in op ? [op.entity.id] : 'id' in op ? [op.id] : []))
  const gone = ids('entity.remove')
  const stays = ids('entity.add')
    .filter((id) => !gone.includes(id))
    .map((id) => {
      const patch = { [`props.${keyOf(random)}`]: jsonOf(random, 1) }
      return { opId: `${name}-${number++}`, kind: 'entity.update', id, patch }
    })
  return json('POST', '/admin/ops', { operations: [...operations, ...stays] }, random)
}

export function batchCase(random: Random, name: string): Case {
  if (random.chance(0.4)) return tameBatch(random, name)
  let number = 0
  const operations = random.list(random.chance(0.05) ? 300 : 6, () => operationOf(random, `${name}-${number++}`))
  const body: Record<string, unknown> = { operations }
  if (random.chance(0.05)) body.expectedCursor = jsonOf(random)
  if (random.chance(0.1)) body.lockTokens = random.chance(0.5) ? jsonOf(random) : { [idOf(random)]: textOf(random) }
  if (random.chance(0.03)) body.operations = jsonOf(random)
  return json('POST', '/admin/ops', body, random)
}

const KINDS = [
  'blueprint.add',
  'blueprint.update',
  'blueprint.remove',
  'entity.add',
  'entity.update',
  'entity.remove',
  'settings.update',
  'spawn.update',
]
const FIELDS = [
  'name',
  'desc',
  'props',
  'props.a',
  'props.a.b',
  'props.__proto__',
  'position',
  'scope',
  'uid',
  'type',
  'version',
  'script',
  'scriptFiles',
  'scriptRef',
  'scriptEntry',
  'state',
  'blueprint',
  'createdAt',
  'lastOpId',
  'a.b.c',
  '',
]

function operationOf(random: Random, opId: string): unknown {
  if (random.chance(0.01)) return jsonOf(random)
  const kind = random.chance(0.99) ? random.pick(KINDS) : textOf(random)
  const op: Record<string, unknown> = { opId: random.chance(0.97) ? opId : textOf(random), kind }
  if (random.chance(0.5)) Object.assign(op, { actor: 'fuzz', source: 'fuzz' })
  if (random.chance(0.02)) op.actor = jsonOf(random)
  if (random.chance(0.2)) op.expect = random.chance(0.9) ? fieldsOf(random) : jsonOf(random)
  if (kind === 'settings.update')
    return { ...op, key: random.pick(['title', 'desc', 'image', 'voice', idOf(random)]), value: jsonOf(random) }
  if (kind === 'spawn.update')
    return {
      ...op,
      position: random.chance(0.8) ? [1, 2, 3] : jsonOf(random),
      quaternion: random.chance(0.8) ? [0, 0, 0, 1] : jsonOf(random),
    }
  if (kind === 'entity.add')
    return {
      ...op,
      entity: random.chance(0.95) ? objectWith(random, { type: 'app', blueprint: idOf(random) }) : jsonOf(random),
    }
  if (kind === 'blueprint.add')
    return {
      ...op,
      blueprint: random.chance(0.95) ? objectWith(random, { version: 0, scope: 'global' }) : jsonOf(random),
    }
  if (kind.endsWith('.update')) {
    const patch = random.chance(0.95) ? fieldsOf(random) : jsonOf(random)
    return {
      ...op,
      id: random.chance(0.97) ? idOf(random) : textOf(random),
      patch,
      ...(random.chance(0.2) ? { remove: random.list(3, () => random.pick(FIELDS)) } : {}),
    }
  }
  return { ...op, id: random.chance(0.97) ? idOf(random) : jsonOf(random) }
}

function objectWith(random: Random, base: object): Record<string, unknown> {
  return {
    id: random.chance(0.98) ? idOf(random) : textOf(random),
    ...base,
    props: random.chance(0.95) ? objectOf(random) : jsonOf(random),
    ...(random.chance(0.3) ? fieldsOf(random) : {}),
  }
}

function fieldsOf(random: Random): Record<string, unknown> {
  return Object.fromEntries(
    random.list(4, () => [random.chance(0.9) ? random.pick(FIELDS) : keyOf(random), jsonOf(random, 1)] as const),
  )
}

const COMMANDS = [
  'blueprint_add',
  'blueprint_modify',
  'entity_add',
  'entity_modify',
  'entity_remove',
  'settings_modify',
  'spawn_modify',
  'kick',
  'nonsense',
]

export function socketCase(random: Random, name: string): Case {
  let number = 0
  const frames = random.list(6, () => {
    const command: Record<string, unknown> = {
      type: random.pick(COMMANDS),
      requestId: random.chance(0.9) ? `r${number}` : jsonOf(random),
      lastOpId: random.chance(0.8) ? `${name}-${number}` : jsonOf(random),
      blueprint: objectWith(random, { version: 0 }),
      entity: objectWith(random, { type: 'app', blueprint: idOf(random) }),
      change: { id: idOf(random), ...fieldsOf(random), version: random.below(1000) },
      id: idOf(random),
      key: random.pick(['title', 'rank', idOf(random)]),
      value: random.chance(0.9)
        ? jsonOf(random)
        : random.pick([undefined, 10n ** 400n, new Date(Number.NaN), new Set([1]), /x/, new Map([[1, 2]])]),
      op: random.pick(['clear', 'set', 5]),
    }
    number++
    const packet = random.chance(0.95) ? PACKETS.adminCommand : random.below(40)
    const bytes = framePackr.pack([packet, command])
    return random.chance(0.2) ? mutated(random, bytes) : bytes
  })
  if (random.chance(0.1))
    frames.push(Buffer.alloc(random.pick([1, 1000, 100_000]), random.pick([0x91, 0x81, 0xc0, 0xdd, 0xd4])))
  const code = random.chance(0.85) ? CODE : random.chance(0.5) ? 'wrong' : jsonOf(random)
  return { kind: 'socket', code, frames, text: random.chance(0.02) }
}
