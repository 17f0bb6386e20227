import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { onTestFinished } from 'vitest'
import { temporaryFolder } from './support.ts'

export interface ChildRuntime {
  readonly url: string
  readonly process: ChildProcess
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
}

const ENTRY = `
  import { startRuntime } from './src/runtime/index.ts'
  const [dataDir, adminCode] = process.argv.slice(2)
  startRuntime({ dataDir, adminCode, port: 0, worldId: 'test-world' }).then((runtime) => {
    process.once('SIGTERM', () => runtime.close())
    process.stdout.write(runtime.url + '\\n')
  })
`

/** The runtime in a process of its own, which can be killed for real. */
export async function childRuntime(dataDir: string, adminCode: string): Promise<ChildRuntime> {
  const outfile = join(temporaryFolder(), 'runtime.cjs')
  await build({
    stdin: { contents: ENTRY, resolveDir: process.cwd(), loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    packages: 'external',
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(process.cwd(), 'src/runtime/index.ts')).href) },
    logLevel: 'error',
  })
  const child = spawn(process.execPath, [outfile, dataDir, adminCode], {
    env: { ...process.env, NODE_PATH: join(process.cwd(), 'node_modules') },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = new Promise<number | string>((resolve) => {
    child.on('exit', (code, signal) => resolve(code ?? signal ?? ''))
  })
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (text: Buffer) => resolve(text.toString().trim()))
    void ended.then((how) => reject(new Error(`the runtime ended with ${how}`)))
  })
  return { url, process: child, ended }
}
