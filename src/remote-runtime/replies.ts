import * as z from 'zod'

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
  { message: 'expected an object' },
)

/** `GET /admin/blueprints/:id`. */
export const blueprintSchema = z.looseObject({
  blueprint: object.refine((value) => typeof value.id === 'string', { message: 'expected an object with an id' }),
})

/** `410` of `GET /admin/changes` (protocol, section 9). */
export const expiredSchema = z.looseObject({ oldestCursor: z.number().int().nonnegative().optional() })

/** `POST /admin/deploy-lock`. */
export const acquiredSchema = z.looseObject({ token: z.string().min(1), ttlMs: z.number().nonnegative() })

/** `POST /admin/deploy-snapshots`. */
export const takenSchema = z.looseObject({ id: z.string().min(1) })

/** The 409 answers of `POST /admin/ops`. */
export const mismatchesSchema = z.looseObject({
  mismatches: z.array(z.looseObject({ opId: z.string(), id: z.string().optional(), field: z.string().optional() })),
})

/** `GET /admin/upload-check`. */
export const uploadCheckSchema = z.looseObject({ exists: z.boolean() })

/** `POST /admin/upload`. */
export const uploadedSchema = z.looseObject({ ok: z.literal(true).optional(), filename: z.string() })
