import { copyFileSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Interfaces, Plugin } from '@oclif/core'
import { build } from 'esbuild'
import { expect, onTestFinished, test } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')

/** What `scripts/build.js` writes into the manifest, made of the sources as they are now. */
async function manifest(): Promise<Interfaces.Manifest> {
  const root = mkdtempSync(join(tmpdir(), 'gamedev-surface-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  copyFileSync(join(ROOT, 'package.json'), join(root, 'package.json'))
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  const sources = readdirSync(join(ROOT, 'src/commands'), { recursive: true, encoding: 'utf8' })
  await build({
    entryPoints: sources.filter((path) => path.endsWith('.ts')).map((path) => join(ROOT, 'src/commands', path)),
    outbase: join(ROOT, 'src'),
    outdir: join(root, 'dist'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    chunkNames: 'chunks/[name]-[hash]',
    logLevel: 'silent',
  })
  const plugin = new Plugin({ root, ignoreManifest: true, errorOnManifestCreate: true, respectNoCacheDefault: true })
  await plugin.load()
  return plugin.manifest
}

type Entry = Interfaces.Manifest['commands'][string]

function describe(id: string, { summary, args, flags }: Entry): readonly string[] {
  const words = Object.values(args).map(({ name, required }) => (required === true ? `<${name}>` : `[${name}]`))
  const lines = Object.values(flags)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((flag) => {
      const short = flag.char === undefined ? '' : `-${flag.char}, `
      if (flag.type === 'boolean') return `  ${short}--${flag.allowNo === true ? '[no-]' : ''}${flag.name}`
      const marks = [
        flag.required === true ? 'required' : '',
        flag.multiple === true ? 'multiple' : '',
        flag.default === undefined ? '' : `default ${JSON.stringify(flag.default)}`,
        flag.options === undefined ? '' : `one of ${flag.options.join('|')}`,
      ].filter((mark) => mark !== '')
      return `  ${short}--${flag.name} <value>${marks.length === 0 ? '' : `  (${marks.join(', ')})`}`
    })
  return [`${[...id.split(':'), ...words].join(' ')} — ${summary ?? ''}`, ...lines]
}

// Whoever changes a name, a flag or a default on purpose updates the snapshot with `vitest -u`.
test('the command surface', async () => {
  const { commands } = await manifest()
  const ids = Object.keys(commands).sort()
  expect(ids.map((id) => describe(id, commands[id]!).join('\n')).join('\n\n')).toMatchSnapshot()
  for (const id of ids) {
    const { summary, examples, flags, enableJsonFlag } = commands[id]!
    expect(summary, `${id} has a summary`).toBeTruthy()
    expect(examples?.length ?? 0, `${id} has an example`).toBeGreaterThan(0)
    for (const flag of Object.values(flags))
      expect(flag.summary ?? flag.description, `${id} --${flag.name} is described`).toBeTruthy()
    if (!id.startsWith('runtime:')) expect(enableJsonFlag, `${id} has --json`).toBe(true)
  }
})
