import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { GitShim } from '../faults/git-shim.ts'
import { temporaryFolder } from '../sync/support.ts'
import { Project, type Ran, sync } from './conflict-support.ts'

export type Kill = 'kill-before' | 'kill-after'

/** Copies of a project, and commands in them that are killed with their n-th git process. */
export class Faults {
  readonly #base = temporaryFolder()
  readonly #shim = new GitShim(temporaryFolder())

  copy(project: Project): Project {
    const folder = join(mkdtempSync(join(this.#base, 'copy-')), 'project')
    execFileSync('cp', ['-a', project.folder, folder])
    return new Project(folder, project.layout)
  }

  /** Runs a command, struck or not; `calls` are the arguments of the git processes that it began, in order. */
  async run(
    project: Project,
    args: readonly string[],
    fault?: { readonly at: number; readonly kill: Kill },
  ): Promise<Ran & { readonly calls: readonly string[] }> {
    const counting = this.#shim.count(fault === undefined ? undefined : { at: fault.at, kind: fault.kill })
    const ran = await sync(project, args, counting.env)
    return { ...ran, calls: counting.calls() }
  }
}
