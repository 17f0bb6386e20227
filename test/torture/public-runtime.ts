import { startRuntime } from '../../src/runtime/index.ts'

/**
 * The stand-in for the public server, as a process of its own: `<data> <world id> <port>`. It saves blueprints and
 * entities when it gets SIGUSR2, and says so, instead of every minute (protocol, section 3).
 */
const [dataDir = '', worldId = '', port = '0'] = process.argv.slice(2)

const runtime = await startRuntime({ dataDir, worldId, port: Number(port), publicLike: true })
process.stdout.write(`served at ${runtime.url}\n`)
process.on('SIGUSR2', () => {
  runtime.save()
  process.stdout.write('saved\n')
})
