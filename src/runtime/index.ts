/** The reference runtime: a server of the whole admin protocol over an embedded database. */
export { type Seed, type Seeded, seedWorld } from './seed-world.ts'
export { CAPABILITIES, type Runtime, type RuntimeOptions, startRuntime } from './start-runtime.ts'
