import { type Oid, parseOid } from '../git-bridge/repository.ts'
import type { Attribution } from './plan.ts'
import type { Session } from './session.ts'

/**
 * Which local commit touched a file last (P2): the newest of `head ^tip`, merges apart, or HEAD itself for what only a
 * merge changed. `whole` takes the file's folder as one (an app with its scripts).
 */
export async function attributions(
  session: Session,
  head: Oid,
  tip: Oid,
): Promise<(path: string | undefined, whole: boolean) => Attribution> {
  const { repository, prefix } = session
  const log = await repository.run([
    'log',
    '-z',
    '--no-merges',
    '--no-renames',
    '--name-only',
    '--topo-order',
    '--format=%x01%H %an',
    head,
    `^${tip}`,
    '--',
    ...(prefix === '' ? [] : [prefix]),
  ])
  const byPath = new Map<string, Attribution>()
  const byFolder = new Map<string, Attribution>()
  let current: Attribution | undefined
  for (const part of log.stdout.toString('utf8').split('\0')) {
    const entry = part.replace(/^\n/, '')
    if (entry.startsWith('\x01')) {
      const header = entry.slice(1)
      current = {
        commit: parseOid(header.slice(0, header.indexOf(' '))),
        actor: header.slice(header.indexOf(' ') + 1) || 'unknown',
      }
    } else if (entry !== '' && current !== undefined && entry.startsWith(prefix)) {
      const path = entry.slice(prefix.length)
      if (!byPath.has(path)) byPath.set(path, current)
      const folder = /^apps\/[^/]+\//.exec(path)?.[0]
      if (folder !== undefined && !byFolder.has(folder)) byFolder.set(folder, current)
    }
  }
  const tipOfBranch = await repository.readCommit(head)
  const fallback: Attribution = { commit: head, actor: tipOfBranch.author.name || 'unknown' }
  return (path, whole) => {
    if (path === undefined) return fallback
    const folder = whole ? /^apps\/[^/]+\//.exec(path)?.[0] : undefined
    return (folder === undefined ? byPath.get(path) : byFolder.get(folder)) ?? fallback
  }
}
