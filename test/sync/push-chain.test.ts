import { expect, it } from 'vitest'
import { entityFile } from '../../src/projection/paths.ts'
import { pushWith } from './push-support.ts'
import { addLamps, type Checkout, cloneWorld, startWorld } from './support.ts'

function color(project: Checkout, value: string): void {
  project.change(entityFile('lamp0001'), (lamp) => {
    lamp.props = { color: value }
  })
  project.commit(value)
}

it('P5: two pushes in a row overwrite what neither has seen: it is told', async () => {
  const world = await startWorld({ publicLike: true })
  await addLamps(world)
  await world.edit('ada', 'lamp0001', { props: { color: 'white' } })
  const [ann, ben] = [await cloneWorld(world), await cloneWorld(world)]
  color(ann, 'ann')
  color(ben, 'ben')
  const modifies = ({ name, what }: { name: string; what: readonly unknown[] }) =>
    name === 'send' && (what[0] as { type: string }).type === 'entity_modify'
  let landed = () => {}
  const benLanded = new Promise<void>((resolve) => {
    landed = resolve
  })
  let annReport: Awaited<ReturnType<typeof pushWith>> | undefined
  let annDone: Promise<unknown> = Promise.resolve()
  // Feed: cyd in the world, ann's push, ben's push; each made before the one before it was there.
  const benReport = await pushWith(ben, {
    before: async (call) => {
      if (!modifies(call)) return
      await new Promise<void>((sent) => {
        annDone = pushWith(ann, {
          before: async (c) => {
            if (modifies(c)) await world.edit('cyd', 'lamp0001', { props: { color: 'cyd' } })
          },
          after: async (c) => {
            if (!modifies(c)) return
            sent()
            await benLanded
          },
        }).then((report) => {
          annReport = report
        })
      })
    },
    after: (call) => {
      if (modifies(call)) landed()
    },
  })
  await annDone
  const told = [annReport, benReport].flatMap((r) => (r?.kind === 'pushed' ? r.unseen.map(({ value }) => value) : []))
  expect(told).toContain('cyd')
})
