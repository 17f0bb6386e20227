import { rmSync } from 'node:fs'
import { expect } from 'vitest'
import { fsck } from '../sync/support.ts'
import { Faults, type Kill } from './conflict-faults.ts'
import {
  begin,
  expectConcluded,
  inBothLayouts,
  type Layout,
  openFields,
  type Project,
  sync,
} from './conflict-support.ts'
import { LONG } from './long.ts'

const WRITES = /^(?:read-tree|update-index|stash (?:push|drop)|.*\bupdate-ref)\b/

function strikes(calls: readonly string[], layout: Layout): readonly { readonly at: number; readonly kill: Kill }[] {
  return calls.flatMap((call, index) => {
    const at = index + 1
    // `npm test` takes a sample, the writing ones in it.
    if (LONG) return (['kill-before', 'kill-after'] as const).map((kill) => ({ at, kill }))
    if (!WRITES.test(call) && (layout === 'manifest' || at % 11 !== 1)) return []
    // What is struck before it works in one layout is struck after it in the other.
    return [{ at, kill: (at % 2 === 0) === (layout === 'split') ? 'kill-before' : 'kill-after' } as const]
  })
}

inBothLayouts(
  'a contested pull that is killed is completed by the next; no marker is committed, nothing is lost',
  async (layout) => {
    const { world, project } = await begin(layout)
    const script = project.read('apps/Lamp/index.js')
    await world.edit('bob', 'lamp0001', { position: [2, 2, 2], props: { color: 'red', glow: 7, label: 'A lamp' } })
    await world.edit('bob', 'lamp0002', { position: [6, 6, 6] })
    const mine = project.edit('lamp0001', { position: [1, 1, 1], pinned: true }).commit('mine')
    project.write('apps/Lamp/index.js', script.replace('// glow', 'glow()'))
    project.edit('lamp0002', { pinned: true })

    const faults = new Faults()
    const args = ['pull', '--autostash']
    const whole = faults.copy(project)
    const unharmed = await faults.run(whole, args)
    expect(unharmed.code, unharmed.stderr).toBe(2)
    const open = (copy: Project) => [copy.git('ls-files', '--stage'), copy.files(), copy.git('rev-parse', 'HEAD')]
    const left = open(whole)
    const settled = settle(whole)

    for (const fault of strikes(unharmed.calls, layout)) {
      const copy = faults.copy(project)
      const struck = await faults.run(copy, args, fault)
      const story = `${fault.kill} at ${fault.at}: git ${struck.calls[fault.at - 1]}\n${struck.stderr}`
      expect(struck.code, story).not.toBe(0)
      expect(copy.git('rev-parse', 'HEAD'), story).toBe(mine)
      const again = await sync(copy, args)
      expect(again.code, `${story}\n${again.stderr}`).toBe(2)
      expect(open(copy), story).toEqual(left)
      expect(await openFields(copy), story).toEqual({ 'entity:lamp0001': ['position'] })
      expect(settle(copy), story).toEqual(settled)
      // The local changes are back, on top of the merge.
      expect(copy.read('apps/Lamp/index.js'), story).toContain('glow()')
      expect(copy.object('lamp0002'), story).toMatchObject({ position: [6, 6, 6], pinned: true })
      expect(copy.git('stash', 'list'), story).toBe('')
      fsck(copy)
      rmSync(copy.folder, { recursive: true })
    }

    whole.git('checkout', '--quiet', '--', '.')
    await expectConcluded(whole)
    expect((await whole.push()).kind).toBe('pushed')
    expect(await world.entity('lamp0001')).toMatchObject({ position: [1, 1, 1], pinned: true, props: { glow: 7 } })
  },
)

/** Settles with what is here, and says what was committed and what is not committed again. */
function settle(copy: Project): unknown {
  const path = copy.fileOf('lamp0001')
  copy.git('checkout', '--quiet', '--ours', path)
  copy.git('add', path)
  copy.git('commit', '--quiet', '--no-edit')
  expect(copy.git('show', '--format=', '--first-parent', 'HEAD')).not.toMatch(/^\+(<{7}|>{7}) /m)
  return [copy.git('rev-parse', 'HEAD^{tree}', 'HEAD^1', 'HEAD^2'), copy.status(), copy.files()]
}
