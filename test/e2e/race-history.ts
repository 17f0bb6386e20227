import { execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { classify } from '../../src/projection/paths.ts'
import { readChanges } from '../../src/remote-runtime/changes.ts'
import type { RemoteRuntime, Snapshot } from '../../src/remote-runtime/remote-runtime.ts'
import { ARTIFACTS_FOLDER, readArtifacts, sideValue } from '../../src/sync/conflict-artifact.ts'
import { isJsonObject, type JsonObject } from '../../src/world/json.ts'
import type { FieldValue } from '../../src/world/state.ts'
import { effectOf } from '../../src/world/wire-world.ts'
import type { CloneCommit, CloneHistory, FeedOperation, Listed } from './race-judge.ts'
import { key } from './race-judge.ts'
import { type Change, changesOf, type Fields, fieldsOf, PRESENCE } from './race-world.ts'

/** Where the judge's facts come from: the feed as the runtime serves it, and git as git itself prints it. */
const run = promisify(execFile)

/** Runs git without holding up the world that runs in this process. */
export async function git(folder: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('git', args, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28 })
  return stdout.trimEnd()
}

/** The world's objects by key, as fields. */
export function worldFields(snapshot: Snapshot): ReadonlyMap<string, Fields> {
  const objects = new Map<string, Fields>()
  const { settings, spawn: place } = snapshot
  objects.set('settings', fieldsOf(settings as JsonObject))
  objects.set('spawn', fieldsOf(place as JsonObject))
  for (const blueprint of snapshot.blueprints as readonly JsonObject[]) {
    if (blueprint.scene !== true) objects.set(`blueprint:${blueprint.id}`, fieldsOf(blueprint))
  }
  for (const entity of snapshot.entities as readonly JsonObject[]) {
    if (entity.blueprint !== '$scene') objects.set(`entity:${entity.id}`, fieldsOf(entity))
  }
  return objects
}

export function flat(objects: ReadonlyMap<string, Fields>): ReadonlyMap<string, string> {
  return new Map(
    [...objects].flatMap(([object, fields]) =>
      [...fields].map(([field, value]) => [key(object, field), value] as const),
    ),
  )
}

/** The feed after a cursor, each operation with what it changed. */
export async function readFeed(
  remote: RemoteRuntime,
  cursor: number,
  start: ReadonlyMap<string, Fields>,
): Promise<readonly FeedOperation[]> {
  const state = new Map(start)
  const feed: FeedOperation[] = []
  for await (const page of readChanges(remote, cursor, { limit: 1000 })) {
    if (page.kind === 'expired') throw new Error('the feed has expired')
    for (const operation of page.operations) {
      const effect = effectOf(operation)
      let object = ''
      let after: Fields = new Map()
      if (effect.kind === 'put' || effect.kind === 'remove') object = `${effect.of}:${effect.id}`
      if (effect.kind === 'put') after = fieldsOf(effect.object)
      if (effect.kind === 'spawn' || effect.kind === 'setting') object = effect.kind === 'spawn' ? 'spawn' : 'settings'
      if (effect.kind === 'spawn') after = fieldsOf(effect.spawn)
      if (effect.kind === 'setting') {
        const known = new Map(state.get('settings'))
        if (effect.value === undefined) known.delete(effect.key)
        else known.set(effect.key, JSON.stringify(effect.value))
        after = known
      }
      const { opId, actor, source } = operation
      const changes = object === '' ? [] : changesOf(object, state.get(object) ?? new Map(), after)
      if (object !== '') state.set(object, after)
      feed.push({ cursor: operation.cursor, opId, actor, source, changes })
    }
  }
  return feed
}

/** The remote ref, commit by commit from the newest: cursor and id. */
export async function readLine(folder: string): Promise<readonly (readonly [cursor: number, oid: string])[]> {
  const format = '%(trailers:key=Lobby-Cursor,valueonly,separator=%x20) %H'
  const text = await git(folder, 'log', `--format=${format}`, 'refs/lobby/remote')
  return text.split('\n').map((line) => {
    const [cursor, oid] = line.split(' ')
    return [Number(cursor), oid!] as const
  })
}

/** A clone's own history since `from`, and all conflicts that it was ever shown. */
export async function readClone(folder: string, name: string, from: string): Promise<CloneHistory> {
  const line = new Map((await readLine(folder)).map(([cursor, oid]) => [oid, cursor]))
  const format = 'commit %H %P%x09%s'
  const args = ['--first-parent', '-m', '--reverse', '--raw', '--no-abbrev', '--no-renames', `--format=${format}`]
  const text = await git(folder, 'log', ...args, `${from}..HEAD`)
  const raw: {
    readonly oid: string
    readonly parents: readonly string[]
    readonly subject: string
    readonly rows: string[]
  }[] = []
  for (const row of text.split('\n')) {
    const head = /^commit (\S+) (.*?)\t(.*)$/.exec(row)
    if (head !== null) raw.push({ oid: head[1]!, parents: head[2]!.split(' '), subject: head[3]!, rows: [] })
    else if (row.startsWith(':')) raw.at(-1)!.rows.push(row)
  }
  const wanted = raw.flatMap(({ rows }) => rows.flatMap((row) => row.split(/[ \t]/).slice(2, 4)))
  const blobs = await readBlobs(folder, new Set(wanted.filter((oid) => !/^0+$/.test(oid))))
  let taken = 0
  const commits = raw.map(({ oid, parents, subject, rows }): CloneCommit => {
    for (const parent of parents.slice(1)) taken = Math.max(taken, line.get(parent) ?? 0)
    return { oid, subject, merge: parents.length > 1, taken, changes: changesIn(rows, blobs) }
  })
  return { name, commits, listed: await readListed(folder) }
}

/** What a commit changed, object by object, wherever their files are. */
export function changesIn(rows: readonly string[], blobs: ReadonlyMap<string, string>): readonly Change[] {
  const before = new Map<string, Fields>()
  const after = new Map<string, Fields>()
  for (const row of rows) {
    const [meta, path] = row.split('\t') as [string, string]
    const [, , from, to] = meta.split(' ') as [string, string, string, string]
    for (const [side, oid] of [
      [before, from],
      [after, to],
    ] as const) {
      const text = blobs.get(oid)
      const read = text === undefined ? undefined : readFile(path, text)
      if (read !== undefined) side.set(read.object, read.fields)
    }
  }
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((object) =>
    changesOf(object, before.get(object) ?? new Map(), after.get(object) ?? new Map()),
  )
}

export function readFile(path: string, text: string): { readonly object: string; readonly fields: Fields } | undefined {
  const { kind } = classify(path)
  if (kind !== 'entity' && kind !== 'blueprint' && kind !== 'settings' && kind !== 'spawn') return undefined
  const document = JSON.parse(text) as JsonObject
  const object = kind === 'settings' || kind === 'spawn' ? kind : `${kind}:${String(document.id)}`
  return { object, fields: fieldsOf(document) }
}

/** Every object of a clone's HEAD, as fields. */
export async function headFields(folder: string): Promise<ReadonlyMap<string, Fields>> {
  const files = new Map<string, string>()
  for (const row of (await git(folder, 'ls-tree', '-r', 'HEAD', 'world', 'apps')).split('\n')) {
    const [meta, path] = row.split('\t') as [string, string]
    files.set(path, meta.split(' ')[2]!)
  }
  const blobs = await readBlobs(folder, new Set(files.values()))
  const objects = new Map<string, Fields>()
  for (const [path, oid] of files) {
    if (classify(path).kind === 'other' || !path.endsWith('.json')) continue
    const read = readFile(path, blobs.get(oid)!)
    const builtIn = read?.fields.get('scene') === 'true' || read?.fields.get('blueprint') === '"$scene"'
    if (read !== undefined && !builtIn) objects.set(read.object, read.fields)
  }
  return objects
}

/** Both sides of every field that any artifact lists, those of settled and of earlier conflicts as well. */
export async function readListed(folder: string): Promise<readonly Listed[]> {
  const listed: Listed[] = []
  const artifacts = await readArtifacts(join(folder, ARTIFACTS_FOLDER), (file) => {
    throw new Error(`${folder}: ${file} is no artifact`)
  })
  for (const { object, fields, history } of artifacts.values()) {
    for (const { path, local, remote } of [fields, ...history.map((round) => round.fields)].flat()) {
      for (const side of [local, remote]) {
        for (const entry of listedFields(path, sideValue(side))) listed.push({ object, ...entry })
      }
    }
  }
  return listed
}

/** A contested value field by field: whole objects and whole props are taken apart. */
export function listedFields(path: readonly string[], value: FieldValue): readonly Omit<Listed, 'object'>[] {
  if (path.length === 0) {
    if (!isJsonObject(value)) return [{ field: PRESENCE, value: undefined }]
    return [...fieldsOf(value)].map(([field, text]) => ({ field, value: text }))
  }
  if (path.length === 1 && path[0] === 'props' && isJsonObject(value)) {
    return [...fieldsOf({ props: value })].map(([field, text]) => ({ field, value: text }))
  }
  return [{ field: path.join('.'), value: value === undefined ? undefined : JSON.stringify(value) }]
}

export async function readBlobs(folder: string, oids: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
  const child = spawn('git', ['cat-file', '--batch'], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end([...oids].map((oid) => `${oid}\n`).join(''))
  const chunks: Buffer[] = []
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer)
  const all = Buffer.concat(chunks)
  const blobs = new Map<string, string>()
  for (let at = 0; at < all.length; ) {
    const end = all.indexOf(0x0a, at)
    const [oid, kind, size] = all.toString('latin1', at, end).split(' ') as [string, string, string]
    if (kind === 'missing') throw new Error(`${folder} has no object ${oid}`)
    blobs.set(oid, all.toString('utf8', end + 1, end + 1 + Number(size)))
    at = end + 1 + Number(size) + 1
  }
  return blobs
}
