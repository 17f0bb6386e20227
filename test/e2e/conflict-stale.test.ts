import { expect } from 'vitest'
import { artifactText, conflictSchema, parseArtifact } from '../../src/sync/conflict-artifact.ts'
import {
  type Begun,
  begin,
  expectOpen,
  expectSettled,
  inALayout,
  type Layout,
  type Project,
  sync,
  syncJson,
} from './conflict-support.ts'

/** A pull that left the position and the colour of a lamp contested. */
async function contested(layout: Layout): Promise<Begun> {
  const begun = await begin(layout)
  const { world, project } = begun
  await world.edit('bob', 'lamp0001', { position: [2, 2, 2], props: { color: 'green', glow: 7, label: 'A lamp' } })
  project.edit('lamp0001', { position: [1, 1, 1], pinned: true, props: { color: 'blue' } }).commit('mine')
  expect((await sync(project, ['pull'])).code).toBe(2)
  return begun
}

const CONTESTED = { 'entity:lamp0001': ['position', 'props.color'] }

function artifactFile(project: Project): string {
  return `.lobby/conflicts/${project.artifact('entity:lamp0001').id}.json`
}

/** Each of these ways is refused with this code, and changes nothing. */
async function expectRefused(project: Project, code: string, ...uses: readonly string[]): Promise<void> {
  const before = project.everything()
  for (const use of uses) {
    const refused = await syncJson(project, 'resolve', 'lamp0001', '--use', use)
    expect(refused).toMatchObject({ code: 1, data: { error: { code } } })
    expect(project.everything()).toEqual(before)
  }
}

inALayout('C4: HEAD or MERGE_HEAD moved since: a conflict no longer fits', async (layout) => {
  const { project } = await contested(layout)
  const head = project.git('rev-parse', 'HEAD')
  const other = project.git('commit-tree', '-p', 'HEAD', '-m', 'another', 'HEAD^{tree}')
  project.git('update-ref', 'HEAD', other)
  await expectRefused(project, 'stale_conflict', 'local', 'merged')
  project.git('update-ref', 'HEAD', head)
  const mergeHead = project.git('rev-parse', 'MERGE_HEAD')
  project.git('update-ref', 'MERGE_HEAD', other)
  await expectRefused(project, 'stale_conflict', 'remote')
  project.git('update-ref', 'MERGE_HEAD', mergeHead)
  expect((await sync(project, ['resolve', 'lamp0001', '--use', 'remote'])).code).toBe(0)
  expect(project.unmerged()).toEqual({})
})

inALayout('C4: a file that was edited is not written over; it can be taken as it is', async (layout) => {
  const { project } = await contested(layout)
  const path = project.fileOf('lamp0001')
  project.write(path, project.read(path).replace('"label": "A lamp"', '"label": "Edited"'))
  await expectRefused(project, 'file_edited', 'local', 'remote')
  const marked = await syncJson(project, 'resolve', 'lamp0001', '--use', 'merged')
  expect(marked).toMatchObject({ code: 2, data: { error: { code: 'markers_left', data: { path } } } })
  project.write(path, `${project.stage(2, path).replace('"label": "A lamp"', '"label": "Edited"')},\n`)
  await expectRefused(project, 'invalid_files', 'merged')
  project.write(path, `${project.stage(2, path).replace('"label": "A lamp"', '"label": "Edited"')}\n`)
  expect((await sync(project, ['resolve', 'lamp0001', '--use', 'merged'])).code).toBe(0)
  expect(project.object('lamp0001')).toMatchObject({ position: [1, 1, 1], props: { label: 'Edited' } })
  expect(project.unmerged()).toEqual({})
  const closed = await syncJson(project, 'resolve', project.artifact('entity:lamp0001').id, '--use', 'local')
  expect(closed).toMatchObject({ code: 1, data: { error: { code: 'not_open' } } })
})

inALayout('C3: an artifact survives its schema; without a readable one the index still says all', async (layout) => {
  const { project } = await contested(layout)
  const file = artifactFile(project)
  const text = project.read(file)
  const artifact = parseArtifact(text)
  expect(artifact).toBeDefined()
  expect(artifactText(artifact!)).toBe(text)
  expect(conflictSchema.parse(JSON.parse(text))).toEqual(artifact)
  const path = project.fileOf('lamp0001')
  const stages = [1, 2, 3].map((stage) => project.git('rev-parse', `:${stage}:${path}`))
  expect(artifact).toMatchObject({
    worldId: 'plaza',
    object: 'entity:lamp0001',
    path,
    local: project.git('rev-parse', 'HEAD'),
    remote: project.git('rev-parse', 'MERGE_HEAD'),
    base: project.git('merge-base', 'HEAD', 'MERGE_HEAD'),
    files: [{ path, stages: { base: stages[0], local: stages[1], remote: stages[2] } }],
    fields: [
      { field: 'position', localBy: { name: 'Dev' }, remoteBy: { name: 'bob' } },
      { field: 'props.color', base: { value: 'red' }, local: { value: 'blue' }, remote: { value: 'green' } },
    ],
  })
  const working = project.git('hash-object', path)
  expect(artifact!.files[0]!.working).toBe(working)

  for (const damage of [text.slice(0, 100), JSON.stringify({ ...artifact, format: 2 }), '']) {
    project.write(file, damage)
    const { code, stdout, stderr } = await sync(project, ['conflicts'])
    expect(code).toBe(2)
    expect(stdout).toMatch(/entity:lamp0001 +position/)
    expect(stderr.replace(/[\s›]+/g, ' ')).toContain('is no conflict artifact')
  }
  project.write(file, text)
  await expectOpen(project, { [path]: 'UU' }, CONTESTED)
  project.remove(file)
  expect((await sync(project, ['resolve', 'lamp0001', '--field', 'position', '--use', 'remote'])).code).toBe(2)
  expect((await sync(project, ['resolve', 'lamp0001', '--use', 'local'])).code).toBe(0)
  expect(project.object('lamp0001')).toMatchObject({
    position: [2, 2, 2],
    pinned: true,
    props: { color: 'blue', glow: 7 },
  })
  await expectSettled(project, true)
})
