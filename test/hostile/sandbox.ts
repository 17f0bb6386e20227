import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type CommandName, GIT_ENV, type Ran, runCommand } from './commands.ts'

/** The admin code of every case: it must turn up nowhere (S2). */
export const SECRET = 'hunter2-the-admin-code'

/** What a command of ours may create, change or delete in a project; the rest is the user's (G12, S1). */
const OURS =
  /^(?:world(?:\.json$|\/)|apps\/|shared\/|assets\/|lobby\.(?:seen|conflicts)(?:$|\/)|lobby\.json$|\.lobby\/conflicts\/)/
/** What git keeps for itself. Its configuration and its hooks are the user's. */
const GITS = /^\.git\/(?!config$|hooks\/|info\/|description$)/
const FIRST = /^\.git\/|^\.gitignore$|^\.gitattributes$/

/** Path → what is there. */
type Picture = ReadonlyMap<string, string>

/**
 * A folder with a project in it, and canaries around the project: files beside it and above it, hooks, configuration,
 * files of the user in the middle of the world's. Whatever is touched that nobody may touch is a finding.
 */
export class Sandbox {
  readonly folder: string
  readonly project: string
  readonly findings: string[] = []
  /** What ran, for the report of a failure. */
  readonly story: string[] = []
  #before: Picture

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'gamedev-hostile-'))
    this.project = join(this.folder, 'work', 'project')
    const files = {
      'canary.txt': 'outside\n',
      'evil.js': 'outside\n',
      'work/canary.txt': 'beside\n',
      'work/apps/Lamp/index.js': 'beside\n',
      'home/.gitconfig': '',
      'outside/Lamp/Lamp.json': '{ "id": "Outside" }\n',
      'outside/secret.txt': 'outside\n',
    }
    for (const [path, text] of Object.entries(files)) this.write(join('..', '..', path), text)
    this.#before = this.#picture()
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  path(path: string): string {
    return join(this.project, path)
  }

  write(path: string, content: string | Uint8Array, mode?: number): void {
    mkdirSync(dirname(this.path(path)), { recursive: true })
    writeFileSync(this.path(path), content)
    if (mode !== undefined) chmodSync(this.path(path), mode)
  }

  read(path: string): string {
    return readFileSync(this.path(path), 'utf8')
  }

  git(...args: readonly string[]): string {
    return execFileSync('git', args, {
      cwd: this.project,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...GIT_ENV, HOME: join(this.folder, 'home') },
      maxBuffer: 1 << 28,
    })
  }

  gitBytes(input: string | Uint8Array, ...args: readonly string[]): Buffer {
    return execFileSync('git', args, { cwd: this.project, input, maxBuffer: 1 << 28 })
  }

  /** Commits what is there, if anything is. */
  commit(message: string): void {
    this.git('add', '-A')
    if (this.git('status', '--porcelain') !== '') this.git('commit', '--quiet', '--no-verify', '-m', message)
    this.settled()
  }

  /** What the user, or the test in their name, has just done is how things are to stay. */
  settled(): void {
    this.#before = this.#picture()
  }

  /** Runs a command, and looks what it did and said. */
  async run(
    name: CommandName,
    argv: readonly string[] = [],
    options: { readonly first?: boolean; readonly env?: Readonly<Record<string, string>> } = {},
  ): Promise<Ran> {
    const cwd = options.first === true ? dirname(this.project) : this.project
    const env = { HOME: join(this.folder, 'home'), ADMIN_CODE: SECRET, ...options.env }
    const ran = await runCommand(name, cwd, argv, env)
    this.story.push(`${ran.command} → ${ran.code}`)
    for (const finding of judgeOutput(ran, argv.includes('--json'))) this.find(`${name}: ${finding}`)
    this.look(name, options.first === true)
    return ran
  }

  find(finding: string): void {
    if (!this.findings.includes(finding)) this.findings.push(finding)
  }

  /** Compares everything with how it was, but for what commands may write. */
  look(after: string, first = false): void {
    const now = this.#picture()
    for (const path of new Set([...this.#before.keys(), ...now.keys()])) {
      const inside = path.startsWith('work/project/') ? path.slice('work/project/'.length) : undefined
      if (inside !== undefined) {
        if (OURS.test(inside)) this.#judgeOwn(after, inside, this.#before.get(path), now.get(path))
        if (OURS.test(inside) || GITS.test(inside) || (first && FIRST.test(inside))) continue
      }
      if (path === 'work/project' && first) continue
      const was = this.#before.get(path)
      if (was !== now.get(path) && !(inside !== undefined && this.#isPutAside(inside, was))) {
        const what = !now.has(path) ? 'deleted' : this.#before.has(path) ? 'changed' : 'created'
        this.find(`${after}: ${what} ${JSON.stringify(path)}`)
      }
    }
    this.#before = now
  }

  /** Whether git keeps a file as it was until the open merge is concluded, as `--autostash` asks. */
  #isPutAside(path: string, was: string | undefined): boolean {
    const mark = this.path('.git/MERGE_AUTOSTASH')
    if (was === undefined || !existsSync(mark)) return false
    const stash = readFileSync(mark, 'utf8').trim()
    const content = execFileSync('git', ['show', `${stash}:${path}`], { cwd: this.project, maxBuffer: 1 << 28 })
    return was.endsWith(` ${createHash('sha1').update(content).digest('hex')}`)
  }

  /** No link, no program, no name that starts with a dot comes from a world. */
  #judgeOwn(after: string, path: string, was: string | undefined, is: string | undefined): void {
    if (is === undefined || is === was) return
    if (is.startsWith('link')) this.find(`${after}: made a link of ${JSON.stringify(path)}`)
    if (/^file [0-7]*[1357]/.test(is)) this.find(`${after}: made a program of ${JSON.stringify(path)}`)
    if (/\/\./.test(path) && !path.startsWith('.lobby/'))
      this.find(`${after}: made the hidden file ${JSON.stringify(path)}`)
  }

  #picture(): Picture {
    const picture = new Map<string, string>()
    const walk = (folder: string, at: string) => {
      for (const name of readdirSync(folder)) {
        const path = at === '' ? name : `${at}/${name}`
        const file = join(folder, name)
        const stats = lstatSync(file)
        if (stats.isSymbolicLink()) picture.set(path, `link ${readlinkSync(file)}`)
        else if (stats.isDirectory()) {
          picture.set(path, 'folder')
          // Objects are named by their content.
          if (!/\.git\/(?:objects|logs|lobby)$/.test(path)) walk(file, path)
        } else if (stats.isFile()) {
          const hash = createHash('sha1').update(readFileSync(file)).digest('hex')
          picture.set(path, `file ${(stats.mode & 0o777).toString(8)} ${hash}`)
        } else picture.set(path, 'other')
      }
    }
    walk(this.folder, '')
    // Folders come and go with the files in them.
    for (const [path, what] of picture)
      if (what === 'folder' && /^work\/project(?:\/|$)/.test(path)) picture.delete(path)
    return picture
  }
}

/** What a terminal would obey, or what makes text look like another. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
const BUG =
  /\b(?:TypeError|RangeError|SyntaxError|ReferenceError|AssertionError|ZodError|assertion failed|Cannot read propert|is not a function|is not iterable|undefined is not|Maximum call stack|\[object Object\])\b|\bE[A-Z]{3,}: |\n\s+at .+:\d+:\d+/

/** What is wrong with what a command printed: escapes, secrets, stack traces, an error without words. */
export function judgeOutput({ out, err, code, thrown }: Ran, json: boolean): readonly string[] {
  const found: string[] = []
  if (thrown !== undefined) found.push(`threw ${describe(thrown)}`)
  for (const [name, text] of [
    ['stdout', out],
    ['stderr', err],
  ] as const) {
    const bad = [...text.matchAll(UNPRINTABLE)].map(([char]) => char).find((char) => char !== '\n' && char !== '\t')
    if (bad !== undefined) found.push(`${name} has U+${bad.codePointAt(0)!.toString(16)}: ${around(text, bad)}`)
    if (text.includes(SECRET)) found.push(`${name} tells the admin code: ${around(text, SECRET)}`)
  }
  const bug = BUG.exec(err)
  if (bug !== null) found.push(`stderr has "${bug[0].trim()}": ${around(err, bug[0])}`)
  if (code < 0 || code > 5) found.push(`exit code ${code}`)
  if (code === 0 || thrown !== undefined) return found
  if (json) {
    const document = parsed(out)
    if (document === undefined) found.push('prints no JSON document')
    else if ('error' in document) {
      const { error } = document as { readonly error: { readonly code?: unknown; readonly hint?: unknown } }
      if (typeof error?.code !== 'string') found.push('an error without a code')
      if (typeof error?.hint !== 'string') found.push(`the error ${String(error?.code)} has no hint`)
    }
  } else if (/^error: /m.test(err) && !/^hint: /m.test(err)) found.push(`an error without a hint: ${err.slice(0, 200)}`)
  return found
}

function parsed(text: string): object | undefined {
  try {
    const document: unknown = JSON.parse(text)
    return typeof document === 'object' && document !== null ? document : undefined
  } catch {
    return undefined
  }
}

export function describe(error: unknown): string {
  return error instanceof Error ? `${error.stack ?? error.message}`.slice(0, 1200) : String(error)
}

function around(text: string, piece: string): string {
  const at = text.indexOf(piece)
  return JSON.stringify(text.slice(Math.max(0, at - 80), at + 80))
}
