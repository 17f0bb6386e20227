import type { RemoteRuntime, WorldIdentity } from '../../remote-runtime/remote-runtime.ts'

/** The same runtime, the first handshake with which is timed, in milliseconds; one that fails is none. */
export function timed(runtime: RemoteRuntime, onHandshake: (world: WorldIdentity, ms: number) => void): RemoteRuntime {
  let told = false
  return {
    ...runtime,
    identify: async () => {
      const begun = performance.now()
      const world = await runtime.identify()
      if (!told) onHandshake(world, Math.round((performance.now() - begun) * 1000) / 1000)
      told = true
      return world
    },
  }
}
