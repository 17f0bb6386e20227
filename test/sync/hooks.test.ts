import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { installHooks, uninstallHooks } from '../../src/sync/hooks.ts'
import { Checkout, temporaryFolder } from './support.ts'

const LOBBY = { targets: { main: { worldUrl: 'http://localhost:3000', worldId: 'plaza' } } }

/** A repository with a project, and a program `gamedev` that only records how it is called. */
class Place extends Checkout {
  readonly bin = temporaryFolder()
  readonly record = join(temporaryFolder(), 'record')
  /** Whether `gamedev` is on the PATH. */
  onPath = true

  constructor(folder = temporaryFolder()) {
    super(folder)
    this.program(join(this.bin, 'gamedev'))
  }

  /** Writes the program; it says where it is, how it is called, and what it is told; `fail` makes it exit with 2. */
  program(path: string): void {
    mkdirSync(dirname(path), { recursive: true })
    const body = [
      `{ printf '%s %s in %s\\n' ${JSON.stringify(path)} "$*" "$(pwd)"`,
      `  case "$*" in *--pre-push*) cat ;; esac; } >> '${this.record}'`,
      `[ ! -e '${this.record}.fail' ] || exit 2`,
    ]
    writeFileSync(path, `#!/bin/sh\n${body.join('\n')}\n`, { mode: 0o755 })
  }

  failing(on: boolean): void {
    if (on) writeFileSync(`${this.record}.fail`, '')
    else execFileSync('rm', ['-f', `${this.record}.fail`])
  }

  /** What the program recorded since the last time. */
  recorded(): readonly string[] {
    if (!existsSync(this.record)) return []
    const lines = readFileSync(this.record, 'utf8').trimEnd().split('\n')
    writeFileSync(this.record, '')
    return lines.filter((line) => line !== '').map((line) => line.replace(`${this.bin}/`, ''))
  }

  run(args: readonly string[], cwd = this.folder): { code: number | null; out: string } {
    const path = this.onPath ? `${this.bin}${delimiter}${process.env.PATH}` : process.env.PATH
    const { status, stdout, stderr } = spawnSync('git', args, {
      cwd,
      env: { ...process.env, PATH: path },
      encoding: 'utf8',
    })
    return { code: status, out: stdout + stderr }
  }

  hook(name: string): string {
    return join(this.folder, '.git/hooks', name)
  }

  script(path: string, text: string | Buffer, mode = 0o755): void {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    chmodSync(path, mode)
  }

  install(at = '') {
    return installHooks({ ...this.context(), cwd: join(this.folder, at) })
  }

  uninstall(at = '') {
    return uninstallHooks({ ...this.context(), cwd: join(this.folder, at) })
  }

  /** Every file of the hooks folder with its mode and content. */
  hooks(): unknown {
    const folder = join(this.folder, '.git/hooks')
    return readdirSync(folder)
      .sort()
      .map((name) => {
        const file = lstatSync(join(folder, name))
        const content = file.isSymbolicLink()
          ? readlinkSync(join(folder, name))
          : readFileSync(join(folder, name), 'latin1')
        return [name, file.mode, content]
      })
  }
}

/** The lobby file is committed; a bare repository is the remote `origin`. */
function place(at = ''): Place {
  const checkout = new Place()
  checkout.git('init', '--quiet', '-b', 'main', '--template=')
  mkdirSync(join(checkout.folder, '.git/hooks'))
  checkout.write(`${at}lobby.json`, LOBBY)
  checkout.commit('first')
  const origin = join(temporaryFolder(), 'origin.git')
  checkout.git('init', '--quiet', '--bare', origin)
  checkout.git('remote', 'add', 'origin', origin)
  return checkout
}

const outcomes = ({ hooks }: { hooks: readonly { outcome: string }[] }) => hooks.map(({ outcome }) => outcome)
const commit = ['commit', '--quiet', '--allow-empty', '-m', 'more']
const push = ['push', '--quiet', 'origin', 'main']

describe('C5: hooks of a repository that has none', () => {
  it('check before a commit and before a push, until they are taken out', async () => {
    const checkout = place()
    expect(await checkout.install()).toEqual({
      hooks: [
        { hook: 'pre-commit', outcome: 'installed', path: checkout.hook('pre-commit') },
        { hook: 'pre-push', outcome: 'installed', path: checkout.hook('pre-push') },
        { hook: 'pre-rebase', outcome: 'installed', path: checkout.hook('pre-rebase') },
      ],
      from: undefined,
      hooksPath: undefined,
      hooksPathRestored: false,
    })
    expect(checkout.run(commit)).toEqual({ code: 0, out: '' })
    expect(checkout.recorded()).toEqual([`gamedev sync check --staged in ${checkout.folder}`])
    expect(checkout.run(push)).toEqual({ code: 0, out: '' })
    const head = checkout.git('rev-parse', 'HEAD')
    expect(checkout.recorded()).toEqual([
      `gamedev sync check --pre-push in ${checkout.folder}`,
      `refs/heads/main ${head} refs/heads/main ${'0'.repeat(40)}`,
    ])
    // Nothing to push: nothing to check.
    expect(checkout.run(push).code).toBe(0)
    expect(checkout.recorded()).toEqual([])

    checkout.failing(true)
    expect(checkout.run(commit).code).toBe(1)
    expect(checkout.git('rev-parse', 'HEAD')).toBe(head)
    expect(checkout.run(['commit', '--quiet', '--no-verify', '--allow-empty', '-m', 'anyway']).code).toBe(0)
    expect(checkout.run(push).code).toBe(1)
    expect(checkout.git('ls-remote', 'origin', 'main')).toContain(head)

    const before = checkout.hooks()
    expect(outcomes(await checkout.install())).toEqual(['already_there', 'already_there', 'already_there'])
    expect(checkout.hooks()).toEqual(before)
    expect(outcomes(await checkout.uninstall())).toEqual(['removed', 'removed', 'removed'])
    expect(checkout.hooks()).toEqual([])
    expect(outcomes(await checkout.uninstall())).toEqual([
      'nothing_to_remove',
      'nothing_to_remove',
      'nothing_to_remove',
    ])
    expect(checkout.run(push).code).toBe(0)
  })

  it('find the program in node_modules, of the project first, and say so where there is none', async () => {
    const checkout = place('games/plaza/')
    await checkout.install('games/plaza')
    checkout.onPath = false
    const none = checkout.run(commit)
    expect(none.code).toBe(1)
    expect(none.out).toMatch(/^gamedev is neither on the PATH nor in node_modules\/\.bin\. .*hooks\/pre-commit\n$/)
    const top = join(checkout.folder, 'node_modules/.bin/gamedev')
    checkout.program(top)
    expect(checkout.run(commit).code).toBe(0)
    const folder = join(checkout.folder, 'games/plaza')
    expect(checkout.recorded()).toEqual([`${top} sync check --staged in ${folder}`])
    const own = join(folder, 'node_modules/.bin/gamedev')
    checkout.program(own)
    expect(checkout.run(commit).code).toBe(0)
    expect(checkout.recorded()).toEqual([`${own} sync check --staged in ${folder}`])
  })

  it('of several projects each has its own, whatever its folder is called', async () => {
    const odd = 'it\'s 50% "$HOME" `x`'
    const checkout = place()
    checkout.write(`${odd}/lobby.json`, LOBBY)
    checkout.commit('a second project')
    await checkout.install()
    const one = checkout.hooks()
    expect(outcomes(await checkout.install(odd))).toEqual(['installed', 'installed', 'installed'])
    expect(outcomes(await checkout.install(odd))).toEqual(['already_there', 'already_there', 'already_there'])
    expect(outcomes(await checkout.install())).toEqual(['already_there', 'already_there', 'already_there'])
    expect(checkout.run(commit)).toEqual({ code: 0, out: '' })
    const recorded = [
      `gamedev sync check --staged in ${join(checkout.folder, odd)}`,
      `gamedev sync check --staged in ${checkout.folder}`,
    ]
    expect(checkout.recorded()).toEqual(recorded)
    expect(checkout.run(push).code).toBe(0)
    const line = `refs/heads/main ${checkout.git('rev-parse', 'HEAD')} refs/heads/main ${'0'.repeat(40)}`
    expect(checkout.recorded().filter((said) => said === line)).toHaveLength(2)

    // On a branch without the project there is nothing to check.
    checkout.git('switch', '--quiet', '--orphan', 'pages')
    expect(checkout.run(commit)).toEqual({ code: 0, out: '' })
    expect(checkout.recorded()).toEqual([])
    checkout.git('switch', '--quiet', 'main')

    expect(outcomes(await checkout.uninstall(odd))).toEqual(['removed', 'removed', 'removed'])
    expect(checkout.hooks()).toEqual(one)
    await checkout.install(odd)
    await checkout.uninstall()
    expect(outcomes(await checkout.uninstall(odd))).toEqual(['removed', 'removed', 'removed'])
    expect(checkout.hooks()).toEqual([])
  })

  it('serve linked worktrees, each with its own files', async () => {
    const checkout = place('sub/')
    const linked = join(temporaryFolder(), 'linked')
    checkout.git('worktree', 'add', '--quiet', '-b', 'work', linked)
    await installHooks({ ...checkout.context(), cwd: join(linked, 'sub') })
    expect(existsSync(checkout.hook('pre-commit'))).toBe(true)
    expect(checkout.run(commit, linked).code).toBe(0)
    expect(checkout.recorded()).toEqual([`gamedev sync check --staged in ${linked}/sub`])
    expect(checkout.run(['push', '--quiet', 'origin', 'work'], join(linked, 'sub')).code).toBe(0)
    expect(checkout.recorded()[0]).toBe(`gamedev sync check --pre-push in ${linked}/sub`)
  })

  it('need a lobby.json to find the project by', async () => {
    const checkout = place()
    checkout.git('rm', '--quiet', 'lobby.json')
    const context = checkout.context({ WORLD_URL: 'http://localhost:3000', WORLD_ID: 'plaza' })
    await expect(installHooks(context)).rejects.toMatchObject({ code: 'no_lobby_file' })
    expect(checkout.hooks()).toEqual([])
  })
})

/** A hook that says what it is told, as git-lfs does: its arguments, and all lines of its standard input. */
const READER = 'echo "args $*"\nwhile read -r a b c d; do echo "line $a $c"; done\n'

describe('C5: hooks that are there already', () => {
  it.each([
    ['sh', `#!/bin/sh\n${READER}`],
    ['dash with an option', `#!/usr/bin/env -S dash -e\nset -u\n${READER}`],
    ['bash', `#!/bin/bash\n${READER}`],
    ['no first line', READER],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from('#!/bin/sh -e\n# \xff\xfe '), Buffer.from([0xff, 0x80]), Buffer.from(`\n${READER}`)]),
    ],
    ['no end of the last line', `#!/bin/sh\n${READER}:`],
  ])('go on as they did: %s', async (_, text) => {
    const checkout = place()
    checkout.script(checkout.hook('pre-push'), text)
    checkout.script(checkout.hook('pre-commit'), text, 0o750)
    const before = checkout.hooks()
    expect(outcomes(await checkout.install())).toEqual(['installed', 'installed', 'installed'])
    expect(outcomes(await checkout.install())).toEqual(['already_there', 'already_there', 'already_there'])
    expect(statSync(checkout.hook('pre-commit')).mode & 0o777).toBe(0o750)
    checkout.git('branch', 'other')
    const both = checkout.run(['push', '--quiet', 'origin', 'main', 'other'])
    expect(both).toEqual({
      code: 0,
      out: `args origin ${checkout.git('remote', 'get-url', 'origin')}\nline refs/heads/main refs/heads/main\nline refs/heads/other refs/heads/other\n`,
    })
    expect(checkout.recorded()).toHaveLength(3)
    // Nothing to push is nothing to read, not an empty line.
    expect(checkout.run(['push', '--quiet', 'origin', 'main']).out).toBe(
      `args origin ${checkout.git('remote', 'get-url', 'origin')}\n`,
    )
    expect(checkout.run(commit).out).toBe('args \n')
    checkout.failing(true)
    expect(checkout.run(commit)).toEqual({ code: 1, out: '' })
    expect(outcomes(await checkout.uninstall())).toEqual(['removed', 'removed', 'removed'])
    expect(checkout.hooks()).toEqual(before)
  })

  it('a file that is nothing but a first line, and an empty one, are restored byte for byte', async () => {
    for (const text of ['#!/bin/sh', '#!/bin/sh\n', '', '\n']) {
      const checkout = place()
      checkout.script(checkout.hook('pre-commit'), text)
      const before = checkout.hooks()
      await checkout.install()
      expect(outcomes(await checkout.install())).toEqual(['already_there', 'already_there', 'already_there'])
      expect(checkout.run(commit)).toEqual({ code: 0, out: '' })
      expect(checkout.recorded()).toHaveLength(1)
      await checkout.uninstall()
      expect(checkout.hooks()).toEqual(before)
    }
  })

  it('an older block of ours is replaced, and what somebody wrote into our hook stays', async () => {
    const checkout = place()
    await checkout.install()
    const path = checkout.hook('pre-commit')
    const now = readFileSync(path, 'utf8')
    checkout.script(path, now.replace('sync check --staged', 'sync check --older'))
    expect(outcomes(await checkout.install())).toEqual(['updated', 'already_there', 'already_there'])
    expect(readFileSync(path, 'utf8')).toBe(now)
    checkout.script(path, `${now}echo more\n`)
    await checkout.uninstall()
    expect(readFileSync(path, 'utf8')).toMatch(/^#!\/bin\/sh\n# Made by .*echo more\n$/s)
    expect(checkout.run(commit)).toEqual({ code: 0, out: 'more\n' })
  })

  it('what is no shell script is moved aside and called by ours', async () => {
    const checkout = place()
    const program = `#!${process.execPath}\nconst fs = require('node:fs')\nconsole.log(process.argv.slice(2).join(' '), fs.readFileSync(0, 'utf8').split(' ')[0])\n`
    checkout.script(checkout.hook('pre-push'), program, 0o700)
    const before = checkout.hooks()
    const { hooks } = await checkout.install()
    expect(hooks[1]).toEqual({
      hook: 'pre-push',
      outcome: 'installed',
      path: checkout.hook('pre-push'),
      aside: checkout.hook('pre-push.before-gamedev-sync'),
    })
    expect(outcomes(await checkout.install())).toEqual(['already_there', 'already_there', 'already_there'])
    expect(checkout.run(push)).toEqual({
      code: 0,
      out: `origin ${checkout.git('remote', 'get-url', 'origin')} refs/heads/main\n`,
    })
    expect(checkout.recorded()).toHaveLength(2)
    await checkout.uninstall()
    expect(checkout.hooks()).toEqual(before)

    // Installed, replaced by another program: two cannot be moved to one place.
    await checkout.install()
    checkout.script(checkout.hook('pre-push'), program)
    const state = checkout.hooks()
    await expect(checkout.install()).rejects.toMatchObject({ code: 'hook_in_the_way' })
    expect(checkout.hooks()).toEqual(state)
  })

  it('links are not written through, and hooks that are switched off stay so', async () => {
    const checkout = place()
    const elsewhere = join(temporaryFolder(), 'hook')
    checkout.script(elsewhere, '#!/bin/sh\necho linked\n')
    symlinkSync(elsewhere, checkout.hook('pre-commit'))
    checkout.script(checkout.hook('pre-push'), '#!/bin/sh\nexit 1\n', 0o644)
    const before = checkout.hooks()
    await checkout.install()
    expect(readFileSync(elsewhere, 'utf8')).toBe('#!/bin/sh\necho linked\n')
    expect(checkout.run(commit)).toEqual({ code: 0, out: 'linked\n' })
    expect(checkout.run(push)).toEqual({ code: 0, out: '' })
    expect(checkout.recorded()).toHaveLength(3)
    await checkout.uninstall()
    expect(checkout.hooks()).toEqual(before)
  })
})

describe('C5: core.hooksPath', () => {
  it('a folder of the repository is used as it is', async () => {
    const checkout = place()
    checkout.script(join(checkout.folder, '.githooks/pre-commit'), '#!/bin/sh\necho team\n')
    checkout.git('config', 'core.hooksPath', '.githooks')
    expect((await checkout.install()).hooks[0]).toMatchObject({ path: join(checkout.folder, '.githooks/pre-commit') })
    expect(checkout.run(commit)).toEqual({ code: 0, out: 'team\n' })
    expect(checkout.recorded()).toHaveLength(1)
    await checkout.uninstall()
    expect(checkout.read('.githooks/pre-commit')).toBe('#!/bin/sh\necho team\n')
    expect(checkout.exists('.githooks/pre-push')).toBe(false)
    expect(checkout.git('config', 'core.hooksPath')).toBe('.githooks')
    expect(checkout.exists('.git/lobby')).toBe(false)
  })

  /** The user's own hooks, for all repositories: a shell script, a program, a file that is none. */
  function globalHooks(checkout: Place): string {
    const folder = join(temporaryFolder(), "user's hooks")
    checkout.script(join(folder, 'pre-push'), `#!/bin/sh\n${READER}`)
    checkout.script(
      join(folder, 'commit-msg'),
      `#!${process.execPath}\nconsole.log('commit-msg', process.argv.length)\n`,
    )
    checkout.script(join(folder, 'post-commit'), '#!/bin/sh\necho off\n', 0o644)
    checkout.script(join(folder, 'pre-commit.sample'), '#!/bin/sh\nexit 1\n')
    return folder
  }

  it('a folder outside of it is left alone: one of this repository calls its hooks', async () => {
    const checkout = place()
    const folder = globalHooks(checkout)
    const config = join(temporaryFolder(), 'gitconfig')
    writeFileSync(config, `[core]\n\thooksPath = ${JSON.stringify(folder)}\n`)
    const before = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')])
    const usual = process.env.GIT_CONFIG_GLOBAL
    process.env.GIT_CONFIG_GLOBAL = config
    try {
      const own = join(checkout.folder, '.git/lobby/hooks')
      expect(await checkout.install()).toMatchObject({
        from: folder,
        hooksPath: own,
        hooks: [{ outcome: 'installed' }, { outcome: 'installed' }, { outcome: 'installed' }],
      })
      expect(readdirSync(own).sort()).toEqual(['commit-msg', 'pre-commit', 'pre-push', 'pre-rebase'])
      expect(checkout.run(commit)).toEqual({ code: 0, out: 'commit-msg 3\n' })
      expect(checkout.run(push).out).toBe(
        `args origin ${checkout.git('remote', 'get-url', 'origin')}\nline refs/heads/main refs/heads/main\n`,
      )
      expect(checkout.recorded()).toHaveLength(3)
      checkout.failing(true)
      expect(checkout.run(commit).code).toBe(1)
      checkout.failing(false)

      // Hooks that the user adds later, the next run finds; pre-commit is called already.
      checkout.script(join(folder, 'post-commit'), '#!/bin/sh\necho on\n')
      checkout.script(join(folder, 'pre-commit'), '#!/bin/sh\necho early\n')
      expect(await checkout.install()).toMatchObject({
        from: folder,
        hooksPath: undefined,
        hooks: [{ outcome: 'already_there' }, {}, {}],
      })
      expect(checkout.run(commit)).toEqual({ code: 0, out: 'early\ncommit-msg 3\non\n' })

      // A second project keeps the folder in use.
      checkout.write('sub/lobby.json', LOBBY)
      await checkout.install('sub')
      expect(await checkout.uninstall()).toMatchObject({ hooksPathRestored: false })
      expect(checkout.git('config', '--local', 'core.hooksPath')).toBe(own)
      expect(checkout.run(commit)).toEqual({ code: 0, out: 'early\ncommit-msg 3\non\n' })
      expect(await checkout.uninstall('sub')).toMatchObject({ hooksPathRestored: true })
      expect(() => checkout.git('config', '--local', 'core.hooksPath')).toThrow()
      expect(existsSync(own)).toBe(false)
      expect(readdirSync(join(checkout.folder, '.git/lobby'))).toEqual([])
      for (const [name, text] of before)
        if (name !== 'post-commit') expect(readFileSync(join(folder, name!), 'utf8')).toBe(text)
      expect(checkout.run(commit)).toEqual({ code: 0, out: 'early\ncommit-msg 3\non\n' })
    } finally {
      process.env.GIT_CONFIG_GLOBAL = usual
    }
  })

  it('a local setting is remembered and put back, unless it was changed meanwhile', async () => {
    const checkout = place()
    const folder = globalHooks(checkout)
    checkout.git('config', 'core.hooksPath', folder)
    await checkout.install()
    expect(await checkout.uninstall()).toMatchObject({
      hooksPathRestored: true,
      hooks: [{ outcome: 'removed' }, { outcome: 'removed' }, { outcome: 'removed' }],
    })
    expect(checkout.git('config', '--local', 'core.hooksPath')).toBe(folder)

    await checkout.install()
    checkout.git('config', 'core.hooksPath', folder)
    expect(await checkout.uninstall()).toMatchObject({
      hooksPathRestored: false,
      hooks: [{ outcome: 'removed' }, { outcome: 'removed' }, { outcome: 'removed' }],
    })
    expect(checkout.git('config', '--local', 'core.hooksPath')).toBe(folder)
    expect(checkout.exists('.git/lobby/hooks')).toBe(false)
  })

  it('a hooks folder that is a link to one outside is such a folder, too', async () => {
    const checkout = place()
    const folder = globalHooks(checkout)
    execFileSync('rmdir', [join(checkout.folder, '.git/hooks')])
    symlinkSync(folder, join(checkout.folder, '.git/hooks'))
    expect(await checkout.install()).toMatchObject({ hooksPath: join(checkout.folder, '.git/lobby/hooks') })
    expect(checkout.run(push).out).toContain('line refs/heads/main')
    expect(readdirSync(folder)).not.toContain('pre-commit')
    await checkout.uninstall()
    expect(() => checkout.git('config', '--local', 'core.hooksPath')).toThrow()
  })

  it('one of a single worktree is changed there; one of the environment cannot be', async () => {
    const checkout = place()
    const folder = globalHooks(checkout)
    checkout.git('config', 'extensions.worktreeConfig', 'true')
    checkout.git('config', '--worktree', 'core.hooksPath', folder)
    await checkout.install()
    expect(checkout.git('config', '--worktree', 'core.hooksPath')).toBe(join(checkout.folder, '.git/lobby/hooks'))
    expect(checkout.run(commit).out).toBe('commit-msg 3\n')
    await checkout.uninstall()
    expect(checkout.git('config', '--worktree', 'core.hooksPath')).toBe(folder)
    Object.assign(process.env, {
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'core.hooksPath',
      GIT_CONFIG_VALUE_0: folder,
    })
    try {
      await expect(checkout.install()).rejects.toMatchObject({ code: 'hooks_path_fixed' })
      expect(checkout.exists('.git/lobby/hooks')).toBe(false)
    } finally {
      for (const name of ['GIT_CONFIG_COUNT', 'GIT_CONFIG_KEY_0', 'GIT_CONFIG_VALUE_0']) delete process.env[name]
    }
  })
})

describe('G6: the hook before a rebase', () => {
  /** A branch with a commit of its own and a merge of the world's line, upstream of which another commit stands. */
  function lined(): Place {
    const checkout = place()
    const tree = checkout.git('rev-parse', 'HEAD^{tree}')
    const line = (cursor: number, ...parents: readonly string[]) => {
      const trailers = `Lobby-World: plaza\nLobby-Cursor: ${cursor}\nLobby-Tree: ${tree}\n`
      return checkout.git('commit-tree', ...parents, '-m', `ada: move Lamp\n\n${trailers}`, tree)
    }
    const root = line(6)
    checkout.git('merge', '--quiet', '--no-ff', '--allow-unrelated-histories', '-m', 'Merge world plaza at 6', root)
    const first = checkout.git('rev-parse', 'HEAD')
    checkout.git('switch', '--quiet', '-c', 'plain')
    checkout.write('plain.txt', 'plain')
    checkout.commit('plain\n\nLobby-Tree: 0123456789012345678901234567890123456789')
    checkout.git('switch', '--quiet', 'main')
    checkout.write('notes.txt', 'mine')
    checkout.commit('mine')
    checkout.git('merge', '--quiet', '--no-ff', '-m', 'Merge world plaza at 7', line(7, '-p', root))
    checkout.git('switch', '--quiet', '-c', 'upstream', first)
    checkout.write('other.txt', 'theirs')
    checkout.commit('theirs')
    checkout.git('switch', '--quiet', 'main')
    return checkout
  }

  it('refuses to flatten commits of the line, and nothing else', async () => {
    const checkout = lined()
    await checkout.install()
    const head = checkout.git('rev-parse', 'main')
    const back = () => checkout.git('reset', '--quiet', '--hard', head)
    const merges = () => checkout.git('rev-list', '--count', '--merges', 'upstream..main')
    const pull = ['pull', '--quiet', '.', 'upstream']

    const refused = checkout.run(['rebase', 'upstream'])
    expect(refused.code).not.toBe(0)
    expect(refused.out).toContain('git rebase --rebase-merges, or git pull --no-rebase')
    for (const args of [
      ['rebase', 'upstream', 'main'],
      ['rebase', '--onto', 'upstream', '--root'],
      ['-c', 'pull.rebase=true', ...pull],
      ['-c', 'pull.rebase=merges', 'pull', '--quiet', '--rebase', '.', 'upstream'],
    ]) {
      expect([args, checkout.run(args).code]).not.toEqual([args, 0])
      expect(checkout.git('rev-parse', 'main')).toBe(head)
    }
    // Merges are kept, and the world's commit is the very same.
    for (const args of [
      ['rebase', '--quiet', '--rebase-merges', 'upstream'],
      ['rebase', '--quiet', '-r', 'upstream'],
      ['-c', 'pull.rebase=merges', ...pull],
      ['-c', 'branch.main.rebase=merges', '-c', 'pull.rebase=true', ...pull],
      ['pull', '--quiet', '--no-rebase', '--no-edit', '.', 'upstream'],
    ]) {
      expect([args, checkout.run(args)]).toEqual([args, { code: 0, out: '' }])
      expect(Number(merges())).toBeGreaterThan(0)
      expect(checkout.git('log', '--format=%H', '--grep=^Lobby-Cursor', 'upstream..main').split('\n')).toEqual([
        checkout.git('rev-parse', `${head}^2`),
      ])
      back()
    }
    // What has no such commits is rebased as ever, and so is what somebody wants all the same.
    checkout.git('switch', '--quiet', 'plain')
    expect(checkout.run(['rebase', '--quiet', 'upstream'])).toEqual({ code: 0, out: '' })
    checkout.git('switch', '--quiet', 'main')
    process.env.GAMEDEV_ALLOW_REBASE = '1'
    try {
      expect(checkout.run(['rebase', '--quiet', 'upstream']).code).toBe(0)
    } finally {
      delete process.env.GAMEDEV_ALLOW_REBASE
    }
    back()
    expect(checkout.run(['rebase', '--quiet', '--no-verify', 'upstream']).code).toBe(0)
  })
})
