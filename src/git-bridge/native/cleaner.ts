import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Oid, parseOid } from '../repository.ts'
import { DURABLE } from './durable.ts'
import { runGit } from './git-process.ts'
import type { NativeRepository } from './native-repository.ts'

/** The `.gitattributes` files that say how content is cleaned, by their path in the repository; none: as it is (G5). */
export interface CleaningRules {
  readonly [path: string]: string
}

export function hasRules(rules: CleaningRules): boolean {
  return Object.keys(rules).length > 0
}

/** Settings that would let one machine clean otherwise than another. */
const NEUTRAL = [
  '-c',
  'core.autocrlf=false',
  '-c',
  'core.eol=lf',
  '-c',
  'core.safecrlf=false',
  '-c',
  'core.attributesFile=',
]

/**
 * Writes blobs as git would write them for a path (`text`, `eol`, `filter`, LFS), by rules of its own: those of the
 * line, not those that the checkout happens to have (G5). Without rules, content is written as it is.
 */
export class Cleaner {
  readonly #repository: NativeRepository
  readonly #rules: CleaningRules
  #folder: Promise<string> | undefined

  constructor(repository: NativeRepository, rules: CleaningRules) {
    this.#repository = repository
    this.#rules = rules
  }

  async write(path: string, bytes: Uint8Array): Promise<Oid> {
    if (!hasRules(this.#rules)) return (await this.#repository.writeBlobs([bytes]))[0]!
    this.#folder ??= this.#lay()
    const folder = await this.#folder
    const { stdout } = await runGit(
      { cwd: folder },
      [
        ...DURABLE,
        ...NEUTRAL,
        `--git-dir=${this.#repository.gitDir}`,
        '--work-tree=.',
        'hash-object',
        '-w',
        '--stdin',
        `--path=${path}`,
      ],
      { input: bytes, env: { GIT_INDEX_FILE: join(folder, 'no-index') } },
    )
    return parseOid(stdout.toString('latin1').trim())
  }

  /** A work tree that holds nothing but the rules. */
  async #lay(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'gamedev-clean-'))
    for (const [path, text] of Object.entries(this.#rules)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
    }
    return folder
  }

  async close(): Promise<void> {
    if (this.#folder !== undefined) await rm(await this.#folder, { recursive: true, force: true })
  }
}
