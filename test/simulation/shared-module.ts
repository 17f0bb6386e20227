import type { Json, JsonObject } from '../../src/world/json.ts'
import { type Random, seeded } from './host.ts'
import type { Place } from './values.ts'
import type { Announced } from './world/changes.ts'

/**
 * Two apps of a world that import one module. Each names an edition of its own there, while a project has one file for
 * all: the edition that was deployed last (docs/architecture.md, G4).
 */

/** The share of projects whose world has one. */
const SHARE = 0.2
/** How much of what people change is the module, where there is one. */
const OFTEN = 0.25

/** The object that its slots are fields of. */
export const MODULE = 'shared:common.js'
/** How blueprints name it. */
const NAME = '@shared/common.js'

/** Whether the world of a project has the module. By a chance of its own, so that the others stay as they are. */
export function drawModule(seed: number): boolean {
  return seeded(seed ^ 0x5a41)() < SHARE
}

export function importing(script: string): string {
  return `import '${NAME}'\n${script}`
}

export function moduleFiles(url: string): JsonObject {
  return { [NAME]: url }
}

export function isOfModule(at: Place): boolean {
  return at.startsWith(`${MODULE} `)
}

/** What somebody changes now, where it is the module. */
export function chooseSlot(random: Random, places: readonly Place[]): Place | undefined {
  const slots = places.filter(isOfModule)
  return slots.length === 0 || random() >= OFTEN ? undefined : slots[Math.floor(random() * slots.length)]
}

/** Somebody in a world deploys an edition: with which blueprint, and whether they go on from the one that it names. */
export interface Deploy {
  readonly nth: number
  readonly from: 'the newest' | 'its own'
}

export function chooseDeploy(random: Random): Deploy {
  return { nth: Math.floor(random() * 6), from: random() < 0.3 ? 'its own' : 'the newest' }
}

/** The edition that a blueprint names, as a URL. */
export function editionOf(blueprint: JsonObject | undefined): string | undefined {
  const files = blueprint?.scriptFiles as Readonly<Record<string, Json>> | null | undefined
  const url = files?.[NAME]
  return typeof url === 'string' ? url : undefined
}

/**
 * The edition that an operation deploys: what somebody in the world names again is no news, what a push names it means.
 */
export function deployedBy({ operation, before, after, via }: Announced): string | undefined {
  if (!operation.kind.startsWith('blueprint.') || operation.kind.endsWith('.remove')) return undefined
  const url = editionOf(after)
  const isUpdate = operation.kind.endsWith('.update')
  if (isUpdate && !Object.hasOwn(operation.patch ?? {}, 'scriptFiles')) return undefined
  return via.process === undefined && editionOf(before) === url ? undefined : url
}
