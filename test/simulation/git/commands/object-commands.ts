import { formatSignature } from '../../../../src/git-bridge/commit-object.ts'
import type { Oid } from '../../../../src/git-bridge/repository.ts'
import { ancestors } from '../history.ts'
import { attribute, isIgnored } from '../ignore.ts'
import { addCommit, FreshObjects, readBlob, readCommit, treeOf } from '../objects.ts'
import { resolveRevision } from '../revision.ts'
import { listFiles } from '../trees.ts'
import { unifiedHunks } from '../unified.ts'
import { fileItem } from '../work-tree.ts'
import { type Command, isBelow, notModelled, operands, said } from './call.ts'

/** `cat-file --filters --path=<path> <oid>` (the model filters nothing) and `cat-file commit <oid>`. */
export const catFile: Command = ({ repo, args }) => {
  const oid = args.at(-1) as Oid
  if (args[0] === '--filters') return said(Buffer.from(readBlob(repo.objects, oid)))
  const object = repo.objects.get(oid)
  if (args[0] === 'commit' && object?.kind === 'commit') return said(Buffer.from(object.bytes))
  throw notModelled(['cat-file', ...args])
}

/** `diff … <blob> <blob>`. */
export const diff: Command = ({ repo, args }) => {
  const [before, after] = args.slice(-2) as Oid[]
  if (!args.includes('--unified=3')) throw notModelled(['diff', ...args])
  if (before === after) return said()
  const hunks = unifiedHunks(readBlob(repo.objects, before!), readBlob(repo.objects, after!))
  const names = `a/${before} b/${after}`
  const head = `diff --git ${names}\nindex ${before!.slice(0, 7)}..${after!.slice(0, 7)} 100644\n`
  if (hunks === undefined) return said(`${head}Binary files a/${before} and b/${after} differ\n`)
  return said(`${head}--- a/${before}\n+++ b/${after}\n${hunks}`)
}

/** `hash-object -- <path>`. */
export const hashObject: Command = ({ repo, args }) => {
  if (args[0] !== '--') throw notModelled(['hash-object', ...args])
  const item = fileItem(repo, args[1]!)
  if (item !== undefined) return said(`${item.oid}\n`)
  return said('', 128, `fatal: could not open '${args[1]}' for reading: No such file or directory\n`)
}

/** `commit-tree -p <parent> <tree>`, the message from standard input. */
export const commitTree: Command = function* ({ repo, args, input }) {
  const { identity } = repo
  if (identity === undefined || args.includes('-S')) throw notModelled(['commit-tree', ...args])
  const parents = args.flatMap((arg, n) => (args[n - 1] === '-p' ? [arg as Oid] : []))
  const objects = new FreshObjects(repo.objects)
  const message = input.toString('utf8')
  const oid = addCommit(objects, { tree: args.at(-1) as Oid, parents, author: identity, committer: identity, message })
  yield { name: 'commit', act: () => objects.flush(repo.objects) }
  return said(`${oid}\n`)
}

/** `var GIT_AUTHOR_IDENT` and `var GIT_COMMITTER_IDENT`. */
export const variable: Command = ({ repo, args }) => {
  if (!/^GIT_(?:AUTHOR|COMMITTER)_IDENT$/.test(args.join(' '))) throw notModelled(['var', ...args])
  const { identity } = repo
  return identity === undefined
    ? said('', 128, 'fatal: unable to auto-detect email address\n')
    : said(`${formatSignature(identity)}\n`)
}

/** `rev-list --max-parents=0 <commit>`, newest first. */
export const revListRoots: Command = ({ repo, args }) => {
  if (args[0] !== '--max-parents=0' || args.length !== 2) throw notModelled(['rev-list', ...args])
  const tip = resolveRevision(repo, args[1]!)
  if (tip === undefined) return said('', 128, `fatal: bad revision '${args[1]}'\n`)
  const roots = [...ancestors(repo.objects, [tip])]
    .map((oid) => readCommit(repo.objects, oid))
    .filter(({ parents }) => parents.length === 0)
    .sort((a, b) => b.committer.time - a.committer.time)
  return said(roots.map(({ oid }) => `${oid}\n`).join(''))
}

/** `check-ignore --quiet -- <path>`: what is tracked is not ignored. */
export const checkIgnore: Command = ({ repo, args, index }) => {
  if (args[0] !== '--quiet') throw notModelled(['check-ignore', ...args])
  const ignored = operands(args).some((path) => !repo.readIndex(index).has(path) && isIgnored(repo, path))
  return said('', ignored ? 0 : 1)
}

/** `check-attr -z <attribute> -- <path>…`. */
export const checkAttr: Command = ({ repo, args }) => {
  if (args[0] !== '-z') throw notModelled(['check-attr', ...args])
  const name = args[1]!
  return said(
    operands(args)
      .map((path) => `${path}\0${name}\0${attribute(repo, path, name)}\0`)
      .join(''),
  )
}

/** `grep --files-with-matches -z … (-e <pattern>)… <tree> -- <path>…`: `-F` for words, `-E` for markers. */
export const grep: Command = ({ repo, args }) => {
  const at = args.indexOf('--')
  const tree = args[at - 1] as Oid
  const patterns = args.slice(0, at).flatMap((arg, n) => (args[n - 1] === '-e' ? [arg] : []))
  if (!args.includes('-F') && patterns.join() !== '^<<<<<<<([[:space:]]|$)') throw notModelled(['grep', ...args])
  const isHit = (bytes: Uint8Array): boolean => {
    const text = Buffer.from(bytes).toString('latin1')
    if (!args.includes('-F')) return /^<<<<<<<(?:\s|$)/m.test(text)
    return (
      !text.slice(0, 8000).includes('\0') &&
      patterns.some((word) => text.includes(Buffer.from(word).toString('latin1')))
    )
  }
  const found = listFiles(repo.objects, treeOf(repo.objects, tree)).filter(
    ({ path, mode, oid }) =>
      mode !== '120000' && mode !== '160000' && isBelow(path, args.slice(at + 1)) && isHit(readBlob(repo.objects, oid)),
  )
  return said(found.map(({ path }) => `${tree}:${path}\0`).join(''), found.length > 0 ? 0 : 1)
}
