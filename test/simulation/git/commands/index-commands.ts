import type { FileMode, Oid } from '../../../../src/git-bridge/repository.ts'
import { isIgnored } from '../ignore.ts'
import type { Index, Stages } from '../index-file.ts'
import { FreshObjects, sortedByName, sortNames, treeOf } from '../objects.ts'
import { plumbingMessage, twoTrees } from '../read-tree.ts'
import type { Repo } from '../repo.ts'
import { listFiles, treeOfFiles } from '../trees.ts'
import { fileItem, filesBelow, isUnchanged, nodeAt, refreshed, seenAt } from '../work-tree.ts'
import { type Call, type Command, isBelow, NONE, notModelled, nulSeparated, operands, said } from './call.ts'

/** `read-tree -m -u [-n] <from> <to>`. */
export const readTree: Command = function* ({ repo, args }) {
  const trees = args.filter((arg) => !arg.startsWith('-')) as Oid[]
  const flags = args.filter((arg) => arg.startsWith('-'))
  if (trees.length !== 2 || !flags.includes('-m') || !flags.includes('-u')) throw notModelled(['read-tree', ...args])
  if (repo.index.unmerged.size > 0) return said('', 128, 'fatal: You need to resolve your current index first\n')
  const [refusal] = yield* twoTrees(repo, trees[0]!, trees[1]!, { dryRun: flags.includes('-n') })
  return refusal === undefined ? said() : said('', 128, plumbingMessage(refusal))
}

/** `update-index -q --refresh`, `-z --index-info` and `--add --remove -z --stdin`. */
export const updateIndex: Command = function* (call) {
  const { repo, args, input, index: path } = call
  const flags = args.join(' ')
  const index = repo.readIndex(path)
  let next: Index
  if (flags === '-q --refresh') {
    next = refreshed(repo, index)
    // Asked quietly, git does not mind files that differ.
    if (next !== index) yield { name: 'index', act: () => repo.writeIndex(next, path) }
    return said('', index.unmerged.size > 0 ? 1 : 0)
  }
  if (flags === '-z --index-info') next = withEntries(index, nulSeparated(input))
  else if (flags === '--add --remove -z --stdin') next = yield* staged(repo, index, nulSeparated(input))
  else throw notModelled(['update-index', ...args])
  yield { name: 'index', act: () => repo.writeIndex(next, path) }
  return said()
}

function withEntries(index: Index, lines: readonly string[]): Index {
  const next = index.copy()
  for (const line of lines) {
    const tab = line.indexOf('\t')
    const path = line.slice(tab + 1)
    const [mode, oid, stage = '0'] = line.slice(0, tab).split(' ')
    if (mode === '0' || oid === NONE) next.delete(path)
    else if (stage === '0') next.set(path, { mode: mode as FileMode, oid: oid as Oid, seen: undefined })
    else {
      const stages = [...(next.unmerged.get(path) ?? [undefined, undefined, undefined])]
      stages[Number(stage) - 1] = { mode: mode as FileMode, oid: oid as Oid }
      next.setStages(path, stages as unknown as Stages)
    }
  }
  return next
}

/** Takes files as they are into an index: what is gone leaves it. */
function* staged(repo: Repo, index: Index, paths: readonly string[]) {
  const next = index.copy()
  const objects = new FreshObjects(repo.objects)
  for (const path of paths) {
    const known = next.entries.get(path)
    if (known !== undefined && isUnchanged(repo, path, known)) continue
    const item = fileItem(repo, path, objects)
    if (item === undefined) next.delete(path)
    else next.set(path, { ...item, seen: seenAt(repo, path) })
  }
  if (objects.size > 0) yield { name: 'objects', act: () => objects.flush(repo.objects) }
  return next
}

/** `add --all [--sparse] -- <path>…`, each path a name. Ignored files that are not tracked stay out. */
export const add: Command = function* ({ repo, args, index: path }) {
  const index = repo.readIndex(path)
  const places = operands(args)
  const chosen = new Set<string>()
  const ignored: string[] = []
  for (const place of places) {
    const before = chosen.size
    for (const tracked of index.paths()) if (isBelow(tracked, [place])) chosen.add(tracked)
    const tracked = chosen.size > before
    if (!tracked && nodeAt(repo, place) !== undefined && isIgnored(repo, place)) {
      ignored.push(place)
      continue
    }
    if (nodeAt(repo, place)?.kind === 'folder' || place === '.' || place === '') {
      for (const file of filesBelow(repo, place === '.' ? '' : place)) chosen.add(file)
    } else if (nodeAt(repo, place) !== undefined) chosen.add(place)
    else if (!tracked) return said('', 128, `fatal: pathspec '${place}' did not match any files\n`)
  }
  const next = yield* staged(repo, index, sortNames([...chosen]))
  yield { name: 'index', act: () => repo.writeIndex(next, path) }
  if (ignored.length === 0) return said()
  const hint = 'hint: Use -f if you really want to add them.\n'
  return said('', 1, `The following paths are ignored by one of your .gitignore files:\n${ignored.join('\n')}\n${hint}`)
}

/** `write-tree [--missing-ok]`. */
export const writeTree: Command = function* ({ repo, index: path }) {
  const index = repo.readIndex(path)
  if (index.unmerged.size > 0) {
    const [first] = sortNames([...index.unmerged.keys()])
    return said('', 128, `${first}: unmerged\nfatal: write-tree: error building trees\n`)
  }
  const objects = new FreshObjects(repo.objects)
  const tree = treeOfFiles(objects, index.entries)
  if (objects.size > 0) yield { name: 'objects', act: () => objects.flush(repo.objects) }
  return said(`${tree}\n`)
}

/** `ls-files -z -- <path>…` and `ls-files --unmerged [-z]`. */
export const lsFiles: Command = ({ repo, args, index: path }) => {
  const index = repo.readIndex(path)
  const end = args.includes('-z') ? '\0' : '\n'
  if (args.includes('--unmerged')) {
    const lines = [...sortedByName(index.unmerged)].flatMap(([name, stages]) =>
      stages.flatMap((item, n) => (item === undefined ? [] : [`${item.mode} ${item.oid} ${n + 1}\t${name}${end}`])),
    )
    return said(lines.join(''))
  }
  const places = operands(args)
  const found = index.paths().filter((name) => places.length === 0 || isBelow(name, places))
  return said(found.map((name) => `${name}${end}`).join(''))
}

/** `diff-index [--cached] --name-only -z <tree>`. */
export const diffIndex: Command = ({ repo, args, index: path }: Call) => {
  const tree = args.at(-1) as Oid
  const index = repo.readIndex(path)
  const before = new Map(listFiles(repo.objects, treeOf(repo.objects, tree)).map((file) => [file.path, file]))
  const cached = args.includes('--cached')
  const names = new Set([...before.keys(), ...index.paths()])
  const differs = (name: string): boolean => {
    const [was, is] = [before.get(name), index.entries.get(name)]
    // What the tree has not, and the work tree not any more, is nothing to tell.
    if (!cached && was === undefined) return nodeAt(repo, name) !== undefined
    if (was === undefined || is === undefined || was.oid !== is.oid || was.mode !== is.mode) return true
    // Without looking into files: one that was touched counts as changed.
    return !cached && !isUnchanged(repo, name, is)
  }
  return said(
    sortNames([...names])
      .filter(differs)
      .map((name) => `${name}\0`)
      .join(''),
  )
}
