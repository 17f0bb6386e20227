const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu

/**
 * Text of the runtime made fit for an error message: no control, bidirectional or line characters (S1), at most `max`
 * characters, and never the admin code, even where a server repeats it (S2).
 */
export function printable(text: string, secret?: string, max = 200): string {
  const safe = secret === undefined || secret === '' ? text : text.replaceAll(secret, '***')
  const clean = safe.slice(0, max * 2).replace(UNPRINTABLE, ' ')
  return clean.length > max ? `${clean.slice(0, max - 1)}…` : clean
}
