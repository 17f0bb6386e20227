import { type Http, invalidResponse } from './http.ts'
import { printable } from './printable.ts'

/** The part of a zod schema that is used here. */
interface Schema {
  safeParse(
    value: unknown,
  ): { readonly success: true } | { readonly success: false; readonly error: { readonly issues: readonly Issue[] } }
}
interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

export type Replies = typeof import('./replies.ts')

export function loadReplies(): Promise<Replies> {
  return import('./replies.ts')
}

/**
 * The value itself, never zod's copy (which lacks `__proto__` and has its keys in another order). Throws `SyncError`
 * `invalid_response` naming the endpoint and the path of the first field that is wrong (S3).
 */
export function checked<T>(http: Http, endpoint: string, schema: Schema, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return value as T
  const issue = result.error.issues[0]
  const path = issue === undefined || issue.path.length === 0 ? 'the whole' : pathText(issue.path)
  const { connection } = http
  const why = `something else than expected: ${path}: ${issue?.message ?? 'invalid'}`
  throw invalidResponse(connection, endpoint, printable(why, connection.code))
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '')
}

/** The value when it fits the schema, else undefined. */
export function fitting<T>(schema: Schema, value: unknown): T | undefined {
  return schema.safeParse(value).success ? (value as T) : undefined
}
