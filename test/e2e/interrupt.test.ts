import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { addLamps, CODE, cloneWorld, startWorld } from '../sync/support.ts'

const CLI = resolve('bin/run.js')

/** Runs a command and sends it Ctrl-C once `asked` is settled. */
async function interrupted(
  cwd: string,
  args: readonly string[],
  url: string,
  asked: Promise<void>,
): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ADMIN_CODE: CODE, WORLD_URL: url, WORLD_ID: 'plaza' },
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  asked.then(() => child.kill('SIGINT'))
  const code = await new Promise<number | null>((done) => child.on('close', done))
  return { code, stderr }
}

it('Ctrl-C ends a pull that waits for the world, says so, and the next one completes it', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  await world.edit('bob', 'lamp0001', { position: [1, 1, 1] })

  // A server that accepts the request and never answers.
  const { createServer } = await import('node:http')
  let ask = () => {}
  const asked = new Promise<void>((done) => {
    ask = done
  })
  const silent = createServer(() => ask())
  await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening))
  const { port } = silent.address() as { port: number }
  const url = `http://127.0.0.1:${port}`
  project.change('lobby.json', (lobby) => {
    const { targets } = lobby as { targets: Record<string, { worldUrl: string }> }
    if (targets.main !== undefined) targets.main.worldUrl = url
  })
  const struck = await interrupted(project.folder, ['sync', 'pull'], url, asked)
  silent.closeAllConnections()
  silent.close()
  expect(struck.stderr).toContain('interrupted')
  expect(struck.code).toBe(130)

  project.git('checkout', '--quiet', 'lobby.json')
  expect((await project.pull()).kind).toBe('merged')
  expect(project.json(project.entityPath('lamp0001')).position).toEqual([1, 1, 1])
  project.check()
})
