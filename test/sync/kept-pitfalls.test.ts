import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { parseJsonFile } from '../../src/projection/json-file.ts'
import {
  artifactText,
  type ConflictArtifact,
  parseArtifact,
  readArtifacts,
  writeArtifact,
} from '../../src/sync/conflict-artifact.ts'
import { editWorld } from '../../src/sync/world-edit.ts'
import { openWorld } from '../../src/sync/world-target.ts'
import type { Json } from '../../src/world/json.ts'
import { objectKey } from '../../src/world/state.ts'
import { lampProject } from './kept-project.ts'
import { temporaryFolder } from './support.ts'

it('C6: with BIDIRECTIONAL_SYNC off in the .env of a project, an edit from a folder of it refuses too (world-target.ts)', async () => {
  const { world, project } = await lampProject()
  project.write('.env', 'BIDIRECTIONAL_SYNC=no\n')
  const head = await world.head()
  const context = project.context()
  const opened = await openWorld({ ...context, cwd: join(project.folder, 'apps') }, { url: world.runtime.url })
  try {
    const options = { as: 'eve', confirm: async () => true, set: ['pinned=true'], unset: [] }
    await expect(editWorld(opened, 'lamp0001', options)).rejects.toMatchObject({ code: 'switched_off', exitCode: 5 })
  } finally {
    await opened.close()
  }
  expect(await world.head()).toBe(head)
})

it('C6: with BIDIRECTIONAL_SYNC off, a dry run does not end what was interrupted (push.ts)', async () => {
  const { world, project } = await lampProject()
  await world.edit('bob', 'lamp0001', { pinned: true })
  const hook = join(project.folder, '.git/hooks/pre-merge-commit')
  mkdirSync(dirname(hook), { recursive: true })
  writeFileSync(hook, '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  await expect(project.pull()).rejects.toThrow()
  rmSync(hook)
  const state = project.state()
  await project
    .with({ BIDIRECTIONAL_SYNC: 'no' })
    .push({ dryRun: true })
    .catch(() => {})
  expect(project.state()).toEqual(state)
})

// As deep as "props.deep" of an entity may be, in the file and in a round of the history.
const DEPTH = 198
const value = JSON.parse(`${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}`) as Json
const round = {
  openedAt: '2026-01-01T00:00:00.000Z',
  status: 'open' as const,
  base: null,
  local: 'a'.repeat(40),
  remote: 'b'.repeat(40),
  cursor: 1,
  fields: [
    {
      field: 'props.deep',
      path: ['props', 'deep'],
      base: { absent: true as const },
      local: { value },
      remote: { value: 1 },
      files: [],
      status: 'open' as const,
    },
  ],
  autoResolved: [],
}
const ARTIFACT: ConflictArtifact = {
  format: 1,
  id: 'deadbeef',
  worldId: 'plaza',
  object: objectKey('entity', 'lamp'),
  path: 'world/entities/00/lamp.json',
  ...round,
  files: [],
  history: [round],
}

it('C3: what a file may hold, its conflict can be read back with (conflict-artifact.ts)', () => {
  const file = new TextEncoder().encode(JSON.stringify({ id: 'lamp', props: { deep: value } }))
  expect(parseJsonFile('world/entities/00/lamp.json', file).kind).toBe('ok')
  expect(parseArtifact(artifactText(ARTIFACT))).toEqual(ARTIFACT)
})

it('S1: an artifact is not read through a link, which may lead to a device (conflict-artifact.ts)', async () => {
  const [folder, outside] = [temporaryFolder(), temporaryFolder()]
  await writeArtifact(outside, { ...ARTIFACT, fields: [], history: [] })
  symlinkSync(join(outside, 'deadbeef.json'), join(folder, 'deadbeef.json'))
  const invalid: string[] = []
  expect((await readArtifacts(folder, (file) => invalid.push(file))).size).toBe(0)
  expect(invalid).toEqual(['deadbeef.json'])
})

it('C6 P7: a revert that takes a kept conflict away settles nothing: the push asks', async () => {
  const { world, project } = await lampProject()
  const path = project.entityPath('lamp0001')
  project.change(path, (lamp) => {
    lamp.props = { color: 'red' }
  })
  project.commit('red')
  await world.edit('eve', 'lamp0001', { props: { color: 'blue' } })
  expect(await project.pull()).toMatchObject({ kind: 'merged', conflicts: [{ object: 'entity:lamp0001' }] })
  project.git('revert', '--no-edit', '-m', '1', 'HEAD')
  expect(project.exists('lobby.conflicts')).toBe(false)
  const refusal = await project.push({ confirm: async () => false }).catch((error: unknown) => error)
  expect(refusal).toMatchObject({
    code: 'not_confirmed',
    message: expect.stringContaining("eve's change of props.color of lamp0001"),
  })
  expect(await world.entity('lamp0001')).toMatchObject({ props: { color: 'blue' } })
  expect(await project.push({ confirm: async () => true })).toMatchObject({ kind: 'pushed', landed: 1 })
})
