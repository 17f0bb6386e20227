import fc from 'fast-check'
import { expect, test } from 'vitest'
import { writeApp } from '../../src/projection/app.ts'
import { type AssetValue, assetValue, extensionOf, parseAssetValue } from '../../src/projection/asset-value.ts'
import { writeEntityFile } from '../../src/projection/entity.ts'
import { writeManifest } from '../../src/projection/manifest.ts'
import {
  blueprintFile,
  classify,
  entityFile,
  foldPath,
  MANIFEST_FILE,
  SETTINGS_FILE,
  SPAWN_FILE,
  unsafePath,
} from '../../src/projection/paths.ts'
import { readProject } from '../../src/projection/project.ts'
import { electEntry } from '../../src/projection/script-entry.ts'
import { writeSettingsFile } from '../../src/projection/settings.ts'
import { writeSpawnFile } from '../../src/projection/spawn.ts'
import { fromEntries, type JsonObject, own, withKey } from '../../src/world/json.ts'
import { objectKey, type WorldObject } from '../../src/world/state.ts'
import { ASSETS, anyId, assets, blueprintFields, entity, sameObject, scriptFiles, settings, spawn } from './worlds.ts'

/** Writes a world as files: placement, apps, layout. The ids of blobs are those that the values name. */
function write(objects: readonly WorldObject[], layout: 'split' | 'manifest') {
  const texts = new Map<string, string>()
  const oids = new Map<string, string>(ASSETS.map(([path, value]) => [path, parseAssetValue(value)!.oid]))
  const place = (path: string, value: string) => oids.set(path, parseAssetValue(value)!.oid)
  const folders = new Map<string, { path: string; object: WorldObject }[]>()
  const taken = new Set<string>()
  // Roots first, so that a variant finds its root's folder.
  const blueprints = objects.filter((o) => o.kind === 'blueprint')
  const placed = new Map<string, string>()
  for (const object of [...blueprints].sort((a, b) => rank(a) - rank(b))) {
    const name = own(object.fields, 'name')
    const ref = own(object.fields, 'scriptRef')
    const root = typeof ref === 'string' ? placed.get(ref)?.split('/')[1] : undefined
    const apart =
      own(object.fields, 'scriptFiles') === undefined
        ? () => false
        : (f: string) => [...folders.keys()].some((k) => foldPath(k) === foldPath(f))
    const path = blueprintFile(object.id, typeof name === 'string' ? name : undefined, root, (p) => taken.has(p), apart)
    expect(unsafePath(path)).toBeUndefined()
    taken.add(foldPath(path))
    placed.set(object.id, path)
    const folder = path.split('/')[1]!
    folders.set(folder, [...(folders.get(folder) ?? []), { path, object }])
    for (const [file, value] of Object.entries((own(object.fields, 'scriptFiles') ?? {}) as JsonObject)) {
      place(`apps/${folder}/${file}`, String(value))
    }
  }
  for (const members of folders.values()) for (const [path, text] of writeApp(members, assets)) texts.set(path, text)
  for (const object of objects) {
    if (object.kind === 'shared') place(`shared/${object.id}`, String(object.fields.content))
    if (layout === 'manifest') continue
    if (object.kind === 'entity') texts.set(entityFile(object.id), writeEntityFile(object, assets))
    if (object.kind === 'settings') texts.set(SETTINGS_FILE, writeSettingsFile(object))
    if (object.kind === 'spawn') texts.set(SPAWN_FILE, writeSpawnFile(object))
  }
  if (layout === 'manifest') {
    texts.set(
      MANIFEST_FILE,
      writeManifest(new Map(objects.map((o) => [objectKey(o.kind, o.id), o])), undefined, assets),
    )
  }
  for (const path of texts.keys()) oids.set(path, '0'.repeat(40))
  return { texts, files: [...oids].map(([path, oid]) => ({ path, oid })) }
}

function rank(object: WorldObject): number {
  return own(object.fields, 'scriptFiles') !== undefined ? 0 : 1
}

const blueprint = fc
  .tuple(anyId, blueprintFields, fc.option(scriptFiles, { nil: undefined }), fc.option(fc.nat(), { nil: undefined }))
  .map(([id, fields, scripts, ref]) => ({ id, fields, scripts, ref }))

const world = fc
  .tuple(
    settings,
    spawn,
    fc.uniqueArray(entity, { maxLength: 6, selector: (e) => e.id }),
    fc.uniqueArray(blueprint, { minLength: 1, maxLength: 6, selector: (b) => b.id }),
    fc.uniqueArray(fc.constantFrom('a.js', 'deep/b.ts'), { maxLength: 2 }),
  )
  .map(([settingsObject, spawnObject, entities, blueprints, modules]): WorldObject[] => {
    const roots = blueprints.filter((b) => b.scripts !== undefined)
    return [
      settingsObject,
      spawnObject,
      ...entities.map((e, i): WorldObject => {
        return { ...e, fields: withKey(e.fields, 'blueprint', blueprints[i % blueprints.length]!.id) }
      }),
      ...blueprints.map(({ id, fields, scripts, ref }): WorldObject => {
        const entries = Object.entries(fields)
        if (scripts !== undefined) {
          const entry = electEntry(undefined, undefined, Object.keys(scripts))
          entries.push(['scriptFiles', scripts])
          if (entry !== undefined) entries.push(['scriptEntry', entry])
        } else if (ref !== undefined && roots.length > 0) entries.push(['scriptRef', roots[ref % roots.length]!.id])
        return { kind: 'blueprint', id, fields: fromEntries(entries) }
      }),
      ...modules.map((id, i): WorldObject => {
        return { kind: 'shared', id, fields: { content: assetValue(String(i + 5).repeat(40), extensionOf(id)) } }
      }),
    ]
  })

test('a whole world written to files, in both layouts, is read back as it was', () => {
  fc.assert(
    fc.property(world, fc.constantFrom<'split' | 'manifest'>('split', 'manifest'), (objects, layout) => {
      const { texts, files } = write(objects, layout)
      const project = readProject(files, (path) => {
        expect(classify(path).kind).not.toBe('script')
        return new TextEncoder().encode(texts.get(path))
      })
      expect(project.problems).toEqual([])
      expect(project.layout).toBe(layout)
      expect(project.state.size).toBe(objects.length)
      for (const object of objects) {
        const key = objectKey(object.kind, object.id)
        expect(sameObject(project.state.get(key)!, object)).toBe(true)
        expect(project.paths.has(key)).toBe(true)
      }
      expect(new Set([...project.assets.values()])).toEqual(new Set<AssetValue>(ASSETS.map(([, value]) => value)))
    }),
    { numRuns: 300 },
  )
})
