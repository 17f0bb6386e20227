import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { addLamps, CODE, cloneWorld, startWorld } from '../sync/support.ts'

const CLI = resolve('bin/run.js')

/** What is bundled runs as strict code: the built command must do what the sources do. */
it('the built command merges lines of a script that both sides changed', async () => {
  const world = await startWorld()
  await addLamps(world)
  const ours = await cloneWorld(world)
  const theirs = await cloneWorld(world)
  const script = ours.read('apps/Lamp/index.js')
  theirs.write('apps/Lamp/index.js', `${script}// theirs\n`)
  theirs.commit('theirs')
  expect(await theirs.push()).toMatchObject({ kind: 'pushed', refused: [] })
  ours.write('apps/Lamp/index.js', `// ours\n${script}`)
  ours.commit('ours')
  const run = promisify(execFile)
  const options = { cwd: ours.folder, env: { ...process.env, ADMIN_CODE: CODE } }
  const status = await run(process.execPath, [CLI, 'sync', 'status', '--json'], options)
  expect(JSON.parse(status.stdout)).toMatchObject({ behind: 1, contested: [] })
  await run(process.execPath, [CLI, 'sync', 'pull'], options)
  expect(ours.read('apps/Lamp/index.js')).toBe(`// ours\n${script}// theirs\n`)
  await run(process.execPath, [CLI, 'sync', 'push'], options)
  expect((await ours.push()).kind).toBe('up-to-date')
  ours.check()
})
