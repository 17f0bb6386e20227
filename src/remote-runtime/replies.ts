import * as z from 'zod/mini'

/**
 * Schemas of the answers that only the client reads. This module and the shared schemas load zod, which costs more
 * than everything else here: both are imported while the first answer is on its way, never at start-up.
 */
export {
  BATCH_MAX_BYTES,
  BATCH_MAX_OPERATIONS,
  batchOkSchema,
  changesSchema,
  deployLockSchema,
  snapshotSchema,
  statusSchema,
} from '../protocol/schemas.ts'

const object = z.custom<Readonly<Record<string, unknown>>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'expected an object',
)

/** `GET /admin/blueprints/:id`. */
export const blueprintSchema = z.looseObject({
  blueprint: object.check(
    z.refine((value) => typeof value.id === 'string', { message: 'expected an object with an id' }),
  ),
})

/** `410` of `GET /admin/changes` (protocol, section 9). */
export const expiredSchema = z.looseObject({ oldestCursor: z.optional(z.int().check(z.nonnegative())) })

/** `POST /admin/deploy-lock`. */
export const acquiredSchema = z.looseObject({
  token: z.string().check(z.minLength(1)),
  ttlMs: z.number().check(z.nonnegative()),
})

/** `POST /admin/deploy-snapshots`. */
export const takenSchema = z.looseObject({ id: z.string().check(z.minLength(1)) })

/** `POST /admin/deploy-snapshots/rollback`; what failed is listed in a form of the runtime's own. */
export const rolledBackSchema = z.looseObject({
  snapshotId: z.string().check(z.minLength(1)),
  restored: z.array(z.string()),
  failed: z.array(z.unknown()),
})

/** The 409 answers of `POST /admin/ops`. */
export const mismatchesSchema = z.looseObject({
  mismatches: z.array(z.looseObject({ opId: z.string(), id: z.optional(z.string()), field: z.optional(z.string()) })),
})

/** `GET /admin/upload-check`. */
export const uploadCheckSchema = z.looseObject({ exists: z.boolean() })

/** `POST /admin/upload`. */
export const uploadedSchema = z.looseObject({ ok: z.optional(z.literal(true)), filename: z.string() })
