import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { entityFile } from '../../src/projection/paths.ts'
import { entityOf, PROPS } from '../e2e/race-world.ts'

/** What every round begins with: few objects that everybody edits, two of their blueprints with scripts. */
export const BLUEPRINTS = ['Thing0', 'Thing1', 'Thing2'] as const
export const ENTITIES = Array.from({ length: 24 }, (_, index) => `shared${String(index).padStart(3, '0')}`)

/** Scripts that everybody edits, each person a line of their own, far enough from the others' for a clean merge. */
export const SCRIPTS = ['apps/Thing0/index.js', 'apps/Thing1/index.js', 'shared/glow.js'] as const

/** Scopes that a push locks. */
export const SCOPES = ['global', ...BLUEPRINTS]

const MADE = Object.fromEntries(PROPS.map((prop) => [prop, 'made']))

/** The lines that people edit, `// p0: made`. */
function linesOf(people: number): string {
  const gap = Array.from({ length: 5 }, (_, n) => `// ${n}`).join('\n')
  return Array.from({ length: people }, (_, index) => `${gap}\n// p${index}: made\n${gap}\n`).join('')
}

/** Writes the template into a fresh clone of an empty world. */
export function writeTemplate(folder: string, people: number): void {
  const write = (path: string, content: string | Buffer) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  const json = (path: string, document: object) => write(path, `${JSON.stringify(document, null, 2)}\n`)
  for (const id of BLUEPRINTS) {
    const model = id === 'Thing2' ? { model: 'assets/thing.glb' } : {}
    json(`apps/${id}/${id}.json`, { id, name: id, scope: id, desc: 'made', ...model, props: MADE })
  }
  write('assets/thing.glb', randomBytes(1000))
  write(SCRIPTS[0], `import { glow } from '@shared/glow.js'\n${linesOf(people)}export default () => glow()\n`)
  write(SCRIPTS[1], `import { glow } from '@shared/glow.js'\n${linesOf(people)}export default () => glow() + 1\n`)
  write(SCRIPTS[2], `${linesOf(people)}export const glow = () => 1\n`)
  for (const [index, id] of ENTITIES.entries()) {
    json(entityFile(id), entityOf(id, BLUEPRINTS[index % BLUEPRINTS.length]!, { props: MADE }))
  }
}

/** A script with a new value in somebody's line. */
export function withLine(script: string, who: string, value: string): string {
  return script.replace(new RegExp(`^// ${who}: .*$`, 'm'), `// ${who}: ${value}`)
}

/** Who wrote what into a script: `p0` → the value as JSON. */
export function linesIn(script: string): ReadonlyMap<string, string> {
  return new Map([...script.matchAll(/^\/\/ (p\d+): (.*)$/gm)].map(([, who, value]) => [who!, JSON.stringify(value)]))
}
