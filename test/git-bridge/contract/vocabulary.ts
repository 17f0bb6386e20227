import {
  type NewCommit,
  type Oid,
  parseOid,
  type Repository,
  type Signature,
  type TreeEdit,
} from '../../../src/git-bridge/repository.ts'
import { assert } from '../../../src/world/errors.ts'

/** A repository made for one test, and how to throw it away. */
export interface Fixture {
  readonly repository: Repository
  dispose(): Promise<void>
}

export type OpenFixture = () => Promise<Fixture>

export const REF = 'refs/lobby/remote'

export const text = (content: string): Uint8Array => Buffer.from(content)

export const write = (path: string, content = `content of ${path}\n`): TreeEdit => ({
  kind: 'write',
  path,
  bytes: text(content),
})

export const remove = (path: string): TreeEdit => ({ kind: 'delete', path })

/** Somebody at the n-th minute of a day in 2023. */
export const person = (minute: number, name = 'builder'): Signature => ({
  name,
  email: `${name}@world.lobby`,
  time: 1_700_000_000 + 60 * minute,
  offset: 0,
})

export const newCommit = (minute: number, edits: readonly TreeEdit[], message = `step ${minute}\n`): NewCommit => ({
  author: person(minute),
  committer: person(minute, 'lobby'),
  message,
  edits,
})

/** Puts commits on a ref that does not exist, or on top of what it names; returns the tip. */
export async function grow(repository: Repository, ref: string, commits: readonly NewCommit[]): Promise<Oid> {
  const at = await repository.readRef(ref)
  const outcome = await repository.importCommits(ref, at, at, commits, 'test')
  assert(outcome.kind === 'imported', 'a ref that only this test moves')
  return outcome.tip
}

/** A commit of any shape, named by no ref. */
export async function commitOn(
  repository: Repository,
  parents: readonly Oid[],
  minute: number,
  edits: readonly TreeEdit[] = [],
): Promise<Oid> {
  const [first] = parents
  const base = first === undefined ? undefined : (await repository.readCommit(first)).tree
  return repository.writeCommit({
    tree: await repository.writeTree(base, edits),
    parents,
    author: person(minute),
    committer: person(minute),
    message: `step ${minute}\n`,
  })
}

/** Every file of a tree with its content as text, executables and links marked. */
export async function contents(repository: Repository, treeish: Oid): Promise<Record<string, string>> {
  const files = (await repository.listFiles(treeish)).filter(({ mode }) => mode !== '160000')
  const blobs = await repository.readBlobs(files.map(({ oid }) => oid))
  return Object.fromEntries(
    files.map(({ path, mode, oid }) => {
      const content = Buffer.from(blobs.get(oid) as Uint8Array).toString('utf8')
      return [path, mode === '100755' ? `* ${content}` : mode === '120000' ? `-> ${content}` : content]
    }),
  )
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** An id of the right length that no object has. */
export function nobody(repository: Repository): Oid {
  return parseOid(repository.objectFormat === 'sha1' ? '12'.repeat(20) : '12'.repeat(32))
}

export async function subjects(repository: Repository, options: Parameters<Repository['log']>[0]): Promise<string[]> {
  return (await collect(repository.log(options))).map(({ message }) => message.trim())
}

/** Names that shells, quoting, options, encodings or sorting could get wrong. */
export const UNUSUAL_PATHS = [
  '-leading-dash',
  '--all',
  ':(glob)*',
  'a b/c d.json',
  'back\\slash',
  'foo-bar',
  'foo.json',
  'foo/inside',
  'foo0',
  'new\nline',
  'quote"d/and\'single',
  'star*?[x]',
  'tab\there',
  'trailing ',
  'Ünïcødé/日本語/🌍.json',
  '\u{1f30d}-astral',
  '\uff21-after-the-surrogates',
]
