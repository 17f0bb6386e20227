import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'

interface CheckLayers {
  breaches(path: string, source: string): readonly string[]
}

const { breaches } = (await import(pathToFileURL(resolve('scripts/check-layers.js')).href)) as CheckLayers

test.each([
  ['world/a.ts', "import { b } from './b.ts'"],
  ['projection/a.ts', "import { createHash } from 'node:crypto'"],
  ['projection/a.ts', '// Date.now() would be another matter\nnew Date(value)'],
  ['resolvers/a.ts', "import type { Json } from '../world/json.ts'"],
  ['git-bridge/native/a.ts', "import { x } from '../../projection/paths.ts'"],
  ['sync/a.ts', "const { b } = await import('../remote-runtime/b.ts')"],
  ['runtime/a.ts', "import Fastify from 'fastify'"],
  ['commands/sync/a.ts', "import { x } from '../../cli/render.ts'"],
])('%s may say %s', (path, source) => {
  expect(breaches(path, source)).toEqual([])
})

test.each([
  ['world/a.ts', "import { b } from '../projection/b.ts'", 'world may not import projection'],
  ['world/a.ts', "import { readFile } from 'node:fs/promises'", 'world is pure and may not import node:fs/promises'],
  ['world/a.ts', "import 'undici'", 'world is pure and may not import undici'],
  ['projection/a.ts', 'const now = Date.now()', 'projection is pure and may not use Date.now'],
  ['resolvers/a.ts', 'await fetch(url)', 'resolvers is pure and may not use fetch('],
  ['resolvers/a.ts', "export * from '../sync/b.ts'", 'resolvers may not import sync'],
  ['protocol/a.ts', "import type { X } from '../runtime/b.ts'", 'protocol may not import runtime'],
  ['git-bridge/a.ts', "type X = import('../remote-runtime/b.ts').X", 'git-bridge may not import remote-runtime'],
  ['remote-runtime/a.ts', "import { x } from '../git-bridge/b.ts'", 'remote-runtime may not import git-bridge'],
  ['runtime/deep/a.ts', "import { x } from '../../sync/b.ts'", 'runtime may not import sync'],
  ['sync/a.ts', "await import('../runtime/index.ts')", 'sync may not import runtime'],
  ['cli/a.ts', "import x from '../commands/sync/pull.ts'", 'cli may not import commands'],
  ['commands/sync/a.ts', "import { x } from '../../git-bridge/b.ts'", 'commands may not import git-bridge'],
  ['a.ts', '', 'is in no layer'],
])('%s may not say %s', (path, source, what) => {
  expect(breaches(path, source)).toEqual([expect.stringContaining(what)])
})

test('a breach says where it is', () => {
  const source = "/* two\nlines */\nimport { b } from '../sync/b.ts'"
  expect(breaches('world/a.ts', source)).toEqual(['src/world/a.ts:3: world may not import sync: ../sync/b.ts'])
})
