import type { Json } from '../../src/world/json.ts'
import type { Random } from './host.ts'
import { chooseDeploy, chooseSlot, type Deploy, isOfModule } from './shared-module.ts'
import { objectOf, type Place, PRESENCE, place, type Values } from './values.ts'

/** What somebody does to a world, in it or in its files. */
export type Change =
  | { readonly kind: 'set'; readonly at: Place; readonly value: Json }
  | { readonly kind: 'unset'; readonly at: Place }
  | { readonly kind: 'slot'; readonly at: Place; readonly value: string; readonly deploy?: Deploy }
  | { readonly kind: 'add'; readonly id: string; readonly blueprint: string; readonly token: number }
  | { readonly kind: 'remove'; readonly id: string }
  | { readonly kind: 'remove-blueprint'; readonly id: string }

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!
}

/** Draws by weight. */
export function draw<T>(random: Random, from: readonly (readonly [number, T])[]): T {
  let left = random() * from.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, value] of from) {
    left -= weight
    if (left < 0) return value
  }
  return from.at(-1)![1]
}

/** Every value that a field ever had, for those who put one back. */
export class Memory {
  readonly #values = new Map<Place, string[]>()

  remember(values: Values): void {
    for (const [at, value] of values) {
      const known = this.#values.get(at)
      if (known === undefined) this.#values.set(at, [value])
      else if (!known.includes(value)) known.push(value)
    }
  }

  earlier(random: Random, at: Place, now: string | undefined): Json | undefined {
    const others = (this.#values.get(at) ?? []).filter((value) => value !== now)
    return others.length === 0 ? undefined : (JSON.parse(pick(random, others)) as Json)
  }
}

const SETTABLE = new Set(['position', 'props.color', 'props.text', 'props.power', 'desc', 'title', 'name'])

/** Somebody's next change of what they look at; `token` makes its value one that was never there. */
export function chooseChange(random: Random, values: Values, token: number, memory: Memory): Change {
  const places = [...values.keys()].filter((at) => {
    const field = at.slice(at.indexOf(' ') + 1)
    return SETTABLE.has(field) || at.startsWith('script ') || isOfModule(at)
  })
  const entities = [...values.keys()].filter((at) => at.startsWith('entity:') && at.endsWith(` ${PRESENCE}`))
  const kind = draw(random, [
    [70, 'set'],
    [10, 'back'],
    [3, 'unset'],
    [7, 'add'],
    [6, 'remove'],
    [1, 'remove-blueprint'],
  ] as const)
  const at = chooseSlot(random, places) ?? pick(random, places)
  if (kind === 'add') {
    const blueprints = [...values.keys()].filter((one) => one.startsWith('blueprint:') && one.endsWith(` ${PRESENCE}`))
    if (blueprints.length > 0) {
      return { kind, id: `n${token}`, blueprint: objectOf(pick(random, blueprints)).slice('blueprint:'.length), token }
    }
  }
  if (kind === 'remove' && entities.length > 1)
    return { kind, id: objectOf(pick(random, entities)).slice('entity:'.length) }
  if (kind === 'remove-blueprint') {
    const used = new Set(
      [...values].filter(([one]) => one.endsWith(' blueprint')).map(([, value]) => JSON.parse(value)),
    )
    const free = [...values.keys()].filter(
      (one) =>
        one.startsWith('blueprint:') &&
        one.endsWith(` ${PRESENCE}`) &&
        !used.has(objectOf(one).slice('blueprint:'.length)),
    )
    if (free.length > 0) return { kind, id: objectOf(pick(random, free)).slice('blueprint:'.length) }
  }
  if (kind === 'unset' && at.includes(' props.') && at.startsWith('entity:')) return { kind, at }
  const back = kind === 'back' ? memory.earlier(random, at, values.get(at)) : undefined
  const slot = back === undefined ? `s${token}` : String(back)
  if (isOfModule(at)) return { kind: 'slot', at, value: slot, deploy: chooseDeploy(random) }
  if (at.startsWith('script ')) return { kind: 'slot', at, value: slot }
  return { kind: 'set', at, value: back ?? freshValue(at, token) }
}

function freshValue(at: Place, token: number): Json {
  return at.endsWith(' position') ? [token, 0, token % 7] : `v${token}`
}

/** The values that an object has when it is new. */
export function newEntity(change: Change & { kind: 'add' }) {
  return {
    id: change.id,
    type: 'app',
    blueprint: change.blueprint,
    position: [change.token, 1, 0],
    quaternion: [0, 0, 0, 1],
    scale: [1, 1, 1],
    pinned: false,
    props: { color: `c${change.token}` },
    state: {},
  } as const
}

export function newPlaces(id: string): readonly Place[] {
  return [PRESENCE, 'blueprint', 'position', 'scale', 'props.color'].map((field) => place(`entity:${id}`, field))
}

/** A script whose slots stand far enough apart that two people's changes of two of them merge. */
export function scriptOf(name: string, slots: number): string {
  const lines = ['export default (world, app) => {}']
  for (let index = 0; index < slots; index++) {
    lines.push(`// ${index} a`, `// ${index} b`, `// ${index} c`, `const ${name}_${index} = '0'`)
  }
  return `${lines.join('\n')}\n`
}

export function withSlot(script: string, slot: string, value: string): string {
  return script.replace(new RegExp(`^const ${slot} = '[^']*'$`, 'm'), `const ${slot} = '${value}'`)
}
