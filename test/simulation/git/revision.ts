import type { Oid } from '../../../src/git-bridge/repository.ts'
import { readCommit } from './objects.ts'
import type { Repo } from './repo.ts'

/** Resolves the revisions people write (`HEAD`, `@`, `main~2`, `stash@{1}`, `a1b2c3d^2`) to a commit. */
export function resolveRevision(repo: Repo, revision: string): Oid | undefined {
  const match = /^([^~^:@\0-][^~^:\0]*|@)((?:~\d*|\^\d*|\^\{(?:commit)?\})*)$/.exec(revision)
  if (match === null) return undefined
  const [, name = '', steps = ''] = match
  const found = resolveName(repo, name === '@' ? 'HEAD' : name)
  let at = found !== undefined && repo.objects.get(found)?.kind === 'commit' ? found : undefined
  for (const [step] of steps.matchAll(/~\d*|\^\{[a-z]*\}|\^\d*/g)) {
    if (at === undefined) return undefined
    const count = step.length > 1 ? Number(step.slice(1)) : 1
    if (step.startsWith('~'))
      for (let back = 0; back < count && at; back += 1) at = readCommit(repo.objects, at).parents[0]
    else if (!step.startsWith('^{') && count > 0) at = readCommit(repo.objects, at).parents[count - 1]
  }
  return at
}

function resolveName(repo: Repo, name: string): Oid | undefined {
  if (/^[0-9a-f]{40}$/.test(name)) return name as Oid
  const stash = /^(?:refs\/)?stash@\{(\d+)\}$/.exec(name)
  if (stash !== null) return stashes(repo)[Number(stash[1])]?.oid
  if (/[\s@]/.test(name)) return undefined
  for (const ref of [name, `refs/${name}`, `refs/tags/${name}`, `refs/heads/${name}`, `refs/remotes/${name}`]) {
    if (!/^(?:[A-Z_]+$|refs\/)/.test(ref)) continue
    const oid = repo.refs.read(ref)
    if (oid !== undefined) return oid
  }
  if (!/^[0-9a-f]{4,40}$/.test(name)) return undefined
  const commits = [...repo.objects.startingWith(name)].filter((oid) => repo.objects.get(oid)?.kind === 'commit')
  return commits.length === 1 ? commits[0] : undefined
}

/** The stash, newest first: the log of its ref. */
export function stashes(repo: Repo): readonly { readonly oid: Oid; readonly message: string }[] {
  const text = repo.state('logs/refs/stash') ?? ''
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ oid: line.slice(0, 40) as Oid, message: line.slice(41) }))
    .reverse()
}
