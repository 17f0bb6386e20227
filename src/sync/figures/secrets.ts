import type { Environment } from '../target.ts'

/** What stands where a secret stood. */
const HIDDEN = '***'
/** Variables whose values are nobody's business, whatever they are for. */
const SECRET_NAME =
  /(?:^|_)(?:CODE|TOKEN|SECRET|PASS|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|COOKIES?|HEADERS|KEY)(?:_|$)/i
/** Shorter values of such variables are flags rather than secrets; a code is one at any length. */
const SHORTEST = 6
const OWN = new Set(['ADMIN_CODE'])

/**
 * The last line of defence for logs (S2): no event carries a secret, but texts of others (a server's answer, git's
 * complaint) might repeat one. Every value that this process knows to be secret is replaced wherever it occurs, and so
 * is what looks like one: credentials in URLs, query parameters, headers.
 */
export class Secrets {
  readonly #values = new Set<string>()
  /** Longer ones first: one may be part of another. */
  #known: readonly RegExp[] | undefined

  constructor(env: Environment = {}) {
    for (const [name, value = ''] of Object.entries(env)) {
      if (!SECRET_NAME.test(name) || (value.length < SHORTEST && !OWN.has(name))) continue
      this.add(value)
      // `name=value,name=value`: each by itself, as a server might repeat one of them.
      if (/HEADERS/i.test(name))
        for (const pair of value.split(',')) this.#addPart(decoded(pair.slice(pair.indexOf('=') + 1)))
    }
  }

  add(value: string | undefined): void {
    const text = value?.trim() ?? ''
    if (text === '') return
    for (const spelling of [text, encodeURIComponent(text.toWellFormed?.() ?? text)]) this.#values.add(spelling)
    this.#known = undefined
  }

  /** One word of a header: `Bearer` is none, what follows it is. */
  #addPart(header: string): void {
    for (const part of [header, ...header.split(/\s+/)]) if (part.length > SHORTEST) this.add(part)
  }

  hide(text: string): string {
    this.#known ??= [...this.#values].sort((a, b) => b.length - a.length).map(patternOf)
    let hidden = text
    for (const pattern of this.#known) hidden = hidden.replace(pattern, HIDDEN)
    for (const [pattern, replacement] of PATTERNS) hidden = hidden.replace(pattern, replacement)
    return hidden
  }
}

/** A short secret is replaced as a word of its own only: else nothing would be left that could be read. */
function patternOf(value: string): RegExp {
  const literal = value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  return new RegExp(value.length < SHORTEST ? `(?<![\\w-])${literal}(?![\\w-])` : literal, 'g')
}

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/(\/\/)[^/?#\s@]*@/g, `$1${HIDDEN}@`],
  [/([?&][^=&\s#]*(?:token|key|secret|code|passw|sig|auth)[^=&\s#]*=)[^&\s#]+/gi, `$1${HIDDEN}`],
  [/\b((?:authorization|cookie|x-admin-code)["']?\s*[:=]\s*["']?)[^"'\r\n,;]+/gi, `$1${HIDDEN}`],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${HIDDEN}`],
]

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
