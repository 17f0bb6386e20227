import { describe, expect, it } from 'vitest'
import { entityFile } from '../../src/projection/paths.ts'
import { fieldName } from '../../src/resolvers/fields.ts'
import type { PolicyRule } from '../../src/resolvers/policy.ts'
import { type ExplainedField, explainPolicy } from '../../src/sync/policy-explain.ts'
import { Checkout, temporaryFolder } from './support.ts'

const LAMP = {
  id: 'lamp',
  uid: 'u1',
  scope: 'Lamp',
  managedBy: 'shared',
  blueprint: 'Lamp',
  position: [0, 0, 0],
  quaternion: [0, 0, 0, 1],
  scale: [1, 1, 1],
  pinned: false,
  props: { color: 'red', 'a.b': 1, tags: ['x'], deep: { one: 1, two: 2 } },
}

/** A project of which no world was ever asked, nor could be. */
function project(rules: readonly PolicyRule[] | undefined, prefix = ''): Checkout {
  const checkout = new Checkout(temporaryFolder())
  checkout.git('init', '--quiet')
  checkout.write(`${prefix}lobby.json`, {
    targets: { main: { worldUrl: 'http://nowhere.invalid', worldId: 'w' } },
    ...(rules === undefined ? {} : { policy: { rules } }),
  })
  checkout.write(`${prefix}world/settings.json`, { title: 'Plaza', desc: '', scope: 'Lamp', managedBy: 'local' })
  checkout.write(`${prefix}world/spawn.json`, { position: [0, 0, 0], quaternion: [0, 0, 0, 1] })
  checkout.write(`${prefix}world/entities/x/moved-by-hand.json`, LAMP)
  checkout.write(`${prefix}apps/Lamp/Lamp.json`, { managedBy: 'local', props: {} })
  checkout.write(`${prefix}apps/Lamp/index.js`, 'export default () => {}\n')
  checkout.write(`${prefix}apps/Other/Big.json`, { id: 'chair', name: 'Chair', scope: 'Furniture' })
  checkout.write(`${prefix}shared/lib/math.js`, 'export const one = 1\n')
  return checkout
}

function committed(rules?: readonly PolicyRule[]): Checkout {
  const checkout = project(rules)
  checkout.commit('world')
  return checkout
}

const explain = (checkout: Checkout, name: string, field?: string) => explainPolicy(checkout.context(), name, field)

/** `props.color: local by rule 0` */
function said({ path, owner, because, rule, mergeRule }: ExplainedField): string {
  const why = rule === undefined ? because : `rule ${rule.index}`
  const merge = mergeRule === undefined ? '' : `, set by rule ${mergeRule.index}`
  return `${fieldName(path)}: ${owner} by ${why}${merge}`
}

describe('finding the object', () => {
  it.each<[name: string, key: string, path: string, scope: string | undefined, managedBy: string | undefined]>([
    ['lamp', 'entity:lamp', 'world/entities/x/moved-by-hand.json', 'Lamp', 'shared'],
    ['entity:lamp', 'entity:lamp', 'world/entities/x/moved-by-hand.json', 'Lamp', 'shared'],
    ['Lamp', 'blueprint:Lamp', 'apps/Lamp/Lamp.json', undefined, 'local'],
    ['chair', 'blueprint:chair', 'apps/Other/Big.json', 'Furniture', undefined],
    ['settings', 'settings', 'world/settings.json', undefined, undefined],
    ['spawn', 'spawn', 'world/spawn.json', undefined, undefined],
    ['shared:lib/math.js', 'shared:lib/math.js', 'shared/lib/math.js', undefined, undefined],
  ])('%s', async (name, key, path, scope, managedBy) => {
    const found = await explain(committed(), name)
    expect(found).toMatchObject({ key, path, present: true })
    expect([found.scope, found.managedBy]).toEqual([scope, managedBy])
  })

  it('where the line puts it', async () => {
    const checkout = committed()
    checkout.write(entityFile('stool'), { ...LAMP, id: 'stool' })
    checkout.commit('stool')
    expect(await explain(checkout, 'entity:stool')).toMatchObject({ path: entityFile('stool'), present: true })
  })

  it('in a manifest', async () => {
    const checkout = committed([{ type: 'entity', owner: 'local' }])
    checkout.remove('world')
    checkout.write('world.json', {
      formatVersion: 2,
      settings: { title: 'x' },
      spawn: { position: [0, 0, 0], quaternion: [0, 0, 0, 1] },
      entities: [{ ...LAMP, state: { on: true } }],
    })
    checkout.commit('manifest')
    expect(await explain(checkout, 'lamp')).toMatchObject({ path: 'world.json', scope: 'Lamp', present: true })
    expect(await explain(checkout, 'settings', 'title')).toMatchObject({ path: 'world.json', present: true })
    expect(said((await explain(checkout, 'lamp', 'state.on')).asked)).toBe('state.on: runtime by state')
  })

  it('in a project below the top of the repository', async () => {
    const checkout = project([{ owner: 'local' }], 'game/')
    checkout.commit('world')
    const found = await explainPolicy({ ...checkout.context(), cwd: `${checkout.folder}/game/apps` }, 'lamp', undefined)
    expect(found).toMatchObject({ path: 'world/entities/x/moved-by-hand.json', asked: { owner: 'local' } })
  })

  it('an id spelled with escapes is found', async () => {
    const checkout = committed()
    checkout.write('world/entities/x/umlaut.json', JSON.stringify({ ...LAMP, id: '@@' }).replace('@@', 't\\u00fcr'))
    checkout.commit('door')
    expect(await explain(checkout, 'tür')).toMatchObject({ key: 'entity:tür', present: true })
  })

  it('one that is not there is explained by its type', async () => {
    const checkout = committed([
      { type: 'entity', scope: '*', owner: 'runtime' },
      { id: 'new*', field: 'props', owner: 'local' },
    ])
    const found = await explain(checkout, 'entity:newthing', 'props.color')
    expect(found).toMatchObject({ key: 'entity:newthing', path: undefined, scope: undefined, present: false })
    expect(said(found.asked)).toBe('props.color: local by rule 1')
    expect(said((await explain(checkout, 'entity:newthing')).asked)).toBe(': shared by default')
  })

  it('before the first commit as well', async () => {
    expect(await explain(project([{ owner: 'local' }]), 'settings')).toMatchObject({ path: undefined, present: false })
  })

  it('errors name what to do', async () => {
    const checkout = committed()
    await expect(explain(checkout, 'nothing')).rejects.toMatchObject({
      code: 'unknown_object',
      hint: 'Write entity:nothing or blueprint:nothing to explain one that does not exist yet.',
    })
    await expect(explain(checkout, '')).rejects.toMatchObject({ code: 'invalid_name' })
    checkout.write('world/entities/x/twin.json', { ...LAMP, id: 'chair' })
    checkout.commit('twin')
    await expect(explain(checkout, 'chair')).rejects.toMatchObject({ code: 'ambiguous_name' })
    checkout.write('world/settings.json', '{ "title": ')
    checkout.commit('broken')
    await expect(explain(checkout, 'settings')).rejects.toMatchObject({ code: 'invalid_files' })
    checkout.write('lobby.json', { policy: { rules: [{ owner: 'theirs' }] } })
    await expect(explain(checkout, 'lamp')).rejects.toMatchObject({ code: 'invalid_lobby_file' })
  })
})

describe('what is explained', () => {
  it('an object: its presence, what goes with it and what does not', async () => {
    const checkout = committed([
      { type: 'entity', owner: 'local' },
      { id: 'lamp', field: 'props', owner: 'runtime' },
      { field: 'props.deep', owner: 'local' },
      { field: 'props.deep.two', owner: 'shared' },
      { field: 'props.tags', owner: 'shared', merge: 'set' },
      { field: 'props', merge: 'set' },
      { field: 'scale', owner: 'local' },
      { field: 'uid', owner: 'local' },
    ])
    const { asked, alike, exceptions } = await explain(checkout, 'lamp')
    expect(said(asked)).toBe(': local by rule 0')
    expect(asked.meaning).toBe('If one side deletes it and the other changes it, what you did stays.')
    expect(alike).toEqual(['scope', 'managedBy', 'blueprint', 'position', 'quaternion', 'scale', 'pinned'])
    expect(exceptions.map(said)).toEqual([
      'props: runtime by rule 1',
      'props.tags: shared by rule 4, set by rule 5',
      'props.deep: local by rule 2',
      'props.deep.two: shared by rule 3',
    ])
  })

  it('managedBy of the object', async () => {
    const { asked, exceptions } = await explain(committed(), 'Lamp')
    expect(said(asked)).toBe(': local by managedBy')
    expect(exceptions).toEqual([])
  })

  it('keys of the settings called scope and managedBy are settings', async () => {
    const checkout = committed([{ scope: '*', owner: 'runtime' }])
    expect(said((await explain(checkout, 'settings')).asked)).toBe(': shared by default')
  })

  it('fields below a field that was asked about', async () => {
    const checkout = committed([{ field: 'props.*', owner: 'runtime' }])
    const { asked, alike, exceptions } = await explain(checkout, 'lamp', 'props')
    expect(said(asked)).toBe('props: shared by managedBy')
    expect(alike).toEqual([])
    expect(exceptions.map(said)).toEqual([
      'props.color: runtime by rule 0',
      'props.a.b: runtime by rule 0',
      'props.tags: runtime by rule 0',
      'props.deep: runtime by rule 0',
    ])
  })

  const rules: readonly PolicyRule[] = [
    { field: 'props.color', owner: 'local' },
    { field: 'props.deep', owner: 'runtime' },
    { field: 'props.tags', merge: 'set' },
  ]
  it.each<[name: string, field: string, path: readonly string[], present: boolean, meaning: string]>([
    ['lamp', 'props.color', ['props', 'color'], true, 'If both sides change it, yours stays.'],
    ['lamp', 'props.deep.one', ['props', 'deep', 'one'], true, "If both sides change it, the world's stays."],
    [
      'lamp',
      'position',
      ['position'],
      true,
      'If both sides change it, differently, it is a conflict for you to resolve.',
    ],
    [
      'lamp',
      'props',
      ['props'],
      true,
      'It is merged key by key; a key that both sides change, differently, is a conflict.',
    ],
    [
      'lamp',
      'props.tags',
      ['props', 'tags'],
      true,
      'If both sides change it, what either one added or removed counts.',
    ],
    ['lamp', 'uid', ['uid'], true, "It is never contested: the world's is taken."],
    [
      'lamp',
      'state',
      ['state'],
      false,
      "It is the runtime's own: it does not stand in files of its own and is never pushed.",
    ],
    ['Lamp', 'scriptFiles.index.js', ['scriptFiles', 'index.js'], true, 'If both sides change it, yours stays.'],
    [
      'chair',
      'scriptFiles.lib/a.b.js',
      ['scriptFiles', 'lib/a.b.js'],
      false,
      'If both sides change it, the texts are merged; where they clash it is a conflict.',
    ],
    [
      'shared:lib/math.js',
      'content',
      ['content'],
      true,
      'If both sides change it, the texts are merged; where they clash it is a conflict.',
    ],
    [
      'lamp',
      'props.a.b',
      ['props', 'a.b'],
      true,
      'If both sides change it, differently, it is a conflict for you to resolve.',
    ],
    [
      'lamp',
      '["props", "a.b"]',
      ['props', 'a.b'],
      true,
      'If both sides change it, differently, it is a conflict for you to resolve.',
    ],
    [
      'lamp',
      'props.x\\.y',
      ['props', 'x.y'],
      false,
      'If both sides change it, differently, it is a conflict for you to resolve.',
    ],
    [
      'lamp',
      'props.x.y',
      ['props', 'x', 'y'],
      false,
      'If both sides change it, differently, it is a conflict for you to resolve.',
    ],
    [
      'lamp',
      '__proto__.x',
      ['__proto__', 'x'],
      false,
      'If both sides change it, differently, it is a conflict for you to resolve.',
    ],
  ])('%s %s', async (name, field, path, present, meaning) => {
    const found = await explain(committed(rules), name, field)
    expect(found).toMatchObject({ present, asked: { path, meaning } })
  })

  it.each(['', 'props.', '.props', 'a..b', '[]', '[1]', '["a"'])('%j is no field', async (field) => {
    await expect(explain(committed(), 'lamp', field)).rejects.toMatchObject({ code: 'invalid_field' })
  })
})
