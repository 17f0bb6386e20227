import { draw, newEntity } from './changes.ts'
import { type Random, seeded } from './host.ts'
import { CODE } from './machine.ts'
import { scriptUrl, WatchedWorld } from './watched-world.ts'
import { WorldModel } from './world/model.ts'
import { PUBLIC, REFERENCE } from './world/server-kind.ts'

/** The share of projects that know two worlds. */
const SHARE = 0.2

/** How a project comes to know a second world: `init <url> --name`, and what that is told to do with what differs. */
export interface SecondWorld {
  readonly name: string
  readonly url: string
  readonly model: WorldModel
  /** What is in it when it joins: nothing yet, what the first has, or that with a life of its own. */
  readonly holds: 'nothing' | 'the same' | 'its own'
  /** Whose values are taken; neither: what differs is contested. */
  readonly prefer?: 'local' | 'remote'
  readonly mirror?: 'local' | 'remote'
  /** Somebody connects it while others are at work. */
  readonly late: boolean
}

/** The second world of a project; most have none. By a chance of its own, so that the others stay as they are. */
export function drawSecondWorld(seed: number): (() => SecondWorld) | undefined {
  const random = seeded(seed ^ 0x7a1c)
  return random() < SHARE ? () => begin(random) : undefined
}

function begin(random: Random): SecondWorld {
  const kind = random() < 0.5 ? REFERENCE : PUBLIC
  const model = new WorldModel({ worldId: 'yard', kind, adminCode: CODE })
  const holds = draw(random, [
    [1, 'nothing'],
    [2, 'the same'],
    [4, 'its own'],
  ] as const)
  if (holds !== 'nothing') WatchedWorld.furnish(model)
  if (holds === 'its own') changeInPart(model)
  const how = draw(random, [
    [4, {}],
    [2, { prefer: 'local' }],
    [1, { prefer: 'remote' }],
    [1, { mirror: 'local' }],
    // Who has built something does not let an empty world take it away.
    [holds === 'nothing' ? 0 : 1, { mirror: 'remote' }],
  ] as const)
  return { name: 'staging', url: 'http://yard.example', model, holds, ...how, late: random() < 0.4 }
}

/** A world that began as another one and went on: every kind of object is there that only one of them has, or has so. */
function changeInPart(model: WorldModel): void {
  const by = 'builder'
  model.edit({ kind: 'setting', key: 'title', value: 'A yard' }, by)
  model.edit({ kind: 'modify', of: 'blueprint', id: 'Door', change: { desc: 'of the yard' } }, by)
  model.edit({ kind: 'modify', of: 'entity', id: 'e1', change: { position: [9, 9, 9] } }, by)
  model.edit({ kind: 'modify', of: 'entity', id: 'e2', change: { props: { color: 'grey', text: 'to let' } } }, by)
  model.edit({ kind: 'remove', of: 'entity', id: 'e3' }, by)
  const own = newEntity({ kind: 'add', id: 'y0', blueprint: 'Sign', token: -9 })
  model.edit({ kind: 'add', of: 'entity', object: { ...own } }, by)
  const url = scriptUrl(model, 'Lamp', (text) => text.replace("Lamp_1 = '0'", "Lamp_1 = 'of the yard'"))
  const scripts = { script: url, scriptFiles: { 'index.js': url }, scriptEntry: 'index.js', scriptFormat: 'module' }
  model.edit({ kind: 'modify', of: 'blueprint', id: 'Lamp', change: { ...scripts, scope: 'Lamp' } }, by)
  model.save()
}
