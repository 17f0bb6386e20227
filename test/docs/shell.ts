import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { delimiter, join, resolve } from 'node:path'
import { format } from 'node:util'
import type { Command } from '@oclif/core'
import { vi } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')
const COMMANDS = join(ROOT, 'src/commands')

export interface Printed {
  readonly code: number
  /** Both streams, in their order. */
  readonly lines: readonly string[]
}

/**
 * What scripts, hooks and git itself find as `gamedev`: it lets this process do the work, which is ten times faster than
 * starting a new one. What reads its standard input is the built one.
 */
const program = (port: number) => `#!/bin/bash
case " $* " in *' --pre-push '*) exec "${process.execPath}" "${join(ROOT, 'bin/run.js')}" "$@" ;; esac
exec 3<>/dev/tcp/127.0.0.1/${port}
{ printf '%s\\0' "$PWD" "$#" "$@"; env -0; printf '\\0'; } >&3
read -r code <&3
cat <&3
exit "$code"
`

/** A shell whose folder and variables last from one command to the next. */
export class Shell {
  readonly home: string
  readonly #server: Server
  #cwd: string
  #env: Record<string, string>
  #last = 0

  private constructor(home: string, server: Server) {
    this.home = realpathSync(home)
    this.#server = server
    this.#cwd = this.home
    const programs = join(this.home, '.programs')
    mkdirSync(programs)
    writeFileSync(join(programs, 'gamedev'), program((server.address() as AddressInfo).port))
    chmodSync(join(programs, 'gamedev'), 0o755)
    this.#env = {
      HOME: this.home,
      PATH: `${programs}${delimiter}${process.env.PATH ?? ''}`,
      GIT_CONFIG_NOSYSTEM: '1',
      LC_ALL: 'C.UTF-8',
      TZ: 'UTC',
    }
    writeFileSync(
      join(this.home, '.gitconfig'),
      '[user]\n\tname = dana\n\temail = dana@example.com\n[init]\n\tdefaultBranch = main\n',
    )
    server.on('connection', (socket) => {
      let said = ''
      socket.setEncoding('utf8').on('data', async (text: string) => {
        said += text
        if (!said.endsWith('\0\0')) return
        const [cwd, count, ...rest] = said.split('\0') as [string, string, ...string[]]
        const variables = rest.slice(Number(count)).flatMap((row) => (row === '' ? [] : [split(row)]))
        const { code, lines } = await this.#call(rest.slice(0, Number(count)), cwd, Object.fromEntries(variables))
        socket.end(`${code}\n${lines.join('\n')}\n`)
      })
    })
  }

  static async open(home: string): Promise<Shell> {
    const server = createServer()
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    return new Shell(home, server)
  }

  close(): void {
    this.#server.close()
  }

  get cwd(): string {
    return this.#cwd
  }

  get env(): Readonly<Record<string, string>> {
    return this.#env
  }

  async run(command: string): Promise<Printed> {
    const call = asCall(command)
    const printed =
      call === undefined
        ? await this.#bash(command)
        : await this.#call(call.words, this.#cwd, { ...this.#env, ...call.variables })
    this.#last = printed.code
    return printed
  }

  async #bash(command: string): Promise<Printed> {
    const state = join(this.home, '.programs', 'state')
    const script = `exec 2>&1\n(exit ${this.#last})\n${command}\n__code=$?\n{ pwd; export -p; } > '${state}'\nexit $__code\n`
    const child = spawn('bash', ['-c', script], {
      cwd: this.#cwd,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    const code = await new Promise<number>((done) => child.on('close', (status) => done(status ?? 1)))
    const [folder, ...exported] = readFileSync(state, 'utf8').trimEnd().split('\n')
    this.#cwd = folder!
    const kept: Record<string, string> = {}
    for (const row of exported) {
      const [, name, value] = /^declare -x ([A-Za-z]\w*)="((?:[^"\\]|\\.)*)"$/.exec(row) ?? []
      if (name !== undefined && !['OLDPWD', 'PWD', 'SHLVL'].includes(name)) kept[name] = value!.replace(/\\(.)/g, '$1')
    }
    this.#env = kept
    return { code, lines: text.replace(/\n$/, '').split('\n') }
  }

  /** Runs a command of ours in this process. */
  async #call(words: readonly string[], cwd: string, env: Readonly<Record<string, string>>): Promise<Printed> {
    const { command, argv } = await find(words)
    let text = ''
    const before = {
      cwd: process.cwd(),
      env: { ...process.env },
      exitCode: process.exitCode,
      tty: process.stderr.isTTY,
    }
    const listening = (['SIGINT', 'SIGTERM'] as const).map((signal) => ({ signal, all: process.listeners(signal) }))
    const out = vi.spyOn(console, 'log').mockImplementation((...args) => {
      text += `${format(...args)}\n`
    })
    const streams = [process.stdout, process.stderr].map((stream) =>
      vi.spyOn(stream, 'write').mockImplementation((chunk) => {
        text += String(chunk)
        return true
      }),
    )
    replaceEnv(env)
    process.chdir(cwd)
    process.exitCode = 0
    // On a terminal, what says how far a slow command is wipes itself out.
    process.stderr.isTTY = true
    try {
      await (command as unknown as { run(argv: readonly string[], root: string): Promise<unknown> }).run(argv, ROOT)
      const shown = text.replace(/\r\u001b\[K[^\r\n]*(?=\r\u001b\[K)/g, '').replace(/\r\u001b\[K/g, '')
      return { code: Number(process.exitCode), lines: shown.replace(/\n$/, '').split('\n') }
    } finally {
      process.chdir(before.cwd)
      replaceEnv(before.env)
      process.exitCode = before.exitCode
      process.stderr.isTTY = before.tty
      for (const { signal, all } of listening) {
        for (const listener of process.listeners(signal))
          if (!all.includes(listener)) process.removeListener(signal, listener)
      }
      out.mockRestore()
      for (const stream of streams) stream.mockRestore()
    }
  }
}

function split(row: string): readonly [string, string] {
  const at = row.indexOf('=')
  return [row.slice(0, at), row.slice(at + 1)]
}

function replaceEnv(env: Readonly<Record<string, string | undefined>>): void {
  for (const name of Object.keys(process.env)) if (!Object.hasOwn(env, name)) delete process.env[name]
  Object.assign(process.env, env)
}

/** A call of `gamedev` that needs no shell; variables may stand before it. */
function asCall(command: string): { readonly variables: Record<string, string>; readonly words: string[] } | undefined {
  if (!/^(?:[A-Z_]+=[\w.-]* )*gamedev [^$;|&<>`()\\\n*?"]*$/.test(command)) return undefined
  const words = [...command.matchAll(/(?:[^\s']|'[^']*')+/g)].map(([word]) => word.replace(/'([^']*)'/g, '$1'))
  const at = words.indexOf('gamedev')
  const variables = Object.fromEntries(words.slice(0, at).map((word) => word.split('=', 2) as [string, string]))
  return { variables, words: words.slice(at + 1) }
}

async function find(
  words: readonly string[],
): Promise<{ readonly command: typeof Command; readonly argv: readonly string[] }> {
  for (const length of [3, 2]) {
    const file = join(COMMANDS, `${words.slice(0, length).join('/')}.ts`)
    if (words.length < length || !existsSync(file)) continue
    const module = (await import(/* @vite-ignore */ file)) as { readonly default: typeof Command }
    return { command: module.default, argv: words.slice(length) }
  }
  throw new Error(`there is no command "gamedev ${words.join(' ')}"`)
}
