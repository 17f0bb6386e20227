import { join } from 'node:path'
import { expect, it } from 'vitest'
import Install from '../../src/commands/sync/hooks/install.ts'
import Uninstall from '../../src/commands/sync/hooks/uninstall.ts'
import { Checkout, temporaryFolder } from '../sync/support.ts'
import { run } from './run.ts'

function project(): Checkout {
  const checkout = new Checkout(temporaryFolder())
  checkout.git('init', '--quiet', '-b', 'main', '--template=')
  // No target: hooks need none.
  checkout.write('lobby.json', {})
  return checkout
}

it('sync hooks install and uninstall say what they did to each hook', async () => {
  const checkout = project()
  checkout.write('.git/hooks/pre-push', '#!/usr/bin/perl\n')
  checkout.git('config', 'core.fileMode', 'true')
  const at = (name: string) => join(checkout.folder, '.git/hooks', name)
  expect(await run(Install, checkout.folder, [])).toEqual({
    out: [
      `pre-commit: installed (${at('pre-commit')})`,
      `pre-push: installed (${at('pre-push')})`,
      `  The hook that was there is called from ${at('pre-push.before-gamedev-sync')}.`,
      `pre-rebase: installed (${at('pre-rebase')})`,
      '',
    ].join('\n'),
    err: '',
    code: 0,
  })
  expect((await run(Install, checkout.folder, [])).out).toBe(
    ['pre-commit', 'pre-push', 'pre-rebase'].map((name) => `${name}: already there (${at(name)})\n`).join(''),
  )
  expect(JSON.parse((await run(Install, checkout.folder, ['--json'])).out)).toEqual({
    hooks: [
      { hook: 'pre-commit', outcome: 'already_there', path: at('pre-commit') },
      { hook: 'pre-push', outcome: 'already_there', path: at('pre-push') },
      { hook: 'pre-rebase', outcome: 'already_there', path: at('pre-rebase') },
    ],
  })
  expect((await run(Uninstall, checkout.folder, [])).out).toBe(
    ['pre-commit', 'pre-push', 'pre-rebase'].map((name) => `${name}: removed (${at(name)})\n`).join(''),
  )
  expect(checkout.read('.git/hooks/pre-push')).toBe('#!/usr/bin/perl\n')
  expect((await run(Uninstall, checkout.folder, [])).out).toContain('pre-commit: nothing to remove (')
})

it('sync hooks install says that core.hooksPath was changed', async () => {
  const checkout = project()
  const folder = temporaryFolder()
  checkout.git('config', 'core.hooksPath', folder)
  const own = join(checkout.folder, '.git/lobby/hooks')
  expect((await run(Install, checkout.folder, [])).out).toContain(
    `core.hooksPath of this repository is now ${own}.\nThe hooks of ${folder} are called from there; that folder was not changed.\n`,
  )
  expect(JSON.parse((await run(Install, checkout.folder, ['--json'])).out)).toMatchObject({ from: folder })
  expect((await run(Uninstall, checkout.folder, [])).out).toContain('core.hooksPath is again what it was.\n')
  expect(checkout.git('config', 'core.hooksPath')).toBe(folder)
})

it('outside of a project there is nothing to install', async () => {
  const checkout = project()
  checkout.remove('lobby.json')
  const ran = await run(Install, checkout.folder, ['--json'])
  expect(ran.code).toBe(1)
  expect(JSON.parse(ran.out)).toMatchObject({ error: { code: 'not_a_project' } })
})
