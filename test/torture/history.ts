import { changesIn, git, readBlobs, readLine } from '../e2e/race-history.ts'
import type { Change } from '../e2e/race-world.ts'
import type { Commit, Knowledge } from './judge.ts'
import { linesIn } from './template.ts'

/** The commits of a branch since `root` that are not the line's, oldest first, each with what it changed. */
export async function readCommits(folder: string, root: string): Promise<readonly Commit[]> {
  const args = ['-m', '--raw', '--reverse', '--no-abbrev', '--no-renames', '--format=commit %H %P%x09%s']
  const text = await git(folder, 'log', ...args, 'HEAD', '--not', root, 'refs/lobby/remote')
  const found = new Map<string, { subject: string; merge: boolean; entries: string[][] }>()
  let entry: string[] = []
  for (const row of text.split('\n')) {
    const head = /^commit (\S+) (.*?)\t(.*)$/.exec(row)
    if (head !== null) {
      const [, oid, parents, subject] = head as unknown as [string, string, string, string]
      const commit = found.get(oid) ?? { subject, merge: parents.includes(' '), entries: [] }
      found.set(oid, commit)
      entry = []
      commit.entries.push(entry)
    } else if (row.startsWith(':')) entry.push(row)
  }
  const rows = [...found.values()].flatMap(({ entries }) => entries.flat())
  const wanted = rows.flatMap((row) => row.split(/[ \t]/).slice(2, 4)).filter((oid) => !/^0+$/.test(oid))
  const blobs = await readBlobs(folder, new Set(wanted))
  return [...found].map(([oid, { subject, merge, entries }]) => ({
    oid,
    subject,
    merge,
    changes: entries.flatMap((each) => [...changesIn(each, blobs), ...scriptChanges(each, blobs)]),
  }))
}

/** What a commit changed in the lines of scripts: their object is the file, their field whose line it is. */
function scriptChanges(rows: readonly string[], blobs: ReadonlyMap<string, string>): readonly Change[] {
  return rows.flatMap((row) => {
    const [meta = '', path = ''] = row.split('\t')
    if (!path.endsWith('.js')) return []
    const [, , from = '', to = ''] = meta.split(' ')
    const [before, after] = [from, to].map((oid) => linesIn(blobs.get(oid) ?? ''))
    return [...new Set([...before!.keys(), ...after!.keys()])]
      .map((field) => ({ object: path, field, before: before!.get(field), after: after!.get(field) }))
      .filter((change) => change.before !== change.after)
  })
}

/** What is in the history of every commit that HEAD or the line has. */
export async function readKnowledge(folder: string): Promise<Knowledge> {
  const cursors = new Map((await readLine(folder)).map(([cursor, oid]) => [oid, cursor]))
  const parents = new Map<string, readonly string[]>()
  const text = await git(folder, 'log', '--format=%H %P', 'HEAD', 'refs/lobby/remote')
  for (const row of text.split('\n')) {
    const [oid = '', ...rest] = row.split(' ')
    parents.set(
      oid,
      rest.filter((parent) => parent !== ''),
    )
  }
  const histories = new Map<string, ReadonlySet<string>>()
  const historyOf = (head: string): ReadonlySet<string> => {
    const known = histories.get(head)
    if (known !== undefined) return known
    const seen = new Set([head])
    const open = [head]
    for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
      for (const parent of parents.get(oid) ?? []) {
        if (seen.has(parent)) continue
        seen.add(parent)
        open.push(parent)
      }
    }
    histories.set(head, seen)
    return seen
  }
  return {
    has: (head, commit) => historyOf(head).has(commit),
    taken: (head) => Math.max(0, ...[...historyOf(head)].map((oid) => cursors.get(oid) ?? 0)),
  }
}
