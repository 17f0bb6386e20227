import type { Layout } from '../../../src/git-bridge/materializer.ts'
import { entityFile } from '../../../src/projection/paths.ts'
import type { JsonObject } from '../../../src/world/json.ts'
import { all, EMPTY, entity, file, settings, spawn, type World } from './worlds.ts'

/** A place of an entity, and the rest that entities have. */
export const PLACE: JsonObject = {
  blueprint: 'Lamp',
  position: [0, 0, 0],
  quaternion: [0, 0, 0, 1],
  scale: [1, 1, 1],
  pinned: false,
  props: {},
}

export const LAMP = 'apps/Lamp/Lamp.json'
export const SCRIPT = 'apps/Lamp/index.js'
export const MODEL = 'assets/Lamp.glb'
export const BENCH = 'apps/Bench/Bench.json'
export const TREE = 'apps/Tree/Tree.json'
export const UTIL = 'shared/util.js'

/** Five lines, so that a change of the first and one of the last do not touch. */
export const LINES = 'one\ntwo\nthree\nfour\nfive\n'

/**
 * The world that all merges start from: two lamps, one of them in use everywhere below; a lamp with a script and a
 * model, a tree with a script, a bench that no entity uses.
 */
export const PLAZA: World = all(
  settings({ title: 'Plaza', desc: 'A place' }),
  spawn({ position: [0, 0, 0], quaternion: [0, 0, 0, 1] }),
  entity('one', PLACE),
  entity('two', PLACE),
  file(LAMP, { id: 'Lamp', name: 'Lamp', model: MODEL, props: {} }),
  file(SCRIPT, LINES),
  file(MODEL, 'LAMP'),
  file(TREE, { id: 'Tree', name: 'Tree' }),
  file('apps/Tree/index.js', 'tree\n'),
  file(BENCH, { id: 'Bench', name: 'Bench' }),
  file(UTIL, LINES),
)(EMPTY)

/** The file of an object of the plaza, or of one that is added where the line adds it. */
export function fileOf(key: string, layout: Layout): string {
  const id = key.slice(key.indexOf(':') + 1)
  if (key.startsWith('blueprint:')) return `apps/${id}/${id}.json`
  if (key.startsWith('shared:')) return `shared/${id}`
  if (layout === 'manifest') return 'world.json'
  return key.startsWith('entity:') ? entityFile(id) : `world/${key}.json`
}
