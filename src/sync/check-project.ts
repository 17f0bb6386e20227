import { realpath } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { openNativeRepository } from '../git-bridge/native/open-native-repository.ts'
import { SyncError } from '../world/errors.ts'
import { reportOn } from './figures/event.ts'
import { LOBBY_FILE } from './lobby-file.ts'
import { type Context, openProject, type Project, refSegment } from './session.ts'
import { knownCodes } from './target.ts'
import { exists } from './working-tree.ts'

/**
 * The project of a folder, as `openProject` finds it; but one whose `lobby.json` cannot be read is opened all the same,
 * so that a check names that file among its findings.
 */
export async function openForCheck(context: Context): Promise<Project> {
  try {
    return await openProject(context)
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'invalid_lobby_file') throw error
  }
  const { cwd, signal } = context
  const repository = await openNativeRepository(cwd, signal === undefined ? {} : { signal })
  const root = await realpath(repository.workTree!)
  let folder = await realpath(cwd)
  while (folder !== root && !(await exists(join(folder, LOBBY_FILE)))) folder = dirname(folder)
  const inside = relative(root, folder).split(sep).join('/')
  const [prefix, below] = inside === '' ? ['', []] : [`${inside}/`, ['projects', refSegment(inside)]]
  const stateFolder = join(repository.commonDir, 'lobby', ...below)
  await context.reporter?.enter({ gitDir: repository.commonDir, stateFolder, codes: () => knownCodes(folder) })
  return { repository, folder, prefix, lobby: undefined, stateFolder, report: reportOn(context.reporter) }
}
