import type { SimpleGit } from 'simple-git'
import { gitEnvironment } from '../git-bridge/native/git-environment.ts'

/**
 * git as the user has set it up, for their working tree: status, stash, init. simple-git drops every `GIT_*` variable by
 * default; those that carry configuration and identity are the user's and stay.
 */
export async function userGit(folder: string): Promise<SimpleGit> {
  const { simpleGit } = await import('simple-git')
  const allowEnvironment = Object.keys(gitEnvironment()).filter(
    (name) => name.startsWith('GIT_') && name in process.env,
  )
  return simpleGit({ baseDir: folder, allowEnvironment })
}
