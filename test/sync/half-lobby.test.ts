import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { refSegment } from '../../src/sync/session.ts'
import { lampProject } from './kept-project.ts'

it('G1: a lobby.json that a killed merge wrote by half is no obstacle to the command that completes the merge', async () => {
  const { world, project } = await lampProject()
  const stateFolder = join(project.folder, '.git/lobby')
  const head = project.git('rev-parse', 'HEAD')
  const whole = JSON.stringify({ ...project.json('lobby.json'), more: 'x'.repeat(100) }, null, 2)
  project.write('lobby.json', whole)
  project.git('add', 'lobby.json')
  const tree = project.git('write-tree')
  project.git('reset', '--quiet', '--hard')
  const merge = { branch: 'master', head, tip: project.git('rev-parse', 'refs/lobby/remote'), tree, message: 'Half\n' }
  const journal = `merge-${refSegment(join(project.folder, '.git')).slice(-100)}.json`
  const killed = (text: string) => {
    writeFileSync(join(stateFolder, journal), JSON.stringify({ phase: 'files', merge }))
    project.write('lobby.json', text)
  }
  // What is no beginning of it, somebody wrote.
  killed(`${whole.slice(0, 60)}!`)
  await expect(project.pull()).rejects.toMatchObject({ code: 'invalid_lobby_file' })
  killed(whole.slice(0, 60))
  await world.edit('eve', 'lamp0001', { position: [5, 5, 5] })
  expect((await project.pull()).kind).toBe('merged')
  expect(project.read('lobby.json')).toBe(whole)
  expect(project.git('log', '-1', '--format=%s', 'HEAD~1')).toBe('Half')
  expect(readdirSync(stateFolder)).not.toContain(journal)
  expect(project.git('status', '--porcelain')).toBe('')
  // Without a merge that was interrupted it is an error like any.
  project.write('lobby.json', '{')
  await expect(project.pull()).rejects.toMatchObject({ code: 'invalid_lobby_file' })
})
