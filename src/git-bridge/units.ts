import { classify } from '../projection/paths.ts'

/**
 * The smallest parts of a project that can be read on their own: a file of an entity, of the settings, of the spawn, of
 * a shared module; an app folder (its blueprints share scripts); the whole manifest.
 */
export interface Units {
  /** Paths that hold an object each: entities, settings, spawn, the manifest, shared modules. */
  readonly files: Set<string>
  /** App folders. */
  readonly folders: Set<string>
  /** Paths below `assets/`. */
  readonly assets: Set<string>
}

/** The units that a set of changed paths belongs to. Files that are no world's are left out. */
export function unitsOf(paths: Iterable<string>): Units {
  const units: Units = { files: new Set(), folders: new Set(), assets: new Set() }
  for (const path of paths) addUnit(units, path)
  return units
}

export function addUnit(units: Units, path: string): void {
  const kind = classify(path)
  switch (kind.kind) {
    case 'blueprint':
    case 'script':
      units.folders.add(kind.folder)
      break
    case 'asset':
      units.assets.add(path)
      break
    case 'other':
      break
    default:
      units.files.add(path)
  }
}

/** Whether a changed path belongs to one of the units. */
export function inUnits(units: Units, path: string): boolean {
  const kind = classify(path)
  if (kind.kind === 'blueprint' || kind.kind === 'script') return units.folders.has(kind.folder)
  return units.files.has(path)
}
