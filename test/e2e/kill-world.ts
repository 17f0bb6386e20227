import type { JsonObject } from '../../src/world/json.ts'
import { addLamps, type Checkout, type World } from '../sync/support.ts'
import { deploy } from './conflict-support.ts'

/** How many operations {@link commitThirty} makes. */
export const THIRTY = 30

/** Scopes that the push locks, or could have. */
export const SCOPES = ['global', 'Lamp', 'Door', 'Fan', 'Rock']

const GLOW = "import { glow } from '@shared/glow.js'\nexport default () => glow()\n"
const REST = { quaternion: [0, 0, 0, 1], scale: [1, 1, 1], pinned: false, props: {} }

/** Lamps and doors that share a module, a variant, rocks without a script, and twelve entities. */
export async function furnish(world: World): Promise<void> {
  await addLamps(world)
  const upload = (text: string, extension: string) =>
    world.remote.uploadAsset(new TextEncoder().encode(text), extension)
  const glow = await upload('export const glow = () => 1\n', 'js')
  const script = await upload(GLOW, 'js')
  const scriptFiles = { 'index.js': script, '@shared/glow.js': glow }
  await deploy(world, 'ada', 'Lamp', { model: await upload('a lamp', 'glb'), script, scriptFiles })
  for (const blueprint of [
    { id: 'Door', name: 'Door', script, scriptFiles, scriptEntry: 'index.js', scriptFormat: 'module', props: {} },
    { id: 'Lamp__Small', name: 'Small', scope: 'Lamp', scriptRef: 'Lamp', props: { power: 1 } },
    { id: 'Rock', name: 'Rock', model: await upload('a rock', 'glb'), props: {} },
    { id: 'Moss', name: 'Moss', model: await upload('some moss', 'glb'), props: {} },
  ] as readonly JsonObject[]) {
    const scope = String(blueprint.scope ?? blueprint.id)
    const lock = await world.remote.acquireLock('test', 30, scope)
    if (lock.kind !== 'acquired') throw new Error('locked')
    await world.act('ada', {
      type: 'blueprint_add',
      lockToken: lock.token,
      blueprint: { version: 0, scope, ...blueprint },
    })
    await world.remote.releaseLock(lock.token, scope)
  }
  for (let n = 3; n <= 8; n++) await addEntity(world, `lamp000${n}`, 'Lamp', n)
  for (const [id, blueprint] of [
    ['small01', 'Lamp__Small'],
    ['door01', 'Door'],
    ['rock01', 'Rock'],
    ['moss01', 'Moss'],
  ] as const) {
    await addEntity(world, id, blueprint, 9)
  }
  for (const [key, value] of [
    ['title', 'Plaza'],
    ['desc', 'A court'],
  ] as const) {
    await world.act('ada', { type: 'settings_modify', key, value })
  }
}

async function addEntity(world: World, id: string, blueprint: string, x: number): Promise<void> {
  const entity = { id, type: 'app', blueprint, position: [x, 0, 0], ...REST, state: {}, mover: null, uploader: null }
  await world.act('ada', { type: 'entity_add', entity })
}

/** What happens in the world after it was cloned; nothing of it is what {@link commitThirty} touches. */
export async function worldMovesOn(world: World): Promise<void> {
  await world.edit('bob', 'lamp0001', { position: [7, 7, 7], props: { label: 'from the world' } })
  await world.act('bob', { type: 'entity_remove', id: 'moss01' })
  await world.act('bob', { type: 'settings_modify', key: 'image', value: null })
  await world.edit('bob', 'small01', { pinned: true })
}

/** Much happens in the world, so that a pull has everything to do: every kind of operation, in three scopes. */
export async function worldChanges(world: World): Promise<void> {
  await worldMovesOn(world)
  const fresh = await world.remote.uploadAsset(new TextEncoder().encode(`// lit\n${GLOW}`), 'js')
  await deploy(world, 'bob', 'Lamp', { desc: 'a new lamp' }, { 'index.js': `// lit\n${GLOW}` })
  await deploy(world, 'cleo', 'Door', {}, { '@shared/glow.js': 'export const glow = () => 2\n' })
  const lock = await world.remote.acquireLock('test', 30, 'Fan')
  if (lock.kind !== 'acquired') throw new Error('locked')
  await world.act('cleo', {
    type: 'blueprint_add',
    lockToken: lock.token,
    blueprint: {
      id: 'Fan',
      name: 'Fan',
      version: 0,
      scope: 'Fan',
      model: await world.remote.uploadAsset(new TextEncoder().encode('a fan'), 'glb'),
      script: fresh,
      scriptEntry: 'index.js',
      scriptFiles: { 'index.js': fresh },
      scriptFormat: 'module',
      props: {},
    },
  })
  await world.remote.releaseLock(lock.token, 'Fan')
  for (let n = 1; n <= 4; n++) await addEntity(world, `fan0${n}`, 'Fan', n)
  for (let n = 3; n <= 6; n++) await world.edit('cleo', `lamp000${n}`, { position: [n, 5, 5] })
  await world.act('cleo', { type: 'entity_remove', id: 'lamp0008' })
  await world.remote.removeBlueprint('Moss')
  await world.act('bob', { type: 'settings_modify', key: 'title', value: 'Forum' })
}

/** Thirty operations of every kind, by two authors in six commits, over three scopes. */
export function commitThirty(project: Checkout): void {
  const as = (name: string, message: string) => {
    project.git('config', 'user.name', name)
    project.git('add', '-A')
    const who = `${name} <${name.toLowerCase()}@example.com>`
    project.git('commit', '--quiet', `--author=${who}`, '-m', message)
  }
  const entity = (id: string, blueprint: string, x: number) =>
    project.write(project.entityPathOf(id), { id, blueprint, position: [x, 1, 1], ...REST })
  const edit = (id: string, fields: JsonObject) =>
    project.change(project.entityPath(id), (file) => void Object.assign(file, fields))

  for (let n = 1; n <= 5; n++) entity(`new0${n}`, 'Lamp', n)
  for (let n = 2; n <= 5; n++) edit(`lamp000${n}`, { position: [n, 2, 2] })
  as('Ada', 'Five lamps more, four elsewhere')

  for (let n = 5; n <= 6; n++) edit(`lamp000${n}`, { props: { color: 'green' }, pinned: true })
  for (const id of ['lamp0007', 'lamp0008', 'rock01']) project.remove(project.entityPath(id))
  as('Ben', 'Green lamps, and three things less')

  project.write('assets/fan.glb', 'a fan')
  project.write('apps/Fan/index.js', GLOW)
  project.write('apps/Fan/Fan.json', {
    id: 'Fan',
    name: 'Fan',
    scope: 'Fan',
    model: 'assets/fan.glb',
    props: { speed: 2 },
  })
  project.write('apps/Fan/Slow.json', { id: 'Fan__Slow', name: 'Slow', scope: 'Fan', props: { speed: 1 } })
  project.write('apps/Stone/Stone.json', { id: 'Stone', name: 'Stone', model: 'assets/fan.glb', props: {} })
  for (const [n, blueprint] of ['Fan', 'Fan', 'Fan__Slow', 'Stone'].entries()) entity(`fan0${n}`, blueprint, n)
  as('Ada', 'Fans')

  project.write('shared/glow.js', 'export const glow = () => 3\n')
  project.write('apps/Lamp/index.js', `// brighter\n${GLOW}`)
  project.change('apps/Lamp/Lamp.json', (lamp) => void Object.assign(lamp, { desc: 'glows', author: 'Ben' }))
  as('Ben', 'Another glow')

  project.remove('apps/Rock')
  project.change('world/spawn.json', (spawn) => void Object.assign(spawn, { position: [3, 0, 3] }))
  project.change('world/settings.json', (settings) => {
    Object.assign(settings, { title: 'Forum', desc: 'An open place', rank: 1, playerLimit: 8 })
  })
  as('Ada', 'No rocks; a forum')

  edit('lamp0003', { scale: [2, 2, 2] })
  edit('door01', { props: { open: true } })
  as('Ben', 'A big lamp, an open door')
}

/** Local work that merges with {@link worldChanges}, some of it in the same objects. */
export function commitBesides(project: Checkout): void {
  project.change(project.entityPath('lamp0003'), (file) => void Object.assign(file, { props: { color: 'green' } }))
  project.remove(project.entityPath('lamp0007'))
  project.change('world/settings.json', (settings) => void Object.assign(settings, { desc: 'An open place' }))
  project.commit('ours')
  project.write('apps/Lamp/index.js', `${GLOW}// ours\n`)
  project.write('notes.txt', 'ours\n')
  project.commit('ours too')
}
