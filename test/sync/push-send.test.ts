import { describe, expect, it, test } from 'vitest'
import { parseOid } from '../../src/git-bridge/repository.ts'
import type { BatchOutcome, BatchRequest, RemoteRuntime } from '../../src/remote-runtime/remote-runtime.ts'
import type { EncodedOperation } from '../../src/sync/encode.ts'
import type { HeldLocks } from '../../src/sync/locks.ts'
import type { PlannedOperation } from '../../src/sync/plan.ts'
import { sendBatches, Tally } from '../../src/sync/send.ts'
import type { JsonObject } from '../../src/world/json.ts'
import type { OperationKind } from '../../src/world/operation.ts'
import { objectKey } from '../../src/world/state.ts'
import { kindsFor } from '../e2e/long.ts'
import { pushWith } from './push-support.ts'
import { addLamps, Checkout, cloneWorld, startWorld } from './support.ts'

const COMMIT = parseOid('ab'.repeat(20))

/** `blueprint.add Lamp`, with what the object was and is. */
function operation(
  what: string,
  { before, after, scope }: { before?: JsonObject; after?: JsonObject; scope?: string } = {},
): EncodedOperation {
  const [operationKind, id] = what.split(' ') as [OperationKind, string]
  const kind = operationKind.startsWith('blueprint') ? 'blueprint' : 'entity'
  const object = (fields: JsonObject | undefined) =>
    fields === undefined ? undefined : ({ kind, id, fields } as const)
  const planned: PlannedOperation = {
    kind: operationKind,
    key: objectKey(kind, id),
    id,
    opId: what,
    by: { commit: COMMIT, actor: 'Ada' },
    before: object(before ?? (operationKind.endsWith('.add') ? undefined : {})),
    after: object(after ?? (operationKind.endsWith('.remove') ? undefined : {})),
    changes: [],
    scripts: scope !== undefined,
  }
  return { planned, object: {}, fields: {}, gone: [], patch: {}, remove: [], expect: {}, scope }
}

const noLocks: HeldLocks = { tokens: {}, tokenFor: () => undefined, isLost: () => false, release: async () => {} }
const progress = { step: () => {}, warn: () => {} }

/** A runtime that answers a batch by what is in it. */
function answering(answer: (opIds: readonly string[]) => BatchOutcome | undefined) {
  const batches: (readonly string[])[] = []
  const batch = async ({ operations }: BatchRequest): Promise<BatchOutcome> => {
    const opIds = operations.map(({ opId }) => opId)
    batches.push(opIds)
    return answer(opIds) ?? { kind: 'landed', cursor: 1, results: [] }
  }
  return { batches, runtime: { batch } as unknown as RemoteRuntime }
}

const refusing = (opId: string) => (opIds: readonly string[]) =>
  opIds.includes(opId) ? ({ kind: 'refused', error: 'in_use', opId, message: '' } as const) : undefined

const LAMPS = [
  operation('blueprint.add Lamp', { scope: 'Lamp' }),
  operation('blueprint.add Bright', { after: { scriptRef: 'Lamp' }, scope: 'Lamp' }),
  operation('blueprint.add Door', { scope: 'Door' }),
  operation('entity.add lamp', { after: { blueprint: 'Lamp' } }),
  operation('entity.add bright', { after: { blueprint: 'Bright' } }),
  operation('entity.add door', { after: { blueprint: 'Door' } }),
  operation('entity.update other', { before: { blueprint: 'Box' }, after: { blueprint: 'Door' } }),
  operation('entity.remove box', { before: { blueprint: 'Box' } }),
  operation('blueprint.remove Box'),
]

describe('P5: one operation that is refused takes only what depends on it along', () => {
  test.each<[string, string, readonly string[]]>([
    [
      'a blueprint, its variant, their entities',
      'blueprint.add Lamp',
      ['blueprint.add Bright', 'entity.add lamp', 'entity.add bright'],
    ],
    ['a variant', 'blueprint.add Bright', ['entity.add bright']],
    ['an entity', 'entity.add door', []],
    ['an entity that goes on using a blueprint', 'entity.update other', ['blueprint.remove Box']],
    ['an entity that stays', 'entity.remove box', ['blueprint.remove Box']],
    ['a removal', 'blueprint.remove Box', []],
  ])('%s', async (_, culprit, along) => {
    const { runtime, batches } = answering(refusing(culprit))
    const tally = new Tally()
    await sendBatches(runtime, LAMPS, noLocks, progress, tally)
    expect(
      tally.refused.filter(({ unsent }) => unsent !== true).map(({ operation: { planned } }) => planned.opId),
    ).toEqual([culprit])
    expect(
      tally.refused.filter(({ unsent }) => unsent === true).map(({ operation: { planned } }) => planned.opId),
    ).toEqual(along)
    expect([...tally.acknowledged]).toEqual(
      LAMPS.map(({ planned }) => planned.opId).filter((opId) => opId !== culprit && !along.includes(opId)),
    )
    expect(batches).toHaveLength(2)
  })

  test('a lock that is held takes its scope along, a lost one is not tried; too much is halved; no name is all', async () => {
    const locked = answering((opIds) =>
      opIds.includes('blueprint.add Door')
        ? { kind: 'locked', error: 'deploy_locked', lock: { locked: true, scope: 'Door' } }
        : undefined,
    )
    let tally = new Tally()
    await sendBatches(locked.runtime, LAMPS, noLocks, progress, tally)
    expect(tally.refused.map(({ operation: { planned } }) => planned.opId)).toEqual([
      'blueprint.add Door',
      'entity.add door',
      'entity.update other',
      'blueprint.remove Box',
    ])

    const lost = answering(() => undefined)
    tally = new Tally()
    await sendBatches(lost.runtime, LAMPS, { ...noLocks, isLost: (scope) => scope === 'Lamp' }, progress, tally)
    expect(tally.refused).toMatchObject([
      { error: 'the deploy lock of its scope was lost', unsent: true },
      { unsent: true },
      { unsent: true },
      { unsent: true },
    ])
    expect(lost.batches).toHaveLength(1)

    const small = answering((opIds) =>
      opIds.length > 3 ? { kind: 'refused', error: 'payload_too_large', opId: undefined, message: '' } : undefined,
    )
    tally = new Tally()
    await sendBatches(small.runtime, LAMPS, noLocks, progress, tally)
    expect(tally.acknowledged.size).toBe(LAMPS.length)
    expect(small.batches.filter(({ length }) => length <= 3).flat()).toEqual(LAMPS.map(({ planned }) => planned.opId))

    const mute = answering(() => ({ kind: 'refused', error: 'server_error', opId: undefined, message: '' }))
    tally = new Tally()
    await sendBatches(mute.runtime, LAMPS, noLocks, progress, tally)
    expect([mute.batches.length, tally.refused.length, tally.acknowledged.size]).toEqual([1, LAMPS.length, 0])
  })
})

describe.each(
  kindsFor('what does not land', [
    ['reference', {}],
    ['public-like', { publicLike: true }],
  ] as const),
)('what does not land, on a %s runtime', (_, options) => {
  it('stays to be pushed, exactly, and the rest lands', async () => {
    const world = await startWorld(options)
    await addLamps(world)
    const project = await cloneWorld(world)
    project.write('apps/Box/Box.json', { id: 'Box', name: 'Box', scope: 'Box', props: {} })
    project.commit('a box')
    await project.push()
    project.remove('apps/Box')
    project.change('world/settings.json', (settings) => {
      settings.title = 'without a box'
    })
    project.commit('no box')
    let acted = false
    const report = await pushWith(
      project,
      {
        before: async ({ name }) => {
          if (acted || !/^(batch|connect)$/.test(name)) return
          acted = true
          const entity = { id: 'box1', type: 'app', blueprint: 'Box', position: [0, 0, 0], quaternion: [0, 0, 0, 1] }
          await world.act('bob', {
            type: 'entity_add',
            entity: { ...entity, scale: [1, 1, 1], pinned: false, props: {}, state: {}, mover: null, uploader: null },
          })
        },
      },
      { allowMassDelete: true },
    )
    expect(report).toMatchObject({ kind: 'pushed', landed: 1, refused: [{ error: expect.stringContaining('in_use') }] })
    expect((await world.remote.snapshot()).settings.title).toBe('without a box')
    expect(await world.blueprint('Box')).toBeDefined()
    // The deletion that leaves somebody's entity dangling is a conflict (M6), not an open end of the push.
    expect(report).toMatchObject({ merge: 'contested', conflicts: [{ object: 'blueprint:Box' }] })
    project.git('merge', '--abort')

    // Held in somebody's hand: its removal waits, and with it that of what it is made of.
    await world.act('bob', { type: 'entity_remove', id: 'box1' })
    await world.edit('bob', 'lamp0001', { mover: 'player-1', position: [7, 7, 7] })
    project.remove('apps/Lamp')
    for (const id of ['lamp0001', 'lamp0002']) project.remove(project.entityPath(id))
    project.commit('no lamps')
    expect(await project.push({ allowMassDelete: true })).toMatchObject({
      kind: 'pushed',
      landed: 2,
      refused: [],
      held: [
        { key: 'entity:lamp0001', reason: "it is in somebody's hand" },
        { key: 'blueprint:Lamp', reason: 'entity:lamp0001 still uses it' },
      ],
    })
    expect(await world.blueprint('Lamp')).toBeDefined()
    expect(await world.blueprint('Box')).toBeUndefined()
    project.check()
  })
})

it('P5: a push that needs two requests, of which one lands and somebody is faster than the other', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  // Eight megabytes each: no request takes both.
  const long = (letter: string) => letter.repeat(8 * 1024 * 1024)
  for (const id of ['lamp0001', 'lamp0002']) {
    project.change(project.entityPathOf(id), (lamp) => {
      lamp.props = { note: long('a') }
      lamp.pinned = true
    })
  }
  const ours = project.commit('long notes')
  let batches = 0
  const before = async ({ name }: { readonly name: string }) => {
    if (name === 'batch' && ++batches === 2) await world.edit('eve', 'lamp0002', { props: { note: 'mine' } })
  }
  const first = await pushWith(project, { before })
  expect(first).toMatchObject({ kind: 'pushed', landed: 1, merge: 'contested' })
  expect(first.kind === 'pushed' && first.conflicts.map(({ object }) => object)).toEqual(['entity:lamp0002'])
  // Exactly the rest is contested, also in a fresh clone of what was committed; what eve wrote is there.
  const fresh = new Checkout(`${project.folder}-fresh`)
  project.git('clone', '--quiet', project.folder, fresh.folder)
  const report = await fresh.push()
  expect(report.kind === 'contested' && report.contested.map(({ key }) => key)).toEqual(['entity:lamp0002'])
  expect(await world.entity('lamp0002')).toMatchObject({ props: { note: 'mine' }, pinned: false })
  project.git('checkout', '--quiet', '--theirs', '--', project.entityPathOf('lamp0002'))
  project.commit('hers')
  expect(project.git('merge-base', '--is-ancestor', ours, 'HEAD')).toBe('')
  expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
  expect(await world.entity('lamp0002')).toMatchObject({ props: { note: 'mine' }, pinned: true })
  expect((await world.entity('lamp0001'))?.props).toEqual({ note: long('a') })
  expect(await project.push()).toMatchObject({ kind: 'up-to-date' })
})
