import { describe, expect, it } from 'vitest'
import { conflictLines, conflictTable, resolvedJson, resolvedLines } from '../../src/cli/conflict-view.ts'
import type { Oid } from '../../src/git-bridge/repository.ts'
import type { ResolvedObject } from '../../src/git-bridge/world-merge.ts'
import { type ArtifactField, artifactSide, type ConflictArtifact } from '../../src/sync/conflict-artifact.ts'
import type { OpenConflict } from '../../src/sync/conflicts.ts'
import type { UnmergedPath } from '../../src/sync/index-stages.ts'
import { fromEntries } from '../../src/world/json.ts'
import type { FieldValue, ObjectKey } from '../../src/world/state.ts'

const LAMP = 'entity:lamp' as ObjectKey
const ben = { name: 'ben', commit: 'b'.repeat(40), at: '2026-01-02T03:04:05Z' }
const bob = { name: 'bob', commit: 'c'.repeat(40), at: '2026-02-03T04:05:06Z', cursor: 7 }

function field(
  path: string,
  [base, local, remote]: readonly FieldValue[],
  more: Partial<ArtifactField> = {},
): ArtifactField {
  return {
    field: path === '' ? '(object)' : path,
    path: path === '' ? [] : path.split('.'),
    base: artifactSide(base),
    local: artifactSide(local),
    remote: artifactSide(remote),
    files: [],
    status: 'open',
    ...more,
  }
}

function conflict(fields: readonly ArtifactField[], more: Partial<OpenConflict> = {}): OpenConflict {
  return {
    id: 'deadbeef',
    object: LAMP,
    path: 'world/entities/00/lamp.json',
    source: 'merge',
    fields,
    artifact: undefined,
    unmerged: [],
    ...more,
  }
}

function lines(...fields: readonly ArtifactField[]): readonly string[] {
  const artifact = { id: 'deadbeef', object: LAMP, path: 'x.json', fields } as unknown as ConflictArtifact
  return conflictLines([artifact])
    .slice(1)
    .map((line) => line.trim())
}

const stages = (path: string, sides: readonly ('base' | 'ours' | 'theirs')[]): UnmergedPath => {
  const at = (side: 'base' | 'ours' | 'theirs') => (sides.includes(side) ? ('0'.repeat(40) as Oid) : undefined)
  return { path, mode: '100644', base: at('base'), ours: at('ours'), theirs: at('theirs') }
}

describe('conflicts, as people read them', () => {
  it('a field with the three values, and who wrote them', () => {
    expect(lines(field('props.color', ['white', 'red', null], { localBy: ben, remoteBy: bob }))).toEqual([
      'props.color: was "white", here "red" (ben), in the world null (bob)',
    ])
    expect(lines(field('pinned', [undefined, true, undefined]))).toEqual([
      'pinned: was (absent), here true, in the world (absent)',
    ])
    const asset = `git-asset:${'a'.repeat(40)}.glb`
    expect(lines(field('model', [undefined, asset, 'none']))[0]).toContain('here (content aaaaaaaa)')
  })

  it.each<readonly [string, readonly FieldValue[], Partial<ArtifactField>, string]>([
    [
      'deleted here',
      [{}, undefined, {}],
      { localBy: ben, remoteBy: bob },
      'deleted here (ben), changed in the world (bob)',
    ],
    ['deleted there', [{}, {}, undefined], { localBy: ben }, 'changed here (ben), deleted in the world'],
    ['both', [{}, {}, {}], {}, 'changed on both sides'],
    [
      'M6, ours',
      [{}, undefined, {}],
      { dangling: ['entity:a', 'entity:b'] },
      'deleted here, still there in the world, but entity:a, entity:b came to use it',
    ],
    [
      'M6, theirs',
      [{}, {}, undefined],
      { dangling: ['entity:a'] },
      'still there here, deleted in the world, but entity:a came to use it',
    ],
  ])('a whole object: %s', (_, values, more, expected) => {
    expect(lines(field('', values, more))).toEqual([expected])
  })

  it('a table with a line for each field', () => {
    const table = conflictTable([
      conflict([
        field('position', [[0], [1], [2]], { localBy: ben, remoteBy: bob }),
        field('props.x', [1, undefined, 2]),
      ]),
      conflict([field('', [{}, undefined, {}], { localBy: ben })], {
        id: 'feedface',
        object: 'blueprint:Lamp' as ObjectKey,
      }),
      conflict([], { id: '01234567', object: undefined, path: 'a.js', unmerged: [stages('a.js', ['ours', 'theirs'])] }),
      conflict([], { id: '01234568', object: undefined, path: 'b.js', unmerged: [stages('b.js', ['base', 'theirs'])] }),
      conflict([], {
        id: '01234569',
        object: undefined,
        path: 'd.js',
        unmerged: [stages('d.js', ['ours']), stages('e.js', ['theirs']), stages('c.js', ['base'])],
      }),
    ])
    expect(table).toEqual([
      'ID        OBJECT          FIELD     BASE       LOCAL      REMOTE     WHO        WHEN',
      'deadbeef  entity:lamp     position  [0]        [1]        [2]        ben / bob  2026-02-03T04:05:06Z',
      'deadbeef  entity:lamp     props.x   1          (absent)   2          ? / ?',
      'feedface  blueprint:Lamp  (object)  (present)  (absent)   (present)  ben / ?    2026-01-02T03:04:05Z',
      '01234567  a.js            (file)    (absent)   (present)  (present)',
      '01234568  b.js            (file)    (present)  (absent)   (present)',
      '01234569  d.js            (place)   c.js       d.js       e.js',
    ])
    expect(conflictTable([])).toHaveLength(1)
  })

  it('nothing that came from others breaks a line or moves the cursor', () => {
    const evil = '\u001b[2J\r\nID  x\u202e'
    const who = { ...bob, name: evil, at: evil }
    const one = conflict([field('x', [evil, evil.repeat(50), fromEntries([['__proto__', evil]])], { remoteBy: who })], {
      id: evil,
      object: evil as ObjectKey,
    })
    const table = conflictTable([{ ...one, fields: [{ ...one.fields[0]!, field: evil }] }])
    expect(table).toHaveLength(2)
    for (const line of table) {
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      expect(line.length).toBeLessThan(250)
    }
  })
})

describe('M5: what a rule settled is said', () => {
  const settled = (
    by: ResolvedObject['fields'][number]['by'],
    path: readonly string[] = ['props', 'x'],
  ): ResolvedObject => ({
    key: LAMP,
    path: 'x.json',
    fields: [{ path, terms: { base: 0, ours: 1, theirs: 2 }, value: by === 'local' ? 1 : 2, by }],
  })

  it('with what was taken and what was not', () => {
    expect(resolvedLines([])).toEqual([])
    expect(resolvedLines([settled('text')])).toEqual([])
    expect(
      resolvedLines([
        settled('local'),
        settled('runtime'),
        settled('set'),
        settled('local', []),
        settled('runtime', []),
      ]),
    ).toEqual([
      'Settled by a rule of lobby.json (gamedev sync policy explain):',
      '  entity:lamp props.x: local takes 1, not 2',
      '  entity:lamp props.x: runtime takes 2, not 1',
      '  entity:lamp props.x: set takes 2',
      '  entity:lamp: yours is taken as a whole',
      "  entity:lamp: the world's is taken as a whole",
    ])
    const many = resolvedLines(Array.from({ length: 23 }, () => settled('local')))
    expect(many).toHaveLength(22)
    expect(many.at(-1)).toBe('  … and 3 more')
    expect(resolvedJson([settled('text')])).toEqual([
      {
        object: LAMP,
        path: 'x.json',
        fields: [{ field: 'props.x', by: 'text', base: 0, local: 1, remote: 2, value: 2 }],
      },
    ])
  })
})
