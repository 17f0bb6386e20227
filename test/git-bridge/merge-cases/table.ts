import { ASSET_CASES } from './assets.ts'
import type { MergeCase } from './case.ts'
import { DANGLING_CASES } from './dangling.ts'
import { FIELD_CASES } from './fields.ts'
import { MOVE_CASES } from './moves.ts'
import { OBJECT_CASES } from './objects.ts'
import { ONCE_WRONG } from './once-wrong.ts'
import { OWNERSHIP_CASES } from './ownership.ts'
import { RECORD_CASES } from './records.ts'
import { SCRIPT_CASES } from './scripts.ts'
import { SET_CASES } from './sets.ts'
import { TRANSFORM_CASES } from './transforms.ts'
import { WROTE_CASES } from './wrote.ts'

/** Every merge that is told by name: what the sides did, and what must come of it. */
export const CASES: readonly MergeCase[] = [
  ...FIELD_CASES,
  ...TRANSFORM_CASES,
  ...RECORD_CASES,
  ...OBJECT_CASES,
  ...SCRIPT_CASES,
  ...ASSET_CASES,
  ...OWNERSHIP_CASES,
  ...SET_CASES,
  ...MOVE_CASES,
  ...WROTE_CASES,
  ...DANGLING_CASES,
  ...ONCE_WRONG,
]
