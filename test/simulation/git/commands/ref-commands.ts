import type { Oid } from '../../../../src/git-bridge/repository.ts'
import type { Repo } from '../repo.ts'
import { resolveRevision } from '../revision.ts'
import { type Command, NONE, notModelled, said } from './call.ts'

/** `rev-parse --verify …  <revision>`. */
export const revParse: Command = ({ repo, args }) => {
  if (args[0] !== '--verify') throw notModelled(['rev-parse', ...args])
  const revision = args.at(-1)!
  const oid = /^refs\//.test(revision) ? repo.refs.read(revision) : resolveRevision(repo, revision)
  if (oid !== undefined) return said(`${oid}\n`)
  return args.includes('--quiet') || args.includes('-q')
    ? said('', 1)
    : said('', 128, 'fatal: Needed a single revision\n')
}

/** A change of a ref as `update-ref` takes it; `old` undefined asks nothing, {@link NONE} that it is not there. */
interface RefChange {
  readonly ref: string
  readonly next: Oid | undefined
  readonly old: Oid | undefined
}

/** `update-ref -d <ref> <old>` and `update-ref -m <reason> --stdin` with `update` lines: all or none. */
export const updateRef: Command = function* ({ repo, args, input }) {
  const changes = args.includes('--stdin')
    ? input.toString('utf8').trim().split('\n').map(parseChange)
    : args[0] === '-d'
      ? [{ ref: args[1]!, next: undefined, old: args[2] as Oid | undefined }]
      : undefined
  if (changes === undefined) throw notModelled(['update-ref', ...args])
  let problem: string | undefined
  yield {
    name: `refs ${changes.map(({ ref }) => ref).join(' ')}`,
    act: () => {
      problem = changes
        .map((change) => refusal(repo, change) ?? clash(change, changes))
        .find((text) => text !== undefined)
      if (problem === undefined) for (const { ref, next } of changes) repo.refs.write(ref, next)
    },
  }
  return problem === undefined ? said() : said('', 128, `fatal: ${problem}\n`)
}

/** Two refs of one step that cannot be there together. */
function clash({ ref }: RefChange, changes: readonly RefChange[]): string | undefined {
  const below = changes.find((other) => other.ref.startsWith(`${ref}/`))
  return below && `cannot lock ref '${below.ref}': '${ref}' exists`
}

function parseChange(line: string): RefChange {
  const [verb, ref, next, old] = line.split(' ')
  if (verb !== 'update' || ref === undefined || next === undefined) throw notModelled(['update-ref', '--stdin', line])
  return { ref, next: next as Oid, old: old as Oid | undefined }
}

/** Why a ref is not moved. */
export function refusal(repo: Repo, { ref, next, old }: RefChange): string | undefined {
  const now = repo.refs.read(ref)
  if (old !== undefined && (now ?? NONE) !== old) {
    return `cannot lock ref '${ref}': ${now === undefined ? 'unable to resolve reference' : `is at ${now} but expected ${old}`}`
  }
  if (next === undefined) return undefined
  if (repo.objects.get(next) === undefined) {
    return `cannot update ref '${ref}': trying to write ref '${ref}' with nonexistent object ${next}`
  }
  const obstacle = now === undefined ? repo.refs.obstacle(ref) : undefined
  return obstacle === undefined ? undefined : `cannot lock ref '${ref}': '${obstacle}' exists; cannot create '${ref}'`
}

/** `config [--local] [--type=bool] [--show-scope] --get`, `--replace-all`, `--unset`, `--unset-all`, `<key> <value>`. */
export const config: Command = function* ({ repo, args }) {
  const flags = args.filter((arg) => arg.startsWith('--'))
  const [key, value] = args.filter((arg) => !arg.startsWith('--'))
  if (key === undefined) throw notModelled(['config', ...args])
  const local = flags.includes('--local')
  if (flags.includes('--get')) {
    const found = local ? repo.local.get(key) : repo.config(key)
    const scope = flags.includes('--show-scope') ? `${repo.local.get(key) === undefined ? 'global' : 'local'}\t` : ''
    return found === undefined ? said('', 1) : said(`${scope}${found}\n`)
  }
  if (flags.some((flag) => flag.startsWith('--unset'))) {
    if (repo.local.get(key) === undefined) return said('', 5)
    yield { name: `config ${key}`, act: () => repo.local.set(key, undefined) }
    return said()
  }
  if (value === undefined) throw notModelled(['config', ...args])
  yield { name: `config ${key}`, act: () => repo.local.set(key, value) }
  return said()
}

/** `worktree list --porcelain -z`: there is one. */
export const worktree: Command = ({ repo, args }) => {
  if (args.join(' ') !== 'list --porcelain -z') throw notModelled(['worktree', ...args])
  return said(`worktree ${repo.workTree ?? repo.gitDir}\0HEAD ${repo.head ?? NONE}\0\0`)
}
