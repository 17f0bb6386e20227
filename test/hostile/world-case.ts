import type { CaseReport } from './case.ts'
import { Draw } from './draw.ts'
import { addGood, goodEntity, hostileBlueprint, hostileEntity, hostileEnvelope, hostileId } from './hostile-objects.ts'
import { HostileWorld } from './hostile-world.ts'
import { Sandbox } from './sandbox.ts'
import { judgeLine, listTree, readDocuments } from './tree-judge.ts'
import { KEYS, raw, value, word } from './words.ts'

/** Something that a hostile world does next. */
function happen(draw: Draw, world: HostileWorld): string {
  const of = draw.chance(0.5) ? ('blueprint' as const) : ('entity' as const)
  const objects = of === 'blueprint' ? world.blueprints : world.entities
  const envelope = hostileEnvelope(draw)
  const id = hostileId(draw, objects.keys())
  switch (draw.int(0, 9)) {
    case 0: {
      world.remove(of, id, envelope)
      return `removes ${of} ${JSON.stringify(id)}`
    }
    case 1: {
      const key = draw.chance(0.5) ? draw.pick(KEYS) : word(draw)
      const said = value(draw)
      if (Object.hasOwn(world.settings, key)) world.settings = { ...world.settings, [key]: said }
      world.announce('settings.update', { ...envelope, patch: { key, value: said } })
      return `sets ${JSON.stringify(key)}`
    }
    case 2: {
      const spawn = { position: draw.pick([[1, 2, 3], value(draw), [raw('1e999'), 0, 0]]), quaternion: [0, 0, 0, 1] }
      world.announce('spawn.update', { ...envelope, snapshot: spawn })
      if (Array.isArray(spawn.position) && spawn.position.every((n) => typeof n === 'number')) world.spawn = spawn
      return 'moves the spawn'
    }
    case 3: {
      // Operations that no protocol knows, or that lack what theirs must have.
      const kind = draw.pick([
        word(draw),
        'entity.update',
        'blueprint.add',
        'entity.remove',
        'settings.update',
        '__proto__',
      ])
      const snapshot = draw.pick([null, {}, { id: 7 }, { id: '' }, { id: 'x', type: word(draw) }])
      world.announce(kind, { ...envelope, snapshot, patch: draw.pick([null, {}, { id: null }, { key: 3 }]) })
      return `announces ${JSON.stringify(kind)}`
    }
    default: {
      const object = of === 'blueprint' ? hostileBlueprint(draw, world, id) : hostileEntity(draw, world, id)
      world.put(of, id, object, envelope)
      return `puts ${of} ${JSON.stringify(id)}`
    }
  }
}

/** Something that the user does to the files of the good objects, and commits. */
function edit(draw: Draw, sandbox: Sandbox): string {
  const entities = listTree(sandbox, 'HEAD').filter(({ path }) => /^world\/entities\/.*\/good\d\.json$/.test(path))
  const change = (path: string, next: (document: Record<string, unknown>) => void) => {
    const document = JSON.parse(sandbox.read(path)) as Record<string, unknown>
    next(document)
    sandbox.write(path, `${JSON.stringify(document, null, 2)}\n`)
  }
  if (entities.length === 0 || draw.chance(0.3)) {
    change('apps/Good/Good.json', (document) => {
      document.desc = `edited ${draw.int(0, 99)}`
    })
    sandbox.commit('edit Good')
    return 'edits apps/Good/Good.json'
  }
  const { path } = draw.pick(entities)
  change(path, (document) => {
    document.position = [draw.int(0, 99), 1, 1]
  })
  sandbox.commit('move it')
  return `edits ${path}`
}

/** The good objects of the world stand on the line as the world has them, whatever stands beside them. */
function judgeGood(sandbox: Sandbox, world: HostileWorld): void {
  const documents = readDocuments(sandbox, 'refs/lobby/remote')
  for (const [id, wire] of world.entities) {
    if (!/^good\d$/.test(id)) continue
    const found = [...documents].find(([path]) => path.endsWith(`/${id}.json`))?.[1]
    if (found === undefined) sandbox.find(`${id} is in the world, but not on the line`)
    else if (JSON.stringify(found.position) !== JSON.stringify(wire.position))
      sandbox.find(`${id} is elsewhere on the line`)
  }
}

/** Whether what the world holds and the line does not is refused by name. */
function judgeRefused(sandbox: Sandbox, world: HostileWorld, checked: string): void {
  const said = JSON.parse(checked) as {
    readonly refused: readonly { readonly object: string }[]
    readonly problems: readonly { readonly code: string; readonly message: string }[]
  }
  // A world may well name what it does not have.
  const wrong = said.problems.filter(
    ({ code, message }) => !/^(?:unknown_blueprint|script_root)$/.test(code) || !/which does not exist/.test(message),
  )
  if (wrong.length > 0) sandbox.find(`check finds the world's own files wrong: ${JSON.stringify(wrong).slice(0, 600)}`)
  const refused = new Set(said.refused.map(({ object }) => object))
  const ids = { entity: new Set<unknown>(), blueprint: new Set<unknown>() }
  for (const [path, document] of readDocuments(sandbox, 'refs/lobby/remote')) {
    const kind = path.startsWith('apps/') ? 'blueprint' : path.startsWith('world/entities/') ? 'entity' : undefined
    if (kind !== undefined) ids[kind].add(document.id)
  }
  for (const kind of ['entity', 'blueprint'] as const) {
    const objects = kind === 'entity' ? world.entities : world.blueprints
    for (const [id, wire] of objects) {
      if (kind === 'entity' && wire.type !== 'app' && wire.type !== undefined) continue
      if (!ids[kind].has(id.toWellFormed()) && !ids[kind].has(id) && !refused.has(`${kind}:${id}`))
        sandbox.find(`${kind} ${JSON.stringify(id)} is neither on the line nor refused`)
    }
  }
}

/** A hostile world from its first clone to a push: everything good is synced, everything else is refused by name (S1). */
export async function worldCase(seed: number): Promise<CaseReport> {
  const draw = new Draw(seed)
  const world = new HostileWorld()
  const sandbox = new Sandbox()
  const url = await world.listen()
  const must = async (name: Parameters<Sandbox['run']>[0], argv: readonly string[], codes: readonly number[]) => {
    const ran = await sandbox.run(name, argv, name === 'clone' ? { first: true } : {})
    if (!codes.includes(ran.code))
      sandbox.find(`${ran.command} ended with ${ran.code}: ${`${ran.err}${ran.out}`.slice(0, 600)}`)
    return ran
  }
  try {
    if (draw.chance(0.3))
      world.worldId = draw.pick([
        '../evil',
        '.git',
        '__proto__',
        '@everyone [skip ci] #1',
        '💩'.repeat(draw.int(1, 100)),
        'w'.repeat(draw.int(1, 255)),
      ])
    if (draw.chance(0.2))
      world.capabilities = draw.pick([[], ['snapshot.cursor'], [word(draw), 'ops.batch', 'durable']])
    addGood(world)
    draw.times(0, 12, () => happen(draw, world))
    await must('clone', [url, 'project'], [0])
    if (sandbox.findings.length > 0) return sandbox
    judgeLine(sandbox)
    judgeGood(sandbox, world)
    for (let round = draw.int(1, 2); round > 0; round--) {
      for (const what of draw.times(0, 8, () => happen(draw, world))) sandbox.story.push(`world ${what}`)
      if (draw.chance(0.5)) world.put('entity', 'good0', goodEntity('good0', draw.int(10, 99)), hostileEnvelope(draw))
      if (draw.chance(0.6)) sandbox.story.push(`user ${edit(draw, sandbox)}`)
      if (draw.chance(0.3)) await must('status', [], [0, 1, 2, 5])
      if (draw.chance(0.3)) await must('diff', ['--fetch', ...(draw.chance(0.5) ? ['--json'] : [])], [0])
      await must('pull', ['--yes', ...(draw.chance(0.4) ? ['--json'] : [])], [0, 2])
      judgeLine(sandbox)
      judgeGood(sandbox, world)
      await must('conflicts', draw.chance(0.5) ? ['--json'] : [], [0, 2])
      if (sandbox.git('ls-files', '--unmerged') !== '') {
        await must('resolve', ['--all', '--use', draw.pick(['local', 'remote'])], [0])
        sandbox.git('commit', '--quiet', '--no-verify', '--no-edit')
        sandbox.settled()
      }
      const checked = await must('check', ['--json'], [0, 1, 5])
      judgeRefused(sandbox, world, checked.out)
      if (Array.isArray(world.capabilities) && world.capabilities.includes('ops.batch'))
        await must('push', ['--yes'], [0, 3])
      if (draw.chance(0.3)) await must('log', ['-n', '50', ...(draw.chance(0.5) ? ['--json'] : [])], [0])
    }
    if (draw.chance(0.2)) await must('doctor', draw.chance(0.5) ? ['--json'] : [], [0, 1])
    if (draw.chance(0.2)) await must('list', draw.chance(0.5) ? ['--json'] : [], [0])
    if (draw.chance(0.2)) await must('rebuild', ['--yes'], [0, 5])
    if (sandbox.git('status', '--porcelain') !== '')
      sandbox.find(`the checkout is dirty: ${sandbox.git('status', '--porcelain')}`)
    const strict = sandbox.git('fsck', '--strict', '--no-dangling')
    if (strict.trim() !== '') sandbox.find(`git fsck: ${strict}`)
    return sandbox
  } catch (error) {
    sandbox.find(`the case itself failed: ${error instanceof Error ? error.stack : String(error)}`)
    return sandbox
  } finally {
    await world.close()
    sandbox.dispose()
  }
}
