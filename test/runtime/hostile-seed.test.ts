import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { seedWorld } from '../../src/runtime/index.ts'
import { readSeed } from '../../src/runtime/seed.ts'
import { temporaryFolder } from './support.ts'

const WORLD = { formatVersion: 2, settings: {}, spawn: { position: [0, 0, 0], quaternion: [0, 0, 0, 1] }, entities: [] }

function project(): string {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'apps', 'Lamp'), { recursive: true })
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'world.json'), JSON.stringify(WORLD))
  writeFileSync(join(folder, 'apps', 'Lamp', 'Lamp.json'), JSON.stringify({ id: 'Lamp', name: 'Lamp' }))
  return folder
}

const problemsOf = async (folder: string) => {
  const reading = await readSeed(folder)
  return reading.kind === 'ok' ? [] : reading.problems
}

test('links, pipes and what a project keeps beside its world are not looked at', async () => {
  const folder = project()
  symlinkSync('/etc', join(folder, 'assets', 'etc'))
  symlinkSync('/etc/hostname', join(folder, 'assets', 'hostname'))
  symlinkSync('..', join(folder, 'apps', 'loop'))
  symlinkSync('/dev/zero', join(folder, 'apps', 'Lamp', 'index.js'))
  symlinkSync(folder, join(folder, 'shared'))
  mkdirSync(join(folder, 'assets', '.git'))
  writeFileSync(join(folder, 'assets', '.git', 'config'), 'x')
  execFileSync('mkfifo', [join(folder, 'assets', 'pipe.png'), join(folder, 'apps', 'Lamp', 'pipe.js')])
  const reading = await readSeed(folder)
  expect(reading).toMatchObject({ kind: 'ok', seed: { blueprints: [{ id: 'Lamp' }], assets: [] } })
  if (reading.kind === 'ok') expect(await seedWorld(temporaryFolder(), 'w', reading.seed)).toMatchObject({ assets: 0 })
})

test('what cannot be read is named: huge files, forbidden ones, names that are no text, folders without end', async () => {
  const folder = project()
  writeFileSync(join(folder, 'assets', 'huge.glb'), '')
  truncateSync(join(folder, 'assets', 'huge.glb'), 300 * 1024 * 1024 * 1024)
  writeFileSync(Buffer.from(`${folder}/assets/\xff\xfe.png`, 'latin1'), 'x')
  let deep = join(folder, 'apps')
  for (let i = 0; i < 15; i++) deep = join(deep, 'x'.repeat(250))
  mkdirSync(deep, { recursive: true })
  const root = process.getuid?.() === 0
  if (!root) {
    writeFileSync(join(folder, 'assets', 'secret.png'), 'x')
    chmodSync(join(folder, 'assets', 'secret.png'), 0)
  }
  const problems = await problemsOf(folder)
  expect(problems.find(({ path }) => path === 'assets/huge.glb')?.message).toContain('too large')
  expect(problems.find(({ path }) => path.startsWith('assets/\ufffd'))?.message).toContain('cannot be read')
  if (!root) expect(problems.find(({ path }) => path === 'assets/secret.png')?.message).toContain('EACCES')
  expect(problems).toHaveLength(root ? 2 : 3)
})

test('a folder that is none, or holds no world', async () => {
  await expect(readSeed(join(temporaryFolder(), 'none'))).rejects.toMatchObject({ code: 'not_a_project' })
  await expect(readSeed('/dev/null')).rejects.toMatchObject({ code: 'not_a_project' })
  await expect(readSeed(temporaryFolder())).rejects.toMatchObject({ code: 'not_a_project' })
})
