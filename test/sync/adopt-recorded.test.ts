import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { assetValue, extensionOf } from '../../src/projection/asset-value.ts'
import { readProject } from '../../src/projection/project.ts'
import { fromWire } from '../../src/projection/wire.ts'
import { sameObject } from '../../src/resolvers/object.ts'
import { understand } from '../../src/resolvers/unsaid.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { objectKey } from '../../src/world/state.ts'
import { type PublicSnapshot, publicProject } from './public-project.ts'

const FOLDER = join(import.meta.dirname, '../../../shared/fixtures/lobby-runtime')

/** Every asset is there, and is the text of its URL. */
const bytesOf = async (url: string) => new TextEncoder().encode(url)
const oidOf = (bytes: Uint8Array | string) => createHash('sha1').update(bytes).digest('hex')

test.skipIf(!existsSync(FOLDER)).each(['snapshot-fresh', 'snapshot-after-ops', 'snapshot-with-player'])(
  'what the public tool makes of a recorded %s says what the world says',
  async (name) => {
    const recorded = JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as PublicSnapshot
    const files = await publicProject(recorded, bytesOf)
    const read = readProject(
      [...files].map(([path, content]) => ({ path, oid: oidOf(content) })),
      (path) => Buffer.from(files.get(path)!),
    )
    expect(read.problems).toEqual([])
    let compared = 0
    const compare = (kind: 'blueprint' | 'entity' | 'settings' | 'spawn', wire: JsonObject) => {
      const world = fromWire(kind, wire, (url) => assetValue(oidOf(url), extensionOf(url)))
      if (world.kind !== 'ok') throw new Error(world.reason)
      const ours = read.state.get(objectKey(kind, world.object.id))
      expect(ours, world.object.id).toBeDefined()
      const { object } = understand(ours!, undefined, world.object, false)
      // Fields that the tool does not know it does not write: they come from the world, like any that only one side has.
      const { custom: _, ...fields } = world.object.fields
      expect(object.fields).toEqual(fields)
      expect(sameObject(object, { ...world.object, fields })).toBe(true)
      compared++
    }
    for (const blueprint of recorded.blueprints) compare('blueprint', blueprint as JsonObject)
    for (const entity of recorded.entities) if (entity.type === 'app') compare('entity', entity as JsonObject)
    compare('settings', recorded.settings as JsonObject)
    compare('spawn', recorded.spawn as JsonObject)
    expect(read.state.size).toBe(compared)
  },
)
