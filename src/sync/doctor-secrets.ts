import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { type Oid, parseOid } from '../git-bridge/repository.ts'
import { isJsonObject } from '../world/json.ts'
import { few, information, ok, problem, type Said } from './doctor-finding.ts'
import type { Project } from './session.ts'
import { readText } from './working-tree.ts'

/** Where codes stand (S2). */
const PLACES = ['.env', '.lobby/targets.json'] as const
/** What must be ignored by git though no code stands in it: artifacts and logs belong to one machine (G13). */
const ANY_ARTIFACT = '.lobby/conflicts/any.json'
/** A shorter code would be found everywhere. */
const SHORTEST = 4

/**
 * Whether git could give the admin codes away (S2): the files that hold them are to be ignored, not tracked, and in no
 * commit of HEAD's history with a code that is still in use. A code itself never appears in a finding.
 */
export async function examineSecrets(project: Project, options: { readonly quick: boolean }): Promise<readonly Said[]> {
  const { repository, folder, prefix } = project
  const found: Said[] = []
  const tracked = new Set(split(await repository.run(['ls-files', '-z', '--', ...PLACES.map((path) => prefix + path)])))
  const ignored = new Set(
    split(
      await repository.run(['check-ignore', '-z', '--no-index', '--stdin'], {
        input: [...PLACES, ANY_ARTIFACT].map((path) => `${prefix}${path}\0`).join(''),
        allowFailure: true,
      }),
    ),
  )
  const codes = new Set<string>()
  for (const place of PLACES) {
    const path = prefix + place
    const text = await readText(join(folder, place))
    const own = text === undefined ? [] : codesIn(place, text)
    for (const code of own) codes.add(code)
    if (tracked.has(path)) {
      const hint = `Run "git rm --cached ${path}", add it to .gitignore, commit, and change the code in the world.`
      if (own.length > 0) found.push(problem('is tracked by git and holds an admin code', { path, hint }))
      else found.push(information('is tracked by git: an admin code in it would be committed', { path, hint }))
    } else if (!ignored.has(path)) {
      const hint = `Add "${place === '.env' ? '.env' : '.lobby/*'}" to .gitignore.`
      if (own.length > 0) found.push(problem('holds an admin code, and git does not ignore it', { path, hint }))
      else found.push(information('git does not ignore it: an admin code in it could be committed', { path, hint }))
    }
    if (own.length > 0) found.push(...(await examineMode(join(folder, place), path)))
  }
  if (!ignored.has(prefix + ANY_ARTIFACT)) {
    const hint = 'Add ".lobby/*" to .gitignore.'
    found.push(
      information('git does not ignore it: artifacts and logs belong to one machine', {
        path: `${prefix}.lobby`,
        hint,
      }),
    )
  }
  if (!options.quick) found.push(...(await examineHistory(project, codes)))
  if (found.length > 0) return found
  return [ok(`the files of admin codes are ignored by git${options.quick ? '' : ', and no commit holds one'}`)]
}

async function examineMode(file: string, path: string): Promise<readonly Said[]> {
  // Windows has no such bits.
  if (process.platform === 'win32') return []
  const { mode } = await stat(file)
  if ((mode & 0o044) === 0) return []
  return [information('others on this machine can read its admin code', { path, hint: `Run "chmod 600 ${path}".` })]
}

/** All versions of those files that HEAD's history has. */
async function examineHistory(project: Project, codes: ReadonlySet<string>): Promise<readonly Said[]> {
  const { repository, prefix } = project
  if ((await repository.resolve('HEAD')) === undefined) return []
  const args = ['log', '--format=', '--raw', '--no-abbrev', '--no-renames', '-m', '-z', 'HEAD', '--']
  const versions = new Map<Oid, string>()
  const fields = split(await repository.run([...args, ...PLACES.map((path) => prefix + path)]))
  for (const [at, field] of fields.entries()) {
    const [, , , oid, status] = field.split(' ')
    if (field.startsWith(':') && oid !== undefined && status !== 'D') versions.set(parseOid(oid), fields[at + 1] ?? '')
  }
  if (versions.size === 0) return []
  const blobs = await repository.readBlobs(versions.keys())
  const used: string[] = []
  for (const [oid, path] of versions) {
    const text = new TextDecoder().decode(blobs.get(oid))
    if ([...codes].some((code) => code.length >= SHORTEST && text.includes(code))) used.push(path)
  }
  const paths = [...new Set(versions.values())]
  if (used.length === 0) {
    const what = 'is in the history of HEAD: whoever has the repository has what stood there'
    const hint = 'Change any admin code that stood in it.'
    return paths.map((path) => information(what, { path, hint }))
  }
  const what = 'an admin code that is in use stands in the history of HEAD'
  return [problem(what, { path: few([...new Set(used)]), hint: 'Change the code in the world and in your file.' })]
}

function codesIn(place: (typeof PLACES)[number], text: string): readonly string[] {
  if (place === '.env') return [parseEnv(text).ADMIN_CODE ?? ''].filter((code) => code !== '')
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    // That it is broken is another check's to say.
    return []
  }
  const entries = isJsonObject(document) ? Object.values(document) : []
  return entries.flatMap((entry) => {
    const code = isJsonObject(entry) ? entry.adminCode : undefined
    return typeof code === 'string' && code !== '' ? [code] : []
  })
}

function split({ stdout }: { readonly stdout: Buffer }): readonly string[] {
  return stdout
    .toString('utf8')
    .split('\0')
    .filter((part) => part !== '')
}
