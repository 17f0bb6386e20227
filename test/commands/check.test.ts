import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import type { Command } from '@oclif/core'
import { expect, it, vi } from 'vitest'
import Check from '../../src/commands/sync/check.ts'
import { Checkout, temporaryFolder } from '../sync/support.ts'
import { run } from './run.ts'

/** A project without a target: a check needs none. */
function project(at = ''): Checkout {
  const checkout = new Checkout(temporaryFolder())
  checkout.git('init', '--quiet', '-b', 'main')
  checkout.git('config', 'merge.gamedev.driver', 'git merge-file %A %O %B')
  checkout.write(`${at}lobby.json`, {})
  checkout.write(`${at}.gitattributes`, '* merge=gamedev\n')
  checkout.write(`${at}world/settings.json`, { title: 'Plaza' })
  checkout.write(`${at}world/spawn.json`, { position: [0, 0, 0], quaternion: [0, 0, 0, 1] })
  checkout.commit('first')
  return checkout
}

const MARKED = '{\n<<<<<<< HEAD\n=======\n>>>>>>> theirs\n}\n'

it('sync check says that all is well', async () => {
  const checkout = project()
  expect(await run(Check, checkout.folder, [])).toEqual({
    out: 'Checked 2 world files: no conflicts, all valid.\n',
    err: '',
    code: 0,
  })
  expect(await run(Check, checkout.folder, ['--json'])).toEqual({
    out: expect.any(String),
    err: '',
    code: 0,
  })
  expect(JSON.parse((await run(Check, checkout.folder, ['--json'])).out)).toEqual({
    ok: true,
    conflicts: [],
    problems: [],
    refused: [],
    warnings: [],
  })
  expect((await run(Check, checkout.folder, ['--format', 'github'])).out).toBe(
    'Checked 2 world files: no conflicts, all valid.\n',
  )
})

it('sync check lists what it found, conflicts first, and its exit code says the worst', async () => {
  const checkout = project()
  checkout.write('.git/lobby/refused.json', { 'entity:evil\n::error ::x': 'its path\u001b[31m leaves its folder' })
  const refused = await run(Check, checkout.folder, [])
  expect(refused).toEqual({
    out: [
      'Refused from the world:',
      'entity:evil ::error ::x: its path [31m leaves its folder',
      'Checked 2 world files: 1 refused object.',
      '',
    ].join('\n'),
    err: '',
    code: 5,
  })
  checkout.write('world/spawn.json', '{ "position": [0, 0, 0],\n}\n')
  expect((await run(Check, checkout.folder, [])).code).toBe(1)
  checkout.write('world/settings.json', MARKED)
  checkout.write('.gitattributes', '')
  const all = await run(Check, checkout.folder, [])
  expect(all).toEqual({
    out: [
      'Open conflicts:',
      'world/settings.json:2:1: conflict markers are in the file',
      'Invalid files:',
      "world/spawn.json:2:1: a comma before '}' is not allowed",
      'Refused from the world:',
      'entity:evil ::error ::x: its path [31m leaves its folder',
      'Checked 2 world files: 1 open conflict, 1 invalid place, 1 refused object.',
      '',
    ].join('\n'),
    err: expect.stringMatching(/^warning: No \.gitattributes names "merge=gamedev" [^\n]*\n$/),
    code: 2,
  })
  const json = await run(Check, checkout.folder, ['--json', '--format', 'github'])
  expect(json.code).toBe(2)
  expect(JSON.parse(json.out)).toEqual({
    ok: false,
    conflicts: [
      {
        kind: 'markers',
        object: 'settings',
        path: 'world/settings.json',
        line: 2,
        column: 1,
        message: 'conflict markers are in the file',
      },
    ],
    problems: [
      { path: 'world/spawn.json', code: 'syntax', line: 2, column: 1, message: "a comma before '}' is not allowed" },
    ],
    refused: [{ object: 'entity:evil\n::error ::x', reason: 'its path\u001b[31m leaves its folder' }],
    warnings: [expect.stringContaining('merge=gamedev')],
  })
})

it('sync check --format github annotates files, whatever they are called', async () => {
  const at = 'games, 100%: plaza/'
  const checkout = project(at)
  checkout.write(`${at}world/settings.json`, MARKED)
  checkout.write(`${at}world/entities/100%.json`, { id: '100%\r\n::error::x', blueprint: 'No\nwhere' })
  checkout.write('.git/lobby/projects/games%2c%20100%25%3a%20plaza/refused.json', { 'entity:a': 'why, 5%' })
  checkout.write(`${at}.gitattributes`, '')
  const { out, err, code } = await run(Check, `${checkout.folder}/${at}world`, ['--format', 'github'])
  expect(err).toBe('')
  expect(out.split('\n')).toEqual([
    '::error file=games%2C 100%25%3A plaza/world/settings.json,line=2,col=1,title=Open conflicts::conflict markers are in the file',
    '::error file=games%2C 100%25%3A plaza/world/entities/100%25.json,title=Invalid files::entity 100%25%0D%0A::error::x names the blueprint No%0Awhere, which does not exist',
    '::error title=Refused from the world::entity:a: why, 5%25',
    expect.stringMatching(/^::warning title=gamedev sync::No \.gitattributes names /),
    'Checked 3 world files: 1 open conflict, 1 invalid place, 1 refused object.',
    '',
  ])
  expect(code).toBe(2)
})

it('sync check looks at what it is told to look at', async () => {
  const checkout = project()
  const good = checkout.git('rev-parse', 'HEAD')
  checkout.write('world/settings.json', MARKED)
  expect((await run(Check, checkout.folder, ['--staged'])).out).toBe(
    'Checked 0 world files: no conflicts, all valid.\n',
  )
  checkout.git('add', '--all')
  expect((await run(Check, checkout.folder, ['--staged'])).code).toBe(2)
  const bad = checkout.commit('marked')
  expect((await run(Check, checkout.folder, ['--commit', good.slice(0, 10)])).code).toBe(0)
  expect((await run(Check, checkout.folder, ['--commit', 'HEAD'])).code).toBe(2)
  const unknown = await run(Check, checkout.folder, ['--commit=nowhere', '--json'])
  expect(unknown.code).toBe(1)
  expect(JSON.parse(unknown.out)).toMatchObject({ error: { code: 'unknown_revision' } })
  for (const other of ['--staged', '--pre-push']) {
    const both = await run(Check, checkout.folder, ['--commit', 'HEAD', other, '--json'])
    expect([both.code, JSON.parse(both.out)]).toMatchObject([1, { error: { code: 'usage' } }])
  }

  const pushed = async (oid: string) => {
    const stdin = Readable.from([Buffer.from(`refs/heads/main ${oid} `), Buffer.from(`refs/heads/main ${good}\n`)])
    const spy = vi.spyOn(process, 'stdin', 'get').mockReturnValue(stdin as unknown as typeof process.stdin)
    try {
      return (await run(Check, checkout.folder, ['--pre-push'])).code
    } finally {
      spy.mockRestore()
    }
  }
  expect(await pushed(good)).toBe(0)
  expect(await pushed(bad)).toBe(2)
})

it('docs/ci.md names commands and flags that exist, in blocks that are indented as YAML is', async () => {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/ci.md'), 'utf8')
  const calls = [
    ...page.matchAll(/\bgamedev ((?:sync|world|runtime)(?: [a-z][a-z-]*)+)((?: --[a-z-]+(?: (?:github|text))?)*)/g),
  ]
  expect(calls.length).toBeGreaterThan(8)
  for (const [text, words, options] of calls) {
    const file = resolve(import.meta.dirname, '../../src/commands', `${words!.replaceAll(' ', '/')}.ts`)
    const { default: command } = (await import(/* @vite-ignore */ file)) as { default: typeof Command }
    const flags = { ...command.baseFlags, ...command.flags }
    for (const [, flag] of options!.matchAll(/--([a-z-]+)/g)) expect(Object.keys(flags), text).toContain(flag)
    const format = /--format (\w+)/.exec(options!)?.[1]
    if (format !== undefined) expect(flags.format, text).toMatchObject({ options: expect.arrayContaining([format]) })
  }
  const blocks = [...page.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1]!)
  expect(blocks).toHaveLength(4)
  for (const block of blocks) {
    let depth = 0
    for (const line of block.trimEnd().split('\n')) {
      expect(line).toMatch(/^(?: {2})*(?:- )?[^\s-].*[^\s]$/)
      const indent = /^ */.exec(line)![0].length
      expect(indent === 0 || indent <= depth + 4, line).toBe(true)
      depth = indent
    }
  }
})
