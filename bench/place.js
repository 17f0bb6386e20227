import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { bundle } from '../scripts/build.js'
import { inside, root } from './processes.js'
import { entityId } from './world-seed.js'

/** A temporary folder with everything that a run needs, and an environment that nothing of the user's leaks into. */
export async function openPlace() {
  const folder = mkdtempSync(join(tmpdir(), 'gamedev-bench-'))
  const config = join(folder, 'gitconfig')
  writeFileSync(
    config,
    '[user]\n\tname = Bench\n\temail = bench@example.com\n[init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n',
  )
  const { PATH, TMPDIR, SystemRoot } = process.env
  const env = { PATH, TMPDIR, SystemRoot, HOME: folder, GIT_CONFIG_GLOBAL: config, GIT_CONFIG_NOSYSTEM: '1', CI: '1' }
  for (const name of Object.keys(env)) if (env[name] === undefined) delete env[name]
  // What the bundle loads when it runs is looked for beside it.
  for (const name of ['node_modules', 'fixtures']) symlinkSync(join(root, name), join(folder, name), 'junction')
  await build({
    entryPoints: [join(root, 'bench', 'inside.js')],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  })
  return {
    folder,
    env,
    inside: join(folder, 'inside.mjs'),
    emptyCli: await buildEmptyCli(join(folder, 'empty-cli')),
    close: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
  }
}

/** The same CLI, built in the same way, with one command more: the one that does nothing. Returns its bin. */
async function buildEmptyCli(folder) {
  await bundle(join(folder, 'dist'), [{ in: join(root, 'bench', 'empty-command.ts'), out: 'commands/empty' }])
  for (const name of ['package.json', 'bin']) cpSync(join(root, name), join(folder, name), { recursive: true })
  const manifest = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8'))
  const rest = manifest.commands['sync:fetch']
  const empty = { ...rest, id: 'empty', strict: false, aliases: [], relativePath: ['dist', 'commands', 'empty.js'] }
  writeFileSync(
    join(folder, 'oclif.manifest.json'),
    JSON.stringify({ ...manifest, commands: { ...manifest.commands, empty } }),
  )
  return join(folder, 'bin', 'run.js')
}

/** A seeded world behind the reference runtime, in a process of its own. */
export async function startWorld(place, entities) {
  const data = join(place.folder, `world-${entities}`)
  mkdirSync(data)
  const id = `bench-${entities}`
  await inside(place, ['seed', data, id, String(entities)])
  const bin = join(root, 'bin', 'run.js')
  const child = spawn(process.execPath, [bin, 'runtime', 'start', '--data', data, '--world-id', id, '--port', '0'], {
    cwd: place.folder,
    env: place.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const url = await new Promise((resolve, reject) => {
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk
      const match = /served at (http:\S+)/.exec(said)
      if (match !== null) resolve(match[1])
    })
    child.once('exit', (code) => reject(new Error(`the runtime ended with ${code}: ${said}`)))
  })
  let edits = 0
  return {
    id,
    url,
    entities,
    /** Moves `count` different entities in the world, one operation each, in one transaction. */
    async move(count) {
      edits++
      await post(url, moves(count, edits, entities))
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
      rmSync(data, { recursive: true, force: true })
    },
  }
}

/** The body of a batch that moves entities spread over the whole world. */
export function moves(count, round, entities) {
  return {
    operations: Array.from({ length: count }, (_, index) => ({
      opId: `bench-${process.pid}-${round}-${index}`,
      actor: `builder${index % 5}`,
      source: 'bench',
      kind: 'entity.update',
      id: entityId((index * 7919 + round * 31) % entities),
      patch: { position: [index + 0.5, round * 0.01, 3] },
    })),
  }
}

/** One request by plain node:http in this process: milliseconds until the answer was read. */
export function exchange(url, method, body) {
  const begun = performance.now()
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers: body === undefined ? {} : { 'content-type': 'application/json' } })
    outgoing.on('error', reject)
    outgoing.on('response', (answer) => {
      const chunks = []
      answer.on('data', (chunk) => chunks.push(chunk))
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        if (answer.statusCode !== 200) reject(new Error(`${method} ${url}: ${answer.statusCode} ${text.slice(0, 500)}`))
        else resolve({ ms: performance.now() - begun, text })
      })
    })
    outgoing.end(body)
  })
}

export function get(url) {
  return exchange(url, 'GET')
}

export function post(url, body) {
  return exchange(`${url}/admin/ops`, 'POST', JSON.stringify(body))
}
