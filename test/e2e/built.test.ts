import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { addLamps, CODE, cloneWorld, startWorld } from '../sync/support.ts'

const CLI = resolve('bin/run.js')

/** What is bundled runs as strict code: the built command must do what the sources do. */
it('the built command merges lines of a script that both sides changed, logs it and sends its figures', async () => {
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
  const sent: string[] = []
  const collector = createServer((request, response) => {
    sent.push(`${request.url} ${request.headers['content-type']}`)
    request.resume().on('end', () => response.end())
  })
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void collector.close())
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
  const env = { ...process.env, ADMIN_CODE: CODE, LOG_LEVEL: 'info', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }
  const options = { cwd: ours.folder, env }
  const status = await run(process.execPath, [CLI, 'sync', 'status', '--json'], options)
  expect(JSON.parse(status.stdout)).toMatchObject({ behind: 1, contested: [] })
  await run(process.execPath, [CLI, 'sync', 'pull'], options)
  expect(ours.read('apps/Lamp/index.js')).toBe(`// ours\n${script}// theirs\n`)
  await run(process.execPath, [CLI, 'sync', 'push'], options)
  expect((await ours.push()).kind).toBe('up-to-date')
  ours.check()
  expect(ours.read('.git/lobby/logs/sync.log')).toMatch(/"event":"auto-resolved".*"mode":"text"/)
  expect(sent).toEqual(Array.from({ length: 3 }, () => '/v1/metrics application/x-protobuf'))
})
