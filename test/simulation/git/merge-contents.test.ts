import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { runMergeDriver } from '../../../src/sync/merge-driver.ts'
import { Disk } from '../fs/disk.ts'
import { mergeContents } from './merge-contents.ts'
import { GitModel } from './model.ts'

const bytes = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : `${JSON.stringify(value, null, 2)}\n`)
const lamp = (change: object = {}) =>
  bytes({ id: 'lamp0001', blueprint: 'Lamp', position: [0, 0, 0], props: { color: 'white' }, ...change })

const ENTITY = 'world/entities/la/lamp0001.json'

/** Three versions of a file, and where it is. */
const CASES: readonly (readonly [name: string, path: string, base: Buffer, ours: Buffer, theirs: Buffer])[] = [
  ['fields of both', ENTITY, lamp(), lamp({ position: [1, 0, 0] }), lamp({ props: { color: 'red' } })],
  ['one field twice', ENTITY, lamp(), lamp({ position: [1, 0, 0] }), lamp({ position: [2, 0, 0] })],
  ['two objects', ENTITY, lamp(), lamp({ id: 'other' }), lamp({ position: [2, 0, 0] })],
  ['what does not parse', ENTITY, lamp(), bytes('{ "id": '), lamp({ position: [2, 0, 0] })],
  ['added twice', ENTITY, bytes(''), lamp({ position: [1, 0, 0] }), lamp({ position: [2, 0, 0] })],
  ['the same', ENTITY, lamp(), lamp({ pinned: true }), lamp({ pinned: true })],
  ['other files', 'notes.txt', bytes('a\nb\nc\nd\ne\n'), bytes('A\nb\nc\nd\ne\n'), bytes('a\nb\nc\nd\nE\n')],
  ['other files, contested', 'notes.txt', bytes('a\nb\n'), bytes('A\nb\n'), bytes('B\nb\n')],
  ['bytes', 'x.bin', bytes('\0a'), bytes('\0b'), bytes('\0c')],
]

test.each(CASES)('the model merges as the driver does: %s', async (_name, path, base, ours, theirs) => {
  const folder = mkdtempSync(join(tmpdir(), 'gamedev-driver-'))
  const disk = new Disk()
  const git = new GitModel(disk, '/project', { config: { 'merge.gamedev.driver': 'driver' } })
  disk.writeFile('/project/.gitattributes', '* merge=gamedev\n')
  try {
    for (const [name, content] of Object.entries({ base, ours, theirs })) writeFileSync(join(folder, name), content)
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    const report = await runMergeDriver(folder, { base: 'base', ours: 'ours', theirs: 'theirs', path })
    const labels = { ours: 'HEAD', theirs: 'left', base: '' }
    const merged = mergeContents(git.repo, path, { base, ours, theirs }, { labels, depth: 0, merged: undefined })
    const text = Buffer.from(merged.bytes).toString('latin1')
    expect([merged.clean, text]).toEqual([report.exitCode === 0, readFileSync(join(folder, 'ours'), 'latin1')])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
