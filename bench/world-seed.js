import { createHash } from 'node:crypto'

/** The benchmark's world: the same for the same number of entities. */

const BLUEPRINTS = 20

export function entityId(index) {
  return `ent${String(index).padStart(6, '0')}`
}

function blueprintId(index) {
  return `Thing${String(index % BLUEPRINTS).padStart(2, '0')}`
}

/** Twenty blueprints with a script each, and entities of them with transforms and a few props. */
export function worldSeed(entities) {
  const assets = []
  const blueprints = []
  for (let index = 0; index < BLUEPRINTS; index++) {
    const bytes = Buffer.from(`app.on('update', (delta) => {\n  app.rotation.y += delta * ${index}\n})\n`)
    const url = `asset://${createHash('sha256').update(bytes).digest('hex')}.js`
    assets.push({ bytes, extension: 'js' })
    const id = blueprintId(index)
    blueprints.push({
      id,
      name: `Thing ${index}`,
      scope: id,
      script: url,
      scriptEntry: 'index.js',
      scriptFiles: { 'index.js': url },
      scriptFormat: 'legacy-body',
      model: null,
      props: { speed: index },
      version: 1,
    })
  }
  return {
    settings: { title: 'Bench' },
    spawn: { position: [0, 0, 0], quaternion: [0, 0, 0, 1] },
    blueprints,
    entities: Array.from({ length: entities }, (_, index) => ({
      id: entityId(index),
      blueprint: blueprintId(index),
      position: [index % 100, (index % 7) * 0.25, Math.floor(index / 100)],
      quaternion: [0, Math.sin(index), 0, Math.cos(index)],
      scale: [1, 1, 1],
      pinned: index % 2 === 0,
      props:
        index % 3 === 0 ? { color: `#${String(index % 1000).padStart(6, '0')}`, label: `Thing number ${index}` } : {},
    })),
    assets,
  }
}
