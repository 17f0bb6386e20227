import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the quickstart as somebody without a git identity, whose environment speaks of another world. */
function quickstart(playground: string): Promise<Outcome> {
  const home = temporaryFolder()
  const env = {
    ...process.env,
    HOME: home,
    XDG_CONFIG_HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_DIR: join(home, 'elsewhere.git'),
    WORLD_URL: 'http://127.0.0.1:9/worlds/other',
    WORLD_ID: 'other',
    ADMIN_CODE: 'theirs',
    PLAYGROUND: playground,
  }
  return new Promise((resolve) => {
    execFile(process.execPath, ['scripts/quickstart.js'], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr })
    })
  })
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gamedev-quickstart-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('npm run quickstart replaces its former playground; both sides edit and nothing is lost', async () => {
  const playground = join(temporaryFolder(), 'play ground')
  mkdirSync(playground)
  writeFileSync(join(playground, '.gamedev-playground'), '')
  writeFileSync(join(playground, 'left-over'), '')
  const { code, stdout, stderr } = await quickstart(playground)
  expect(code, stderr).toBe(0)
  expect(existsSync(join(playground, 'left-over'))).toBe(false)
  expect(stdout).toContain('Merged 2 changes of world lantern-court')
  expect(stdout).toMatch(/"color": "#ff8a5c",\n\s*"flickers": false/)
  expect(stdout).toContain('Pushed 4 operations to world lantern-court.')
  expect(stdout).toContain('builder: move Lamp lamp-path-2')
  expect(stdout).toContain('developer: change scripts of blueprint Lamp')
  expect(stdout).toContain('npx gamedev runtime start')
  expect(readFileSync(join(playground, 'world', 'apps/Lamp/index.js'), 'utf8')).toContain('max: 6')
})

test('a folder that the quickstart did not make is left alone', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'mine'), 'precious')
  const { code, stderr } = await quickstart(folder)
  expect(code).toBe(1)
  expect(stderr).toContain('was not made by the quickstart')
  expect(readFileSync(join(folder, 'mine'), 'utf8')).toBe('precious')
})
