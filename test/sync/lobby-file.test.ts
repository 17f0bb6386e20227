import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DEFAULT_POLICY, decideOwnership } from '../../src/resolvers/policy.ts'
import { parseLobbyFile, withTarget } from '../../src/sync/lobby-file.ts'
import { SyncError } from '../../src/world/errors.ts'

const withRule = (rule: unknown): string => JSON.stringify({ policy: { rules: [{ owner: 'local' }, rule] } })

function failure(text: string): SyncError {
  try {
    parseLobbyFile(text)
  } catch (error) {
    if (error instanceof SyncError) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('the policy of lobby.json', () => {
  it('docs/policy.md shows none that would be refused', () => {
    const page = readFileSync(resolve(import.meta.dirname, '../../docs/policy.md'), 'utf8')
    const examples = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => text!)
    expect(examples.length).toBeGreaterThan(5)
    for (const text of examples) parseLobbyFile(text.includes('"policy"') ? text : `{"policy":{"rules":[${text}]}}`)
  })

  it('is empty where there is none', () => {
    expect(parseLobbyFile('{}').policy).toBe(DEFAULT_POLICY)
  })

  it('keeps its rules as they stand', () => {
    const rules = [
      { type: 'settings', field: 'title', owner: 'runtime' },
      { merge: 'set', field: ['props', 'a.b'] },
      { id: 'lamp-*', scope: 'Lamp', owner: 'shared' },
      { type: 'entity', field: 'state', owner: 'runtime' },
      { type: 'blueprint', field: 'state', owner: 'local' },
      { type: 'settings', id: 'set*', owner: 'local' },
      { field: '*.color', owner: 'local' },
    ]
    expect(parseLobbyFile(JSON.stringify({ policy: { rules } })).policy).toEqual({ rules })
  })

  it('decides as it is written', () => {
    const { policy } = parseLobbyFile('{"policy":{"rules":[{"type":"entity","id":"lamp-*","owner":"local"}]}}')
    const lamp = { kind: 'entity', id: 'lamp-1', scope: undefined, managedBy: 'runtime' } as const
    expect(decideOwnership(policy, lamp, ['position']).owner).toBe('local')
    expect(decideOwnership(policy, { ...lamp, id: 'chair' }, ['position']).owner).toBe('runtime')
  })

  it('stays when a target is added, as do keys that nobody knows', () => {
    const document = { policy: { rules: [{ owner: 'local' }] }, editor: { theme: 'dark' }, $schema: './lobby.json' }
    const text = withTarget(parseLobbyFile(JSON.stringify(document)), 'main', { worldUrl: 'u', worldId: 'w' })
    expect(JSON.parse(text)).toEqual({
      ...document,
      defaultTarget: 'main',
      targets: { main: { worldUrl: 'u', worldId: 'w' } },
    })
  })

  it.each<[rule: unknown, message: string, hint?: string]>([
    [{ owner: 'theirs' }, '.owner must be "local", "runtime" or "shared", not "theirs"', 'Did you mean "runtime"?'],
    [{ owner: 'remote' }, '.owner must be "local", "runtime" or "shared", not "remote"', 'Did you mean "runtime"?'],
    [{ owner: 'Local' }, '.owner must be "local", "runtime" or "shared", not "Local"', 'Did you mean "local"?'],
    [{ owner: 'nobody at all' }, '.owner must be "local", "runtime" or "shared", not "nobody at all"'],
    [{ owner: null }, '.owner must be "local", "runtime" or "shared", not null'],
    [
      { type: 'entities', owner: 'local' },
      '.type must be "blueprint", "entity", "settings", "spawn" or "shared", not "entities"',
      'Did you mean "entity"?',
    ],
    [{ merge: 'union' }, '.merge must be "set", not "union"'],
    [{ feild: 'props', owner: 'local' }, ' has an unknown key "feild"', 'Did you mean "field"?'],
    [
      { wherever: 'props', owner: 'local' },
      ' has an unknown key "wherever"',
      'Known keys: type, id, scope, field, owner, merge.',
    ],
    [{}, ' says neither "owner" nor "merge"'],
    [{ id: 'lamp' }, ' says neither "owner" nor "merge"'],
    [{ id: 5, owner: 'local' }, '.id must be a text, not 5'],
    [{ id: '', owner: 'local' }, '.id must not be empty'],
    [{ scope: ['a'], owner: 'local' }, '.scope must be a text, not ["a"]'],
    [{ field: '', owner: 'local' }, '.field is empty: leave it out to mean the whole object'],
    [{ field: [], owner: 'local' }, '.field is empty: leave it out to mean the whole object'],
    [
      { field: 3, owner: 'local' },
      '.field must be a path such as "props.color" or a list of keys such as ["props", "color"], not 3',
    ],
    [
      { field: ['props', 3], owner: 'local' },
      '.field must be a path such as "props.color" or a list of keys such as ["props", "color"], not ["props",3]',
    ],
    ...['props..x', '.props', 'props.', 'props.col*', '**'].map((field): [unknown, string] => [
      { field, owner: 'local' },
      `.field "${field}" is no path: keys with single dots between them, "*" only as a whole key; ` +
        'write a list of keys where a key holds such characters itself',
    ]),
    [
      { type: 'entity', field: 'state', owner: 'local' },
      ".field names the state of entities, which is always the runtime's",
    ],
    [
      { field: ['state', 'mode'], merge: 'set' },
      '.field names the state of entities, which is always the runtime\'s; name another "type" if another object\'s is meant',
    ],
    [
      { type: 'settings', id: 'title', owner: 'local' },
      '.id can only be "settings" with that type; a key of it is a "field"',
    ],
    [
      { type: 'shared', scope: 'Lamp', owner: 'local' },
      '.scope matches nothing: objects of type "shared" have no scope',
    ],
    [
      { type: 'entity', field: 'position', merge: 'set' },
      '.merge is nothing for position, which is one value and no set',
    ],
    ['local', ' must be an object, not "local"'],
    [null, ' must be an object, not null'],
  ])('%j is refused', (rule, message, hint) => {
    const error = failure(withRule(rule))
    expect(error).toMatchObject({ code: 'invalid_lobby_file', exitCode: 1 })
    expect(error.message).toBe(`lobby.json: policy.rules[1]${message}`)
    expect(error.hint).toBe(`${hint === undefined ? '' : `${hint} `}Correct lobby.json and run the command again.`)
  })

  const such = 'an object with a list of rules, such as { "rules": [{ "type": "settings", "owner": "runtime" }] }'
  it.each<[document: unknown, message: string]>([
    [{ policy: [] }, `policy must be ${such}, not []`],
    [{ policy: 'local' }, `policy must be ${such}, not "local"`],
    [{ policy: null }, `policy must be ${such}, not null`],
    [{ policy: {} }, `policy.rules is missing: a policy is ${such}`],
    [{ policy: { entity: 'local' } }, `policy.rules is missing: a policy is ${such}`],
    [{ policy: { rules: {} } }, 'policy.rules must be a list of rules, not {}'],
    [{ policy: { rules: [], rule: {} } }, 'policy has an unknown key "rule"'],
    [{ defaultTarget: 5 }, 'defaultTarget must be the name of a target'],
    [
      { targets: { main: { worldUrl: 'u', worldId: 'w', confirm: 'yes' } } },
      'targets.main.confirm must be true or false, not "yes"',
    ],
  ])('%j is refused', (document, message) => {
    expect(failure(JSON.stringify(document)).message).toBe(`lobby.json: ${message}`)
  })

  it('S1 a rule with a prototype is refused like any unknown key', () => {
    const error = failure('{"policy":{"rules":[{"__proto__":{"owner":"local"},"owner":"local"}]}}')
    expect(error.message).toBe('lobby.json: policy.rules[0] has an unknown key "__proto__"')
  })

  it('S2 an admin code is refused before anything else is said, and never shown', () => {
    const error = failure('{"policy":[],"targets":{"main":{"worldUrl":5,"adminCode":"topsecret"}}}')
    expect(error.message).toContain('holds the admin code of target "main"')
    expect(`${error.message} ${error.hint}`).not.toContain('topsecret')
  })

  it('long values are cut in the sentence', () => {
    expect(failure(withRule({ owner: 'x'.repeat(5000) })).message.length).toBeLessThan(200)
  })
})
