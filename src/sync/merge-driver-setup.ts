import { constants } from 'node:fs'
import { access, readFile, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { Project } from './session.ts'

/** The name of the driver, as attributes and configuration have it. */
const DRIVER = 'gamedev'

/** The clone's own configuration; a virtual merge base is never merged by us. */
const CONFIG: readonly (readonly [key: string, value: string])[] = [
  [`merge.${DRIVER}.name`, 'gamedev sync: world files by field'],
  [`merge.${DRIVER}.driver`, 'gamedev sync merge-driver %O %A %B %P'],
  [`merge.${DRIVER}.recursive`, 'binary'],
]

const BEGIN = '# gamedev sync: world files are merged by field, see "gamedev sync merge-driver --help"'
const END = '# gamedev sync: end'
const RULES = ['/world.json', '/world/**/*.json', '/apps/*/*.json'].map((pattern) => `${pattern} merge=${DRIVER}`)
const BLOCK: readonly string[] = [BEGIN, ...RULES, END]

/**
 * The text of a project's `.gitattributes` with the driver's block at its end, where it wins. All else is kept byte for
 * byte, and the block's lines end as the first line does; bytes that are no UTF-8 may be passed as latin1.
 *
 * @example withDriverAttributes('*.glb binary\n') // '*.glb binary\n# gamedev sync: …\n/world.json merge=gamedev\n…'
 */
export function withDriverAttributes(text: string): string {
  if (hasBlock(text)) return text
  const rest = withoutDriverAttributes(text)
  const end = /^[^\n]*\r\n/.test(text) ? '\r\n' : '\n'
  const glue = rest === '' || rest.endsWith('\n') ? '' : end
  return `${rest}${glue}${BLOCK.map((line) => line + end).join('')}`
}

/** The inverse of {@link withDriverAttributes}, but for a newline that the last line lacked. */
export function withoutDriverAttributes(text: string): string {
  const lines = linesOf(text)
  const kept: string[] = []
  for (let at = 0; at < lines.length; at++) {
    if (bare(lines[at]!) !== BEGIN) {
      kept.push(lines[at]!)
      continue
    }
    // What stands in a block that lost its end is known line by line.
    while (at + 1 < lines.length && (RULES.includes(bare(lines[at + 1]!)) || bare(lines[at + 1]!) === END)) at++
  }
  return kept.join('')
}

function hasBlock(text: string): boolean {
  const lines = linesOf(text).map(bare)
  const at = lines.indexOf(BEGIN)
  return at >= 0 && BLOCK.every((line, i) => lines[at + i] === line) && lines.lastIndexOf(BEGIN) === at
}

function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.split(/(?<=\n)/)
}

function bare(line: string): string {
  return line.replace(/\r?\n$/, '')
}

type Place = Pick<Project, 'repository' | 'folder' | 'prefix'>

/** What was done; a part that was as it should be already is not changed. */
export interface MergeDriverChange {
  /** The `.gitattributes`, relative to the top of the repository. It is not committed. */
  readonly attributesFile: string
  readonly attributesChanged: boolean
  readonly configChanged: boolean
}

/**
 * Makes git merge this project's world files by field: `.gitattributes` in its folder, to be committed, names the
 * driver for everybody; the configuration of this clone says what the driver is.
 */
export async function installMergeDriver(project: Place): Promise<MergeDriverChange> {
  const attributesChanged = await rewriteAttributes(project, withDriverAttributes)
  return { ...described(project), attributesChanged, configChanged: await configureMergeDriver(project) }
}

/** Undoes {@link installMergeDriver}: exactly its lines and its configuration go. */
export async function uninstallMergeDriver(project: Place): Promise<MergeDriverChange> {
  const attributesChanged = await rewriteAttributes(project, withoutDriverAttributes)
  let configChanged = false
  for (const [key] of CONFIG) {
    const { code } = await project.repository.run(['config', '--local', '--unset-all', key], { allowFailure: true })
    configChanged ||= code === 0
  }
  return { ...described(project), attributesChanged, configChanged }
}

/** Writes the driver into the configuration of this clone; returns whether anything was missing. */
export async function configureMergeDriver({ repository }: Pick<Project, 'repository'>): Promise<boolean> {
  let changed = false
  for (const [key, value] of CONFIG) {
    if ((await configured(repository, key)) === value) continue
    await repository.run(['config', '--local', '--replace-all', key, value])
    changed = true
  }
  return changed
}

/** What of the driver is there: attributes come with the repository, the configuration is made once per clone. */
export interface MergeDriverState {
  readonly attributes: boolean
  readonly config: boolean
}

export async function mergeDriverState({ repository, prefix }: Place): Promise<MergeDriverState> {
  const paths = ['world.json', 'world/settings.json', 'world/entities/00/any.json', 'apps/any/any.json']
  const { stdout } = await repository.run(['check-attr', '-z', 'merge', '--', ...paths.map((path) => prefix + path)])
  const values = stdout.toString('utf8').split('\0')
  // `check-attr -z` says path, attribute, value for each.
  const attributes = paths.every((_, index) => values[index * 3 + 2] === DRIVER)
  // Any command will do: somebody may have a reason to start it in another way.
  const config = (await configured(repository, `merge.${DRIVER}.driver`, 'everywhere')) !== undefined
  return { attributes, config }
}

/** Whether git merges the project's world files by field in this clone. */
export async function mergeDriverInstalled(project: Place): Promise<boolean> {
  const { attributes, config } = await mergeDriverState(project)
  return attributes && config
}

/** Whether git will find the program: without it, every file that both sides changed is left in conflict. */
export async function isProgramOnPath(env: Readonly<Record<string, string | undefined>>): Promise<boolean> {
  const names = process.platform === 'win32' ? ['gamedev.cmd', 'gamedev.exe', 'gamedev'] : ['gamedev']
  for (const folder of (env.PATH ?? env.Path ?? '').split(delimiter)) {
    if (folder === '') continue
    for (const name of names) {
      const found = await access(join(folder, name), constants.X_OK).then(
        () => true,
        () => false,
      )
      if (found) return true
    }
  }
  return false
}

async function configured(
  repository: Project['repository'],
  key: string,
  where: 'local' | 'everywhere' = 'local',
): Promise<string | undefined> {
  const scope = where === 'local' ? ['--local'] : []
  const { code, stdout } = await repository.run(['config', ...scope, '--get', key], { allowFailure: true })
  return code === 0 ? stdout.toString('utf8').replace(/\n$/, '') : undefined
}

function described({ prefix }: Place): Pick<MergeDriverChange, 'attributesFile'> {
  return { attributesFile: `${prefix}.gitattributes` }
}

/** The block is ASCII and the rest anything: as latin1 every byte comes back as it was. */
async function rewriteAttributes({ folder }: Place, rewrite: (text: string) => string): Promise<boolean> {
  const path = join(folder, '.gitattributes')
  const before = await readFile(path, 'latin1').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  const after = rewrite(before ?? '')
  if (after === (before ?? '')) return false
  if (after === '') await rm(path)
  else await writeFile(path, after, 'latin1')
  return true
}
