import { describe, expect, it } from 'vitest'
import { openConflicts } from '../../src/sync/conflicts.ts'
import { resolve } from '../../src/sync/resolve.ts'
import { type RestageReport, restage } from '../../src/sync/restage.ts'
import { openProject, type Project } from '../../src/sync/session.ts'
import { Checkout, temporaryFolder } from './support.ts'

const SWITCHES = { strictConflicts: true, bidirectional: true }
const LAMP = 'world/entities/00/lamp.json'
type Doc = Record<string, unknown>

/** A project where two branches changed the lamp, and git merged by line. */
class Merged extends Checkout {
  readonly layout: 'split' | 'manifest'

  constructor(layout: 'split' | 'manifest', both: (lamp: Doc, side: 'ours' | 'theirs') => void) {
    super(temporaryFolder())
    this.layout = layout
    this.git('init', '--quiet', '--initial-branch=main')
    this.write('lobby.json', { targets: { main: { worldUrl: 'http://localhost:1', worldId: 'plaza' } } })
    this.write('apps/Lamp/Lamp.json', { id: 'Lamp', name: 'Lamp' })
    this.write('apps/Lamp/index.js', 'export default () => 0\n')
    const lamp = {
      id: 'lamp',
      blueprint: 'Lamp',
      position: [0, 0, 0],
      pinned: false,
      props: { color: 'white', size: 1 },
    }
    if (layout === 'split') this.write(LAMP, lamp)
    else this.write('world.json', { formatVersion: 2, settings: {}, spawn: {}, entities: [lamp] })
    this.commit('base')
    this.git('switch', '--quiet', '-c', 'other')
    this.edit((doc) => both(doc, 'theirs'))
    this.commit('theirs')
    this.git('switch', '--quiet', 'main')
    this.edit((doc) => both(doc, 'ours'))
    this.commit('ours')
    expect(() => this.git('merge', '--quiet', 'other')).toThrow()
  }

  get file(): string {
    return this.layout === 'split' ? LAMP : 'world.json'
  }

  edit(change: (lamp: Doc) => void): void {
    this.change(this.file, (doc) => change((doc.entities as Doc[] | undefined)?.[0] ?? doc))
  }

  async within<T>(work: (project: Project) => Promise<T>): Promise<T> {
    const project = await openProject(this.context())
    try {
      return await work(project)
    } finally {
      await project.repository.close()
    }
  }

  restage(): Promise<RestageReport> {
    return this.within((project) => restage(project, SWITCHES))
  }

  stage(number: 1 | 2 | 3): Doc {
    const doc = JSON.parse(this.git('show', `:${number}:${this.file}`)) as Doc
    return (doc.entities as Doc[] | undefined)?.[0] ?? doc
  }
}

describe.each(['split', 'manifest'] as const)('C2: restaging a plain merge in a %s project', (layout) => {
  it('M5: between two branches nobody owns a field, whatever the policy says of the world', async () => {
    const merged = new Merged(layout, (lamp, side) => {
      lamp.props = { color: side === 'ours' ? 'red' : 'blue', size: side === 'ours' ? 1 : 2 }
    })
    merged.change('lobby.json', (lobby) => {
      lobby.policy = { rules: [{ type: 'entity', owner: 'runtime' }] }
    })
    expect(await merged.restage()).toMatchObject({ restaged: [merged.file], open: 1 })
    const { conflicts } = await merged.within(openConflicts)
    expect(conflicts.flatMap(({ fields }) => fields.map(({ field }) => field))).toEqual(['props.color'])
  })

  it('what does not contradict is merged', async () => {
    const merged = new Merged(layout, (lamp, side) => {
      lamp.props = side === 'ours' ? { color: 'red', size: 1 } : { color: 'white', size: 2 }
    })
    expect(await merged.restage()).toEqual({ merged: [merged.file], restaged: [], left: [], open: 0 })
    expect(merged.git('ls-files', '--unmerged')).toBe('')
    merged.edit((lamp) => expect(lamp.props).toEqual({ color: 'red', size: 2 }))
    merged.git('commit', '--quiet', '--no-edit')
    expect(merged.git('log', '-1', '--format=%P').split(' ')).toHaveLength(2)
  })

  it('the stages of what does differ in the contested fields alone', async () => {
    const merged = new Merged(layout, (lamp, side) => {
      lamp.position = side === 'ours' ? [1, 1, 1] : [2, 2, 2]
      lamp.props = side === 'ours' ? { color: 'red', size: 2 } : { color: 'blue', size: 1 }
      if (side === 'theirs') lamp.pinned = true
    })
    expect(await merged.restage()).toEqual({ merged: [], restaged: [merged.file], left: [], open: 1 })
    const rest = { pinned: true }
    expect(merged.stage(1)).toMatchObject({ position: [0, 0, 0], props: { color: 'white', size: 2 }, ...rest })
    expect(merged.stage(2)).toMatchObject({ position: [1, 1, 1], props: { color: 'red', size: 2 }, ...rest })
    expect(merged.stage(3)).toMatchObject({ position: [2, 2, 2], props: { color: 'blue', size: 2 }, ...rest })
    expect(merged.read(merged.file)).toContain('<<<<<<< HEAD')
    // Again is the same again.
    const text = merged.read(merged.file)
    const index = merged.git('ls-files', '--stage')
    expect(await merged.restage()).toMatchObject({ restaged: [merged.file], open: 1 })
    expect(merged.read(merged.file)).toBe(text)
    expect(merged.git('ls-files', '--stage')).toBe(index)
    const { conflicts } = await merged.within(openConflicts)
    expect(conflicts).toMatchObject([{ object: 'entity:lamp', source: 'git', artifact: undefined }])
    expect(conflicts[0]?.fields.map(({ field }) => field)).toEqual(['position', 'props.color'])
    const options = { names: ['lamp'], all: false, field: 'position' }
    await merged.within((project) => resolve(project, SWITCHES, { ...options, use: 'remote' }))
    await merged.within((project) => resolve(project, SWITCHES, { ...options, field: undefined, use: 'local' }))
    merged.edit((lamp) =>
      expect(lamp).toMatchObject({ position: [2, 2, 2], props: { color: 'red', size: 2 }, pinned: true }),
    )
    expect(merged.git('ls-files', '--unmerged')).toBe('')
  })
})

describe('what restaging leaves alone', () => {
  const contested = (lamp: Doc, side: 'ours' | 'theirs') => {
    lamp.position = side === 'ours' ? [1, 1, 1] : [2, 2, 2]
  }

  it('a file that was edited, a deletion, a text, what does not parse', async () => {
    const merged = new Merged('split', contested)
    merged.git('merge', '--abort')
    const both = (ours: () => void, theirs: () => void) => {
      merged.git('switch', '--quiet', 'other')
      theirs()
      merged.commit('theirs too')
      merged.git('switch', '--quiet', 'main')
      ours()
      merged.commit('ours too')
    }
    both(
      () => {
        merged.write('apps/Lamp/index.js', 'export default () => 1\n')
        merged.change('apps/Lamp/Lamp.json', (lamp) => {
          lamp.desc = 'ours'
        })
        merged.write('notes.txt', 'ours\n')
      },
      () => {
        merged.write('apps/Lamp/index.js', 'export default () => 2\n')
        merged.remove('apps/Lamp/Lamp.json')
        merged.write('notes.txt', 'theirs\n')
      },
    )
    expect(() => merged.git('merge', '--quiet', 'other')).toThrow()
    merged.write(LAMP, '{ "id": "lamp", "blueprint": "Lamp", "position": [7, 7, 7] }\n')
    const text = merged.read('apps/Lamp/index.js')
    const index = merged.git('ls-files', '--stage')
    expect(await merged.restage()).toEqual({
      merged: [],
      restaged: [],
      left: [
        { path: 'apps/Lamp/Lamp.json', reason: 'one side deleted it' },
        { path: 'apps/Lamp/index.js', reason: 'it is merged as text or not at all' },
        { path: LAMP, reason: 'it was edited: "--use merged" takes it' },
      ],
      open: 3,
    })
    expect(merged.read('apps/Lamp/index.js')).toBe(text)
    expect(merged.read(LAMP)).toContain('[7, 7, 7]')
    expect(merged.git('ls-files', '--stage')).toBe(index)
  })

  it('a project without a merge', async () => {
    const merged = new Merged('split', contested)
    merged.git('merge', '--abort')
    expect(await merged.restage()).toEqual({ merged: [], restaged: [], left: [], open: 0 })
    expect(merged.git('status', '--porcelain')).toBe('')
  })
})
