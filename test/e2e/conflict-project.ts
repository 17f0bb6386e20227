import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'vitest'
import { formatJson } from '../../src/projection/json-file.ts'
import { entityFile } from '../../src/projection/paths.ts'
import { type ConflictArtifact, parseArtifact } from '../../src/sync/conflict-artifact.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { run as runHere } from '../commands/run.ts'
import { Checkout, CODE } from '../sync/support.ts'

/**
 * Conflicts as people meet them: commands with all that they print, git itself, and a world that answers over HTTP, in
 * both layouts of a project (G8).
 */
const CLI = resolve('bin/run.js')

/** The commands that run in this process where nothing asks for one of their own: starting it is most of their time. */
const COMMANDS = {
  check: () => import('../../src/commands/sync/check.ts'),
  clone: () => import('../../src/commands/sync/clone.ts'),
  conflicts: () => import('../../src/commands/sync/conflicts.ts'),
  fetch: () => import('../../src/commands/sync/fetch.ts'),
  init: () => import('../../src/commands/sync/init.ts'),
  pull: () => import('../../src/commands/sync/pull.ts'),
  push: () => import('../../src/commands/sync/push.ts'),
  resolve: () => import('../../src/commands/sync/resolve.ts'),
  status: () => import('../../src/commands/sync/status.ts'),
} as const

export const LAYOUTS = ['split', 'manifest'] as const
export type Layout = (typeof LAYOUTS)[number]
export type Fields = Record<string, unknown>

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program without blocking: the world lives in this process. */
export async function run(
  cwd: string,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const code = await new Promise<number | null>((done) => child.on('close', done))
  return { code, stdout, stderr }
}

/** `gamedev sync …` as the user types it: in this process, unless it is told of an environment of its own. */
export async function sync(
  project: { readonly folder: string },
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<Ran> {
  const [name = '', ...rest] = args
  if (env !== undefined || !isCommand(name)) {
    return run(project.folder, process.execPath, [CLI, 'sync', ...args], { ADMIN_CODE: CODE, ...env })
  }
  const { default: command } = await COMMANDS[name]()
  const { code, out, err } = await runHere(command, project.folder, rest, { ADMIN_CODE: CODE })
  return { code, stdout: out, stderr: err }
}

function isCommand(name: string): name is keyof typeof COMMANDS {
  return Object.hasOwn(COMMANDS, name)
}

/** What a command says with `--json`. */
export interface Said {
  readonly code: number | null
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  readonly data: any
}

export async function syncJson(project: { readonly folder: string }, ...args: readonly string[]): Promise<Said> {
  const { code, stdout, stderr } = await sync(project, [...args, '--json'])
  try {
    return { code, data: JSON.parse(stdout) }
  } catch {
    throw new Error(`sync ${args.join(' ')} exited with ${code} and printed no JSON:\n${stdout}\n${stderr}`)
  }
}

/** A project in one of the layouts; what it says of an object is found wherever the layout has it. */
export class Project extends Checkout {
  readonly layout: Layout
  #prefix: string | undefined

  constructor(folder: string, layout: Layout) {
    super(folder)
    this.layout = layout
  }

  /** The file that holds an object. */
  fileOf(object: 'settings' | 'spawn' | (string & {})): string {
    if (this.layout === 'manifest') return 'world.json'
    return object === 'settings' || object === 'spawn' ? `world/${object}.json` : entityFile(object)
  }

  /** What a version of an object's file says about it. */
  objectIn(text: string, object: string): Fields | undefined {
    const document = JSON.parse(text) as Fields
    if (this.layout === 'split') return document
    if (object === 'settings' || object === 'spawn') return document[object] as Fields
    return (document.entities as Fields[]).find((entity) => entity.id === object)
  }

  object(object: string): Fields | undefined {
    return this.exists(this.fileOf(object)) ? this.objectIn(this.read(this.fileOf(object)), object) : undefined
  }

  /** Changes an object's fields; `props` are merged into what is there. */
  edit(object: string, change: Fields): this {
    this.rewrite(this.fileOf(object), (document) => {
      const found =
        this.layout === 'split'
          ? document
          : object === 'settings' || object === 'spawn'
            ? (document[object] as Fields)
            : (document.entities as Fields[]).find((entity) => entity.id === object)
      for (const [key, value] of Object.entries(change)) {
        found![key] = key === 'props' ? { ...(found!.props as object), ...(value as object) } : value
      }
    })
    return this
  }

  /** Changes a JSON file as somebody at an editor does: what they leave alone stays as it is written. */
  rewrite(path: string, change: (document: Fields) => void): void {
    const document = this.json(path)
    change(document)
    const eol = this.read(path).includes('\r\n') ? '\r\n' : '\n'
    const text = formatJson(document as JsonObject, { inlineNumbers: this.layout === 'split' })
    this.write(path, text.replaceAll('\n', eol))
  }

  /** The ids of the entities that the files hold. */
  entities(): string[] {
    if (this.layout === 'manifest') return (this.json('world.json').entities as Fields[]).map(({ id }) => String(id))
    return readdirSync(join(this.folder, 'world/entities'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.json'))
      .map((name) => String(this.json(`world/entities/${name}`).id))
  }

  delete(entity: string): this {
    if (this.layout === 'split') this.remove(this.fileOf(entity))
    else {
      this.rewrite('world.json', (document) => {
        document.entities = (document.entities as Fields[]).filter(({ id }) => id !== entity)
      })
    }
    return this
  }

  /** A file's version in the index: stages 1, 2 and 3 are base, ours and theirs. */
  stage(stage: 1 | 2 | 3, path: string): string {
    return this.git('show', `:${stage}:./${path}`)
  }

  /** What each stage says about an object. */
  stages(object: string): readonly (Fields | undefined)[] {
    return ([1, 2, 3] as const).map((stage) => this.objectIn(this.stage(stage, this.fileOf(object)), object))
  }

  /** `git status` as path → two letters; files that git does not track apart. */
  status(): Readonly<Record<string, string>> {
    const entries = this.git('-c', 'core.quotePath=false', 'status', '--porcelain', '-z', '--no-renames', '--', '.')
    return Object.fromEntries(
      entries
        .split('\0')
        .filter((entry) => entry !== '' && !entry.startsWith('??'))
        .map((entry) => [entry.slice(3 + this.prefix().length), entry.slice(0, 2)]),
    )
  }

  /** Where the project is in its repository, with a final slash. */
  prefix(): string {
    this.#prefix ??= this.git('rev-parse', '--show-prefix')
    return this.#prefix
  }

  /** The conflicted paths of `git status`. */
  unmerged(): Readonly<Record<string, string>> {
    return Object.fromEntries(Object.entries(this.status()).filter(([, letters]) => /U|AA|DD/.test(letters)))
  }

  artifacts(): readonly ConflictArtifact[] {
    const folder = join(this.folder, '.lobby/conflicts')
    if (!existsSync(folder)) return []
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .sort()
      .map((name) => {
        const artifact = parseArtifact(readFileSync(join(folder, name), 'utf8'))
        expect(artifact, `${name} is an artifact`).toBeDefined()
        expect(`${artifact!.id}.json`).toBe(name)
        return artifact!
      })
  }

  artifact(object: string): ConflictArtifact {
    const found = this.artifacts().find((artifact) => artifact.object === object)
    if (found === undefined) throw new Error(`no artifact of ${object}`)
    return found
  }

  /** Every byte that a command could have changed: HEAD, the index and the files, what git ignores apart. */
  everything(): unknown {
    return { head: this.git('rev-parse', 'HEAD'), index: this.git('ls-files', '--stage'), files: this.files() }
  }

  /** The files of the working tree with their content's hash. */
  files(): Readonly<Record<string, string>> {
    const found: Record<string, string> = {}
    const walk = (folder: string): void => {
      for (const name of readdirSync(join(this.folder, folder))) {
        const path = folder === '' ? name : `${folder}/${name}`
        if (path === '.git' || path === '.lobby') continue
        const at = join(this.folder, path)
        const kind = lstatSync(at)
        if (kind.isDirectory()) walk(path)
        else {
          const bytes = kind.isSymbolicLink() ? readlinkSync(at) : readFileSync(at)
          found[path] = createHash('sha256').update(bytes).digest('hex')
        }
      }
    }
    walk('')
    return found
  }
}
