import { describe, expect, test } from 'vitest'
import { scriptFormatOf } from '../../src/projection/app.ts'
import { collectShared, sharedImports } from '../../src/projection/imports.ts'

describe('sharedImports (protocol, section 8)', () => {
  test.each([
    [`import '@shared/a.js'`, ['a.js']],
    [`import a from "shared/a.js"`, ['a.js']],
    [`import * as a from '@shared/deep/a.ts'`, ['deep/a.ts']],
    [`import { a,\n  b as c } from '@shared/a.js'`, ['a.js']],
    [`export { a } from '@shared/a.js'\nexport * from '@shared/b.js'`, ['a.js', 'b.js']],
    [`import a from '../../shared/a.js'`, ['a.js']],
    [`import a from './b.js'\nimport c from 'three'`, []],
    [`// import '@shared/a.js'\n/* import '@shared/b.js' */`, []],
    ['const text = `import "@shared/a.js"`', []],
    [`const text = 'import "@shared/a.js"'`, []],
    [`await import('@shared/a.js')`, []],
    [`import type { T } from '@shared/a.ts'`, []],
    [`import { a } from '@shared/a.js'\napp.on('update', () => a)\nreturn 1`, ['a.js']],
    [`import '@shared/../apps/x.js'`, []],
    [`import '@shared/b.js'\nimport '@shared/a.js'\nimport '@shared/b.js'`, ['a.js', 'b.js']],
  ])('%j', (source, shared) => {
    expect(sharedImports(source, 'apps/Lamp/index.js')).toEqual({ shared, problems: [] })
  })

  test.each([
    [`import '@shared/a'`, 'imports @shared/a without its extension (.js or .ts)'],
    [`import x from '@shared/a.json'`, 'imports @shared/a.json, which is no .js or .ts file'],
  ])('%j is a problem', (source, problem) => {
    expect(sharedImports(source, 'apps/Lamp/index.js')).toEqual({ shared: [], problems: [problem] })
  })

  test('relative imports of shared modules stay in shared/', () => {
    expect(sharedImports(`import './b.js'\nimport '../c.js'`, 'shared/deep/a.js').shared).toEqual(['c.js', 'deep/b.js'])
    expect(sharedImports(`import '../../../x.js'`, 'shared/a.js').shared).toEqual([])
  })

  test.each([
    `import { a } from '@shared/a.js'\nenum Kind { A, B }\nconst x = <T>(v: T): v is T => true\nclass { @dec() field!: string }`,
    `import { a } from '@shared/a.js'\nconst broken = (`,
    `'use strict'; import { a } from '@shared/a.js'\nlet s = 'it\\'s'\nlet broken = {`,
    `import a from '@shared/a.js'\nimport type B from '@shared/b.ts'\n// import '@shared/c.js'\nconst broken = [`,
    `export * from '@shared/a.js'\nconst t = \`import '@shared/c.js'\`\n)`,
  ])('source that cannot be lexed is scanned: %#', (source) => {
    expect(sharedImports(source, 'apps/Lamp/index.ts').shared).toEqual(['a.js'])
  })
})

test('collectShared follows imports transitively, cycles included, and names what is missing', () => {
  const modules = new Map([
    ['a.js', `import './b.js'\nimport '@shared/gone.js'`],
    ['b.js', `import '@shared/a.js'\nimport '@shared/c'`],
    ['unused.js', ''],
  ])
  const entry = { path: 'apps/Lamp/index.js', source: `import '@shared/a.js'` }
  expect(collectShared([entry], (path) => modules.get(path))).toEqual({
    shared: ['a.js', 'b.js'],
    problems: [
      { path: 'shared/a.js', code: 'shared_import', message: 'imports shared/gone.js, which does not exist' },
      { path: 'shared/b.js', code: 'shared_import', message: 'imports @shared/c without its extension (.js or .ts)' },
    ],
  })
})

test.each([
  ['export default (world, app) => {}', 'module'],
  ['const f = () => {}\nexport { f as default }', 'module'],
  [`export { default } from './x.js'`, 'module'],
  ['export const a = 1', 'legacy-body'],
  [`app.on('update', () => {})`, 'legacy-body'],
  ['// export default 1', 'legacy-body'],
  ['const s = "export default"', 'legacy-body'],
  ['enum A { B }\nexport default class { @dec() x!: string = ( }', 'module'],
  ['const broken = (\n// export default 1', 'legacy-body'],
  ['', 'legacy-body'],
])('scriptFormatOf(%j)', (source, format) => {
  expect(scriptFormatOf(source)).toBe(format)
})
