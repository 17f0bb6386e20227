import { startRuntime } from '../../src/runtime/index.ts'

/** The runtime under attack, in a process of its own, with limits in time that a fuzzer can wait for. */
const [dataDir, adminCode] = process.argv.slice(2) as [string, string]
const runtime = await startRuntime({
  dataDir,
  adminCode,
  port: 0,
  worldId: 'under-attack',
  maxUploadMegabytes: 1,
  metrics: true,
  limits: {
    headMs: 5000,
    requestMs: 10_000,
    keepAliveMs: 5000,
    lingerMs: 2000,
    authMs: 5000,
    strangers: 300,
    backlogBytes: 32 * 1024 * 1024,
  },
})
process.once('SIGTERM', () => void runtime.close())
process.stdout.write(`${runtime.url}\n`)
