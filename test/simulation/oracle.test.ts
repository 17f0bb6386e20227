import { describe, expect, it } from 'vitest'
import type { Commit, Oid } from '../../src/git-bridge/repository.ts'
import { formatTrailers } from '../../src/git-bridge/trailers.ts'
import { type Bits, hasBit, NO_BITS, withBit } from './bits.ts'
import { Histories, NO_ORIGIN, type Origin, type Reading } from './history.ts'
import { CRASHING, Edits, EMPTY_SITE, type Site } from './knowledge.ts'
import { namesObject, type Place, type Values } from './values.ts'
import { Watch } from './watch.ts'

/** Commits made up for the oracle: each a few fields of one lamp. */
class Story {
  readonly edits = new Edits()
  readonly histories = new Histories(this.edits, () => [])
  readonly #commits = new Map<Oid, Commit>()
  readonly #trees = new Map<Oid, Readonly<Record<string, string>>>()
  readonly #reading: Reading = {
    commit: (oid) => this.#commits.get(oid)!,
    has: (oid) => this.#commits.has(oid),
    files: (tree) => Object.keys(this.#trees.get(tree)!).map((path) => ({ path, oid: `${tree}:${path}` as Oid })),
    blob: (oid) => {
      const [tree, path] = oid.split(':') as [Oid, string]
      return this.#trees.get(tree)![path]!
    },
  }

  /** Learns a commit; `edited` are the fields that its author changed. */
  commit(
    name: string,
    parents: readonly string[],
    lamp: Readonly<Record<string, unknown>> | undefined,
    options: {
      readonly edited?: readonly string[]
      readonly inWorld?: string
      readonly origin?: Partial<Origin>
      /** Files beside the lamp's. */
      readonly files?: Readonly<Record<string, string>>
    } = {},
  ): readonly string[] {
    const oid = name as Oid
    const tree = `tree-${name}` as Oid
    const { color, ...rest } = lamp ?? {}
    const document = { id: 'lamp', ...rest, ...(color === undefined ? {} : { props: { color } }) }
    const own = lamp === undefined ? {} : { 'world/entities/00/lamp.json': JSON.stringify(document) }
    this.#trees.set(tree, { ...own, ...options.files })
    const who = { name, email: `${name}@example.com`, time: 0, offset: 0 }
    const message = `${name}\n`
    this.#commits.set(oid, { oid, tree, parents: parents as readonly Oid[], author: who, committer: who, message })
    const values = this.histories.values(this.#reading, tree, [])
    const pending = new Map(
      (options.edited ?? []).map((field) => {
        const at: Place = `entity:lamp ${field === 'color' ? 'props.color' : field}`
        const edit = this.edits.make(name, field, options.inWorld)
        this.edits.about(edit, at, values.get(at))
        return [at, { edit, value: values.get(at) }]
      }),
    )
    return this.histories.learn(this.#reading, oid, { ...NO_ORIGIN, by: name, pending, ...options.origin })
  }

  forgotten(lost: ReadonlyMap<Place, Bits>, tips: readonly string[]): readonly string[] {
    return this.histories.forgotten(lost, [[this.#reading, tips as readonly Oid[]]])
  }

  site(name: string): Site {
    return this.histories.siteOf(name as Oid)
  }
}

const START = { position: [0, 0, 0], color: 'white', blueprint: 'Lamp', scale: [1, 1, 1] }
const ALL = ['is', 'position', 'color', 'blueprint', 'scale']

function begun(): Story {
  const story = new Story()
  expect(story.commit('root', [], START, { edited: ALL })).toEqual([])
  return story
}

describe('what a merge may make of two sides', () => {
  it('takes whoever has seen the other', () => {
    const story = begun()
    story.commit('a', ['root'], { ...START, color: 'red' }, { edited: ['color'] })
    story.commit('b', ['root'], { ...START, position: [1, 0, 0] }, { edited: ['position'] })
    expect(story.commit('m', ['a', 'b'], { ...START, color: 'red', position: [1, 0, 0] })).toEqual([])
  })

  it('never goes back to what both sides, or one, have left behind', () => {
    const story = begun()
    story.commit('a', ['root'], { ...START, color: 'red' }, { edited: ['color'] })
    story.commit('b', ['root'], { ...START, position: [1, 0, 0] }, { edited: ['position'] })
    const [defect, ...others] = story.commit('m', ['a', 'b'], { ...START, position: [1, 0, 0] })
    expect(others).toEqual([])
    expect(defect).toContain('entity:lamp props.color = "white", not "red"')
  })

  it('picks no side silently where neither had seen the other', () => {
    for (const color of ['red', 'blue']) {
      const story = begun()
      story.commit('a', ['root'], { ...START, color: 'red' }, { edited: ['color'] })
      story.commit('b', ['root'], { ...START, color: 'blue' }, { edited: ['color'] })
      expect(story.commit('m', ['a', 'b'], { ...START, color })[0]).toContain('undecided')
    }
  })

  it('accepts what somebody has decided', () => {
    const story = begun()
    story.commit('a', ['root'], { ...START, color: 'red' }, { edited: ['color'] })
    story.commit('b', ['root'], { ...START, color: 'blue' }, { edited: ['color'] })
    const decided = new Set(['entity:lamp props.color'])
    expect(story.commit('m', ['a', 'b'], { ...START, color: 'blue' }, { origin: { decided } })).toEqual([])
    expect(story.commit('c', ['m'], { ...START, color: 'green' }, { edited: ['color'] })).toEqual([])
    // Whoever decided has seen both: what follows wins over either.
    expect(story.commit('n', ['a', 'c'], { ...START, color: 'green' })).toEqual([])
    expect(story.commit('o', ['b', 'c'], { ...START, color: 'blue' })[0]).toContain('not "green"')
  })

  it('knows a value that was put back in the world from one that never changed', () => {
    const story = begun()
    story.commit('a', ['root'], { ...START, color: 'red' }, { edited: ['color'] })
    story.commit('back', ['a'], START, { edited: ['color'], inWorld: 'plaza' })
    // Of one history: who put it back has seen the red.
    expect(story.commit('m', ['a', 'back'], START)).toEqual([])
    expect(story.commit('n', ['a', 'back'], { ...START, color: 'red' })[0]).toContain('not "white"')
    story.commit('b', ['root'], { ...START, color: 'blue' }, { edited: ['color'] })
    expect(story.commit('o', ['b', 'back'], { ...START, color: 'blue' })[0]).toContain('undecided')
  })

  it('has a squash hold what its branch does, though its parent held the same', () => {
    const story = begun()
    story.commit('never', ['root'], undefined, { edited: ALL })
    story.commit('made', ['never'], { ...START, color: 'red' }, { edited: ALL })
    story.commit('gone', ['made'], undefined, { edited: ALL })
    expect(story.commit('squash', ['never'], undefined, { origin: { sources: ['gone' as Oid] } })).toEqual([])
    // Who decides to keep the lamp has seen that as well.
    story.commit('blue', ['made'], { ...START, color: 'blue' }, { edited: ['color'] })
    const decided = new Set(['entity:lamp'])
    story.commit('kept', ['blue', 'gone'], { ...START, color: 'blue' }, { origin: { decided } })
    expect(story.commit('m', ['squash', 'kept'], { ...START, color: 'blue' })).toEqual([])
    expect(story.commit('n', ['squash', 'blue'], { ...START, color: 'blue' })[0]).toContain('undecided')
  })

  it('takes scripts without their blueprint for nothing, and lets no merge with the world leave them so', () => {
    const script = { 'apps/Door/index.js': "const Door_0 = 'open'\n" }
    const app = { ...script, 'apps/Door/Door.json': '{"name":"Door"}' }
    const values = { 'blueprint:Door is': 'true', 'blueprint:Door name': '"Door"', 'script Door_0': '"open"' }
    const story = begun()
    const edited = (is: boolean) => {
      const edit = story.edits.make('eve', 'app')
      return new Map(Object.entries(values).map(([at, value]) => [at, { edit, value: is ? value : undefined }]))
    }
    const decided = new Set(['script', 'blueprint:Door'])
    expect(story.commit('app', ['root'], START, { files: app, origin: { pending: edited(true) } })).toEqual([])
    expect(story.commit('gone', ['app'], START, { origin: { pending: edited(false) } })).toEqual([])
    const bases = ['app' as Oid]
    expect(story.commit('m', ['gone', 'app'], START, { files: script, origin: { decided, bases } })).toEqual([])
    expect(story.site('m').stands.get('script Door_0')?.value).toBe(undefined)
    expect(story.commit('n', ['gone', 'app'], START, { files: script, origin: { decided } })).toEqual([
      'file: n "n" of n leaves apps/Door/index.js without its blueprint',
    ])
    expect(story.commit('o', ['m', 'app'], START, { files: script, origin: { decided } })).toEqual([])
  })

  it('lets nobody remove what somebody else has changed meanwhile', () => {
    const story = begun()
    story.commit('gone', ['root'], undefined, { edited: ALL })
    story.commit('b', ['root'], { ...START, color: 'blue' }, { edited: ['color'] })
    expect(story.commit('m', ['gone', 'b'], undefined)[0]).toContain('entity:lamp is = undefined, undecided')
    expect(story.commit('n', ['b', 'gone'], { ...START, color: 'blue' })[0]).toContain('undecided')
    story.commit('same', ['root'], START)
    expect(story.commit('o', ['gone', 'same'], START)[0]).toContain('not undefined')
    expect(story.commit('p', ['gone', 'same'], undefined)).toEqual([])
  })

  it("remembers what git's merge keeps though one side removed it, for the push that brings it back", () => {
    const story = begun()
    story.commit('a', ['root'], { ...START, color: 'red' }, { edited: ['color'] })
    story.commit('b', ['root'], undefined, { edited: ['is'] })
    const bases = ['root' as Oid]
    expect(story.commit('m', ['a', 'b'], { ...START, color: 'red' }, { origin: { bases } })).toEqual([])
    expect(story.histories.keptByGit.get('entity:lamp')).toContain('undecided')
    // A merge with the world has no such excuse.
    expect(story.commit('n', ['a', 'b'], { ...START, color: 'red' })[0]).toContain('undecided')
  })

  it('holds no value that nobody wrote', () => {
    const story = begun()
    story.commit('a', ['root'], { ...START, position: [2, 0, 0] }, { edited: ['position'] })
    story.commit('b', ['root'], { ...START, position: [0, 0, 2] }, { edited: ['position'] })
    const blend = story.commit('m', ['a', 'b'], { ...START, position: [2, 0, 2] })
    expect(blend.some((defect) => defect.startsWith('nowhere:'))).toBe(true)
    expect(story.commit('c', ['root'], { ...START, color: 'pink' })[0]).toContain('nowhere:')
  })

  it('sees through a squash: its content knows what the branch knew', () => {
    const story = begun()
    story.commit('f', ['root'], { ...START, color: 'red' }, { edited: ['color'] })
    expect(story.commit('squash', ['root'], { ...START, color: 'red' }, { origin: { sources: ['f' as Oid] } })).toEqual(
      [],
    )
    story.commit('g', ['f'], { ...START, color: 'green' }, { edited: ['color'] })
    expect(story.commit('m', ['squash', 'g'], { ...START, color: 'red' })[0]).toContain('not "green"')
  })
})

describe('what a world has lost', () => {
  it('is in a commit that can be reached', () => {
    const story = begun()
    story.commit('a', ['root'], { ...START, color: 'red' }, { edited: ['color'] })
    story.commit('b', ['root'], { ...START, color: 'blue' }, { edited: ['color'] })
    const at: Place = 'entity:lamp props.color'
    const red = story.site('a').stands.get(at)!.edits[0]!
    const lost = new Map([[at, withBit(NO_BITS, red)]])
    expect(story.forgotten(lost, ['b', 'a'])).toEqual([])
    expect(story.forgotten(lost, ['b'])).toEqual([`${at} of #${red} color by a`])
    // What no commit ever held was in nobody's history.
    expect(story.forgotten(new Map([[at, withBit(NO_BITS, 900)]]), ['b'])).toEqual([])
  })

  it('may come back, by somebody who saw it gone, though somebody else has removed it by hand as well', () => {
    const story = begun()
    const decided = new Set(['entity:lamp'])
    story.commit(CRASHING, ['root'], undefined, { edited: ['is'], inWorld: 'plaza' })
    // Told of the crash, and asked what to do about it, which comes to the same.
    story.commit('mine', ['root'], undefined, { edited: ['is'], origin: { sources: [CRASHING as Oid] } })
    expect(story.commit('m', ['mine', CRASHING], undefined, { origin: { decided } })).toEqual([])
    story.commit('restored', [CRASHING], START, { origin: { decided } })
    expect(story.commit('n', ['m', 'restored'], START)).toEqual([])
    // Who has seen it gone neither by the crash nor by hand brings nothing back.
    expect(story.commit('unaware', ['m', 'root'], START)[0]).toContain('not undefined')
  })
})

describe('what a line may say', () => {
  it('is, of what it did not have and somebody carries, where a new snapshot shows it', () => {
    for (const isHeld of [true, false]) {
      const edits = new Edits()
      const add = edits.make('sam', 'add', 'plaza')
      const held = new Map(isHeld ? [['entity:lamp', edits.make('eve', 'carry lamp', 'plaza')]] : [])
      const values: Values = new Map([
        ['entity:lamp is', 'true'],
        ['entity:lamp position', '[1,0,0]'],
      ])
      const stands = new Map([...values].map(([at, value]) => [at, { value, edits: [add] }]))
      const now = { site: { stands, seen: withBit(NO_BITS, add) }, values, held }
      const histories = new Histories(edits, (_, at) => (at === 1 ? [{ site: EMPTY_SITE, values: new Map() }] : [now]))
      const who = { name: 'snapshot', email: '', time: 0, offset: 0 }
      const reading: Reading = {
        commit: (oid) => {
          const tree = (oid === 'root' ? '1' : '9').repeat(40) as Oid
          const place = {
            worldId: 'plaza',
            cursor: Number(tree[0]),
            opId: 'op',
            source: 'snapshot',
            object: 'snapshot',
          }
          const message = `snapshot\n\n${formatTrailers(place)}`.replace('{tree}', tree)
          const parents = oid === 'root' ? [] : ['root' as Oid]
          return { oid, tree, parents, author: who, committer: who, message }
        },
        files: (tree) => (tree.startsWith('1') ? [] : [{ path: 'world/entities/00/lamp.json', oid: 'lamp' as Oid }]),
        blob: () => JSON.stringify({ id: 'lamp', position: [1, 2, 0] }),
        has: () => true,
      }
      const defects = histories.learn(reading, 'bridge' as Oid, NO_ORIGIN)
      expect(defects.map((text) => text.split(':', 1)[0])).toEqual(isHeld ? [] : ['line'])
    }
  })
})

describe('what a push may do to a world', () => {
  const at: Place = 'entity:lamp props.color'
  const values = (color: string): Values => new Map([[at, JSON.stringify(color)]])

  function watched(checked: boolean) {
    const edits = new Edits()
    const watch = new Watch(edits, { worldId: 'plaza', cursor: 1, values: values('white') })
    const start = watch.now.site
    const by = (color: string): Site => {
      const edit = edits.make('dev', color)
      edits.about(edit, at, JSON.stringify(color))
      const seen = new Uint32Array(start.seen.length + 1)
      seen.set(start.seen)
      seen[edit >>> 5]! |= 1 << (edit & 31)
      return { stands: new Map([[at, { value: JSON.stringify(color), edits: [edit] }]]), seen }
    }
    const operation = (cursor: number, color: string, head?: Site) =>
      watch.operation({
        cursor,
        opId: `op${cursor}`,
        values: values(color),
        author:
          head === undefined
            ? { kind: 'editor', edit: edits.make('eve', color, 'plaza') }
            : { kind: 'push', clone: 'dev', head, late: false, checked },
        words: 'entity.update lamp',
        idle: watch.now.values.get(at) === JSON.stringify(color),
      })
    return { watch, by, operation }
  }

  it('overwrites what its branch has seen', () => {
    const { watch, by, operation } = watched(true)
    operation(2, 'red', by('red'))
    expect(watch.defects).toEqual([])
    expect(watch.at(2)[0]!.values.get(at)).toBe('"red"')
    expect(watch.at(1)[0]!.values.get(at)).toBe('"white"')
  })

  it('must not overwrite what its branch has not seen, or must tell it', () => {
    const checked = watched(true)
    checked.operation(2, 'blue')
    checked.operation(3, 'red', checked.by('red'))
    expect(checked.watch.defects[0]).toContain('unseen')
    const loose = watched(false)
    loose.operation(2, 'blue')
    loose.operation(3, 'red', loose.by('red'))
    expect(loose.watch.defects).toEqual([])
    expect(loose.watch.unseen).toMatchObject([{ clone: 'dev', at, cursor: 3 }])
  })

  it('neither repeats an operation, nor sends one that changes nothing, nor what its branch does not hold', () => {
    const { watch, by, operation } = watched(true)
    const red = by('red')
    operation(2, 'red', red)
    operation(3, 'red', red)
    operation(3, 'green', red)
    expect(watch.defects.map((defect) => defect.split(':', 1)[0])).toEqual(['push', 'feed', 'push'])
    operation(5, 'pink', EMPTY_SITE)
    expect(watch.defects.at(-1)).toContain('its branch holds undefined')
  })

  it('follows a world that lost what it had not saved', () => {
    const { watch, operation } = watched(false)
    operation(2, 'blue')
    watch.saved(new Set())
    operation(3, 'green')
    watch.restarted(values('blue'))
    expect(watch.defects).toEqual([])
    expect(watch.at(3)[0]!.values.get(at)).toBe('"green"')
    operation(4, 'grey')
    expect(watch.now.values.get(at)).toBe('"grey"')
    watch.restarted(values('violet'))
    expect(watch.defects[0]).toContain('came back as')
  })

  it('has a crash take away what was never saved, so that who finds it gone has seen something', () => {
    const edits = new Edits()
    const watch = new Watch(edits, { worldId: 'plaza', cursor: 1, values: new Map() })
    const author = { kind: 'editor', edit: edits.make('eve', 'set') } as const
    watch.operation({ cursor: 2, opId: 'op-2', values: values('green'), author, words: 'set' })
    watch.restarted(new Map())
    const [crash, ...others] = watch.now.site.stands.get(at)!.edits
    expect(others).toEqual([])
    expect(hasBit(watch.now.site.seen, crash!)).toBe(true)
    expect(hasBit(watch.now.site.seen, author.edit)).toBe(false)
    // Nobody has to have seen either: no client may ever have looked.
    expect([crash!, author.edit].every((edit) => hasBit(watch.lost, edit))).toBe(true)
    // What goes back to an earlier value is there by the edit that it had.
    const { watch: other, operation } = watched(false)
    const white = other.now.site.stands.get(at)!.edits
    operation(2, 'green')
    other.restarted(values('white'))
    expect(other.now.site.stands.get(at)!.edits).toEqual(white)
  })

  it('keeps what somebody carried apart from what somebody else wrote meanwhile, when a crash takes the one', () => {
    const edits = new Edits()
    const both = (color: string, position: string): Values =>
      new Map([...values(color), ['entity:lamp position', position]])
    const watch = new Watch(edits, { worldId: 'plaza', cursor: 1, values: both('white', '[0,0,0]') })
    const carry = edits.make('sam', 'carry', 'plaza')
    const author = { kind: 'editor', edit: edits.make('eve', 'set', 'plaza') } as const
    watch.operation({
      cursor: 2,
      opId: 'op-2',
      values: both('white', '[1,0,0]'),
      author,
      words: 'set',
      carried: { at: 'entity:lamp position', edit: carry },
    })
    expect(watch.now.site.stands.get('entity:lamp position')!.edits).toEqual([carry])
    watch.restarted(both('white', '[0,0,0]'))
    expect([author.edit, carry].map((edit) => hasBit(watch.now.site.seen, edit))).toEqual([true, false])
  })

  it('takes what a world lost for seen no sooner than somebody writes the field anew', () => {
    const { watch, operation } = watched(false)
    operation(2, 'green')
    const green = watch.now.site.stands.get(at)!.edits[0]!
    watch.restarted(values('white'))
    expect(hasBit(watch.now.site.seen, green)).toBe(false)
    expect(hasBit(watch.dropped.get(at)!, green)).toBe(true)
    operation(3, 'grey')
    // Who wrote that could not know of the green, and nobody can tell them: history has it.
    expect(hasBit(watch.now.site.seen, green)).toBe(true)
    expect(hasBit(watch.dropped.get(at)!, green)).toBe(true)
  })
})

describe('what two worlds come to', () => {
  it('is what either has where they meet first, and otherwise somebody decides', () => {
    const story = begun()
    expect(story.commit('yard', [], { ...START, color: 'grey' }, { edited: ALL })).toEqual([])
    expect(story.commit('empty', [], undefined)).toEqual([])
    expect(story.commit('all of it', ['root', 'empty'], START)).toEqual([])
    const [gone] = story.commit('nothing of it', ['root', 'empty'], undefined)
    expect(gone).toContain('entity:lamp is = undefined, not true')
    const [undecided] = story.commit('grey', ['root', 'yard'], { ...START, color: 'grey' })
    expect(undecided).toContain('undecided')
    const decided = new Set(['entity:lamp props.color'])
    expect(story.commit('chosen', ['root', 'yard'], { ...START, color: 'grey' }, { origin: { decided } })).toEqual([])
  })

  it('is without a field that somebody decided against, though nobody took it away', () => {
    const story = begun()
    const { color: _, ...plain } = START
    story.commit('yard', [], plain, { edited: ALL.filter((field) => field !== 'color') })
    const decided = new Set(['entity:lamp props.color'])
    expect(story.commit('plain', ['root', 'yard'], plain, { origin: { decided } })).toEqual([])
    expect(story.commit('still plain', ['plain', 'root'], plain)).toEqual([])
    const [back] = story.commit('white again', ['plain', 'root'], START)
    expect(back).toContain('props.color = "white", not undefined')
  })

  it('is what either feed tells: to the one, what somebody puts back in the other is a value that stayed', () => {
    const edits = new Edits()
    const at = 'entity:lamp props.color'
    const white = edits.make('the beginning', 'color', 'plaza')
    const back = edits.make('eve', 'color', 'yard')
    for (const edit of [white, back]) edits.about(edit, at, '"white"')
    const seen = withBit(NO_BITS, white)
    const stand = { value: '"white"', edits: [back] }
    expect(edits.hasSeen(seen, at, stand)).toBe(false)
    expect(edits.hasSeen(seen, at, stand, 'yard')).toBe(false)
    expect(edits.hasSeen(seen, at, stand, 'plaza')).toBe(true)
  })
})

describe('what counts as told', () => {
  it('is the name of the object, and no part of another word', () => {
    expect(namesObject('eve wrote position of entity:e0 meanwhile', 'entity:e0 position')).toBe(true)
    expect(namesObject('eve wrote position of entity:e01 (9e0 a e0b1)', 'entity:e0 position')).toBe(false)
    expect(namesObject('"key":"blueprint:$scene"', 'blueprint:$scene name')).toBe(true)
    expect(namesObject('apps/Lamp/index.js', 'script Lamp_2')).toBe(true)
    expect(namesObject('$settings of the world', 'settings title')).toBe(false)
  })
})
