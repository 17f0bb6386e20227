import { assert } from '../world/errors.ts'

const PSEUDO_REF = /^[A-Z][A-Z_]*$/
const FORBIDDEN = /[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\/\.|\.lock(?:\/|$)|\.(?:\/|$)|\/$/

/**
 * Holds that `ref` is a full ref name (`refs/…`) or a pseudo ref (`HEAD`), as `git check-ref-format` would; so it can
 * be neither an option nor a revision expression.
 */
export function assertRefName(ref: string): void {
  assert(
    PSEUDO_REF.test(ref) || (ref.startsWith('refs/') && ref.length > 5 && !FORBIDDEN.test(ref)),
    `a full ref name: ${JSON.stringify(ref)}`,
  )
}
