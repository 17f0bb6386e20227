import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type InitOptions, init } from '../../src/sync/init.ts'
import { statusLocked } from '../../src/sync/status.ts'
import { type PublicOptions, publicProject } from './public-project.ts'
import { addLamps, Checkout, temporaryFolder, type World } from './support.ts'

/** A repository with a world's project in it as the public tool writes it, and no history with the world. */
export async function publicCheckout(
  world: World,
  options: PublicOptions & { below?: string } = {},
): Promise<Checkout> {
  const checkout = emptyCheckout()
  const files = await publicProject(await world.remote.snapshot(), (url) => world.remote.downloadAsset(url), options)
  const below = options.below === undefined ? '' : `${options.below}/`
  for (const [path, content] of files) checkout.write(below + path, content)
  checkout.write('README.md', '# Old\n')
  checkout.write(`${below}.gitignore`, 'node_modules\n.env\n.lobby/*\n')
  checkout.commit('An old project')
  return checkout
}

export function emptyCheckout(): Checkout {
  const folder = join(temporaryFolder(), 'old')
  mkdirSync(folder, { recursive: true })
  const checkout = new Checkout(folder)
  checkout.git('init', '--quiet', '-b', 'main')
  return checkout
}

export function connect(checkout: Checkout, world: World, options: Partial<InitOptions> = {}) {
  return init(checkout.context(), { url: world.runtime.url, worldId: undefined, ...options })
}

/** What a pull would bring and a push would send: one line each. */
export async function pending(checkout: Checkout): Promise<readonly string[]> {
  const status = await checkout.session(statusLocked)
  if (status.kind !== 'status') return [status.kind]
  return [
    ...status.contested.map(({ key }) => `contested ${key}`),
    ...[...status.incoming].map(([author, count]) => `incoming ${author} ${count}`),
    ...status.outgoing.map(({ kind, id }) => `${kind} ${id}`),
  ].sort()
}

/** Lamps, a crate with everything that an app can have, a variant, a blueprint with a random id, and many entities. */
export async function furnish(world: World, many = 0): Promise<void> {
  await addLamps(world)
  const upload = (text: string, extension: string) =>
    world.remote.uploadAsset(new TextEncoder().encode(text), extension)
  const [entry, lib, util, model, image, sound] = [
    await upload(
      "import { a } from './lib/a.js'\nimport { u } from '@shared/util.js'\nexport default () => a + u\n",
      'js',
    ),
    await upload('export const a = 1\n', 'js'),
    await upload('export const u = 2\n', 'js'),
    await upload('a crate', 'glb'),
    await upload('its picture', 'png'),
    await upload('bang', 'mp3'),
  ]
  const plain = { version: 0, preload: false, public: false, locked: false, unique: false, author: null, url: null }
  const locked = async (scope: string, blueprint: object) => {
    const lock = await world.remote.acquireLock('test', 30, scope)
    if (lock.kind !== 'acquired') throw new Error('locked')
    await world.act('ada', {
      type: 'blueprint_add',
      lockToken: lock.token,
      blueprint: { ...plain, scope, ...blueprint },
    })
    await world.remote.releaseLock(lock.token, scope)
  }
  await locked('Crate', {
    id: 'Crate__big',
    name: 'Big Crate',
    desc: 'Wood.',
    image: { url: image },
    model,
    script: entry,
    scriptEntry: 'index.js',
    scriptFiles: { 'index.js': entry, 'lib/a.js': lib, '@shared/util.js': util },
    scriptFormat: 'module',
    props: { bang: { type: 'audio', name: 'bang.mp3', url: sound }, weight: 12 },
  })
  await locked('Lamp', { id: 'Lamp__red', name: 'red', scriptRef: 'Lamp', props: { color: 'red' }, desc: null })
  await world.act('ada', {
    type: 'blueprint_add',
    blueprint: { ...plain, id: 'k3jf92', name: 'Bench', scope: 'Bench', props: {}, desc: null, model: null },
  })
  const add = (n: number) =>
    world.act('ada', {
      type: 'entity_add',
      entity: {
        id: `many${n}`,
        type: 'app',
        blueprint: ['Lamp', 'Lamp__red', 'Crate__big', 'k3jf92'][n % 4],
        position: [n / 3, 0.1 + 0.2, -n],
        quaternion: [0, 0.6, 0, 0.8000000000000002],
        scale: [1, 1, 1],
        pinned: n % 2 === 0,
        props: n % 3 === 0 ? { color: 'red', on: true } : {},
        state: { n },
        mover: null,
        uploader: null,
      },
    })
  await Promise.all(Array.from({ length: many }, (_, n) => add(n)))
}

/** An entity as it stands in `world.json`. */
export function entityIn(checkout: Checkout, id: string, at = 'world.json'): Record<string, unknown> | undefined {
  const { entities } = checkout.json(at) as { entities: Record<string, unknown>[] }
  return entities.find((entity) => entity.id === id)
}

/** Changes the entities of `world.json`, as the public tool would have written them. */
export function changeEntities(
  checkout: Checkout,
  change: (entities: Record<string, unknown>[]) => Record<string, unknown>[],
  at = 'world.json',
): void {
  checkout.change(at, (manifest) => {
    manifest.entities = change(manifest.entities as Record<string, unknown>[])
  })
}
