import { serverClock } from '../remote-runtime/server-clock.ts'
import { SyncError } from '../world/errors.ts'
import { information, ok, problem, problemOf, type Said } from './doctor-finding.ts'
import type { World } from './world-target.ts'

const SECOND = 1000
/** A skew that shows in what people read, in milliseconds. */
const VISIBLE = 10 * SECOND
/** A skew with which pushes that were rebased may not be recognised any more (G7 allows a day), in milliseconds. */
const DANGEROUS = 3600 * SECOND

export type Reached =
  /** It answers, is the right one, and takes our code. */
  | { readonly kind: 'reached'; readonly said: readonly Said[]; readonly worldId: string }
  | { readonly kind: 'failed'; readonly said: readonly Said[]; readonly failure: SyncError }

/** Whether the world answers, is the one that is meant, takes our code, and can be written to. */
export async function examineReach({ runtime, url }: World): Promise<Reached> {
  try {
    const { worldId, title } = await runtime.identify()
    await runtime.head()
    const said = [
      ok(`world ${worldId}${title === undefined ? '' : ` (${title})`} answers at ${url}, and takes the admin code`),
    ]
    try {
      await (await runtime.connect()).close()
    } catch (error) {
      if (!(error instanceof SyncError)) throw error
      const hint =
        'A proxy in between must let WebSockets through; without them nothing can be pushed to most runtimes.'
      return {
        kind: 'reached',
        said: [...said, problem(`its WebSocket cannot be used: ${error.message}`, { hint })],
        worldId,
      }
    }
    return { kind: 'reached', said, worldId }
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    return { kind: 'failed', said: [inWords(error, url)], failure: error }
  }
}

/** Why a world cannot be reached: each reason in a sentence of its own, and what to do about it. */
function inWords(error: SyncError, url: string): Said {
  const { code, data } = error
  const { host, protocol } = new URL(url)
  if (code !== 'unreachable') return problemOf(error)
  const reason = String(data.reason ?? '')
  if (data.failure === 'no_host' || reason.includes('EAI_AGAIN')) {
    const hint = 'Is the URL right ("gamedev sync targets")? Is this machine online, and does its DNS know the name?'
    return problem(`no address is known for the name ${host}`, { hint })
  }
  if (reason.includes('ECONNREFUSED')) {
    return problem(`nothing listens at ${host}: the connection is refused`, {
      hint: 'Start the world, or correct the port in its URL.',
    })
  }
  if (data.failure === 'tls') {
    const hint =
      reason.includes('EPROTO') || reason.includes('WRONG_VERSION')
        ? 'Does the server speak https at all? If not, its URL begins with http://.'
        : 'Is the certificate valid for this host? NODE_EXTRA_CA_CERTS names further authorities.'
    return problem(`no trusted connection to ${host}: ${reason}`, { hint })
  }
  if (data.failure === 'timeout') {
    const hint = 'Is there a firewall, or a VPN that is not on? Does the server hang?'
    return problem(`${host} does not answer in time`, { hint })
  }
  if (data.failure === 'status') {
    return problem(`${host} answers ${reason}: the server, or a proxy before it, fails`, {
      hint: "Look into the log of the world's server.",
    })
  }
  if (reason.includes('404')) {
    return problem(`${url} serves no lobby world`, { hint: 'Check the path of the URL: https://host/worlds/<slug>.' })
  }
  const hint =
    protocol === 'http:'
      ? 'Does the server speak https instead? Is its URL right?'
      : 'Is the world running, and is its URL right?'
  return problem(`the connection to ${host} fails: ${reason}`, { hint })
}

/** How far the clocks of this machine and of the world's server are apart, and what that does. */
export async function examineClock(
  { runtime }: World,
  clock: typeof serverClock = serverClock,
): Promise<readonly Said[]> {
  const skew = await clock(runtime.address)
  if (skew === undefined) return [information('the server does not say what time it has')]
  const apart = Math.abs(skew)
  if (apart < VISIBLE) return [ok('this machine and the server agree about the time')]
  const what = `the clock of the server is ${inTime(apart)} ${skew > 0 ? 'ahead of' : 'behind'} this machine's`
  const hint = 'Let both take their time from the network (NTP).'
  if (apart < DANGEROUS) return [information(`${what}: times in conflicts and logs do not compare`, { hint })]
  return [
    problem(`${what}: what you pushed and rebased since may not be recognised, and times do not compare`, { hint }),
  ]
}

function inTime(ms: number): string {
  const seconds = Math.round(ms / SECOND)
  if (seconds < 120) return `${seconds} seconds`
  if (seconds < 7200) return `${Math.round(seconds / 60)} minutes`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} hours`
  return `${Math.round(seconds / 86_400)} days`
}
