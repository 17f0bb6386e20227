import type { Random } from '../../host.ts'
import type { Twin } from './twin.ts'
import { BRANCHES, isMerging, PATHS, pick, type Step } from './vocabulary.ts'

/** The product's way of moving index and work tree, between commits of two branches. */
export function readTree(twin: Twin, random: Random): Step | undefined {
  const { repo } = twin.model
  const [from, to] = [repo.head, repo.refs.read(`refs/heads/${pick(random, BRANCHES)}`)]
  if (from === undefined || to === undefined) return undefined
  const args = ['read-tree', '-m', '-u', ...(random() < 0.4 ? ['-n'] : []), from, to]
  const { git, model } = twin.run(args)
  return { name: args.join(' '), git, model }
}

export function refresh(twin: Twin): Step | undefined {
  const { git, model } = twin.run(['update-index', '-q', '--refresh'])
  return { name: 'update-index --refresh', git: git.code, model: model.code }
}

const GREP = ['--files-with-matches', '-z', '--full-name', '--no-color', '--no-recurse-submodules']

function twoBlobs(twin: Twin, random: Random): readonly (readonly [string, string])[] {
  const oids = [...twin.model.repo.index.entries.values()].map(({ oid }) => oid)
  return oids.length === 0 ? [] : [[pick(random, oids), pick(random, oids)]]
}

/** Puts stages into the index, or takes them out, as the product does. */
export function conflictByHand(twin: Twin, random: Random): Step | undefined {
  const { repo } = twin.model
  const [first, second] = [...repo.index.entries.values()].filter(({ mode }) => mode === '100644')
  if (first === undefined || second === undefined || isMerging(twin)) return undefined
  const path = pick(random, PATHS)
  const lines = [`0 ${'0'.repeat(40)} 0\t${path}`]
  if (random() < 0.4) lines.push(`100644 ${first.oid} 1\t${path}`, `100644 ${second.oid} 2\t${path}`)
  else if (random() < 0.7) lines.push(`100644 ${second.oid} 0\t${path}`)
  const { git, model } = twin.run(['update-index', '-z', '--index-info'], lines.map((line) => `${line}\0`).join(''))
  return { name: `update-index --index-info ${lines.length} ${path}`, git: git.code, model: model.code }
}

/** Stages files by their names, in both ways that the product has. */
export function stageNamed(twin: Twin, random: Random): Step {
  const path = pick(random, PATHS)
  if (random() < 0.5) {
    const { git, model } = twin.run(['update-index', '--add', '--remove', '-z', '--stdin'], `${path}\0`)
    return { name: `update-index --stdin ${path}`, git: git.code, model: model.code }
  }
  const args = ['--literal-pathspecs', 'add', '--all', '--', pick(random, [path, 'd'])]
  const { git, model } = twin.run(args)
  return { name: args.join(' '), git: git.code, model: model.code }
}

/** Moves two refs, or none, from where they are said to be. */
export function moveRefs(twin: Twin, random: Random): Step | undefined {
  const { head, refs } = twin.model.repo
  if (head === undefined) return undefined
  const none = '0'.repeat(40)
  const old = pick(random, [none, head, refs.read('refs/lobby/a') ?? none])
  const input = ['refs/lobby/a', pick(random, ['refs/lobby/b', 'refs/lobby/a/below'])].map(
    (ref) => `update ${ref} ${head} ${old}\n`,
  )
  const { git, model } = twin.run(['update-ref', '-m', 'test', '--stdin'], input.join(''))
  return { name: `update-ref ${input.join('')}`, git: git.code, model: model.code }
}

export function ask(twin: Twin, random: Random): Step | undefined {
  const head = twin.model.head
  const path = pick(random, PATHS)
  const questions: readonly (readonly string[])[] = [
    ['ls-files', '--unmerged', '-z'],
    ['ls-files', '-z', '--', 'd', path],
    ['var', 'GIT_COMMITTER_IDENT'],
    ['check-ignore', '--quiet', '--', path],
    ['rev-parse', '--verify', '--quiet', '--end-of-options', 'refs/heads/left'],
    ['config', '--get', 'merge.directoryRenames'],
    ...(twin.exists(path) ? [['hash-object', '--', path]] : []),
    ...(head === undefined
      ? []
      : [
          ['diff-index', '--cached', '--name-only', '-z', head],
          ['diff-index', '--name-only', '-z', head],
          ['rev-list', '--max-parents=0', head],
          ['write-tree', '--missing-ok'],
          ['grep', ...GREP, '--text', '-E', '-e', '^<<<<<<<([[:space:]]|$)', head, '--', 'd', path],
          ['grep', ...GREP, '-F', '-e', 'edit 1', '-e', 'line 3', head, '--', 'd', path],
          ['rev-parse', '--verify', '--quiet', '--end-of-options', `${head.slice(0, 12)}~1`],
          ...twoBlobs(twin, random).map((pair) => [
            'diff',
            '--no-color',
            '--no-ext-diff',
            '--no-textconv',
            '--unified=3',
            ...pair,
          ]),
          ...twoBlobs(twin, random).map(([oid]) => ['cat-file', '--filters', '--path=a.txt', oid]),
        ]),
  ]
  const args = pick(random, questions)
  const { git, model } = twin.run(args)
  const heard = ({ code, stdout }: typeof git) => ({ code, stdout })
  return { name: args.join(' '), git: heard(git), model: heard(model) }
}
