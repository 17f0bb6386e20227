import { mapAssetUrls, parseAssetValue } from '../projection/asset-value.ts'
import { fromWire } from '../projection/wire.ts'
import type { Snapshot } from '../remote-runtime/remote-runtime.ts'
import type { JsonObject } from '../world/json.ts'
import { urlsFor } from './encode.ts'
import { inHandOf, type Receiver } from './hold-back.ts'
import { loadOffers, saveOffers } from './offers.ts'
import type { PlannedOperation } from './plan.ts'
import type { PushOptions } from './push.ts'
import { scriptsDiffer } from './redeploy.ts'
import type { Session } from './session.ts'

/** A receiver, with the snapshot that told about it, if one was taken. */
export interface KnownReceiver extends Receiver {
  readonly snapshot: Snapshot | undefined
}

/**
 * Who receives the push. Batches carry expectations, so that a hand is noticed when it has moved something; before a
 * second try, and where there are no batches, a snapshot says who holds what.
 */
export async function receiverOf(session: Session, options: PushOptions, attempt: number): Promise<KnownReceiver> {
  const known = await loadOffers(session)
  const batch = options.noBatch !== true && known?.includes('ops.batch') === true
  if (batch && attempt === 1) return { inHand: new Set(), keepsUnknown: true, snapshot: undefined }
  const snapshot = await session.runtime.snapshot()
  const offered = snapshot.capabilities?.includes('ops.batch') === true && options.noBatch !== true
  return { inHand: inHandOf(snapshot.entities), keepsUnknown: offered, snapshot }
}

/** What the runtime holds now of the blueprints of a plan, or that it moved. */
export type Current =
  | {
      readonly kind: 'current'
      readonly batch: boolean
      /** Whether `batch` is what the runtime said earlier. */
      readonly remembered: boolean
      readonly blueprints: ReadonlyMap<string, JsonObject>
    }
  | { readonly kind: 'moved'; readonly fields: readonly string[] }

/**
 * What the runtime offers, and the blueprints of the plan as it holds them now: their versions, and the URLs of their
 * scripts, which no file tells.
 */
export async function readCurrent(
  session: Session,
  operations: readonly PlannedOperation[],
  taken: Snapshot | undefined,
): Promise<Current> {
  const { runtime, assets } = session
  const known = await loadOffers(session)
  // Files tell all that an entity's change needs; a snapshot of the whole world for it is not worth its time.
  if (taken === undefined && known !== undefined && operations.every(isPlain)) {
    return { kind: 'current', batch: known.includes('ops.batch'), remembered: true, blueprints: new Map() }
  }
  const snapshot = taken ?? (await runtime.snapshot())
  await saveOffers(session, snapshot.capabilities ?? [])
  const batch = snapshot.capabilities?.includes('ops.batch') === true
  const byId = {
    blueprint: new Map(snapshot.blueprints.map((object) => [String(object.id), object])),
    entity: new Map(snapshot.entities.map((object) => [String(object.id), object])),
  }
  await assets.ensure(urlsFor(operations, (kind, id) => byId[kind].get(id)))
  const moved: string[] = []
  for (const operation of operations) {
    if (!operation.scripts || operation.before === undefined) continue
    const wire = byId.blueprint.get(operation.id)
    const read = wire === undefined ? undefined : fromWire('blueprint', wire, (url) => assets.valueOf(url))
    if (read?.kind !== 'ok' || scriptsDiffer(read.object, operation.before)) moved.push(`${operation.id}.scriptFiles`)
  }
  if (moved.length > 0) return { kind: 'moved', fields: moved }
  return { kind: 'current', batch, remembered: false, blueprints: byId.blueprint }
}

/** An operation on nothing but plain values: no blueprint whose version matters, no asset whose URL must be known. */
function isPlain({ kind, before, after }: PlannedOperation): boolean {
  if (kind.startsWith('blueprint')) return false
  let plain = true
  for (const object of [before, after]) {
    if (object?.kind !== 'entity') continue
    mapAssetUrls('entity', object.fields, (value) => {
      if (parseAssetValue(value) !== undefined) plain = false
      return value
    })
  }
  return plain
}
