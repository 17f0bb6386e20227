import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { openNativeRepository } from '../../src/git-bridge/native/open-native-repository.ts'
import { removeStaleLocks } from '../../src/git-bridge/native/stale-locks.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder } from './support.ts'

const LOCKS = ['index.lock', 'HEAD.lock', 'refs/heads/main.lock', 'refs/lobby/remote.lock', 'packed-refs.lock']

function put(project: Checkout, path: string, text = ''): string {
  const file = join(project.folder, '.git', path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return file
}

function locksIn(project: Checkout): readonly string[] {
  const names = readdirSync(join(project.folder, '.git'), { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith('.lock')).sort()
}

it('the locks that the git of a killed command left are removed by the next command, older ones are not', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  await world.edit('bob', 'lamp0001', { position: [1, 1, 1] })
  project.change(project.entityPath('lamp0002'), (lamp) => void Object.assign(lamp, { pinned: true }))
  project.commit('mine')

  // Somebody else's, from before: theirs to remove.
  const old = put(project, 'refs/heads/other.lock')
  utimesSync(old, new Date('2020-01-01'), new Date('2020-01-01'))
  const { pid } = spawnSync('true')
  put(project, 'lobby/lock', JSON.stringify({ pid, host: hostname(), command: 'sync pull' }))
  for (const name of LOCKS) put(project, name)

  expect((await project.pull()).kind).toBe('merged')
  expect(locksIn(project)).toEqual(['refs/heads/other.lock'])
  expect((await project.push()).kind).toBe('pushed')
  expect(existsSync(old)).toBe(true)
  project.check()
})

it('a git that is killed at its work leaves no lock', async () => {
  const project = new Checkout(temporaryFolder())
  project.git('init', '--quiet')
  const repository = await openNativeRepository(project.folder)
  try {
    const lock = join(project.folder, '.git/index.lock')
    const dies = `!: > '${lock}'; kill -9 $PPID`
    await expect(repository.run(['-c', `alias.dies=${dies}`, 'dies'])).rejects.toMatchObject({ code: 'git_failed' })
    expect(existsSync(lock)).toBe(false)
  } finally {
    await repository.close()
  }
})

it.runIf(existsSync('/proc/self/fd'))('a lock under which a git is still at work is waited for', async () => {
  const gitDir = temporaryFolder()
  const place = { gitDir, commonDir: gitDir }
  const lock = join(gitDir, 'index.lock')
  // Has the lock open until its input ends, and says when it has.
  const git = spawn('sh', ['-c', `exec 3> '${lock}'; echo open; cat`], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(git.stdout, 'data')
  expect(await removeStaleLocks(place, 0, 600)).toEqual([])
  expect(existsSync(lock)).toBe(true)
  const ended = once(git, 'exit')
  git.stdin.end()
  await ended
  expect(await removeStaleLocks(place, 0)).toEqual([lock])
  expect(existsSync(lock)).toBe(false)
})
