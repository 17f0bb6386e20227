import { expect, it } from 'vitest'
import { kindsFor } from '../e2e/long.ts'
import { type Layout, lampProject, RUNTIMES } from './kept-project.ts'

const LAYOUTS: readonly Layout[] = ['split', 'manifest']

it.each(LAYOUTS)(
  'M2: what the world has had and removed since the base is no object of ours alone, in a %s project',
  async (layout) => {
    for (const [, options] of kindsFor(`removed meanwhile, ${layout}`, RUNTIMES)) {
      const { world, project: lenient } = await lampProject(options, layout)
      const project = lenient.with({})
      const { uid: _, ...like } = project.entity('lamp0002') as Record<string, unknown>
      const add = (id: string, position: readonly number[]) => project.addEntity({ ...like, id, position })
      for (const [id, x] of [
        ['same', 1],
        ['other', 2],
        ['alone', 3],
      ] as const) {
        add(id, [x, 1, 1])
      }
      project.commit('what came by another way')
      for (const id of ['same', 'other']) {
        const position = id === 'same' ? [1, 1, 1] : [8, 8, 8]
        await world.act('eve', { type: 'entity_add', entity: { ...like, id, position, type: 'app', state: {} } })
        await world.act('eve', { type: 'entity_remove', id })
      }
      expect(await project.pull()).toMatchObject({ kind: 'contested', conflicts: [{ object: 'entity:other' }] })
      await project.resolve(['entity:other'], 'local')
      project.git('commit', '--quiet', '--no-edit')
      expect(project.entity('same')).toBeUndefined()
      expect(project.entity('other')).toMatchObject({ position: [2, 1, 1] })
      expect(project.entity('alone')).toMatchObject({ position: [3, 1, 1] })
      expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 2 })
      expect(await world.entity('same')).toBeUndefined()
      project.check()
    }
  },
)
