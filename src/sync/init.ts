import { type Connected, type ConnectOptions, connect } from './connect.ts'
import { type Context, openProject } from './session.ts'

export { type CloneOptions, clone } from './clone.ts'

export type InitOptions = ConnectOptions
export type InitReport = Connected

/**
 * Connects a repository with a world that it has no history with: the line begins with a snapshot and becomes part of
 * the branch's history; `lobby.json` remembers the world. Where both have files, equal objects settle and different
 * ones are contested (M4): they become git conflicts, and `git commit` connects when they are settled. What only one
 * side has stays and, with the next push, is on both; see {@link ConnectOptions} for deciding it otherwise in bulk.
 */
export async function init(context: Context, options: InitOptions): Promise<InitReport> {
  const project = await openProject(context, { here: true })
  return connect(context, project, options)
}
