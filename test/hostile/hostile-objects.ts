import type { Draw } from './draw.ts'
import type { HostileWorld, Wire } from './hostile-world.ts'
import { ACTORS, KEYS, PATHS, record, SOURCES, TIMES, URLS, value, word } from './words.ts'

/** Objects as a hostile world has them, and the good ones between them that must be synced whatever the others are. */

/** What objects are made of: the assets of a world, and its other objects. */
export interface Stock {
  readonly blueprints: ReadonlyMap<string, unknown>
  readonly assets: Map<string, Uint8Array>
  asset(content: string | Uint8Array, extension: string): string
}

export const LAMP_SCRIPT = "export default (world, app) => {\n  app.on('update', () => {})\n}\n"

export function goodEntity(id: string, x: number): Wire {
  return {
    id,
    type: 'app',
    blueprint: 'Good',
    position: [x, 0, 0],
    quaternion: [0, 0, 0, 1],
    scale: [1, 1, 1],
    pinned: false,
    props: {},
    state: {},
  }
}

/** A blueprint `Good` with a script, and the entities `good0` to `good3`. */
export function addGood(world: HostileWorld): void {
  const script = world.asset(LAMP_SCRIPT, 'js')
  world.put('blueprint', 'Good', {
    id: 'Good',
    name: 'Good',
    version: 1,
    scope: 'Good',
    script,
    scriptEntry: 'index.js',
    scriptFiles: { 'index.js': script },
    scriptFormat: 'module',
    props: { color: 'white' },
  })
  for (let n = 0; n < 4; n++) world.put('entity', `good${n}`, goodEntity(`good${n}`, n))
}

/** Who did it, when, in which operation: as hostile as the object. */
export function hostileEnvelope(draw: Draw): Wire {
  return {
    ...(draw.chance(0.5) ? { actor: draw.pick(ACTORS) } : {}),
    ...(draw.chance(0.3) ? { source: draw.pick(SOURCES) } : {}),
    ...(draw.chance(0.3) ? { ts: draw.pick(TIMES) } : {}),
    ...(draw.chance(0.2) ? { opId: `${draw.pick(ACTORS)}${draw.int(0, 1e9)}` } : {}),
    ...(draw.chance(0.3) ? { objectUid: word(draw) } : {}),
  }
}

function url(draw: Draw, world: Stock): string {
  const roll = draw.int(0, 5)
  if (roll === 0) return word(draw)
  if (roll === 1) {
    // Bytes of their own under a name that promises others, or that is no name.
    const name = draw.pick(URLS).replace(/^asset:\/\//, '')
    world.assets.set(name, Buffer.from(`bytes of ${name}`))
    return `asset://${name}`
  }
  if (roll === 2) return draw.pick(URLS)
  if (roll === 3) return world.asset(`#!/bin/sh\ntouch executed\n// ${draw.int(0, 9)}\n`, draw.pick(['js', 'ts', 'sh']))
  return world.asset(`export const n = ${draw.int(0, 5)}\n`, draw.pick(['js', 'glb', 'JS', 'tar']))
}

function props(draw: Draw, world: Stock): unknown {
  if (draw.chance(0.1)) return value(draw)
  return record(
    draw.times(0, 3, () => [
      draw.chance(0.5) ? draw.pick(KEYS) : word(draw),
      draw.chance(0.5) ? { type: 'model', name: word(draw), url: url(draw, world) } : value(draw, 2),
    ]),
  )
}

/** An entity with this id, hostile in its other fields. */
export function hostileEntity(draw: Draw, world: Stock, id: string): Wire {
  const blueprint = draw.chance(0.6)
    ? 'Good'
    : draw.chance(0.5) && world.blueprints.size > 0
      ? draw.pick([...world.blueprints.keys()])
      : word(draw)
  const entity: Record<string, unknown> = { ...goodEntity(id, draw.int(0, 9)), blueprint, props: props(draw, world) }
  if (draw.chance(0.3))
    entity[draw.pick(['position', 'uid', 'scope', 'managedBy', 'pinned', 'state', 'mover', 'type'])] = value(draw)
  if (draw.chance(0.2)) entity.parent = draw.chance(0.5) ? id : 'good0'
  return draw.chance(0.3) ? mixed(draw, entity) : entity
}

/** A blueprint with this id: script paths, shared modules, names and references are hostile. */
export function hostileBlueprint(draw: Draw, world: Stock, id: string): Wire {
  const blueprint: Record<string, unknown> = {
    id,
    name: draw.chance(0.5) ? id : word(draw),
    version: draw.pick([0, 1, -1, 2 ** 53, 'x']),
    scope: draw.chance(0.5) ? id : word(draw),
    props: props(draw, world),
  }
  if (draw.chance(0.4)) blueprint.model = url(draw, world)
  if (draw.chance(0.3)) blueprint.image = draw.chance(0.5) ? { url: url(draw, world) } : url(draw, world)
  if (draw.chance(0.6)) {
    const files = draw.times(0, 5, () => [scriptPath(draw), url(draw, world)] as const)
    // Two names that are one where case folds or Unicode is normalised.
    const twins = files
      .filter(() => draw.chance(0.2))
      .map(
        ([path, to]) =>
          [
            draw.pick([path.toUpperCase(), path.toLowerCase(), path.normalize('NFD'), path.normalize('NFC')]),
            to,
          ] as const,
      )
    blueprint.scriptFiles = record([...files, ...twins])
    const own = files[0]
    blueprint.script = draw.chance(0.7) && own !== undefined ? own[1] : url(draw, world)
    blueprint.scriptEntry = draw.chance(0.6) && own !== undefined ? own[0] : scriptPath(draw)
    blueprint.scriptFormat = draw.pick(['module', 'legacy-body', word(draw)])
  }
  // References in a circle, to itself, and to nothing.
  if (draw.chance(0.3))
    blueprint.scriptRef = draw.chance(0.2) ? word(draw) : draw.pick([id, 'Good', ...world.blueprints.keys()])
  if (draw.chance(0.2))
    blueprint[draw.pick(['uid', 'scope', 'managedBy', 'createdAt', 'name', 'model', 'image', 'scriptFiles'])] =
      value(draw)
  return draw.chance(0.3) ? mixed(draw, blueprint) : blueprint
}

function scriptPath(draw: Draw): string {
  const path = draw.chance(0.5) ? draw.pick(PATHS) : word(draw)
  const place = draw.pick([
    '',
    '',
    '',
    'lib/',
    'Lib/',
    '@shared/LIB/',
    '@shared/',
    'shared/',
    '@shared/lib/',
    '../',
    'Good.json/',
  ])
  return `${place}${path}${draw.pick(['', '.js', '.js', '.ts', '.json', '/index.js'])}`
}

function mixed(draw: Draw, object: Wire): Wire {
  const extra = draw.times(1, 4, () => [draw.pick(KEYS.filter((key) => key !== 'id')), value(draw)] as const)
  return record([...Object.entries(object), ...extra])
}

/** An id that a hostile world may give; sometimes the one of something that is there. */
export function hostileId(draw: Draw, present: Iterable<string>): string {
  const known = [...present].filter((id) => !/^good|^Good/.test(id))
  if (known.length > 0 && draw.chance(0.4)) return draw.pick(known)
  const id = draw.chance(0.7) ? draw.pick(PATHS) : word(draw)
  // What has no id at all is left out by the reader of snapshots, and is counted there.
  return id === '' || /^(?:good|Good)/.test(id) ? 'unnamed' : id
}
