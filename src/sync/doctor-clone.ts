import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SyncError } from '../world/errors.ts'
import { few, information, ok, problem, problemOf, type Said } from './doctor-finding.ts'
import { HOOK_NAMES, withoutBlock } from './hook-script.ts'
import { findHooksFolder } from './hooks-folder.ts'
import { isProgramOnPath, mergeDriverState } from './merge-driver-setup.ts'
import type { Project, Session } from './session.ts'
import { refuseShallow } from './shallow.ts'
import type { Environment } from './target.ts'
import { readText } from './working-tree.ts'

/** Whether plain git merges world files by field here (docs/architecture.md, "Plain git on world files"). */
export async function examineMergeDriver(project: Project, env: Environment): Promise<readonly Said[]> {
  const { attributes, config } = await mergeDriverState(project)
  const hint = 'Run "gamedev sync merge-driver --install", and commit .gitattributes.'
  if (!attributes)
    return [
      information('.gitattributes does not name it: plain git merges world files line by line, which can be wrong', {
        hint,
      }),
    ]
  if (!config)
    return [
      information(
        '.gitattributes names it, but this clone does not know it: plain git merges world files line by line',
        { hint },
      ),
    ]
  if (!(await isProgramOnPath(env))) {
    return [
      problem(
        'it is installed, but "gamedev" is not on the PATH: plain git leaves every file that both sides changed in conflict',
        {
          hint: 'Put "gamedev" on the PATH, or run "gamedev sync merge-driver --uninstall".',
        },
      ),
    ]
  }
  return [ok('world files are merged by field in plain git too')]
}

/** Whether git checks the project before commits, pushes and rebases (C5, G6). */
export async function examineHooks(project: Project): Promise<readonly Said[]> {
  const folder = await findHooksFolder(project)
  const missing: string[] = []
  for (const hook of HOOK_NAMES) {
    const content = folder.inUse ? await readFile(join(folder.path, hook)).catch(() => undefined) : undefined
    if (content === undefined || withoutBlock(content, project.prefix.slice(0, -1)) === undefined) missing.push(hook)
  }
  if (missing.length === 0) return [ok('installed')]
  const what = missing.length === HOOK_NAMES.length ? 'not installed' : `not installed: ${few(missing)}`
  const hint = 'Run "gamedev sync hooks install", so that no open conflict is committed or pushed.'
  return [information(what, { hint })]
}

/** Settings that make a plain "git pull" copy commits of the world's line, one by one (G6). */
export async function examineRebase({ repository }: Project): Promise<readonly Said[]> {
  const listed = await repository.run(['config', '--get-regexp', '^(pull\\.rebase|branch\\..*\\.rebase)$'], {
    allowFailure: true,
  })
  const flattening: string[] = []
  for (const line of listed.stdout.toString('utf8').trim().split('\n')) {
    const [key, value] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1).trim()]
    if (key === '' || /^(?:false|no|off|0|merges|m)$/i.test(value)) continue
    flattening.push(key)
  }
  if (flattening.length === 0) return [ok('"git pull" keeps the merges with the world')]
  return [
    problem(`${few(flattening)} lets "git pull" flatten merges with the world, and what was taken in would look new`, {
      hint: flattening.map((key) => `git config ${key} merges`).join('; '),
    }),
  ]
}

/** Whether the history that is here reaches back to what it shares with the world (G7). */
export async function examineShallow(project: Project, session: Session | undefined): Promise<readonly Said[]> {
  const { repository } = project
  const shallow = await readText(join(repository.commonDir, 'shallow'))
  if (shallow === undefined || shallow.trim() === '') return [ok('the history is whole')]
  const [head, tip] = await Promise.all([
    repository.resolve('HEAD'),
    session === undefined ? undefined : repository.readRef(session.ref),
  ])
  const base = head === undefined || tip === undefined ? undefined : await repository.mergeBase(head, tip)
  try {
    await refuseShallow(project, head === undefined || base === undefined ? undefined : { head, base })
  } catch (error) {
    if (error instanceof SyncError) return [problemOf(error)]
    throw error
  }
  return [information('this clone is shallow, but its history reaches back to what it shares with the world')]
}
