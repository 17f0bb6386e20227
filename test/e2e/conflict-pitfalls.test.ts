import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Faults, type Kill } from './conflict-faults.ts'
import { type Begun, begin, deploy, inALayout, type Layout, type Project, sync, syncJson } from './conflict-support.ts'

/** Local changes and a contested pull that has not run yet. */
async function toPull(layout: Layout): Promise<Begun> {
  const begun = await begin(layout)
  const { world, project } = begun
  await world.edit('bob', 'lamp0001', { position: [2, 2, 2], props: { color: 'green', glow: 7, label: 'A lamp' } })
  await world.edit('bob', 'lamp0002', { position: [6, 6, 6] })
  project.edit('lamp0001', { position: [1, 1, 1], pinned: true, props: { color: 'blue' } }).commit('mine')
  return begun
}

async function pulled(layout: Layout): Promise<Begun> {
  const begun = await toPull(layout)
  expect((await sync(begun.project, ['pull'])).code).toBe(2)
  return begun
}

/** A command killed with the git process whose arguments match. */
async function strike(project: Project, args: readonly string[], call: RegExp, kill: Kill): Promise<Project> {
  const faults = new Faults()
  const { calls } = await faults.run(faults.copy(project), args)
  const at = calls.findIndex((made) => call.test(made)) + 1
  expect(at, calls.join('\n')).toBeGreaterThan(0)
  const copy = faults.copy(project)
  expect((await faults.run(copy, args, { at, kill })).code).not.toBe(0)
  return copy
}

const unmerged = (project: Project) => Object.keys(project.unmerged())

// 1. Killed after MERGE_HEAD was written and before the files were: "No conflict is open; git commit concludes the merge".
// Who follows that advice records the world's changes as merged and drops them all; the next push undoes them in the world.
inALayout(
  'C1: after a pull that was killed, sync conflicts never invites to commit what was not merged',
  async (layout) => {
    const { world, project } = await toPull(layout)
    const struck = await strike(project, ['pull'], /^read-tree/, 'kill-before')
    const { code, stdout } = await sync(struck, ['conflicts'])
    if (code === 0 && stdout.includes('"git commit" concludes')) {
      struck.git('commit', '--quiet', '--no-edit')
      await sync(struck, ['push'])
    } else expect(unmerged(struck)).toEqual(code === 2 ? [struck.fileOf('lamp0001')] : [])
    expect(await world.entity('lamp0002')).toMatchObject({ position: [6, 6, 6] })
    expect(await world.entity('lamp0001')).toMatchObject({ props: { glow: 7 } })
  },
)

// 1b. The same for a pull without a conflict.
inALayout(
  'after a pull without conflicts that was killed, sync conflicts does not invite to commit either',
  async (layout) => {
    const { world, project } = await begin(layout)
    await world.edit('bob', 'lamp0002', { position: [6, 6, 6] })
    project.edit('lamp0001', { position: [1, 1, 1] }).commit('mine')
    const struck = await strike(project, ['pull'], /^read-tree/, 'kill-before')
    const { stdout } = await sync(struck, ['conflicts'])
    if (stdout.includes('"git commit" concludes')) {
      struck.git('commit', '--quiet', '--no-edit')
      await sync(struck, ['push'])
    }
    expect(await world.entity('lamp0002')).toMatchObject({ position: [6, 6, 6] })
  },
)

// 2. Killed between the files and the stages: markers are staged as if they were resolved.
inALayout(
  'C1: after a pull that was killed, sync conflicts knows of conflicts that are not in the index yet',
  async (layout) => {
    const { project } = await toPull(layout)
    const struck = await strike(project, ['pull'], /^update-index -z --index-info/, 'kill-before')
    const { code } = await sync(struck, ['conflicts'])
    expect([code, unmerged(struck)]).toEqual([2, [struck.fileOf('lamp0001')]])
  },
)

// 3. The next pull leaves the conflict open, but nobody writes its artifact: no who, no when, no history.
inALayout('C3: a conflict that a recovered pull left open has its artifact', async (layout) => {
  const { project } = await toPull(layout)
  const struck = await strike(project, ['pull'], /^read-tree/, 'kill-after')
  expect((await sync(struck, ['pull'])).code).toBe(2)
  expect(struck.artifacts()).toMatchObject([
    {
      object: 'entity:lamp0001',
      status: 'open',
      fields: [{ localBy: { name: 'Dev' }, remoteBy: { name: 'bob' } }, {}],
    },
  ])
})

// 4. `resolve` puts markers at stage 0 for a moment: killed then, the conflict is gone from the index, and its artifact
// is closed as "merged" by the next look.
inALayout('C4: resolve --field that was killed leaves a conflict', async (layout) => {
  const { project } = await pulled(layout)
  const args = ['resolve', 'lamp0001', '--field', 'position', '--use', 'remote']
  const struck = await strike(project, args, /^update-index -z --index-info/, 'kill-after')
  const { code } = await sync(struck, ['conflicts'])
  expect([code, unmerged(struck)]).toEqual([2, [struck.fileOf('lamp0001')]])
})

// 5. `resolve` writes the index before the files: killed between them, nothing is open and the files have markers.
inALayout('C4: resolve that was killed does not leave markers in files that git takes for resolved', async (layout) => {
  const { project } = await pulled(layout)
  const struck = await strike(
    project,
    ['resolve', '--all', '--use', 'remote'],
    /^update-index -z --index-info/,
    'kill-after',
  )
  const marked = struck.read(struck.fileOf('lamp0001')).includes('<<<<<<<')
  expect([unmerged(struck).length > 0, marked]).not.toEqual([false, true])
})

// 6. An artifact that misses a contested field, or names another: the file is settled with our values, whatever was asked
// for. When all that an artifact names is settled, both sides of the file must be equal.
for (const [name, damage] of [
  ['misses a field', (fields: Field[]) => fields.filter(({ field }) => field !== 'position')],
  ['names other fields', (fields: Field[]) => fields.map((field) => ({ ...field, path: ['elsewhere'] }))],
] as const)
  inALayout(`C4: an artifact that ${name} is no reason to drop the world's value silently`, async (layout) => {
    const { project } = await pulled(layout)
    project.change(`.lobby/conflicts/${project.artifact('entity:lamp0001').id}.json`, (artifact) => {
      artifact.fields = damage(artifact.fields as Field[])
    })
    const before = project.everything()
    const { code } = await sync(project, ['resolve', 'lamp0001', '--use', 'remote'])
    if (code === 0) expect(project.object('lamp0001')).toMatchObject({ position: [2, 2, 2], props: { color: 'green' } })
    else expect(project.everything()).toEqual(before)
  })

interface Field {
  readonly field: string
  readonly path: readonly string[]
}

// 7. Another stage 2 than the pull left: the conflict is taken for git's own and settled, the artifact says "resolved".
inALayout('C4: stages that are not those of the pull are said to be, and nothing is changed', async (layout) => {
  const { project } = await pulled(layout)
  const path = project.fileOf('lamp0001')
  const [base, , theirs] = [1, 2, 3].map((stage) => project.git('rev-parse', `:${stage}:${path}`))
  const other = project.git('rev-parse', `HEAD:${path}`)
  const { execFileSync } = await import('node:child_process')
  execFileSync('git', ['update-index', '--index-info'], {
    cwd: project.folder,
    input: [
      `0 ${'0'.repeat(40)} 0\t${path}`,
      ...[base, other, theirs].map((oid, n) => `100644 ${oid} ${n + 1}\t${path}`),
      '',
    ].join('\n'),
  })
  const before = project.everything()
  const refused = await syncJson(project, 'resolve', 'lamp0001', '--use', 'local')
  expect(refused).toMatchObject({ code: 1, data: { error: { code: 'stale_conflict' } } })
  expect(project.everything()).toEqual(before)
})

// 8. The hint of file_edited leads nowhere: what "git checkout --merge" writes has git's labels and is "edited" again.
inALayout('C4: after git checkout --merge, as the hint says, a conflict can be resolved', async (layout) => {
  const { project } = await pulled(layout)
  const path = project.fileOf('lamp0001')
  project.write(path, project.read(path).replace('A lamp', 'Edited'))
  const edited = await syncJson(project, 'resolve', 'lamp0001', '--use', 'remote')
  expect(edited.data.error).toMatchObject({
    code: 'file_edited',
    hint: expect.stringContaining('git checkout --merge'),
  })
  project.git('checkout', '--quiet', '--merge', '--', path)
  const { code, stderr } = await sync(project, ['resolve', 'lamp0001', '--use', 'remote'])
  expect(code, stderr).toBe(0)
})

// 9. A pull does not look what became of earlier conflicts: given up, or settled and committed, they enter the history as
// open, unless "sync conflicts" was run meanwhile.
inALayout('C3: the history of a conflict says how the earlier ones ended', async (layout) => {
  const { world, project } = await pulled(layout)
  project.git('merge', '--abort')
  expect((await sync(project, ['pull'])).code).toBe(2)
  const path = project.fileOf('lamp0001')
  project.git('checkout', '--quiet', '--ours', path)
  project.git('add', path)
  project.git('commit', '--quiet', '--no-edit')
  await project.push()
  await world.edit('bob', 'lamp0001', { position: [8, 8, 8] })
  project.edit('lamp0001', { position: [9, 9, 9] }).commit('again')
  expect((await sync(project, ['pull'])).code).toBe(2)
  const { history, status } = project.artifact('entity:lamp0001')
  expect([...history.map((round) => round.status), status]).toEqual(['abandoned', 'resolved', 'open'])
})

// 10. `flags.all` is undefined without the flag, so `undefined === false` never says "Name a conflict".
it('sync resolve --use without a name says what is missing', async () => {
  const { project } = await pulled('split')
  const { code, stdout, stderr } = await sync(project, ['resolve', '--use', 'local'], {})
  expect(stdout + stderr).toContain('Name a conflict, or pass --all')
  expect(code).toBe(1)
})

// 11. What a merge writes has mode 100644, whatever our file has: in the stages, and in a clean merge.
it.each([
  ['that conflicts', '// glow'],
  ['that merges', '// switch'],
])('a script %s and can be executed stays so', async (_, line) => {
  const { world, project } = await begin('split')
  const path = 'apps/Lamp/index.js'
  const script = project.read(path)
  project.write(path, script.replace('// glow', 'glow(1)'))
  chmodSync(join(project.folder, path), 0o755)
  const mine = project.commit('mine')
  await deploy(world, 'bob', 'Lamp', {}, { 'index.js': script.replace(line, 'theirs()') })
  const { code } = await sync(project, ['pull'])
  if (code === 2) expect((await sync(project, ['resolve', '--all', '--use', 'local'])).code).toBe(0)
  expect(project.git('diff', '--cached', '--summary', mine, '--', 'apps', 'world')).toBe('')
})

// 12. Two `rev-list` over the history of each contested object: 400 of them take 10 s.
it('the git processes of a contested pull do not grow with the number of its conflicts', async () => {
  const count = async (lamps: number): Promise<number> => {
    const id = (index: number) => `many${index}`
    const { world, project } = await begin('split', {
      before: async (world) => {
        for (let index = 0; index < lamps; index++) {
          const lamp = { id: id(index), type: 'app', blueprint: 'Lamp', quaternion: [0, 0, 0, 1], scale: [1, 1, 1] }
          const rest = { pinned: false, props: {}, state: {}, position: [0, 0, 0] }
          await world.act('ada', { type: 'entity_add', entity: { ...lamp, ...rest } })
        }
      },
    })
    for (let index = 0; index < lamps; index++) {
      await world.edit('bob', id(index), { position: [2, 2, 2] })
      project.edit(id(index), { position: [1, 1, 1] })
    }
    project.commit('mine')
    const ran = await new Faults().run(project, ['pull'])
    expect(ran.code).toBe(2)
    return ran.calls.length
  }
  expect(await count(30)).toBeLessThan((await count(2)) + 28)
})

/** A field that somebody in the world changed and put back on purpose (M2): base and remote are equal. */
async function putBack(layout: Layout): Promise<Project> {
  const { world, project } = await begin(layout)
  for (const x of [2, 0]) await world.edit('bob', 'lamp0001', { position: [x, x, x] })
  project.edit('lamp0001', { position: [1, 1, 1] }).commit('mine')
  expect((await sync(project, ['pull'])).code).toBe(2)
  return project
}

/** What is settled is settled as it was asked for; what is not is still open. */
async function expectRemote(project: Project, args: readonly string[]): Promise<void> {
  const { code, stdout } = await sync(project, args)
  if (unmerged(project).length > 0) expect(code).not.toBe(0)
  else expect(project.object('lamp0001'), stdout).toMatchObject({ position: [0, 0, 0] })
}

// 13. Without an artifact (a recovered pull, 3; one undone, 16) stages 1 and 3 that are equal are "merged by field", so that
// "settled with remote" keeps our value. `restaged` must not merge a file again when a side was asked for.
inALayout('M2: what the world put back is settled with remote, with or without an artifact', async (layout) => {
  const project = await putBack(layout)
  project.remove('.lobby/conflicts')
  await expectRemote(project, ['resolve', '--all', '--use', 'remote'])
})

// 14. --restage takes the stages of a pull for those of a plain merge, and settles with ours what was put back.
inALayout('M2: --restage leaves the conflicts of a pull open', async (layout) => {
  const project = await putBack(layout)
  const { code } = await sync(project, ['resolve', '--restage'])
  expect([code, unmerged(project)]).toEqual([2, [project.fileOf('lamp0001')]])
})

// 15. Stages of which base and theirs are equal are no conflict to any merge tool, nor to "git checkout --merge": it takes
// ours unasked. As with assets (ContestedAssets.misleads), the base is better left out of such a field.
inALayout('C2: a merge tool sees what the world put back', async (layout) => {
  const project = await putBack(layout)
  const path = project.fileOf('lamp0001')
  project.git('checkout', '--quiet', '--merge', '--', path)
  expect(project.read(path)).toMatch(/^<{7} /m)
})

// 16. `git checkout --merge` undoes a resolution; the artifact stays "resolved", with the side that was not taken.
inALayout('C4: a resolution that was undone is open again in its artifact', async (layout) => {
  const { project } = await pulled(layout)
  const path = project.fileOf('lamp0001')
  const working = project.read(path)
  expect((await sync(project, ['resolve', '--all', '--use', 'local'])).code).toBe(0)
  project.git('checkout', '--quiet', '--merge', '--', path)
  project.write(path, working)
  expect((await sync(project, ['conflicts'])).code).toBe(2)
  expect(project.artifact('entity:lamp0001').status).toBe('open')
  expect((await sync(project, ['resolve', '--all', '--use', 'remote'])).code).toBe(0)
  expect(project.artifact('entity:lamp0001').fields.map(({ status }) => status)).toEqual(['remote', 'remote'])
})
