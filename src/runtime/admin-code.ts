import { createHash, timingSafeEqual } from 'node:crypto'

/**
 * Whether a presented code opens the admin interface; without a configured code everything does (protocol, section 1).
 * Hashed first, so that neither content nor length shows in the time that the comparison takes.
 */
export function admits(configured: string | undefined, presented: unknown): boolean {
  if (configured === undefined || configured === '') return true
  if (typeof presented !== 'string') return false
  return timingSafeEqual(digest(configured), digest(presented))
}

function digest(code: string): Buffer {
  return createHash('sha256').update(code).digest()
}
