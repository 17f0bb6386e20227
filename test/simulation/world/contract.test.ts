/** What the real runtime is held to, told of the model: the same tests, with another server behind them. */
import { vi } from 'vitest'

vi.mock('../../../src/runtime/index.ts', async () => ({ startRuntime: (await import('./served.ts')).startModel }))

await import('../../runtime/conformance.test.ts')
await import('../../runtime/public-like.test.ts')
await import('../../runtime/ops-batch.test.ts')
await import('../../runtime/deploy.test.ts')
