import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { nullId, type ObjectFormat } from '../object-id.ts'
import { type Oid, parseOid, type TreeEdit } from '../repository.ts'
import { ChildInput } from './child-input.ts'
import { DURABLE, MOST_LOOSE } from './durable.ts'
import { type GitChild, type GitContext, gitFailure, spawnGit } from './git-process.ts'

const ARGS = [
  ...DURABLE,
  '-c',
  `fastimport.unpackLimit=${MOST_LOOSE}`,
  'fast-import',
  '--done',
  '--quiet',
  '--date-format=raw',
]

/** Keeps importers in one repository apart: each commits to a name of its own. */
let imports = 0

/**
 * One `git fast-import` that writes objects and moves no ref: it commits to a name of its own, which the end of the
 * stream takes back before git would create it. So however an import ends, it leaves at most objects that nothing
 * names; whoever wants them published moves a ref afterwards.
 */
export class FastImport {
  readonly #child: GitChild
  readonly #input: ChildInput
  readonly #gitDir: string
  readonly #reset: string
  readonly #ref: string
  #output = ''

  constructor(context: GitContext, gitDir: string, format: ObjectFormat) {
    this.#child = spawnGit(context, ARGS)
    this.#child.process.stdout.setEncoding('latin1').on('data', (text: string) => {
      this.#output += text
    })
    this.#input = new ChildInput(this.#child)
    this.#gitDir = gitDir
    imports += 1
    this.#ref = `refs/gamedev-import/${process.pid}-${imports}`
    this.#reset = `reset ${this.#ref}\nfrom ${nullId(format)}\n\n`
  }

  /** The process, for tests that end it. */
  get pid(): number | undefined {
    return this.#child.process.pid
  }

  /**
   * Appends a commit. `from` is the parent of the first one (undefined: a root); later ones follow each other.
   * `author` and `committer` are signatures as commits hold them. Throws when git has died.
   */
  async commit(commit: {
    readonly from: Oid | undefined
    readonly author: string
    readonly committer: string
    readonly message: string
    readonly edits: readonly TreeEdit[]
  }): Promise<void> {
    const from = commit.from === undefined ? '' : `from ${commit.from}\n`
    await this.#input.write(
      `commit ${this.#ref}\nmark :1\nauthor ${commit.author}\ncommitter ${commit.committer}\n` +
        `data ${Buffer.byteLength(commit.message)}\n${commit.message}\n${from}`,
    )
    for (const edit of commit.edits) {
      const path = quotePath(edit.path)
      if (edit.kind === 'delete') await this.#input.write(`D ${path}\n`)
      else if (edit.kind === 'put') await this.#input.write(`M ${edit.mode} ${edit.oid} ${path}\n`)
      else await this.#input.write(`M 100644 inline ${path}\ndata ${edit.bytes.length}\n`, edit.bytes, '\n')
    }
    await this.#input.write('\n')
    if (!this.#input.open) throw await this.#failure()
  }

  /** Ends the stream; when this returns, every object is on disk. Returns git's id of the last commit. */
  async finish(): Promise<Oid> {
    await this.#input.write(`get-mark :1\n${this.#reset}done\n`)
    await this.#input.end()
    const exit = await this.#child.exit
    if (exit.code !== 0) throw await this.#failure()
    return parseOid(this.#output.trim())
  }

  /**
   * Gives up. Between two commits git is let end in order, so that it leaves no half-written pack and no crash report;
   * its name is taken back all the same. Never throws.
   */
  async abandon(): Promise<void> {
    await this.#input.write(`${this.#reset}done\n`)
    await this.#input.end()
    await this.#child.exit.catch(() => {})
    await this.#removeCrashReport()
  }

  async #failure(): Promise<Error> {
    const exit = await this.#child.exit
    await this.#removeCrashReport()
    return gitFailure(ARGS, exit)
  }

  /** What git wrote there is in our error already. */
  async #removeCrashReport(): Promise<void> {
    await rm(join(this.#gitDir, `fast_import_crash_${this.pid}`), { force: true }).catch(() => {})
  }
}

/** A path in C quotes: fast-import would read an unquoted one to the end of the line. */
export function quotePath(path: string): string {
  const quoted = path.replace(
    /[\x00-\x1f"\\\x7f]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  )
  return `"${quoted}"`
}
