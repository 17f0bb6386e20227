import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { Layout } from '../git-bridge/materializer.ts'
import type { Oid, TreeEdit } from '../git-bridge/repository.ts'
import { mergeWorlds } from '../git-bridge/world-merge.ts'
import { parseWorldUrl } from '../remote-runtime/world-url.ts'
import { SyncError } from '../world/errors.ts'
import { rememberSeen } from './baseline.ts'
import { checkOut, wouldOverwrite } from './check-out.ts'
import type { ConflictArtifact } from './conflict-artifact.ts'
import { type FetchReport, fetchWorld } from './fetch.ts'
import { conflictLabels, describeConflicts, leaveConflicts } from './leave-conflicts.ts'
import { isTargetName, LOBBY_FILE, readLobbyFile, withTarget } from './lobby-file.ts'
import { commitMerge, recoverMerge, requireIdentity } from './merge-commit.ts'
import { configureMergeDriver, isProgramOnPath, withDriverAttributes } from './merge-driver-setup.ts'
import { takeProcessLock } from './process-lock.ts'
import { type Context, openProject, type Project, type Session, sessionFor } from './session.ts'
import { readSwitches, requireBidirectional } from './switches.ts'
import { chooseTarget, type Target } from './target.ts'
import { userGit } from './user-git.ts'
import { exists, readText, requireBranch, text } from './working-tree.ts'

const ATTRIBUTES = '.gitattributes'

/** What must never be committed (S2). */
const IGNORED = ['.env', '.lobby/*', '!.lobby/targets.example.json']

export interface InitOptions {
  /** The world's URL; undefined: what the environment or `.env` says. */
  readonly url: string | undefined
  readonly worldId: string | undefined
  /** The name that the world gets in `lobby.json`. */
  readonly name: string
  /** Asked whether git shall merge world files by field, where `.gitattributes` does not say so already. */
  readonly mergeDriver?: () => Promise<boolean>
}

export interface InitReport {
  readonly kind: 'connected' | 'contested'
  readonly folder: string
  readonly branch: string
  readonly worldId: string
  readonly fetched: FetchReport
  readonly files: number
  /** With `contested`: the open git conflicts. */
  readonly conflicts: readonly ConflictArtifact[]
}

/**
 * Connects a repository with a world that it has no history with: the line begins with a snapshot and becomes part of
 * the branch's history; `lobby.json` remembers the world. Where both have files, equal objects settle and different
 * ones are contested (M4): they become git conflicts, and `git commit` connects when they are settled.
 */
export async function init(context: Context, options: InitOptions): Promise<InitReport> {
  const project = await openProject(context, { here: true })
  return connect(context, project, options)
}

async function connect(context: Context, project: Project, options: InitOptions): Promise<InitReport> {
  if (!isTargetName(options.name)) {
    throw new SyncError('invalid_target_name', `"${options.name}" cannot be the name of a target.`, {
      hint: 'Use letters, digits, "-" and "_".',
    })
  }
  const known = project.lobby?.targets[options.name]
  if (
    known !== undefined &&
    options.url !== undefined &&
    parseWorldUrl(known.worldUrl) !== parseWorldUrl(options.url)
  ) {
    throw new SyncError(
      'already_connected',
      `${LOBBY_FILE} has a target "${options.name}" already: ${known.worldUrl}.`,
      {
        hint: 'Choose another name with --name.',
      },
    )
  }
  requireBidirectional(await readSwitches(project.folder, context.env), 'sync init')
  const lock = await takeProcessLock(project.stateFolder, 'sync init')
  try {
    await requireIdentity(project)
    await keepMerges(project)
    await recoverMerge(project)
    const head = await project.repository.resolve('HEAD')
    if (head !== undefined) await requireBranch(project)
    const target = await initTarget(context, project, options)
    const session = await sessionFor(context, project, target)
    try {
      const identity = await session.runtime.identify()
      const layout: Layout =
        head !== undefined && (await project.repository.lookup(head, `${project.prefix}world.json`)) !== undefined
          ? 'manifest'
          : 'split'
      const fetched = await fetchWorld(session, { start: { layout } })
      const driver = await wantsDriver(session, head, options)
      // A driver that cannot be started would leave conflicts where git alone has none.
      if (driver && (await isProgramOnPath(context.env))) await configureMergeDriver(session)
      const lobby = withTarget(await readLobbyFile(project.folder), options.name, {
        worldUrl: target.address.url,
        worldId: identity.worldId,
      })
      return head === undefined
        ? await firstCommit(session, fetched, lobby, driver)
        : await joinHistory(session, fetched, head, lobby, driver)
    } finally {
      await session.runtime.close()
    }
  } finally {
    await lock.release()
    await project.repository.close()
  }
}

/** A rebase that flattens would tear the line out of the history: where `git pull` rebases, it keeps merges (G6). */
async function keepMerges(project: Project): Promise<void> {
  const { repository } = project
  const rebase = await repository.run(['config', '--get', 'pull.rebase'], { allowFailure: true })
  if (text(rebase.stdout).trim() === 'true') await repository.run(['config', 'pull.rebase', 'merges'])
}

/** The world that `init` was told, or the one that the environment names. */
async function initTarget(context: Context, project: Project, options: InitOptions): Promise<Target> {
  if (options.url === undefined) {
    const name =
      project.lobby === undefined || Object.keys(project.lobby.targets).length === 0 ? undefined : options.name
    return {
      ...(await chooseTarget(project.folder, project.lobby, name, context.env)),
      name: options.name,
      isDefault: isFirst(project, options.name),
    }
  }
  const { env } = context
  const url = parseWorldUrl(options.url)
  // The environment's code belongs to the world that the environment names, if it names one (S2).
  const foreign = env.WORLD_URL !== undefined && env.WORLD_URL !== '' && parseWorldUrl(env.WORLD_URL) !== url
  return {
    name: options.name,
    isDefault: isFirst(project, options.name),
    address: { url, worldId: options.worldId, adminCode: foreign ? undefined : env.ADMIN_CODE || undefined },
    confirm: false,
    from: 'the command line',
    secretFile: undefined,
  }
}

function isFirst(project: Project, name: string): boolean {
  const { lobby } = project
  return lobby === undefined || Object.keys(lobby.targets).length === 0 || lobby.defaultTarget === name
}

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
async function firstCommit(
  session: Session,
  fetched: FetchReport,
  lobby: string,
  driver: boolean,
): Promise<InitReport> {
  const { repository, stateFolder } = session
  const mark = join(stateFolder, 'first-commit')
  const empty = await repository.writeTree(undefined, [])
  const interrupted = await readText(mark)
  const first =
    interrupted === undefined
      ? await planFirst(session, fetched, lobby, driver)
      : (JSON.parse(interrupted) as FirstCommit)
  if (interrupted === undefined) {
    const blocked = await wouldOverwrite(repository, empty, first.tree)
    if (blocked.length > 0) throw inTheWay(blocked)
    await writeFile(`${mark}.new`, JSON.stringify(first), { flush: true })
    await rename(`${mark}.new`, mark)
  }
  const blocked = await checkOut(repository, empty, first.tree, { resume: interrupted !== undefined })
  if (blocked.length > 0) throw inTheWay(blocked)
  const branch = text((await repository.run(['symbolic-ref', 'HEAD'])).stdout).trim()
  const message = `Clone world ${fetched.worldId} at ${first.cursor}\n`
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
    write(`${prefix}.gitignore`, `${IGNORED.join('\n')}\n`),
    ...(driver ? [write(`${prefix}${ATTRIBUTES}`, withDriverAttributes(''))] : []),
  ])
  return { tree, tip: fetched.tip, cursor: fetched.cursor }
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

/** The branch has a history of its own: the world joins it in a merge commit. */
async function joinHistory(
  session: Session,
  fetched: FetchReport,
  head: Oid,
  lobby: string,
  driver: boolean,
): Promise<InitReport> {
  const { repository, prefix } = session
  const branch = await requireBranch(session)
  const base = await repository.mergeBase(head, fetched.tip)
  const commits = { base, ours: head, theirs: fetched.tip }
  const merge = await mergeWorlds(repository, prefix, commits, {
    policy: session.lobby?.policy,
    conflicts: () => conflictLabels(session, session.ref),
  })
  const report = { folder: session.folder, branch: branch.name, worldId: fetched.worldId, fetched }
  const own = [
    write(`${prefix}${LOBBY_FILE}`, lobby),
    ...(await ignoreEdits(session, head)),
    ...(driver ? await attributeEdits(session, head) : []),
    ...(base === fetched.tip ? [] : await rememberSeen(session, head, fetched.tip)),
  ]
  const message = `Connect with world ${fetched.worldId} at ${fetched.cursor}\n`
  const planned = { branch: branch.name, head, tip: fetched.tip, message }
  if (merge.conflict !== undefined) {
    const tree = await repository.writeTree(merge.conflict.tree, own)
    const conflicts = await describeConflicts(session, merge, fetched, head, base)
    await leaveConflicts(session, { ...planned, tree }, merge.conflict, conflicts)
    return { ...report, kind: 'contested', files: merge.incoming.length, conflicts }
  }
  const tree = await repository.writeTree(merge.tree!, own)
  const connected = { ...report, kind: 'connected' as const, files: merge.incoming.length, conflicts: [] }
  // Connected already: there is nothing to record (G6).
  if (base === fetched.tip && tree === (await repository.readCommit(head)).tree) return connected
  await commitMerge(session, { ...planned, tree })
  return connected
}

/** Whether git shall merge world files by field here: it does already, or the user wants it to. */
async function wantsDriver(session: Session, head: Oid | undefined, options: InitOptions): Promise<boolean> {
  const known = head !== undefined && (await attributeEdits(session, head)).length === 0
  return known || ((await options.mergeDriver?.()) ?? false)
}

/** The lines that `.gitattributes` lacks for the merge driver. */
async function attributeEdits({ repository, prefix }: Session, head: Oid): Promise<readonly TreeEdit[]> {
  const path = `${prefix}${ATTRIBUTES}`
  const found = await repository.lookup(head, path)
  const present = found === undefined ? undefined : (await repository.readBlobs([found.oid])).get(found.oid)
  // Whatever its encoding: all that is there stays byte for byte.
  const text = Buffer.from(present ?? []).toString('latin1')
  const next = withDriverAttributes(text)
  return next === text ? [] : [{ path, kind: 'write', bytes: Buffer.from(next, 'latin1') }]
}

/** The lines that `.gitignore` lacks to keep secrets out of git. */
async function ignoreEdits(session: Session, head: Oid): Promise<readonly TreeEdit[]> {
  const { repository, prefix } = session
  const found = await repository.lookup(head, `${prefix}.gitignore`)
  const present =
    found === undefined ? '' : new TextDecoder().decode((await repository.readBlobs([found.oid])).get(found.oid))
  const lines = new Set(present.split(/\r?\n/).map((line) => line.trim()))
  const missing = IGNORED.filter(
    (line) => !lines.has(line) && !lines.has(line.replace('/*', '/')) && !lines.has(line.replace('/*', '')),
  )
  if (missing.length === 0) return []
  const glue = present === '' || present.endsWith('\n') ? '' : '\n'
  return [write(`${prefix}.gitignore`, `${present}${glue}${missing.join('\n')}\n`)]
}

function write(path: string, content: string): TreeEdit {
  return { path, kind: 'write', bytes: new TextEncoder().encode(content) }
}

export interface CloneOptions {
  readonly url: string
  /** Folder, relative to `cwd`; undefined: named after the world. */
  readonly folder: string | undefined
  readonly worldId: string | undefined
}

/** Marks a clone that was begun and not ended, inside its git dir. */
const MARK = join('lobby', 'clone')

/**
 * Makes a git repository with the world in it. A clone that failed leaves nothing behind; one that was killed is
 * completed by running it again. Throws `folder_not_empty`.
 */
export async function clone(context: Context, options: CloneOptions): Promise<InitReport> {
  const url = parseWorldUrl(options.url)
  const folder = resolve(
    context.cwd,
    options.folder ?? (options.worldId === undefined ? defaultFolder(url) : safeFolder(options.worldId)),
  )
  const present = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new SyncError('folder_not_usable', `${folder} is not a folder that can be cloned into.`, { cause: error })
  })
  const resuming =
    (await readText(join(folder, '.git', MARK))) === url ||
    (present?.join() === '.git' && !(await exists(join(folder, '.git', 'HEAD'))))
  if (present !== undefined && present.length > 0 && !resuming) {
    throw new SyncError('folder_not_empty', `The folder ${basename(folder)} exists already and is not empty.`, {
      hint: 'Choose another folder, or run "gamedev sync init" in it.',
      data: { folder },
    })
  }
  // Before anything is created: a wrong URL or code shall leave nothing behind.
  const { openRuntime } = await import('../remote-runtime/open-runtime.ts')
  const foreign = context.env.WORLD_URL && parseWorldUrl(context.env.WORLD_URL) !== url
  const probe = openRuntime(
    { url, worldId: options.worldId, adminCode: foreign ? undefined : context.env.ADMIN_CODE || undefined },
    context.signal === undefined ? {} : { signal: context.signal },
  )
  try {
    await probe.identify()
    await probe.head()
  } finally {
    await probe.close()
  }
  await mkdir(folder, { recursive: true })
  try {
    await prepare(folder, url)
    const inside = { ...context, cwd: folder }
    const report = await connect(inside, await openProject(inside, { here: true }), {
      url,
      worldId: options.worldId,
      name: 'main',
      // A repository of our own making: nobody's attributes are in question.
      mergeDriver: async () => true,
    })
    await rm(join(folder, '.git', MARK), { force: true })
    return report
  } catch (error) {
    if (!resuming) await removeClone(folder, present === undefined)
    throw error
  }
}

async function prepare(folder: string, url: string): Promise<void> {
  // The mark comes first: whatever is killed after it is recognised as ours.
  await mkdir(join(folder, '.git', 'lobby'), { recursive: true })
  await writeFile(join(folder, '.git', MARK), url)
  const git = await userGit(folder)
  await git.init()
  // Thousands of small files: git's own settings for that (a compact index, an untracked cache).
  await git.addConfig('feature.manyFiles', 'true')
}

async function removeClone(folder: string, created: boolean): Promise<void> {
  if (created) return rm(folder, { recursive: true, force: true })
  for (const entry of await readdir(folder)) await rm(join(folder, entry), { recursive: true, force: true })
}

/** The last part of the URL's path, else the host. */
function defaultFolder(url: string): string {
  const { pathname, hostname } = new URL(url)
  return safeFolder(pathname.split('/').filter(Boolean).at(-1) ?? hostname)
}

function safeFolder(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[.-]+/, '')
  return safe === '' ? 'world' : safe
}
