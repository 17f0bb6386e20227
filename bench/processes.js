import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
const BIN = join(root, 'bin', 'run.js')
const USAGE = new URL('report-usage.js', import.meta.url).href

/**
 * Runs a program to its end; the time is wall-clock, from before the spawn to the exit. `input` and `output` name files
 * that stand for its standard streams. Throws when it fails.
 */
export async function run(place, command, args, options = {}) {
  const files = []
  const file = (path, mode) => {
    if (path === undefined) return 'pipe'
    files.push(openSync(path, mode))
    return files.at(-1)
  }
  const stdio = [options.input === undefined ? 'ignore' : file(options.input, 'r'), file(options.output, 'w'), 'pipe']
  const begun = performance.now()
  const child = spawn(command, args, { cwd: options.cwd ?? place.folder, env: { ...place.env, ...options.env }, stdio })
  const chunks = []
  let stderr = ''
  child.stdout?.on('data', (chunk) => chunks.push(chunk))
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  let ended = 0
  child.on('exit', () => {
    ended = performance.now()
  })
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  for (const open of files) closeSync(open)
  const stdout = Buffer.concat(chunks).toString('utf8')
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed with ${code}:\n${stderr}\n${stdout}`)
  return { ms: ended - begun, stdout }
}

/** One command of the CLI, as a user starts it. */
export function gamedev(place, args, options) {
  return run(place, process.execPath, [BIN, ...args], options)
}

/** The same with the peak resident memory of its node process, in bytes. */
export async function gamedevWithMemory(place, args, options = {}) {
  const file = join(place.folder, `usage-${process.pid}`)
  const env = { ...options.env, GAMEDEV_BENCH_USAGE: file }
  const result = await run(place, process.execPath, ['--import', USAGE, BIN, ...args], { ...options, env })
  const bytes = Number(readFileSync(file, 'utf8'))
  rmSync(file)
  return { ...result, bytes }
}

/** A command of this CLI that does nothing, or nothing but GETs of some URLs by plain node:http (empty-command.ts). */
export function emptyCommand(place, urls = []) {
  return run(place, process.execPath, [place.emptyCli, 'empty', ...urls])
}

export function git(place, args, options) {
  return run(place, 'git', args, options)
}

/** A task of inside.js: what it printed. */
export async function inside(place, args, options) {
  const { stdout } = await run(place, process.execPath, [place.inside, ...args], options)
  return JSON.parse(stdout)
}
