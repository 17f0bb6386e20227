import { describe, expect, it } from 'vitest'
import { LONG, testsOn } from '../e2e/long.ts'
import { deploy, scriptsOf } from './kept-project.ts'
import { pushWith } from './push-support.ts'
import { addLamps, cloneWorld, startWorld } from './support.ts'

const INDEX = "import '@shared/tint.js'\nexport default (world, app) => {}\n"
const MODULE = 'shared/tint.js'

const tint = (warm: string, cold: string) =>
  `export const warm = '${warm}'\n// a\n// b\n// c\nexport const cold = '${cold}'\n`
const scripts = (module: string, index = INDEX) => ({ 'index.js': index, '@shared/tint.js': module })

/** A lamp and a door that import one module. */
async function start(publicLike: boolean) {
  const world = await startWorld({ publicLike })
  await addLamps(world)
  const door = { id: 'Door', name: 'Door', version: 0, scope: 'Door', props: {} }
  await world.act('ada', { type: 'blueprint_add', blueprint: door })
  for (const id of ['Door', 'Lamp']) await deploy(world, id, scripts(tint('red', 'blue')))
  return { world, project: await cloneWorld(world) }
}

/** The runtimes; all with all blueprints with `npm run test:long`. */
const LIKE = [false, true] as const

describe.each(LIKE)('a shared module that somebody deploys while a push is on its way, public %o', (like) => {
  it.each(LONG ? ['Door', 'Lamp'] : like ? ['Door'] : ['Lamp'])(
    'with %s is merged with what the push brings, not written over',
    async (id) => {
      const { world, project } = await start(like)
      project.write(MODULE, tint('pink', 'blue'))
      project.commit('pink')
      let done = false
      const report = await pushWith(project, {
        before: async ({ name }) => {
          if (done || name !== 'snapshot') return
          done = true
          await deploy(world, id, scripts(tint('red', 'teal')))
        },
      })
      expect(report).toMatchObject({ kind: 'pushed', landed: 2, merge: 'merged' })
      expect(project.read(MODULE)).toBe(tint('pink', 'teal'))
      for (const one of ['Door', 'Lamp'])
        expect((await scriptsOf(world, one))['@shared/tint.js']).toBe(tint('pink', 'teal'))
      expect((await project.push()).kind).toBe('up-to-date')
    },
  )

  testsOn(LIKE, like)('is left alone by a push of nothing but scripts', async () => {
    const { world, project } = await start(like)
    project.write('apps/Lamp/index.js', `// new\n${INDEX}`)
    project.commit('new')
    let done = false
    const report = await pushWith(project, {
      before: async ({ name }) => {
        if (done || name !== 'snapshot') return
        done = true
        await deploy(world, 'Door', scripts(tint('red', 'teal')))
      },
    })
    expect(report).toMatchObject({ kind: 'pushed', landed: 1, merge: 'merged' })
    expect(project.read(MODULE)).toBe(tint('red', 'teal'))
  })
})
