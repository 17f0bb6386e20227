import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { entityFile } from '../../src/projection/paths.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { entityOf } from '../e2e/race-world.ts'

/** How large the rehearsed world is. */
export interface WorldSize {
  readonly entities: number
  readonly blueprints: number
  /** Shared modules. */
  readonly modules: number
  readonly assets: number
  /** Whose lines stand in the scripts. */
  readonly developers: number
}

export const thing = (index: number): string => `Thing${String(index).padStart(2, '0')}`
export const placed = (index: number): string => `placed${String(index).padStart(4, '0')}`

/** The line of a script that one developer alone edits: whatever they committed last must be in the world in the end. */
export function scriptLine(developer: string, value: string): string {
  return `export const of_${developer} = '${value}'`
}

/** A project like those that people have: blueprints with scripts, modules that they share, assets, placed things. */
export function writeProject(folder: string, size: WorldSize): void {
  const write = (path: string, content: string | JsonObject) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`)
  }
  for (let index = 0; index < size.modules; index++) {
    write(`shared/module${index}.js`, script(size, `export function step${index}(t) {\n  return t * ${index + 1}\n}\n`))
  }
  for (let index = 0; index < size.assets; index++) write(`assets/texture${index}.png`, `picture ${index}\n`.repeat(50))
  for (let index = 0; index < size.blueprints; index++) {
    const id = thing(index)
    const image = { url: `assets/texture${index % size.assets}.png` }
    const props = { a: 'made', b: 'made', c: 'made' }
    write(`apps/${id}/${id}.json`, { id, name: id, scope: id, desc: 'made', image, props })
    const module = index % size.modules
    const body = `import { step${module} } from '@shared/module${module}.js'\n\nexport default (world, app) => {\n  app.on('update', (t) => step${module}(t))\n}\n`
    write(`apps/${id}/index.js`, script(size, body))
  }
  for (let index = 0; index < size.entities; index++) {
    const props = { a: 'made', b: 'made', c: 'made' }
    const position = [index % 20, 0, Math.floor(index / 20)]
    write(entityFile(placed(index)), entityOf(placed(index), thing(index % size.blueprints), { position, props }))
  }
  const settings = { title: 'Burn-in', desc: 'a busy world', image: null, avatar: null, customAvatars: false }
  write('world/settings.json', { ...settings, voice: 'spatial', rank: 0, playerLimit: 0, ao: true })
  write('world/spawn.json', { position: [0, 0, 0], quaternion: [0, 0, 0, 1] })
}

/** Each developer's line far enough from the others' for lines to merge. */
function script({ developers }: WorldSize, body: string): string {
  const lines = Array.from(
    { length: developers },
    (_, index) => `${scriptLine(`p${index}`, 'made')}\n\n// —\n\n// —\n\n`,
  )
  return `${lines.join('')}${body}`
}
