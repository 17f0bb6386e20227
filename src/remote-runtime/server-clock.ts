import { connectionOf, type RuntimeOptions } from './connection.ts'
import { openHttp } from './http.ts'
import type { RuntimeAddress } from './remote-runtime.ts'

const SMALL = 1024 * 1024

/**
 * By how many milliseconds a server's clock is ahead of this machine's at least; negative where it is behind, 0 where
 * the two may agree. From the `Date` of one answer, which counts whole seconds, and the time that the answer took.
 * Undefined where the server does not say, or a cache in between answers. `now`: milliseconds since 1970.
 *
 * Throws `unreachable`, `invalid_url`.
 */
export async function serverClock(
  address: RuntimeAddress,
  options: RuntimeOptions = {},
  now: () => number = Date.now,
): Promise<number | undefined> {
  const connection = connectionOf(address, options)
  const http = openHttp(connection)
  try {
    const before = now()
    const { headers } = await http.fetch(new URL(`${connection.base}/status`), SMALL)
    const after = now()
    const date = Date.parse(headers.date ?? '')
    if (Number.isNaN(date) || headers.age !== undefined) return undefined
    return skewOf(date, before, after)
  } finally {
    http.close()
  }
}

/** The smallest skew that explains a date of whole seconds, said between two moments. */
export function skewOf(date: number, before: number, after: number): number {
  const least = date - after
  const most = date + 999 - before
  if (least > 0) return least
  return most < 0 ? most : 0
}
