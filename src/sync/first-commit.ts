import { readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { emptyTreeId } from '../git-bridge/object-id.ts'
import type { Oid } from '../git-bridge/repository.ts'
import { harmless } from '../git-bridge/trailers.ts'
import { MANIFEST_FILE } from '../projection/paths.ts'
import { assert, SyncError } from '../world/errors.ts'
import { checkOut, wouldOverwrite } from './check-out.ts'
import type { Connected } from './connect.ts'
import type { FetchReport } from './fetch.ts'
import { LOBBY_FILE } from './lobby-file.ts'
import { firstFiles, write } from './own-files.ts'
import type { Session } from './session.ts'
import { readText, text } from './working-tree.ts'

type Begun = Omit<Connected, 'name' | 'policy' | 'plan' | 'joined'>

/** A first commit that was begun: what a crash interrupts is ended as it was meant, whatever the world did since. */
interface FirstCommit {
  readonly tree: Oid
  readonly tip: Oid
  readonly cursor: number
}

/**
 * The branch begins with the world: a commit of the user's own on top of the line. Files that are in the way stop it; a
 * mark says which files are ours when it has been interrupted.
 */
export async function firstCommit(
  session: Session,
  fetched: FetchReport,
  lobby: string,
  driver: boolean,
): Promise<Begun> {
  const { repository, stateFolder } = session
  const mark = join(stateFolder, 'first-commit')
  // git knows it without its being written.
  const empty = emptyTreeId(repository.objectFormat)
  const interrupted = await readText(mark)
  const first =
    interrupted === undefined
      ? await planFirst(session, fetched, lobby, driver)
      : (JSON.parse(interrupted) as FirstCommit)
  if (interrupted === undefined) {
    // Another layout, other folders: beside what comes, files of a world would be taken for more of it.
    const present = await worldFiles(session)
    if (present.length > 0) throw inTheWay(present)
    const blocked = await wouldOverwrite(repository, empty, first.tree)
    if (blocked.length > 0) throw inTheWay(blocked)
    await writeFile(`${mark}.new`, JSON.stringify(first), { flush: true })
    await rename(`${mark}.new`, mark)
  }
  const blocked = await checkOut(repository, empty, first.tree, { resume: interrupted !== undefined })
  if (blocked.length > 0) throw inTheWay(blocked)
  const branch = await repository.branch()
  assert(branch !== undefined, 'a new repository is on a branch')
  const message = `${harmless(`Clone world ${fetched.worldId} at ${first.cursor}`)}\n`
  const made = await repository.run(['commit-tree', ...(await signFlag(session)), '-p', first.tip, first.tree], {
    input: message,
  })
  const commit = text(made.stdout).trim() as Oid
  if (!(await repository.updateRef(branch, commit, undefined, 'gamedev sync: clone'))) {
    throw new SyncError('branch_moved', `${branch} came into being meanwhile.`, { hint: 'Run the command again.' })
  }
  await rm(mark, { force: true })
  return {
    kind: 'connected',
    folder: session.folder,
    branch: branch.replace(/^refs\/heads\//, ''),
    worldId: fetched.worldId,
    fetched,
    files: (await repository.listFiles(first.tree)).length,
    conflicts: [],
  }
}

async function planFirst(session: Session, fetched: FetchReport, lobby: string, driver: boolean): Promise<FirstCommit> {
  const { repository, prefix } = session
  const tree = await repository.writeTree((await repository.readCommit(fetched.tip)).tree, [
    write(`${prefix}${LOBBY_FILE}`, lobby),
    ...firstFiles(prefix, driver),
  ])
  return { tree, tip: fetched.tip, cursor: fetched.cursor }
}

/** Files of a world that stand in the folder, though no commit has them. */
async function worldFiles({ folder }: Session): Promise<readonly string[]> {
  const found: string[] = []
  for (const name of [MANIFEST_FILE, 'world', 'apps', 'shared', 'assets']) {
    const inside = await readdir(join(folder, name)).catch((error: NodeJS.ErrnoException) =>
      error.code === 'ENOTDIR' ? [''] : [],
    )
    if (inside.length > 0) found.push(name)
  }
  return found
}

async function signFlag(session: Session): Promise<readonly string[]> {
  const result = await session.repository.run(['config', '--type=bool', '--get', 'commit.gpgSign'], {
    allowFailure: true,
  })
  return text(result.stdout).trim() === 'true' ? ['-S'] : []
}

function inTheWay(paths: readonly string[]): SyncError {
  return new SyncError('files_in_the_way', `These files would be overwritten: ${paths.slice(0, 10).join(', ')}.`, {
    hint: 'Commit them first, so that they can be merged with the world.',
    data: { paths },
  })
}
