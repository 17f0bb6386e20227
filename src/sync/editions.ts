import type { Oid, Repository } from '../git-bridge/repository.ts'
import { isJsonObject, own } from '../world/json.ts'
import type { Operation } from '../world/operation.ts'
import { newestAbout, operationsAbout } from './rewound.ts'
import type { Session } from './session.ts'
import { moduleOf, namesScripts, type Question, type Rewound } from './unannounced.ts'

/**
 * Blueprints share modules, and each names its own edition in the world; the line has one file for all (G4), which holds
 * what was deployed last. So an edition that a blueprint goes on naming, while another has been deployed beside it, is no
 * news: writing it would take back what nobody wanted taken back.
 */

/** Commits about a module that are asked whether it was an edition before. */
const REACH = 100

/** Whether an operation may name, among scripts that it means to write, editions that are no news. Ours name what they mean. */
export function mayNameStale({ kind, source, patch }: Operation): boolean {
  if (source.startsWith('git:')) return false
  return kind === 'blueprint.add' || (kind === 'blueprint.update' && patch !== undefined && namesScripts({ patch }))
}

/** Whether an operation says that it does not write scripts: which modules its blueprint names is none of its doing. */
export function leavesModules({ kind, patch }: Operation): boolean {
  return kind === 'blueprint.update' && patch !== undefined && !namesScripts({ patch })
}

/**
 * Which of the modules that a question is about are no news: those that the blueprint named before in the same edition;
 * where it is new, and so most likely a copy, those of which the line had that edition before.
 */
export async function staleModules(session: Session, tip: Oid, question: Question): Promise<ReadonlySet<string>> {
  const { operation, modules } = question
  if (operation.kind.endsWith('.add')) {
    const known = await editionsOf(session, tip, [...modules.keys()])
    return new Set([...modules].filter(([path, oid]) => known.has(edition(path, oid))).map(([path]) => path))
  }
  const asked = [...modules.keys(), ...question.scripts.flatMap((script) => moduleOf(script) ?? [])]
  if (asked.length === 0) return new Set()
  const since = await newestAbout(session, tip, question)
  const before = since === undefined ? undefined : (await operationsAbout(session, question, since)).at(-1)
  if (before === undefined || before.kind.endsWith('.remove')) return new Set()
  const [was, is] = [before, operation].map(({ snapshot }) => own(snapshot ?? {}, 'scriptFiles'))
  const url = (files: typeof was, path: string) =>
    isJsonObject(files)
      ? namesOf(path)
          .map((name) => own(files, name))
          .find((name) => name !== undefined)
      : undefined
  return new Set(asked.filter((path) => url(was, path) === url(is, path)))
}

/** Whether a loss behind an operation took an edition of a module with it. */
export function isRewound({ fields }: Rewound, path: string): boolean {
  return fields.some(([field, name]) => field === 'scriptFiles' && (name === undefined || namesOf(path).includes(name)))
}

/** How blueprints of the world name a module (protocol, section 8). */
export function namesOf(path: string): readonly string[] {
  return [`@shared/${path}`, `shared/${path}`]
}

/** All editions that the line had of some shared modules, up to a commit of it; see {@link edition}. */
export async function editionsOf(
  { repository, prefix }: { readonly repository: Repository; readonly prefix: string },
  tip: Oid,
  modules: readonly string[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  const paths = modules.map((path) => `${prefix}shared/${path}`)
  for await (const commit of repository.log({ include: [tip], firstParent: true, paths, limit: REACH })) {
    for (const [index, path] of paths.entries()) {
      const entry = await repository.lookup(commit.oid, path)
      if (entry !== undefined) found.add(edition(modules[index]!, entry.oid))
    }
  }
  return found
}

/** A module with one of its contents, as a word. */
export function edition(path: string, oid: Oid): string {
  return `${oid} ${path}`
}
