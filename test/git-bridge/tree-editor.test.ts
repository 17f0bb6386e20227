import { expect, test } from 'vitest'
import { emptyTreeId, objectId } from '../../src/git-bridge/object-id.ts'
import { type Oid, parseOid } from '../../src/git-bridge/repository.ts'
import { TreeEditor } from '../../src/git-bridge/tree-editor.ts'

const BLOB = parseOid('e69de29bb2d1d6434b8b29ae775ad8c2e48c5391')
const OTHER = parseOid('12'.repeat(20))

/** Trees kept in memory, and a record of those that were read. */
class Shelf {
  readonly trees = new Map<Oid, Uint8Array>()
  readonly read: Oid[] = []

  editor(base: Oid | undefined): TreeEditor {
    const load = async (tree: Oid): Promise<Uint8Array> => {
      this.read.push(tree)
      const bytes = this.trees.get(tree)
      if (!bytes) throw new Error(`no tree ${tree}`)
      return bytes
    }
    return new TreeEditor('sha1', load, base, (oid, content) => this.trees.set(oid, Buffer.from(content)))
  }
}

async function world(shelf: Shelf): Promise<Oid> {
  const editor = shelf.editor(undefined)
  for (const shard of ['aa', 'bb', 'cc'])
    for (const n of [1, 2, 3]) await editor.set(`world/entities/${shard}/${n}.json`, '100644', BLOB)
  await editor.set('README.md', '100644', BLOB)
  return editor.id()
}

test('nothing is the empty tree', () => {
  expect(new Shelf().editor(undefined).id()).toBe(emptyTreeId('sha1'))
  expect(emptyTreeId('sha1')).toBe('4b825dc642cb6eb9a060e54bf8d69288fbee4904')
})

test('a known tree has the id that git gives it', async () => {
  const editor = new Shelf().editor(undefined)
  await editor.set('foo/x', '100755', BLOB)
  await editor.set('foo.txt', '100644', BLOB)
  await editor.set('foo0', '120000', BLOB)
  const raw = Buffer.from(BLOB, 'hex')
  const inner = Buffer.from(objectId('sha1', 'tree', Buffer.concat([Buffer.from('100755 x\0'), raw])), 'hex')
  const parts = ['100644 foo.txt\0', raw, '40000 foo\0', inner, '120000 foo0\0', raw].map((part) => Buffer.from(part))
  expect(editor.id()).toBe(objectId('sha1', 'tree', Buffer.concat(parts)))
})

test('only folders on the way of an edit are read, and only those come to be', async () => {
  const shelf = new Shelf()
  const base = await world(shelf)
  const known = new Set(shelf.trees.keys())
  const editor = shelf.editor(base)
  expect(editor.id()).toBe(base)
  expect(shelf.read).toEqual([])
  await editor.set('world/entities/bb/2.json', '100644', OTHER)
  const after = editor.id()
  expect(shelf.read).toHaveLength(4)
  expect([...shelf.trees.keys()].filter((oid) => !known.has(oid))).toHaveLength(4)
  await editor.set('world/entities/bb/2.json', '100644', BLOB)
  expect(editor.id()).toBe(base)
  expect(after).not.toBe(base)
})

test('reading, and edits that change nothing, make no trees', async () => {
  const shelf = new Shelf()
  const base = await world(shelf)
  const known = shelf.trees.size
  const editor = shelf.editor(base)
  expect(await editor.get('world/entities/aa/1.json')).toEqual({ mode: '100644', oid: BLOB })
  expect(await editor.get('world/entities')).toMatchObject({ mode: '40000' })
  expect(await editor.get('world/entities/aa/1.json/x')).toBeUndefined()
  expect(await editor.get('nobody')).toBeUndefined()
  await editor.set('world/entities/aa/1.json', '100644', BLOB)
  expect(await editor.delete('world/entities/zz/1.json')).toBe(false)
  expect(editor.id()).toBe(base)
  expect(shelf.trees.size).toBe(known)
})

test('a folder that was edited is got with its new id', async () => {
  const shelf = new Shelf()
  const editor = shelf.editor(await world(shelf))
  await editor.set('world/entities/aa/1.json', '100644', OTHER)
  const folder = await editor.get('world/entities/aa')
  expect(shelf.trees.has(folder?.oid as Oid)).toBe(true)
  editor.id()
  expect(await editor.get('world/entities/aa')).toEqual(folder)
})

test('folders that an edit empties vanish, up to the root', async () => {
  const shelf = new Shelf()
  const editor = shelf.editor(await world(shelf))
  expect(await editor.delete('world/entities')).toBe(true)
  expect(await editor.get('world')).toBeUndefined()
  expect(await editor.delete('README.md')).toBe(true)
  expect(editor.id()).toBe(emptyTreeId('sha1'))
})

test('the same edits in steps and at once, warmed or not, give the same tree', async () => {
  const shelf = new Shelf()
  const base = await world(shelf)
  const edits = Array.from(
    { length: 60 },
    (_, n) => [`world/entities/${['aa', 'bb', 'dd'][n % 3]}/${n % 11}.json`, n % 4] as const,
  )
  const [steps, once, warm] = [shelf.editor(base), shelf.editor(base), shelf.editor(base)]
  const warmed = warm.warm(edits.map(([path]) => path))
  for (const [path, kind] of edits) {
    for (const editor of [steps, once, warm]) {
      if (kind === 0) await editor.delete(path)
      else await editor.set(path, kind === 1 ? '100755' : '100644', kind === 2 ? BLOB : OTHER)
    }
    steps.id()
  }
  await warmed
  expect(new Set([steps.id(), once.id(), warm.id()]).size).toBe(1)
  expect(steps.id()).not.toBe(base)
})

test('a tree with zero-padded modes is left alone until it changes, then spelled as git does', async () => {
  const shelf = new Shelf()
  const raw = Buffer.from(BLOB, 'hex')
  const inner = Buffer.concat([Buffer.from('100644 x\0'), raw])
  const innerId = objectId('sha1', 'tree', inner)
  const padded = Buffer.concat([Buffer.from('040000 dir\0'), Buffer.from(innerId, 'hex')])
  const base = objectId('sha1', 'tree', padded)
  shelf.trees.set(innerId, inner).set(base, padded)
  const editor = shelf.editor(base)
  expect(await editor.get('dir/x')).toBeDefined()
  expect(editor.id()).toBe(base)
  await editor.set('dir/x', '100644', OTHER)
  expect(Buffer.from(shelf.trees.get(editor.id()) as Uint8Array).toString('latin1')).toMatch(/^40000 dir/)
})
