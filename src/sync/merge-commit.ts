import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { GitResult } from '../git-bridge/native/git-process.ts'
import type { Oid, Signature } from '../git-bridge/repository.ts'
import { SyncError } from '../world/errors.ts'
import { changedFiles, checkOut } from './check-out.ts'
import type { ConflictArtifact } from './conflict-artifact.ts'
import { readUnmerged, type UnmergedPath, writeUnmerged } from './index-stages.ts'
import { type Project, refSegment } from './session.ts'
import { exists, readText, text } from './working-tree.ts'

/** A merge commit about to be made: everything needed to finish it after a crash. */
export interface PlannedMerge {
  readonly branch: string
  readonly head: Oid
  readonly tip: Oid
  /** What is to stand in the working tree: with conflicts, both sides between markers. */
  readonly tree: Oid
  readonly message: string
  /** Paths that stay conflicted; the commit is then the user's to make (C1). */
  readonly conflicts?: readonly UnmergedPath[]
  /** What is written down about the conflicts (C3). */
  readonly artifacts?: readonly ConflictArtifact[]
}

/** How far a merge had come when it was interrupted: its files first, MERGE_HEAD when they are all there. */
interface Journal {
  readonly phase: 'files' | 'merging'
  readonly merge: PlannedMerge
}

/**
 * Puts a merged tree on the user's branch, the way `git merge` does: index and working tree, MERGE_HEAD and MERGE_MSG,
 * hooks, a commit with the user's identity and signature, first parent HEAD, second the tip (G6, G10).
 *
 * Local changes to the files that it would write stop it before anything is changed (`local_changes`), as git does. A
 * journal is written first: what a crash interrupts, {@link recoverMerge} completes.
 */
export async function commitMerge(project: Project, merge: PlannedMerge): Promise<Oid> {
  const committer = await requireIdentity(project)
  await moveFiles(project, merge)
  await beginMerge(project, merge)
  return concludeMerge(project, merge, committer)
}

/**
 * Leaves a merge open for the user to conclude, as `git merge` does when it finds conflicts: MERGE_HEAD, MERGE_MSG with
 * their list, index stages and markers (C1). `git commit` concludes it, `git merge --abort` gives it up. Throws as
 * {@link commitMerge} does, having changed nothing.
 */
export async function openMerge(project: Project, merge: PlannedMerge): Promise<void> {
  // As git lists them: whoever edits the message sees them, comments are stripped then.
  const list = (merge.conflicts ?? []).map(({ path }) => `#\t${path}\n`).join('')
  const planned = { ...merge, message: `${merge.message}\n# Conflicts:\n${list}` }
  await requireIdentity(project)
  // Giving the merge up puts contested files back to HEAD, those too that it would not write to.
  const blocked = await changedFiles(
    project.repository,
    merge.head,
    (merge.conflicts ?? []).map(({ path }) => path),
  )
  if (blocked.length > 0) throw localChanges(blocked)
  await moveFiles(project, planned)
  await leaveOpen(project, planned)
}

/**
 * Index and working tree, before git hears of a merge: who commits after a crash here commits what the world did as
 * changes of their own, and loses nothing of it; the other way round they would record as merged what is not there.
 */
async function moveFiles(project: Project, merge: PlannedMerge): Promise<void> {
  await writeJournal(project, { phase: 'files', merge })
  const blocked = await checkOut(project.repository, merge.head, merge.tree)
  if (blocked.length === 0) return
  await rm(journalPath(project), { force: true })
  throw localChanges(blocked)
}

async function leaveOpen(project: Project, merge: PlannedMerge): Promise<void> {
  await writeUnmerged(project.repository, merge.conflicts ?? [])
  await writeArtifacts(project, merge)
  await beginMerge(project, merge)
  await rm(journalPath(project), { force: true })
}

async function writeArtifacts({ folder }: Project, { artifacts }: PlannedMerge): Promise<void> {
  if (artifacts === undefined) return
  const { ARTIFACTS_FOLDER, writeArtifact } = await import('./conflict-artifact.ts')
  for (const artifact of artifacts) await writeArtifact(join(folder, ARTIFACTS_FOLDER), artifact)
}

function localChanges(paths: readonly string[]): SyncError {
  const names = paths.slice(0, 10).join(', ')
  const more = paths.length > 10 ? ` and ${paths.length - 10} more` : ''
  return new SyncError('local_changes', `Your local changes would be overwritten: ${names}${more}.`, {
    hint: 'Commit them, or run the command with --autostash.',
    data: { paths },
  })
}

/** Asks git for the identity that the commit will have, before anything is written. Throws `no_identity`. */
export async function requireIdentity(project: Project): Promise<Signature> {
  const ident = await project.repository.run(['var', 'GIT_COMMITTER_IDENT'], { allowFailure: true })
  if (ident.code !== 0) {
    throw new SyncError('no_identity', 'git does not know who you are, and a commit needs an author.', {
      hint: 'Run: git config --global user.name "Your Name" && git config --global user.email you@example.com',
    })
  }
  return signature(ident)
}

/** `Name <mail> 1700000000 +0100`, as `git var` prints it. */
function signature({ stdout }: GitResult): Signature {
  const line = text(stdout).trim()
  const match = /^(.*) <(.*)> (\d+) ([+-])(\d\d)(\d\d)$/.exec(line)
  if (match === null) throw new Error(`git var printed ${JSON.stringify(line)}`)
  const offset = (Number(match[5]) * 60 + Number(match[6])) * (match[4] === '-' ? -1 : 1)
  return { name: match[1]!, email: match[2]!, time: Number(match[3]), offset }
}

async function beginMerge(project: Project, merge: PlannedMerge): Promise<void> {
  const { gitDir } = project.repository
  // Before the journal says so: from then on its absence means that the user gave the merge up.
  await writeFile(join(gitDir, 'MERGE_MSG'), merge.message)
  await writeJournal(project, { phase: 'merging', merge })
  await writeFile(join(gitDir, 'MERGE_MODE'), 'no-ff')
  // In one step: an empty one, as a crash may leave of a file that is opened and then written, would name another merge.
  await writeFile(join(gitDir, 'MERGE_HEAD.new'), `${merge.tip}\n`)
  await rename(join(gitDir, 'MERGE_HEAD.new'), join(gitDir, 'MERGE_HEAD'))
}

async function concludeMerge(project: Project, merge: PlannedMerge, committer: Signature): Promise<Oid> {
  const { repository } = project
  // Asked once: most repositories have no hooks, and each that is not there would cost a process.
  const hooks = await repository.hooksFolder()
  const runHook = async (name: string, args: readonly string[]) => {
    if (await exists(join(hooks, name))) await callHook(project, name, args)
  }
  await runHook('pre-merge-commit', [])
  const messageFile = join(repository.gitDir, 'MERGE_MSG')
  await runHook('prepare-commit-msg', [messageFile, 'merge'])
  await runHook('commit-msg', [messageFile])
  const message = (await readFile(messageFile, 'utf8')).replace(/\n*$/, '\n')
  const author = signature(await repository.run(['var', 'GIT_AUTHOR_IDENT']))
  const commit = await repository.writeCommit({
    tree: merge.tree,
    parents: [merge.head, merge.tip],
    author,
    committer,
    message,
    sign: true,
  })
  const subject = message.split('\n', 1)[0]!
  if (!(await repository.updateRef('HEAD', commit, merge.head, subject))) {
    throw new SyncError('branch_moved', `The branch "${merge.branch}" was moved by another process meanwhile.`, {
      hint: 'Look at "git status", then run the command again.',
    })
  }
  await endMerge(project)
  await runHook('post-merge', ['0']).catch(() => {})
  return commit
}

async function endMerge(project: Project): Promise<void> {
  const { gitDir } = project.repository
  for (const file of ['MERGE_HEAD', 'MERGE_MODE', 'MERGE_MSG']) await rm(join(gitDir, file), { force: true })
  await rm(journalPath(project), { force: true })
}

/** Runs a hook of the user's; a refusal leaves the merge open, as `git merge` does. Throws `hook_refused`. */
async function callHook(project: Project, name: string, args: readonly string[]): Promise<void> {
  const result = await project.repository.run(['hook', 'run', '--ignore-missing', name, '--', ...args], {
    allowFailure: true,
    env: { GIT_EDITOR: ':' },
  })
  if (result.code === 0) return
  throw new SyncError('hook_refused', `The hook ${name} refused the merge commit: ${result.stderr.trim()}`, {
    hint: 'Correct what it complains about and run "git commit", or give the merge up with "git merge --abort".',
    data: { hook: name },
  })
}

/** What an interrupted merge was writing to a file that holds no more than the beginning of it; undefined otherwise. */
export async function wholeFile(
  project: Pick<Project, 'repository' | 'folder' | 'prefix' | 'stateFolder'>,
  path: string,
): Promise<string | undefined> {
  const { repository, folder, prefix } = project
  const journal = await readText(journalPath(project))
  const here = await readText(join(folder, path))
  if (journal === undefined || here === undefined) return undefined
  const { tree } = (JSON.parse(journal) as Journal).merge
  const found = await repository.lookup(tree, prefix + path)
  if (found === undefined) return undefined
  const whole = text((await repository.readBlobs([found.oid])).get(found.oid)!)
  return whole.startsWith(here.replaceAll('\r\n', '\n')) ? whole : undefined
}

function journalPath(project: Pick<Project, 'repository' | 'stateFolder'>): string {
  return join(project.stateFolder, `merge-${refSegment(project.repository.gitDir).slice(-100)}.json`)
}

async function writeJournal(project: Project, journal: Journal): Promise<void> {
  const path = journalPath(project)
  await mkdir(project.stateFolder, { recursive: true })
  await writeFile(`${path}.new`, JSON.stringify(journal), { flush: true })
  await rename(`${path}.new`, path)
}

/**
 * Completes a merge that a crash interrupted: makes its commit, or leaves it open with its conflicts. Does nothing when
 * there is none, or when the user has gone on by other means meanwhile. Returns the commit it made.
 */
export async function recoverMerge(project: Project): Promise<Oid | undefined> {
  const path = journalPath(project)
  const journal = await readText(path)
  if (journal === undefined) return undefined
  const { repository } = project
  const { phase, merge } = JSON.parse(journal) as Journal
  const forget = async (): Promise<undefined> => void (await rm(path, { force: true }))
  const mergeHead = (await readText(join(repository.gitDir, 'MERGE_HEAD')))?.trim()
  const head = await repository.resolve('HEAD')
  if (head !== merge.head) {
    // Committed, but not tidied up; or the user moved on.
    const made = head === undefined ? undefined : await repository.readCommit(head)
    if (made?.parents[0] === merge.head && made.parents[1] === merge.tip) await endMerge(project)
    return forget()
  }
  if (mergeHead !== undefined && mergeHead !== merge.tip) return forget()
  // MERGE_MSG is written first: without it, the user gave the merge up.
  if (phase === 'merging' && mergeHead === undefined && !(await exists(join(repository.gitDir, 'MERGE_MSG'))))
    return forget()
  if (merge.conflicts === undefined) {
    await resumeFiles(project, merge)
    await beginMerge(project, merge)
    const commit = await concludeMerge(project, merge, await requireIdentity(project))
    project.report.tell({ kind: 'recovered', what: 'merge' })
    return commit
  }
  if (phase === 'files') {
    // With the conflicts in the index, the files are there, and the user may have begun to resolve them.
    if ((await readUnmerged(repository)).length === 0) {
      await resumeFiles(project, merge)
      await writeUnmerged(repository, merge.conflicts)
    }
    await writeArtifacts(project, merge)
  }
  await beginMerge(project, merge)
  project.report.tell({ kind: 'recovered', what: 'merge' })
  return forget()
}

/** Whether a merge was interrupted here and waits to be completed. */
export async function isMergeInterrupted(project: Project): Promise<boolean> {
  return exists(journalPath(project))
}

async function resumeFiles({ repository }: Project, { head, tree }: PlannedMerge): Promise<void> {
  const blocked = await checkOut(repository, head, tree, { resume: true })
  if (blocked.length > 0) throw localChanges(blocked)
}
