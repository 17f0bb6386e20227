import type { Sandbox } from './sandbox.ts'

/** What a tree of git holds. */
interface Entry {
  readonly mode: string
  readonly oid: string
  readonly path: string
}

/** The world's places, in which alone a world can make files (S1). */
const OWNED =
  /^(?:world\.json|world\/(?:settings|spawn)\.json|world\/entities\/.+\.json|apps\/[^/]+\/.+\.(?:json|js|ts)|shared\/.+\.(?:js|ts)|assets\/.+)$/
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])(?:\..*)?$/i
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u

export function listTree(sandbox: Sandbox, treeish: string): readonly Entry[] {
  return sandbox
    .git('ls-tree', '-r', '-z', treeish)
    .split('\0')
    .flatMap((line): Entry[] => {
      const match = /^(\d{6}) \w+ ([0-9a-f]+)\t(.*)$/s.exec(line)
      return match === null ? [] : [{ mode: match[1]!, oid: match[2]!, path: match[3]! }]
    })
}

/** The JSON documents of a tree, by path. */
export function readDocuments(
  sandbox: Sandbox,
  treeish: string,
): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
  const entries = listTree(sandbox, treeish).filter(({ path }) => path.endsWith('.json'))
  const output = sandbox.gitBytes(entries.map(({ oid }) => `${oid}\n`).join(''), 'cat-file', '--batch')
  const documents = new Map<string, Readonly<Record<string, unknown>>>()
  let at = 0
  for (const { path } of entries) {
    const end = output.indexOf(10, at)
    const size = Number(output.subarray(at, end).toString('latin1').split(' ')[2])
    documents.set(
      path,
      JSON.parse(output.subarray(end + 1, end + 1 + size).toString('utf8')) as Readonly<Record<string, unknown>>,
    )
    at = end + size + 2
  }
  return documents
}

function foldedName(path: string): string {
  return path.normalize('NFC').toLowerCase()
}

/** What is wrong with the paths of a world's tree: judged apart from the code that made them (S1, G4). */
export function judgePaths(entries: readonly Pick<Entry, 'mode' | 'path'>[]): readonly string[] {
  const found: string[] = []
  const folded = new Map<string, string>()
  for (const { mode, path } of entries) {
    const say = (what: string) => found.push(`${JSON.stringify(path)} ${what}`)
    if (mode !== '100644') say(`has mode ${mode}`)
    if (!OWNED.test(path)) say('is no file of the world')
    if (INVISIBLE.test(path) || path.includes('\\') || path.includes(':')) say('has characters that no name may have')
    if (Buffer.byteLength(path) > 1024) say('is too long')
    const segments = path.split('/')
    for (const segment of segments) {
      if (segment === '' || segment.startsWith('.') || /[. ]$/.test(segment))
        say(`has the segment ${JSON.stringify(segment)}`)
      if (segment.normalize('NFKC').startsWith('.')) say('has a segment that looks like one with a dot')
      if (/^git~\d+$/i.test(segment)) say('reaches .git by its short name')
      if (DEVICE.test(segment.trim())) say('has the name of a device')
      if (Buffer.byteLength(segment) > 255) say('has a segment that is too long')
    }
    const fold = foldedName(path)
    const other = folded.get(fold)
    if (other !== undefined) say(`is ${JSON.stringify(other)} where case folds`)
    folded.set(fold, path)
  }
  for (const { path } of entries) {
    for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
      const file = folded.get(foldedName(path.slice(0, slash)))
      if (file !== undefined) found.push(`${JSON.stringify(path)} is below the file ${JSON.stringify(file)}`)
    }
  }
  return found
}

/** Judges the line: its tree, and that each of its commits is certified and holds world-owned files only. */
export function judgeLine(sandbox: Sandbox, ref = 'refs/lobby/remote'): void {
  for (const wrong of judgePaths(listTree(sandbox, ref))) sandbox.find(`${ref}: ${wrong}`)
  const log = sandbox.git(
    'log',
    '-z',
    '--format=%H%x01%T%x01%an%x01%ae%x01%cn%x01%(trailers:key=Lobby-Tree,valueonly,separator=%x2c)%x01%(trailers:key=Lobby-Cursor,valueonly,separator=%x2c)%x01%(trailers:key=Lobby-World,valueonly,separator=%x2c)%x01%B',
    ref,
  )
  for (const entry of log.split('\0')) {
    if (entry === '') continue
    const [oid, tree, name, email, committer, named, cursor, worldId, body] = entry.split('\x01')
    if (named !== tree) sandbox.find(`${oid} names the tree ${named}, which is not its own`)
    if (!/^\d+$/.test(cursor ?? '')) sandbox.find(`${oid} has the cursor ${JSON.stringify(cursor)}`)
    if (worldId === undefined || worldId.includes(',other')) sandbox.find(`${oid} has a forged world`)
    if (committer !== 'gamedev sync') sandbox.find(`${oid} has the committer ${JSON.stringify(committer)}`)
    if (INVISIBLE.test(`${name}${email}`)) sandbox.find(`${oid} has an author with invisible characters`)
    if (/(?:^|\s)[#@]\w|\[(?:skip ci|ci skip)\]/.test((body ?? '').split('\n')[0]!))
      sandbox.find(`${oid} has a subject that forges obey`)
    if (INVISIBLE.test((body ?? '').replaceAll('\n', '')))
      sandbox.find(`${oid} has a message with invisible characters`)
  }
}
