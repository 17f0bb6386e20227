import type { Layout } from '../../src/git-bridge/materializer.ts'
import type { Oid, TreeEdit } from '../../src/git-bridge/repository.ts'
import { extensionOf } from '../../src/projection/asset-value.ts'
import type { Operation } from '../../src/world/operation.ts'
import { type Effect, effectOf } from '../../src/world/wire-world.ts'
import { Trees } from '../git-bridge/world-trees.ts'
import type { CaseReport } from './case.ts'
import { Draw } from './draw.ts'
import { hostileBlueprint, hostileEntity, hostileId, LAMP_SCRIPT } from './hostile-objects.ts'
import { describe } from './sandbox.ts'
import { judgePaths } from './tree-judge.ts'
import { KEYS, spelled, value, word } from './words.ts'

/** Bytes that the objects of a case name; a part of them is not to be had. */
class Assets {
  readonly blueprints = new Map<string, unknown>()
  readonly entities = new Map<string, unknown>()
  readonly assets = new Map<string, Uint8Array>()
  #count = 0

  asset(content: string | Uint8Array, extension: string): string {
    const name = `${(this.#count++).toString(16).padStart(64, '0')}.${extension}`
    this.assets.set(name, Buffer.from(content as string))
    return `asset://${name}`
  }
}

/** What a hostile feed says next, as the wire brings it. */
function nextOperation(draw: Draw, world: Assets): Operation {
  const of = draw.chance(0.5) ? ('blueprint' as const) : ('entity' as const)
  const objects = of === 'blueprint' ? world.blueprints : world.entities
  const id = draw.chance(0.1) ? 'Good' : hostileId(draw, objects.keys())
  const said = (): { kind: string; patch?: unknown; snapshot?: unknown } => {
    switch (draw.int(0, 7)) {
      case 0:
      case 1:
        objects.delete(id)
        return { kind: `${of}.remove`, patch: { id } }
      case 2:
        return {
          kind: 'settings.update',
          patch: { key: draw.chance(0.5) ? 'title' : draw.pick(KEYS), value: value(draw) },
        }
      case 3:
        return {
          kind: draw.pick(['spawn.update', word(draw)]),
          snapshot: { position: value(draw), quaternion: [0, 0, 0, 1] },
        }
      default: {
        objects.set(id, true)
        return {
          kind: `${of}.update`,
          patch: {},
          snapshot: of === 'blueprint' ? hostileBlueprint(draw, world, id) : hostileEntity(draw, world, id),
        }
      }
    }
  }
  const envelope = { cursor: 1, opId: 'op', ts: '', actor: 'mallory', source: 'admin', objectUid: 'uid' }
  return JSON.parse(spelled({ ...envelope, ...said() })) as Operation
}

/** The state of a tree by object, and what is wrong with its files. */
async function stateOf(
  trees: Trees,
  tip: Oid,
): Promise<{ readonly state: ReadonlyMap<string, string>; readonly wrong: readonly string[] }> {
  const { state, problems } = await trees.project(tip)
  const wrong = problems.filter(
    ({ code, message }) => !/^(?:unknown_blueprint|script_root)$/.test(code) || !/which does not exist/.test(message),
  )
  return {
    state: new Map([...state].map(([key, { fields }]) => [key, JSON.stringify(fields)])),
    wrong: wrong.map(({ path, message }) => `${JSON.stringify(path)}: ${message}`),
  }
}

function aboutOf(effect: Effect): string {
  return effect.kind === 'put' || effect.kind === 'remove'
    ? `${effect.of}:${effect.id}`
    : effect.kind === 'setting'
      ? 'settings'
      : effect.kind
}

/**
 * The line of a hostile feed, in memory: after every operation all paths are safe, everything can be read back, and no
 * object but the operation's own has changed; what is removed takes nothing along but its own files (S1, G4).
 */
export async function lineCase(seed: number): Promise<CaseReport> {
  const draw = new Draw(seed)
  const findings: string[] = []
  const story: string[] = []
  const find = (what: string) => void (findings.includes(what) || findings.push(what))
  try {
    const trees = await Trees.open()
    const world = new Assets()
    const layout: Layout = draw.chance(0.8) ? 'split' : 'manifest'
    const line = trees.line(undefined, layout)
    await line.settings({ title: 'Plaza' })
    await line.apply({ kind: 'spawn', spawn: { position: [0, 0, 0], quaternion: [0, 0, 0, 1] } })
    const script = world.asset(LAMP_SCRIPT, 'js')
    await trees.asset(script, LAMP_SCRIPT)
    const good = {
      id: 'Good',
      name: 'Good',
      script,
      scriptEntry: 'index.js',
      scriptFiles: { 'index.js': script },
      scriptFormat: 'module',
    }
    await line.apply({ kind: 'put', of: 'blueprint', id: 'Good', object: good })
    let before = await stateOf(trees, line.tip!)
    for (let n = draw.int(3, 25); n > 0; n--) {
      const operation = nextOperation(draw, world)
      const effect = effectOf(operation)
      const about = aboutOf(effect)
      for (const [name, bytes] of world.assets) {
        if (trees.assetOf(`asset://${name}`) !== undefined || /\s/.test(extensionOf(name)) || draw.chance(0.1)) continue
        await trees.asset(`asset://${name}`, Buffer.from(bytes).toString('utf8'))
      }
      const refused = line.refused.length
      await line.apply(effect)
      const whole = line.refused.slice(refused).map(([key, reason]) => `${key} ${reason}`)
      story.push(
        `${operation.kind} ${JSON.stringify(about)}${whole.length > 0 ? `, refused: ${whole.join('; ')}` : ''}`,
      )
      const after = await stateOf(trees, line.tip!)
      for (const wrong of after.wrong) find(`after ${operation.kind}: ${wrong}`)
      for (const wrong of judgePaths((await trees.paths(line.tip!)).map((path) => ({ mode: '100644', path }))))
        find(wrong)
      judgeOthers(before.state, after.state, about, find)
      judgeEdits(effect, line.edits, layout, find)
      before = after
    }
  } catch (error) {
    find(describe(error))
  }
  return { findings, story }
}

/** An operation changes its own object, and shared modules that it brings. */
function judgeOthers(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  about: string,
  find: (what: string) => void,
): void {
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    if (key === about || key.startsWith('shared:') || before.get(key) === after.get(key)) continue
    find(`${about} changed ${key}: ${before.get(key)} → ${after.get(key)}`)
  }
}

function judgeEdits(effect: Effect, edits: readonly TreeEdit[], layout: Layout, find: (what: string) => void): void {
  if (effect.kind !== 'remove' || layout === 'manifest') return
  const paths = edits.map(({ path, kind }) => `${kind} ${path}`)
  if (edits.some(({ kind }) => kind !== 'delete')) find(`a removal writes: ${paths.join(', ')}`)
  if (effect.of === 'entity' && edits.length > 1) find(`the removal of an entity takes along: ${paths.join(', ')}`)
  if (effect.of === 'blueprint' && new Set(edits.map(({ path }) => path.split('/')[1])).size > 1)
    find(`the removal of a blueprint takes along: ${paths.join(', ')}`)
}
