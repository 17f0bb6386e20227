import { expect, it } from 'vitest'
import Explain from '../../src/commands/sync/policy/explain.ts'
import { Checkout, temporaryFolder } from '../sync/support.ts'
import { run } from './run.ts'

function project(): Checkout {
  const checkout = new Checkout(temporaryFolder())
  checkout.git('init', '--quiet')
  checkout.write('lobby.json', {
    targets: { main: { worldUrl: 'http://nowhere.invalid', worldId: 'w' } },
    policy: {
      rules: [
        { type: 'entity', id: 'lamp-*', owner: 'local' },
        { field: 'props.tags', owner: 'shared', merge: 'set' },
      ],
    },
  })
  checkout.write('world/settings.json', { title: 'Plaza' })
  checkout.write('world/entities/x/lamp.json', {
    id: 'lamp-1',
    scope: 'Lamp',
    managedBy: 'runtime',
    blueprint: 'Lamp',
    position: [0, 0, 0],
    props: { tags: ['a'], color: 'red' },
  })
  checkout.commit('world')
  return checkout
}

it('sync policy explain prints the rules that decide', async () => {
  const { folder } = project()
  expect(await run(Explain, folder, ['lamp-1'])).toEqual({
    out: [
      'entity:lamp-1',
      '  file: world/entities/x/lamp.json',
      '  scope: Lamp',
      '  managedBy: runtime',
      '  the object: local, by rule 1 of lobby.json: { "type": "entity", "id": "lamp-*", "owner": "local" }',
      '    If one side deletes it and the other changes it, what you did stays.',
      '    So are scope, managedBy, blueprint, position, props.',
      '  props.tags: shared, by rule 2 of lobby.json: { "field": "props.tags", "owner": "shared", "merge": "set" }',
      '    merged as a set, by rule 2 of lobby.json: { "field": "props.tags", "owner": "shared", "merge": "set" }',
      '    If both sides change it, what either one added or removed counts.',
      '',
    ].join('\n'),
    err: '',
    code: 0,
  })
})

it('sync policy explain of one field, and of what is not there', async () => {
  const { folder } = project()
  expect((await run(Explain, folder, ['settings', 'title'])).out).toBe(
    [
      'settings',
      '  file: world/settings.json',
      '  scope: none',
      '  managedBy: none',
      '  title: shared, by default: no rule says otherwise, nor does managedBy of the object',
      '    If both sides change it, differently, it is a conflict for you to resolve.',
      '',
    ].join('\n'),
  )
  expect((await run(Explain, folder, ['entity:new', 'state'])).out).toBe(
    [
      'entity:new',
      '  not in the last commit: scope and managedBy are unknown, and no rule about a scope applies',
      '  state: runtime, by what it is: no rule can change that',
      "    It is the runtime's own: it does not stand in files of its own and is never pushed.",
      '',
    ].join('\n'),
  )
  expect((await run(Explain, folder, ['lamp-1', 'props.size'])).out).toContain(
    '(The object does not have this field now.)',
  )
})

it('sync policy explain --json', async () => {
  const { folder } = project()
  const { out, code } = await run(Explain, folder, ['lamp-1', 'props', '--json'])
  expect(code).toBe(0)
  expect(JSON.parse(out)).toEqual({
    object: 'entity:lamp-1',
    type: 'entity',
    id: 'lamp-1',
    path: 'world/entities/x/lamp.json',
    scope: 'Lamp',
    managedBy: 'runtime',
    present: true,
    field: 'props',
    owner: 'local',
    because: 'rule',
    rule: { index: 0, rule: { type: 'entity', id: 'lamp-*', owner: 'local' } },
    merge: null,
    mergeRule: null,
    meaning: 'If both sides change it, yours stays.',
    alike: [],
    exceptions: [
      {
        field: 'props.tags',
        owner: 'shared',
        because: 'rule',
        rule: { index: 1, rule: { field: 'props.tags', owner: 'shared', merge: 'set' } },
        merge: 'set',
        mergeRule: { index: 1, rule: { field: 'props.tags', owner: 'shared', merge: 'set' } },
        meaning: 'If both sides change it, what either one added or removed counts.',
      },
    ],
  })
})

it('sync policy explain says what is wrong with the policy', async () => {
  const checkout = project()
  checkout.write('lobby.json', { policy: { rules: [{ owner: 'theirs' }] } })
  expect(await run(Explain, checkout.folder, ['lamp-1'])).toEqual({
    out: '',
    err: [
      'error: lobby.json: policy.rules[0].owner must be "local", "runtime" or "shared", not "theirs"',
      'hint: Did you mean "runtime"? Correct lobby.json and run the command again.',
      '',
    ].join('\n'),
    code: 1,
  })
})
