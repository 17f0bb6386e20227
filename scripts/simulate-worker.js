// One worker of the simulation: plays the seeds that it is told, and tells what it found.
import { pathToFileURL } from 'node:url'

const { work } = await import(pathToFileURL(process.argv[2] ?? '').href)
process.once('message', async (order) => {
  await work(order, (/** @type {unknown} */ report) => process.send?.(report))
  process.disconnect()
})
// Whoever asked is gone: so are we.
process.once('disconnect', () => process.exit())
