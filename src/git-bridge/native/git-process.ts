import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { SyncError } from '../../world/errors.ts'
import { gitEnvironment } from './git-environment.ts'

export interface GitResult {
  readonly code: number
  readonly stdout: Buffer
  readonly stderr: string
}

export interface RunOptions {
  /** Written to stdin, which is empty otherwise. */
  readonly input?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  /** Return a result with a non-zero code instead of throwing. Death by a signal always throws. */
  readonly allowFailure?: boolean
}

/** Where git children run, and what ends them early. */
export interface GitContext {
  readonly cwd: string
  readonly signal?: AbortSignal | undefined
}

/** How a git child ended: its exit code, or undefined when a signal killed it. */
export interface GitExit {
  readonly code: number | undefined
  readonly stderr: string
}

/** A git child with its streams open. */
export interface GitChild {
  readonly process: ChildProcessWithoutNullStreams
  /** Settles when the process is gone and its output read; rejects when it could not start or was aborted. */
  readonly exit: Promise<GitExit>
}

/** Only the end of what git says on stderr is kept, so that a chatty child cannot fill memory. */
const STDERR_KEPT = 16_384

/** Starts git with arguments; names from outside must come after `--end-of-options` or `--`, or be object ids. */
export function spawnGit(context: GitContext, args: readonly string[], env?: RunOptions['env']): GitChild {
  context.signal?.throwIfAborted()
  const child = spawn('git', args, {
    cwd: context.cwd,
    env: gitEnvironment(env),
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
    ...(context.signal && { signal: context.signal }),
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_KEPT)
  })
  // A child that ends before it has read its input breaks the pipe; its exit code tells the story.
  child.stdin.on('error', () => {})
  const exit = new Promise<GitExit>((resolve, reject) => {
    child.on('error', (error) => reject(context.signal?.aborted ? error : startFailure(error)))
    child.on('close', (code) => resolve({ code: code ?? undefined, stderr: withoutSecrets(stderr) }))
  })
  exit.catch(() => {})
  return { process: child, exit }
}

/** Runs git to its end and returns its output whole. Throws `git_failed` for a non-zero exit unless it is allowed. */
export async function runGit(
  context: GitContext,
  args: readonly string[],
  options: RunOptions = {},
): Promise<GitResult> {
  const child = spawnGit(context, args, options.env)
  const chunks: Buffer[] = []
  child.process.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.process.stdin.end(options.input ?? '')
  const { code, stderr } = await child.exit
  if (code === undefined || (code !== 0 && !options.allowFailure)) throw gitFailure(args, { code, stderr })
  return { code, stdout: Buffer.concat(chunks), stderr }
}

/** The failure of a git command, with what git said about it. */
export function gitFailure(args: readonly string[], exit: GitExit): SyncError {
  const command = args.find((arg, index) => !arg.startsWith('-') && args[index - 1] !== '-c') ?? ''
  const how = exit.code === undefined ? 'was killed' : `failed with exit code ${exit.code}`
  const said = exit.stderr.trim()
  return new SyncError('git_failed', `git ${command} ${how}${said === '' ? '.' : `: ${said}`}`, {
    hint: 'Run the command by hand in this repository, or `git fsck` to check its objects.',
    data: { command, code: exit.code, stderr: exit.stderr },
  })
}

/** Whether an error says that a git was killed: it may have left its locks then. */
export function isKilled(error: unknown): boolean {
  return (
    error instanceof SyncError && error.code === 'git_failed' && (error.data as { code?: unknown }).code === undefined
  )
}

function startFailure(cause: Error): Error {
  if (!('code' in cause) || cause.code !== 'ENOENT') return cause
  return new SyncError('git_missing', 'The program `git` is not on the PATH.', {
    hint: 'Install git 2.39 or newer.',
    cause,
  })
}

/** Credentials in URLs that git repeats (S2). */
function withoutSecrets(text: string): string {
  return text.replace(/(\w+:\/\/)[^/@\s]+@/g, '$1')
}
