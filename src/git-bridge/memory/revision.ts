import type { Oid } from '../repository.ts'
import type { GitHome, ObjectStore } from './object-store.ts'

/**
 * Resolves the revisions people write (`HEAD`, `@`, `main~2`, `tag^{commit}`, `a1b2c3d^2`) to a commit; reflog, date and
 * message searches are git's own and mean nothing here.
 */
export async function resolveRevision(home: GitHome, objects: ObjectStore, revision: string): Promise<Oid | undefined> {
  const match = /^([^~^:@\0][^~^:\0]*|@)((?:~\d*|\^\d*|\^\{(?:commit)?\})*)$/.exec(revision)
  if (!match) return undefined
  const [, name = '', steps = ''] = match
  const start = await resolveName(home, name === '@' ? 'HEAD' : name)
  let at = start && (await peel(objects, start))
  for (const [step] of steps.matchAll(/~\d*|\^\{[a-z]*\}|\^\d*/g)) {
    if (at === undefined) return undefined
    const count = step.length > 1 ? Number(step.slice(1)) : 1
    if (step.startsWith('~'))
      for (let back = 0; back < count && at; back += 1) at = (await objects.commit(at)).parents[0]
    else if (!step.startsWith('^{') && count > 0) at = (await objects.commit(at)).parents[count - 1]
  }
  return at
}

async function resolveName({ git, fs, gitdir }: GitHome, name: string): Promise<Oid | undefined> {
  try {
    return (await git.resolveRef({ fs, gitdir, ref: name })) as Oid
  } catch {
    if (!/^[0-9a-f]{4,40}$/.test(name)) return undefined
    return git.expandOid({ fs, gitdir, oid: name }).then(
      (oid) => oid as Oid,
      () => undefined,
    )
  }
}

/** The commit that an object is or, through tags, names. */
async function peel(objects: ObjectStore, oid: Oid): Promise<Oid | undefined> {
  const object = await objects.read(oid)
  if (object?.type === 'commit') return oid
  const tagged =
    object?.type === 'tag' ? /^object ([0-9a-f]+)/.exec(Buffer.from(object.content).toString('latin1')) : null
  return tagged ? peel(objects, tagged[1] as Oid) : undefined
}
