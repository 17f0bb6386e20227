import { execFileSync } from 'node:child_process'
import { performance } from 'node:perf_hooks'
import { openNativeRepository } from '../src/git-bridge/native/open-native-repository.ts'
import { mergeWorlds } from '../src/git-bridge/world-merge.ts'
import { formatJson } from '../src/projection/json-file.ts'
import { classify, entityFile, MANIFEST_FILE } from '../src/projection/paths.ts'
import { readProject } from '../src/projection/project.ts'
import { worldSeed } from './world-seed.js'

const RUNS = 5
const who = { name: 'Bench', email: 'bench@example.com', time: 1_700_000_000, offset: 0 }

/**
 * Merges two worlds with one entity in a hundred changed on each side, a tenth of these on both, in different fields;
 * beside it, parsing the three of them. The median of some runs, each on a repository opened anew, in milliseconds.
 */
export async function measureMerge(layout, count) {
  execFileSync('git', ['init', '--quiet'])
  const entities = worldSeed(count).entities
  const step = 100
  const ours = entities.map((entity, index) =>
    index % step === 0 ? { ...entity, props: { ...entity.props, text: 'ours' } } : entity,
  )
  const theirs = entities.map((entity, index) =>
    index % step === (index % (step * 10) === 0 ? 0 : 1) ? { ...entity, position: [index, 1, 1] } : entity,
  )
  const setup = await openNativeRepository(process.cwd())
  const base = await commit(setup, layout, entities, undefined, undefined)
  const commits = {
    base,
    ours: await commit(setup, layout, ours, base, entities),
    theirs: await commit(setup, layout, theirs, base, entities),
  }
  await setup.close()

  const merging = []
  const parsing = []
  for (let run = 0; run <= RUNS; run++) {
    const parsed = await timed((repository) => parseAll(repository, Object.values(commits)))
    const merged = await timed(async (repository) => {
      const { contested, tree } = await mergeWorlds(repository, '', commits)
      if (contested.length > 0 || tree === undefined) throw new Error('the merge is not clean')
    })
    // The first run warms up the compiler.
    if (run === 0) continue
    parsing.push(parsed)
    merging.push(merged)
  }
  return { merge: median(merging), parse: median(parsing) }
}

async function timed(work) {
  const begun = performance.now()
  const repository = await openNativeRepository(process.cwd())
  await work(repository)
  await repository.close()
  return performance.now() - begun
}

async function parseAll(repository, commits) {
  for (const oid of commits) {
    const files = await repository.listFiles(oid)
    const blobs = await repository.readBlobs(
      files.filter(({ path }) => classify(path).kind !== 'script').map((file) => file.oid),
    )
    const oids = new Map(files.map((file) => [file.path, file.oid]))
    const { problems } = readProject(files, (path) => blobs.get(oids.get(path)))
    if (problems.length > 0) throw new Error(problems[0].message)
  }
}

/** A commit with the world's entities; only those that differ from `before` are written. */
async function commit(repository, layout, entities, parent, before) {
  const write = (path, value, inlineNumbers) => ({
    path,
    kind: 'write',
    bytes: Buffer.from(formatJson(value, { inlineNumbers })),
  })
  const settings = { title: 'Bench' }
  const spawn = { position: [0, 0, 0], quaternion: [0, 0, 0, 1] }
  const edits =
    layout === 'manifest'
      ? [
          write(
            MANIFEST_FILE,
            { formatVersion: 2, settings, spawn, entities: entities.map((entity) => ({ ...entity, state: {} })) },
            false,
          ),
        ]
      : entities
          .filter((entity, index) => entity !== before?.[index])
          .map((entity) => write(entityFile(entity.id), entity, true))
  if (parent === undefined) {
    for (const id of new Set(entities.map(({ blueprint }) => blueprint)))
      edits.push(write(`apps/${id}/${id}.json`, { id, name: id, props: {} }, false))
    if (layout === 'split')
      edits.push(write('world/settings.json', settings, true), write('world/spawn.json', spawn, true))
  }
  const from = parent === undefined ? undefined : (await repository.readCommit(parent)).tree
  const tree = await repository.writeTree(from, edits)
  const parents = parent === undefined ? [] : [parent]
  return repository.writeCommit({ tree, parents, author: who, committer: who, message: 'bench\n' })
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}
