import { git, headFields, readListed } from '../e2e/race-history.ts'
import { checkRepository, leftovers } from './clone-checks.ts'
import { readCommits, readKnowledge } from './history.ts'
import { type History, judge, listing, type Operation, tell } from './judge.ts'
import type { Person } from './person.ts'
import type { Game } from './round.ts'
import { sameState, worldScripts } from './same-state.ts'
import { headsOf, spawnName } from './sent-from.ts'
import { expectCode, mergeTeam } from './turn.ts'
import { findDefects, findLeftLocks, findLostAssets, type Held, readHeld } from './world-checks.ts'

/** A few pulls and pushes must do; more means that two clones push each other's work to and fro. */
const MOST_ROUNDS = 8
/** Milliseconds for which a push locks a scope before it has written the lock's token down (P4). */
const FIRST_LOCK = 10_000

/** Nobody in the world does anything any more: everybody pulls, settles, pushes and merges, until all have the same. */
export async function comeToRest({ people, bench }: Game): Promise<void> {
  for (let round = 1; ; round++) {
    for (const person of people) if (round === 1 || !(await isAtRest(person))) await catchUp(person)
    const heads = await Promise.all(people.map((person) => person.git('rev-parse', 'HEAD')))
    const origin = await git(`${bench.folder}/origin.git`, 'rev-parse', 'main')
    if (heads.every((head) => head === origin)) return
    if (round === MOST_ROUNDS) throw new Error(`no rest after ${round} rounds: ${heads.join(', ')}; origin ${origin}`)
  }
}

/** Whether a person only lacked what the others have, who had everything of the world. */
async function isAtRest(person: Person): Promise<boolean> {
  await person.git('fetch', '--quiet', 'origin')
  const { code } = await person.run('git', ['merge', '--quiet', '--ff-only', 'origin/main'])
  return code === 0 && (await person.git('rev-parse', 'HEAD')) === (await person.git('rev-parse', 'origin/main'))
}

/** Until a person has nothing to settle, to pull or to push, neither with the world nor with the others. */
async function catchUp(person: Person): Promise<void> {
  const settle = async () => {
    if (person.isMerging) await person.settle()
  }
  const run = async (...args: string[]) => {
    const ran = await person.sync(args)
    expectCode(person, ran, false)
    await settle()
    return ran.code
  }
  await settle()
  // What a public server lost unnoticed would show now (G11).
  await run('pull', '--yes', '--verify')
  await mergeTeam(person)
  await settle()
  for (let attempt = 1; ; attempt++) {
    const code: number | null = await run('push', '--yes', '--allow-mass-delete', '--wait-lock', '180')
    if (code === 0) break
    if (attempt === 5) throw new Error(`${person.name}: ${attempt} pushes, and the last exits with ${code}`)
    await run('pull', '--yes')
  }
  await person.run('git', ['push', '--quiet', 'origin', 'main'])
}

/** Everything that must hold when everybody is done (the promise of docs/architecture.md, S4, P6, G1, protocol 9). */
export async function checkEnd(game: Game): Promise<void> {
  const { people, bench, beginning, editors, plan, tally } = game
  const { url } = bench.rack.runtime
  const held = await readHeld(url, beginning)
  tally.operations += held.feed.length
  const acknowledged = editors.map((editor) => editor.acknowledged)
  const defects =
    plan.runtime === 'reference'
      ? [
          ...findDefects(held, beginning, acknowledged),
          ...(await findLostAssets(url, new Map(acknowledged.flatMap(({ assets }) => [...assets])))),
        ]
      : []
  defects.push(...(await findLeftLocks(url, FIRST_LOCK)))
  const scripts = await worldScripts(url)
  for (const person of people) {
    defects.push(...(await checkRepository(person)))
    const left = leftovers(person.folder)
    if (left.length > 0) defects.push(`${person.name}: ${left.join(', ')} is left in .git`)
    const status = await person.git('status', '--porcelain')
    if (status !== '') defects.push(`${person.name} has changes:\n${status}`)
    const standing = JSON.parse((await person.sync(['status'])).stdout) as Record<string, unknown>
    for (const what of ['outgoing', 'contested', 'kept', 'uncommitted'])
      if (JSON.stringify(standing[what]) !== '[]')
        defects.push(`${person.name}: status has ${what}: ${JSON.stringify(standing[what])}`)
    for (const difference of sameState(await headFields(person.folder), person.folder, held.state, scripts))
      defects.push(`${person.name}: ${difference}`)
  }
  const history = await readHistory(game, held)
  const known = new Set(history.commits.map(({ oid }) => oid))
  for (const { name, commits } of people) {
    for (const oid of commits) if (!known.has(oid)) defects.push(`${name} committed ${oid}, which is in no branch`)
  }
  const losses = judge(history)
  if (losses.length > 0) defects.push(...losses.slice(0, 5).map((loss) => tell(history, loss)))
  if (losses.length > 5) defects.push(`and ${losses.length - 5} more are lost`)
  if (defects.length > 0) throw new Error(defects.slice(0, 20).join('\n'))
}

/** What the judge needs, from all that there is. */
async function readHistory({ people, root }: Game, { feed, state }: Held): Promise<History> {
  const folder = people[0]!.folder
  const listed = new Set(people.flatMap(({ told }) => [...told]))
  for (const person of people) {
    for (const { object, field, value } of await readListed(person.folder)) listed.add(listing(object, field, value))
  }
  const heads = headsOf(people.flatMap(({ sent }) => sent))
  const operations = feed.map(({ cursor, opId, actor, source, changes }): Operation => {
    const place = changes.find(({ object, field }) => object === 'spawn' && field === 'position')?.after
    const head = heads.get(opId) ?? (source === 'admin.http' ? heads.get(spawnName(place)) : undefined)
    if (source.startsWith('git:') && head === undefined) throw new Error(`nobody sent ${opId} of ${source}`)
    return { cursor, opId, actor, changes, head }
  })
  return {
    commits: await readCommits(folder, root),
    feed: operations,
    listed,
    knowledge: await readKnowledge(folder),
    final: state,
  }
}
