import { join } from 'node:path'
import { parseWorldUrl } from '../remote-runtime/world-url.ts'
import { SyncError } from '../world/errors.ts'
import { few, information, ok, orProblem, problem, problemOf, type Said } from './doctor-finding.ts'
import { LOBBY_FILE, readLobbyFile } from './lobby-file.ts'
import { readSwitches } from './switches.ts'
import { chooseTarget, type Environment, knownSecrets } from './target.ts'
import { readText } from './working-tree.ts'

/** Whether `lobby.json` says what it should, and the targets of the project belong together (S2). */
export async function examineTargets(folder: string, prefix: string, env: Environment): Promise<readonly Said[]> {
  return orProblem(async () => {
    let lobby: Awaited<ReturnType<typeof readLobbyFile>>
    try {
      lobby = await readLobbyFile(folder)
    } catch (error) {
      if (error instanceof SyncError) return [problemOf(error, { path: prefix + LOBBY_FILE })]
      throw error
    }
    const found: Said[] = []
    const path = prefix + LOBBY_FILE
    const secrets = await knownSecrets(folder)
    const names = Object.keys(lobby?.targets ?? {})
    for (const [name, entry] of Object.entries(lobby?.targets ?? {})) {
      parseWorldUrl(entry.worldUrl)
      const secret = secrets.get(name)
      if (secret === undefined) continue
      const differs = [
        ...(parseWorldUrl(secret.worldUrl) === parseWorldUrl(entry.worldUrl) ? [] : ['worldUrl']),
        ...(secret.worldId === entry.worldId ? [] : ['worldId']),
      ]
      if (differs.length === 0) continue
      const what = `target "${name}" has another ${differs.join(' and ')} in .lobby/targets.json: its admin code is not used`
      found.push(problem(what, { path, hint: `Make "${name}" say the same in both files.` }))
    }
    const byWorld = new Map<string, string>()
    for (const [name, { worldUrl, worldId }] of Object.entries(lobby?.targets ?? {})) {
      const world = `${worldId} ${parseWorldUrl(worldUrl)}`
      const other = byWorld.get(world)
      if (other === undefined) byWorld.set(world, name)
      else
        found.push(information(`targets "${other}" and "${name}" are one world: each has a line of its own`, { path }))
    }
    const unlisted = [...secrets.keys()].filter((name) => !names.includes(name))
    if (lobby !== undefined && unlisted.length > 0) {
      const what = `only .lobby/targets.json knows ${few(unlisted)}: other clones do not`
      found.push(information(what, { path, hint: 'Add them to "targets", without their codes.' }))
    }
    const chosen = await chosenTarget(folder, lobby, env)
    if (chosen !== undefined) found.push(chosen)
    if (found.length > 0) return found
    return lobby === undefined
      ? [
          information(`there is no ${LOBBY_FILE}`, {
            hint: '"gamedev sync init <url>" connects this project with a world.',
          }),
        ]
      : [ok(names.length === 0 ? `${LOBBY_FILE} is valid` : `${LOBBY_FILE} is valid; targets: ${few(names)}`)]
  })
}

/** What stands in the way of a command that names no target. */
async function chosenTarget(
  folder: string,
  lobby: Awaited<ReturnType<typeof readLobbyFile>>,
  env: Environment,
): Promise<Said | undefined> {
  try {
    await chooseTarget(folder, lobby, undefined, env)
    return undefined
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    // Not connected yet: that is said once.
    return error.code === 'no_target' && lobby === undefined ? undefined : problemOf(error)
  }
}

/** The switches of C6: what they are set to, where that is not what it is by default. */
export async function examineSwitches(folder: string, env: Environment): Promise<readonly Said[]> {
  return orProblem(async () => {
    const { strictConflicts, bidirectional } = await readSwitches(folder, env)
    const text = (await readText(join(folder, '.env'))) ?? ''
    const where = (name: string) => (env[name] ? 'in the environment' : text.includes(name) ? 'in .env' : '')
    const found: Said[] = []
    if (!bidirectional) {
      found.push(
        information(`BIDIRECTIONAL_SYNC is off ${where('BIDIRECTIONAL_SYNC')}: nothing is written, to either side`, {
          hint: 'Unset it, or set it to true, to sync again.',
        }),
      )
    }
    if (!strictConflicts) {
      found.push(
        information(`SYNC_STRICT_CONFLICTS is off ${where('SYNC_STRICT_CONFLICTS')}: conflicts are committed as open`, {
          hint: 'Unset it, or set it to true, to let a pull stop for conflicts.',
        }),
      )
    }
    return found.length > 0 ? found : [ok('both are on, as by default')]
  })
}
