import type { NativeRepository } from '../git-bridge/native/native-repository.ts'
import { type FileMode, type Oid, parseOid } from '../git-bridge/repository.ts'

/** A conflicted path of git's index: stages 1, 2 and 3 are base, ours and theirs; a side without the file is missing. */
export interface UnmergedPath {
  /** Relative to the top of the repository. */
  readonly path: string
  /** That of our side, else of whom the file is. */
  readonly mode: FileMode
  readonly base: Oid | undefined
  readonly ours: Oid | undefined
  readonly theirs: Oid | undefined
}

/** One entry of a conflicted path, as git lists it: stage 1 is the base's, 2 ours, 3 theirs. */
export interface StageEntry {
  readonly path: string
  readonly stage: 1 | 2 | 3
  readonly mode: FileMode
  readonly oid: Oid
}

/** Reads what `git ls-files --unmerged -z` prints. */
export function parseStages(listed: string): readonly StageEntry[] {
  return listed.split('\0').flatMap((entry): StageEntry[] => {
    const tab = entry.indexOf('\t')
    if (tab < 0) return []
    const [mode, oid, stage] = entry.slice(0, tab).split(' ')
    return [
      { path: entry.slice(tab + 1), stage: Number(stage) as 1 | 2 | 3, mode: mode as FileMode, oid: parseOid(oid!) },
    ]
  })
}

/** The conflicted paths of the index, in order (C1). */
export async function readUnmerged(repository: NativeRepository): Promise<readonly UnmergedPath[]> {
  const listed = (await repository.run(['ls-files', '--unmerged', '-z'])).stdout.toString('utf8')
  const found = new Map<string, (StageEntry | undefined)[]>()
  for (const entry of parseStages(listed)) {
    const stages = found.get(entry.path) ?? []
    stages[entry.stage] = entry
    found.set(entry.path, stages)
  }
  return [...found].map(([path, [, base, ours, theirs]]) => {
    const { mode } = (ours ?? theirs ?? base)!
    return { path, mode, base: base?.oid, ours: ours?.oid, theirs: theirs?.oid }
  })
}

/**
 * Puts conflicted paths into the index in one step, instead of what it holds there, and refreshes it: git refuses to
 * abort a merge whose index it has not compared with the files (C1).
 */
export async function writeUnmerged(repository: NativeRepository, paths: readonly UnmergedPath[]): Promise<void> {
  if (paths.length === 0) return
  const none = '0'.repeat(repository.objectFormat === 'sha1' ? 40 : 64)
  const lines = paths.flatMap(({ path, mode, base, ours, theirs }) => [
    `0 ${none} 0\t${path}`,
    ...[base, ours, theirs].flatMap((oid, index) =>
      oid === undefined ? [] : [`${mode} ${oid} ${index + 1}\t${path}`],
    ),
  ])
  await repository.run(['update-index', '-z', '--index-info'], { input: lines.map((line) => `${line}\0`).join('') })
  await repository.run(['update-index', '-q', '--refresh'], { allowFailure: true })
}

/** Makes paths ordinary again: the index gets the content, or loses the path where there is none. */
export async function writeMerged(
  repository: NativeRepository,
  paths: readonly { readonly path: string; readonly mode: FileMode; readonly oid: Oid | undefined }[],
): Promise<void> {
  const none = '0'.repeat(repository.objectFormat === 'sha1' ? 40 : 64)
  const lines = paths.flatMap(({ path, mode, oid }) => [
    `0 ${none} 0\t${path}`,
    ...(oid === undefined ? [] : [`${mode} ${oid} 0\t${path}`]),
  ])
  if (lines.length === 0) return
  await repository.run(['update-index', '-z', '--index-info'], { input: lines.map((line) => `${line}\0`).join('') })
  await repository.run(['update-index', '-q', '--refresh'], { allowFailure: true })
}
