import { performance } from 'node:perf_hooks'
import { entityId, worldSeed } from './world-seed.js'

/**
 * What the benchmark does with the project's own modules, each in a process of its own: seeding a world, the use case
 * of a command without the command around it, and commands over the WebSocket one at a time. Prints one line of JSON.
 */

const [task, ...args] = process.argv.slice(2)
const print = (facts) => process.stdout.write(`${JSON.stringify(facts)}\n`)

switch (task) {
  case 'seed': {
    const { seedWorld } = await import('../src/runtime/seed-world.ts')
    const [dataDir, worldId, entities] = args
    print(await seedWorld(dataDir, worldId, worldSeed(Number(entities))))
    break
  }
  case 'fetch': {
    const { openSession } = await import('../src/sync/session.ts')
    const { fetchLocked } = await import('../src/sync/fetch.ts')
    // From the first look at the repository to the moved ref: everything but node, oclif and loading these modules.
    const begun = performance.now()
    const progress = { step: () => {}, warn: () => {} }
    const session = await openSession({ cwd: process.cwd(), env: process.env, progress }, {})
    const { operations, commits } = await fetchLocked(session)
    await session.close()
    print({ ms: performance.now() - begun, operations, commits })
    break
  }
  case 'commands': {
    const { openRuntime } = await import('../src/remote-runtime/open-runtime.ts')
    const [url, count, inFlight] = args
    const runtime = openRuntime({ url, worldId: undefined, adminCode: undefined })
    const session = await runtime.connect()
    const send = (index) =>
      session.send({
        type: 'entity_modify',
        actor: 'bench',
        source: 'bench',
        lastOpId: `bench-${process.pid}-${index}`,
        change: { id: entityId(index), position: [index, performance.now(), 0] },
      })
    await send(0)
    const begun = performance.now()
    if (inFlight === 'one') for (let index = 1; index <= Number(count); index++) await send(index)
    else await Promise.all(Array.from({ length: Number(count) }, (_, index) => send(index + 1)))
    print({ ms: performance.now() - begun })
    await runtime.close()
    break
  }
  case 'merge': {
    const [layout, entities] = args
    const { measureMerge } = await import('./merge-worlds.js')
    print(await measureMerge(layout, Number(entities)))
    break
  }
  default:
    throw new Error(`unknown task ${task}`)
}
