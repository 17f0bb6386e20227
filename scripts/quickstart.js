// A minute with gamedev sync: seeds the sample world, serves it, clones it, changes it on both sides, pulls and pushes.
// Everything lands in playground/ (or in the folder that PLAYGROUND names) and stays there to play with.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { devNull } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ensure } from './ensure.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const playground = resolve(process.env.PLAYGROUND || join(root, 'playground'))
const data = join(playground, 'data')
const clone = join(playground, 'world')

/** Only a folder with this file in it is ever replaced. */
const MARKER = '.gamedev-playground'
const WORLD_ID = 'lantern-court'
const ADMIN_CODE = 'playground'
const SECOND = 1000

const bold = process.stdout.isTTY && !process.env.NO_COLOR ? (text) => `\u001b[1m${text}\u001b[0m` : (text) => text
const say = (text = '') => process.stdout.write(`${text}\n`)
const env = environment()

try {
  ensure(root)
  await main()
} catch (error) {
  console.error(`\nquickstart: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}

async function main() {
  clearPlayground()
  heading('A world: seeded with the sample project, served by the reference runtime')
  gamedev(root, [
    'runtime',
    'seed',
    shown(join(root, 'fixtures', 'sample-world')),
    '--data',
    shown(data),
    '--world-id',
    WORLD_ID,
  ])
  const runtime = await startRuntime()
  let port
  try {
    play(runtime.url)
    port = new URL(runtime.url).port
  } finally {
    await runtime.stop()
  }
  say()
  say('The runtime is stopped; the world is kept.')
  goOn(port)
}

/** Both sides change the world, and meet. */
function play(url) {
  heading('A clone: the world as files, its history as commits')
  gamedev(root, ['sync', 'clone', url, shown(clone)], { ADMIN_CODE })
  // The code stays out of git: .gitignore of the clone says so.
  mkdirSync(join(clone, '.lobby'))
  const targets = { main: { worldUrl: url, worldId: WORLD_ID, adminCode: ADMIN_CODE } }
  writeFileSync(join(clone, '.lobby', 'targets.json'), `${JSON.stringify(targets, null, 2)}\n`, { mode: 0o600 })

  heading('Somebody builds in the world')
  gamedev(clone, ['world', 'edit', 'lamp-path-2', '--set', 'position=2.4,0,8.2', '--as', 'builder'])
  gamedev(clone, ['world', 'edit', 'lamp-gate-left', '--set', 'props.color=#ff8a5c', '--as', 'builder'])

  heading('Meanwhile you edit files: a script, a sign, and another prop of the lamp that the builder painted')
  edit('apps/Lamp/index.js', "'Brightness', min: 0, max: 4", "'Brightness', min: 0, max: 6")
  edit(entity('sign-welcome'), 'Come in, the lamps are lit.', 'Come in, tea is ready.')
  edit(entity('lamp-gate-left'), '"flickers": true', '"flickers": false')
  git(['--no-pager', 'diff', '--stat'])
  git(['commit', '--quiet', '--all', '--message', 'Tea, brighter lamps, and a calm one at the gate'])

  heading('Where both sides stand')
  gamedev(clone, ['sync', 'status'])
  heading('Pull: what the builder did becomes commits and is merged, field by field')
  gamedev(clone, ['sync', 'pull'])
  say(`\nThe lamp that both sides changed, in ${entity('lamp-gate-left')}:`)
  say(
    readFileSync(join(clone, entity('lamp-gate-left')), 'utf8')
      .replace(/^/gm, '  ')
      .trimEnd(),
  )
  heading('Push: your commit becomes operations of the world')
  gamedev(clone, ['sync', 'push'])

  heading("The world's own history")
  git(['--no-pager', 'log', '--date=format:%H:%M:%S', '--format=%h  %ad  %s', 'refs/lobby/remote'])
  heading("The project's history")
  git(['--no-pager', 'log', '--oneline', '--graph', '--first-parent'])
}

function goOn(port) {
  const start = `ADMIN_CODE=${ADMIN_CODE} npx gamedev runtime start --data ${shown(data)} --world-id ${WORLD_ID} --port ${port}`
  heading('Go on')
  say(`Start the world again, in a terminal of its own:

    ${start}

Then, in ${shown(clone)}:

    npx gamedev world list                                   what is in the world
    npx gamedev world edit door-gate --set props.angle=90 --as builder
    npx gamedev sync status                                  what each side would send the other
    npx gamedev sync pull
    npx gamedev sync push --dry-run
    git log -p refs/lobby/remote                             who changed what in the world

Change the same prop on both sides and pull: a git conflict of that prop, for your merge tool or "npx gamedev sync resolve".
"npm run quickstart" begins anew and replaces ${shown(playground)}.`)
}

/** A former playground makes room; any other folder is left alone. */
function clearPlayground() {
  if (existsSync(playground) && readdirSync(playground).length > 0) {
    if (!existsSync(join(playground, MARKER))) {
      throw new Error(`${playground} was not made by the quickstart; move it away, or set PLAYGROUND to another folder`)
    }
    rmSync(playground, { recursive: true, force: true })
  }
  mkdirSync(playground, { recursive: true })
  writeFileSync(
    join(playground, MARKER),
    'Made by "npm run quickstart", which replaces this folder when it runs again.\n',
  )
}

/** Starts the runtime on a free port; resolves when it says where it is. */
async function startRuntime() {
  const args = ['runtime', 'start', '--data', shown(data), '--world-id', WORLD_ID, '--port', '0']
  show('gamedev', args)
  const child = spawn(process.execPath, [join(root, 'bin', 'run.js'), ...args], {
    cwd: root,
    env: { ...env, ADMIN_CODE },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const kill = () => child.kill()
  process.once('exit', kill)
  const ended = once(child, 'exit')
  const stop = async () => {
    child.kill()
    await ended
    process.off('exit', kill)
  }
  const patience = setTimeout(() => child.kill(), 20 * SECOND)
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      say(line)
      const url = /https?:\/\/\S+/.exec(line)?.[0]
      if (url !== undefined) return { url, stop }
    }
    throw new Error('the runtime did not start')
  } catch (error) {
    await stop()
    throw error
  } finally {
    clearTimeout(patience)
    child.stdout.resume()
  }
}

function gamedev(cwd, args, extra = {}) {
  show('gamedev', args)
  run(process.execPath, [join(root, 'bin', 'run.js'), ...args], cwd, extra)
}

function git(args) {
  show(
    'git',
    args.filter((arg) => arg !== '--no-pager'),
  )
  run('git', args, clone)
}

function run(command, args, cwd, extra = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd,
    env: { ...env, ...extra },
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: 60 * SECOND,
  })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`the last command ended with exit code ${status}`)
}

function show(command, args) {
  const words = args.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg}'`))
  say()
  say(bold(`$ ${[command, ...words].join(' ')}`))
}

function heading(text) {
  say()
  say(bold(`== ${text}`))
}

/** The file of an entity in the clone, relative to it. */
function entity(id) {
  const folder = join('world', 'entities')
  const shard = readdirSync(join(clone, folder)).find((name) => existsSync(join(clone, folder, name, `${id}.json`)))
  if (shard === undefined) throw new Error(`the clone has no file of the entity ${id}`)
  return `world/entities/${shard}/${id}.json`
}

function edit(path, before, after) {
  const file = join(clone, path)
  const text = readFileSync(file, 'utf8')
  if (!text.includes(before)) throw new Error(`${path} does not say ${before}`)
  writeFileSync(
    file,
    text.replace(before, () => after),
  )
}

/** A path as somebody in the checkout would type it. */
function shown(path) {
  const inside = relative(root, path)
  return inside.startsWith('..') ? path : inside
}

/**
 * The environment of every command: an identity of its own, for machines where git has none, no signing, and nothing
 * that names another world or another repository.
 */
function environment() {
  const kept = { ...process.env }
  for (const name of Object.keys(kept)) {
    if (/^(?:WORLD_URL|WORLD_ID|ADMIN_CODE|BIDIRECTIONAL_SYNC|SYNC_.*|GIT_(?!EXEC_PATH$).*)$/.test(name))
      delete kept[name]
  }
  const config = { 'commit.gpgSign': 'false', 'init.defaultBranch': 'main', 'core.hooksPath': devNull }
  const name = 'developer'
  const email = 'developer@example.com'
  return {
    ...kept,
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
    GIT_CONFIG_COUNT: String(Object.keys(config).length),
    ...Object.fromEntries(Object.keys(config).map((key, index) => [`GIT_CONFIG_KEY_${index}`, key])),
    ...Object.fromEntries(Object.values(config).map((value, index) => [`GIT_CONFIG_VALUE_${index}`, value])),
  }
}
