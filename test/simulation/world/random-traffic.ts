import type { Random } from '../host.ts'

export type Fields = { readonly [field: string]: unknown }

/**
 * One thing that is done to a server. A text `$token:2` in a payload stands for the second token of a deploy lock that the
 * server gave out, `$snapshot:1` for the first deploy snapshot.
 */
export type Deed =
  | {
      readonly kind: 'http'
      readonly method: string
      readonly path: string
      readonly body?: unknown
      readonly code?: string
    }
  | { readonly kind: 'upload'; readonly name: string; readonly content: string }
  | { readonly kind: 'command'; readonly socket: number; readonly command: Fields }
  | { readonly kind: 'connect'; readonly socket: number; readonly auth: Fields }
  | { readonly kind: 'save' }
  | { readonly kind: 'restart'; readonly crash: boolean }

/** Requests of every sort, most of them sensible, on few objects, so that they meet; first of all it makes these. */
export function randomTraffic(random: Random, count: number, publicLike: boolean): readonly Deed[] {
  return [...beginning(), ...Array.from({ length: count }, (_, index) => deed(random, index, publicLike))]
}

function beginning(): readonly Deed[] {
  const add = (fields: Fields): Deed => ({
    kind: 'command',
    socket: 0,
    command: { actor: 'ann', source: 'git:0', ...fields },
  })
  const scripts = { script: 'asset://a.js', scriptEntry: 'index.js', scriptFiles: { 'index.js': 'asset://a.js' } }
  const lamp = { id: 'lamp', version: 0, scope: 'lamp', keep: true, props: { color: 'x' }, ...scripts }
  const entity = { type: 'app', position: [0, 0, 0], props: { color: 'x' } }
  return [
    http('POST', '/admin/deploy-lock', { owner: 'me', ttl: 60, scope: 'lamp' }),
    add({ type: 'blueprint_add', blueprint: lamp, lockToken: '$token:0' }),
    add({ type: 'blueprint_add', blueprint: { id: 'door', version: 0, scope: 'door', keep: true } }),
    add({ type: 'entity_add', entity: { id: 'e0', blueprint: 'lamp', ...entity } }),
    add({ type: 'entity_add', entity: { id: 'e1', blueprint: 'door', ...entity } }),
    http('POST', '/admin/deploy-snapshots', { ids: ['lamp'], target: 't', lockToken: '$token:0' }),
    { kind: 'save' },
  ]
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!
}

function deed(random: Random, index: number, publicLike: boolean): Deed {
  const chance = random()
  if (chance < 0.42) return { kind: 'command', socket: Math.floor(random() * 2), command: command(random, index) }
  if (chance < 0.6 && !publicLike) return http('POST', '/admin/ops', batch(random, index))
  if (chance < 0.78) return lockOrSnapshot(random)
  if (chance < 0.93) return request(random)
  if (chance < 0.95) return upload(random)
  if (chance < 0.97) return { kind: 'save' }
  if (chance < 0.98) return { kind: 'restart', crash: random() < 0.7 }
  const subscriptions = { snapshot: random() < 0.5, players: false, runtime: false }
  const auth = {
    code: pick(random, ['secret', 'secret', 'wrong']),
    subscriptions,
    networkId: pick(random, [undefined, 'net']),
  }
  return { kind: 'connect', socket: Math.floor(random() * 2), auth }
}

function http(method: string, path: string, body?: unknown, code?: string): Deed {
  return {
    kind: 'http',
    method,
    path,
    ...(body === undefined ? {} : { body }),
    ...(code === undefined ? {} : { code }),
  }
}

const BLUEPRINTS = ['lamp', 'lamp', 'lamp', 'door', 'door', 'door__red', '$scene', '__proto__']
const ENTITIES = ['e0', 'e0', 'e0', 'e1', 'e1', 'a.b']
const SCOPES = ['lamp', 'door', 'global', '']

const value = (random: Random): unknown =>
  pick(random, [0, 1, -0.5, 'x', 'y', null, true, [1, 2, 3], { type: 'texture', url: 'asset://a.jpg' }, '', {}])
const vector = (random: Random, length = 3): unknown =>
  random() < 0.05
    ? pick(random, [null, [1], 'x', [1, 2, null]])
    : Array.from({ length }, () => Math.floor(random() * 4))
const token = (random: Random): unknown =>
  pick(random, [undefined, '$token:0', '$token:0', '$token:0', '$token:0', '$token:1', '$token:2', 'foreign'])

function props(random: Random): unknown {
  if (random() < 0.05) return pick(random, [null, [], 'x'])
  return Object.fromEntries(['color', 'size', 'a.b'].filter(() => random() < 0.5).map((key) => [key, value(random)]))
}

function scripts(random: Random): Fields {
  if (random() < 0.6) return {}
  const path = pick(random, ['index.js', 'index.js', 'lib/a.js', '../a.js', ''])
  return pick<Fields>(random, [
    {
      script: 'asset://a.js',
      scriptEntry: 'index.js',
      scriptFiles: { [path]: 'asset://a.js' },
      scriptFormat: 'module',
    },
    { script: 'asset://b.js' },
    { script: '' },
    { scriptRef: pick(random, [null, 'lamp', 'door', 'door__red', 'nothing']) },
    { scriptFiles: pick(random, [null, [], { 'a.js': 'http://a' }]) },
  ])
}

function blueprintFields(random: Random): Fields {
  return {
    ...(random() < 0.5 ? { scope: pick(random, SCOPES) } : {}),
    ...(random() < 0.4 ? { name: value(random) } : {}),
    ...(random() < 0.4 ? { props: props(random) } : {}),
    ...(random() < 0.3 ? { desc: pick(random, ['d', undefined]) } : {}),
    ...(random() < 0.1 ? { custom: value(random), createdAt: 'then', updatedBy: 'me', keep: random() < 0.5 } : {}),
    ...(random() < 0.05 ? { uid: 'my-uid', managedBy: 'local', scene: true } : {}),
    ...scripts(random),
  }
}

function entityFields(random: Random): Fields {
  return {
    ...(random() < 0.6 ? { position: vector(random) } : {}),
    ...(random() < 0.3 ? { props: props(random) } : {}),
    ...(random() < 0.2 ? { pinned: random() < 0.5 } : {}),
    ...(random() < 0.2 ? { mover: pick(random, ['somebody', null]) } : {}),
    ...(random() < 0.2 ? { state: { n: 1 } } : {}),
    ...(random() < 0.2 ? { blueprint: pick(random, BLUEPRINTS) } : {}),
    ...(random() < 0.1 ? { label: value(random), scope: pick(random, SCOPES), lastOpId: 'mine' } : {}),
  }
}

const newEntity = (random: Random): Fields => ({
  id: pick(random, ENTITIES),
  type: pick(random, ['app', 'app', 'app', 'app', 'player', undefined]),
  blueprint: pick(random, BLUEPRINTS),
  position: [0, 0, 0],
  ...entityFields(random),
})

const newBlueprint = (random: Random): Fields => ({
  id: pick(random, BLUEPRINTS),
  ...(random() < 0.8 ? { version: pick(random, [0, 0, 0, 3, -1, 'x']) } : {}),
  ...blueprintFields(random),
})

function command(random: Random, index: number): Fields {
  const by = {
    ...(random() < 0.7 ? { actor: pick(random, ['ann', 'bob', '']) } : {}),
    ...(random() < 0.7 ? { source: 'git:1' } : {}),
    ...(random() < 0.5 ? { lastOpId: random() < 0.15 ? `op-${index - 5}` : `op-${index}` } : {}),
  }
  const change = {
    id: pick(random, BLUEPRINTS),
    version: Math.floor(random() * 4) + Math.floor(index / 20),
    ...blueprintFields(random),
  }
  return {
    ...by,
    ...pick<() => Fields>(random, [
      () => ({ type: 'blueprint_add', blueprint: newBlueprint(random), lockToken: token(random) }),
      () => ({ type: 'blueprint_modify', change, lockToken: token(random) }),
      () => ({ type: 'blueprint_modify', change, lockToken: token(random) }),
      () => ({ type: 'entity_add', entity: newEntity(random) }),
      () => ({ type: 'entity_modify', change: { id: pick(random, ENTITIES), ...entityFields(random) } }),
      () => ({ type: 'entity_modify', change: { id: pick(random, ENTITIES), ...entityFields(random) } }),
      () => ({ type: 'entity_remove', id: pick(random, ['e1', 'e1', 'a.b', '', 7, undefined]) }),
      () => ({
        type: 'settings_modify',
        key: pick(random, ['title', 'title', 'ao', 'unknown', '', 7]),
        value: pick(random, ['A', null, undefined]),
      }),
      () => ({ type: 'spawn_modify', op: pick(random, ['set', 'clear', 'clear', 'x']), networkId: 'p' }),
      () => ({ type: pick(random, ['kick', 'mute', 'nothing', 7]) }),
    ])(),
  }
}

function expectation(random: Random): Fields {
  if (random() < 0.8) return {}
  const absent = { absent: true }
  const field = pick(random, ['position', 'props.color', 'props.a.b', 'name', 'desc', 'exists', 'title'])
  return { expect: { [field]: pick(random, [[0, 0, 0], 'x', null, absent, true, false]) } }
}

function batch(random: Random, index: number): unknown {
  const one = (n: number): Fields => ({
    opId: random() < 0.08 ? `b-${index - 3}-0` : `b-${index}-${n}`,
    ...(random() < 0.7 ? { actor: 'cid', source: 'git:2' } : {}),
    ...expectation(random),
    ...pick<() => Fields>(random, [
      () => ({ kind: 'blueprint.add', blueprint: newBlueprint(random) }),
      () => ({
        kind: 'blueprint.update',
        id: pick(random, BLUEPRINTS),
        patch: patch(random, blueprintFields(random)),
        ...removal(random),
      }),
      () => ({ kind: 'blueprint.remove', id: pick(random, BLUEPRINTS) }),
      () => ({ kind: 'entity.add', entity: newEntity(random) }),
      () => ({
        kind: 'entity.update',
        id: pick(random, ENTITIES),
        patch: patch(random, entityFields(random)),
        ...removal(random),
      }),
      () => ({ kind: 'entity.remove', id: pick(random, ['e1', 'a.b', 'nothing']) }),
      () => ({
        kind: 'settings.update',
        key: pick(random, ['title', 'ao', 'unknown']),
        value: pick(random, ['B', null, undefined]),
      }),
      () => ({ kind: 'spawn.update', position: vector(random), quaternion: [0, 0, 0, 1] }),
      ...(random() < 0.3 ? [() => ({ kind: 'nothing.update' })] : []),
    ])(),
  })
  const lockTokens = Object.fromEntries(
    SCOPES.map((scope) => [scope, token(random)] as const).filter(([, held]) => held !== undefined),
  )
  return {
    ...(random() < 0.1 ? { expectedCursor: pick(random, [0, 5, null, 'x']) } : {}),
    ...(random() < 0.8 ? { lockTokens } : {}),
    operations: Array.from({ length: 1 + Math.floor(random() * 3) }, (_, n) => one(n)),
  }
}

const patch = (random: Random, fields: Fields): unknown =>
  random() < 0.05 ? null : { ...fields, ...(random() < 0.4 ? { 'props.color': value(random), 'props.new': 1 } : {}) }
const removal = (random: Random): Fields =>
  random() < 0.3 ? { remove: pick<unknown>(random, [['desc'], ['props.color', 'label'], ['id', 'type'], 'x']) } : {}

function lockOrSnapshot(random: Random): Deed {
  const path = '/admin/deploy-lock'
  const scope = pick(random, [...SCOPES, undefined])
  const ttl = pick(random, [1, 20, 0, undefined, 'x'])
  return pick<() => Deed>(random, [
    () => http('POST', path, { owner: pick(random, ['me', '', undefined]), ttl, scope }),
    () => http('POST', path, { owner: 'me', ttl, scope }),
    () => http('PUT', path, { token: token(random), ttl, scope }),
    () => http('DELETE', path, { token: token(random), scope }),
    () => http('DELETE', path, { token: '$token:0' }),
    () => http('DELETE', path, { token: '$token:1' }),
    () => http('GET', `${path}?scope=${scope ?? ''}`),
    () =>
      http('POST', '/admin/deploy-snapshots', {
        ids: pick<unknown>(random, [['lamp'], ['lamp'], ['door'], BLUEPRINTS, [], 'x', ['lamp', 'lamp', 'nothing']]),
        target: 't',
        lockToken: token(random),
        scope,
      }),
    () =>
      http('POST', '/admin/deploy-snapshots/rollback', {
        id: pick(random, [undefined, '$snapshot:0', '$snapshot:0', '$snapshot:1', 'x']),
        lockToken: token(random),
        scope,
      }),
  ])()
}

function request(random: Random): Deed {
  const id = encodeURIComponent(pick(random, BLUEPRINTS))
  const cursor = pick(random, [
    '',
    '?cursor=latest',
    '?cursor=0',
    '?cursor=3&limit=2',
    '?cursor=9999',
    '?cursor=-1',
    '?cursor=1&limit=0',
    '?cursor=0&limit=1000',
    '?cursor=x',
    '?cursor=7&wait=0',
    '?cursor=7&wait=x',
  ])
  return pick<() => Deed>(random, [
    () => http('GET', '/admin/snapshot'),
    () => http('GET', `/admin/changes${cursor}`),
    () => http('GET', `/admin/changes${cursor}`),
    () => http('GET', `/admin/blueprints/${id}`),
    () => http('DELETE', `/admin/blueprints/${id}`),
    () => http('DELETE', `/admin/blueprints/${id}`),
    () => http('PUT', '/admin/spawn', { position: vector(random), quaternion: vector(random, 4) }),
    () => http('PUT', '/admin/spawn', pick<unknown>(random, ['{', '[]', '', '7'])),
    () => http('GET', `/admin/entities${pick(random, ['', '?type=app', '?type=player'])}`),
    () => http('GET', '/status'),
    () => http('GET', '/health'),
    () => http('GET', '/admin/snapshot', undefined, pick(random, ['wrong', ''])),
    () => http(pick(random, ['GET', 'POST']), pick(random, ['/admin/nothing', '/nothing', '/admin/ops'])),
    () => http('POST', '/admin/clean', { dryrun: random() < 0.7 }),
    () =>
      http('GET', `/admin/upload-check?filename=${pick(random, ['sky.jpg', 'nothing.js', '', '..%2Fx', '$upload:0'])}`),
    () => http('GET', `/assets/${pick(random, ['nothing.js', '$upload:0', '$upload:1', '..%2Fx'])}`),
  ])()
}

function upload(random: Random): Deed {
  const name = pick(random, ['a.js', `${'0'.repeat(64)}.png`, 'noextension', 'x.y!', 'B.GLB'])
  return { kind: 'upload', name, content: pick(random, ['one', 'two', '']) }
}
