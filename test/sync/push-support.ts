import type { AdminSession, RemoteRuntime } from '../../src/remote-runtime/remote-runtime.ts'
import { type PushOptions, type PushReport, push } from '../../src/sync/push.ts'
import { recoverPush } from '../../src/sync/recover-push.ts'
import type { Checkout } from './support.ts'

/** One request of a push, by the name of the runtime's method; `send` is a command of the admin socket. */
export interface Call {
  readonly name: string
  /** The command or the arguments. */
  readonly what: readonly unknown[]
}

/** What happens around each request: before it goes out, and when its answer came. */
export interface Around {
  readonly before?: (call: Call) => Promise<void> | void
  readonly after?: (call: Call) => Promise<void> | void
}

/** A runtime with something happening around its requests. */
export function wrapped(runtime: RemoteRuntime, { before, after }: Around): RemoteRuntime {
  const around = async (name: string, what: readonly unknown[], work: () => Promise<unknown>): Promise<unknown> => {
    await before?.({ name, what })
    const answer = await work()
    await after?.({ name, what })
    return answer
  }
  return new Proxy(runtime, {
    get(target, name: keyof RemoteRuntime) {
      const member = target[name]
      if (typeof member !== 'function' || name === 'close') return member
      return async (...what: readonly unknown[]) => {
        const call = member as (...what: readonly unknown[]) => Promise<unknown>
        const answer = await around(name, what, () => call.apply(target, [...what]))
        if (name !== 'connect') return answer
        const session = answer as AdminSession
        return {
          ...session,
          send: (command: unknown) => around('send', [command], () => session.send(command as never)),
        }
      }
    },
  })
}

export function pushWith(
  checkout: Checkout,
  around: Around,
  options: Partial<PushOptions> & { readonly yes?: boolean } = {},
): Promise<PushReport> {
  return checkout.session((session) =>
    push(
      { ...session, runtime: wrapped(session.runtime, around) },
      {
        dryRun: false,
        allowMassDelete: false,
        autostash: false,
        confirm: async () => options.yes ?? false,
        ...options,
      },
    ),
  )
}

export class Killed extends Error {}

/** As if the process were killed at its n-th request: before it goes out, or before its answer comes. From then on nothing is asked. */
export function killedAt(n: number, when: 'before' | 'after', counts: (call: Call) => boolean = () => true): Around {
  const numbers = new Map<Call['what'], number>()
  let dead = false
  const step = (call: Call, at: 'before' | 'after') => {
    if (dead) throw new Killed()
    if (at === 'before' && counts(call)) numbers.set(call.what, numbers.size + 1)
    if (numbers.get(call.what) === n && at === when) {
      dead = true
      throw new Killed()
    }
  }
  return { before: (call) => step(call, 'before'), after: (call) => step(call, 'after') }
}

export function recover(checkout: Checkout) {
  return checkout.session((session) => recoverPush(session, { autostash: false }))
}

/** The operations of a world's feed, oldest first. */
export async function feedOf(runtime: RemoteRuntime, after = 0) {
  const answer = await runtime.changes(after, { limit: 1000 })
  if (answer.kind !== 'page') throw new Error('expired')
  return answer.page.operations
}
