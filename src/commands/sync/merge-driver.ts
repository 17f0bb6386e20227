import { Args, Flags } from '@oclif/core'
import { printable } from '../../cli/progress-view.ts'
import { SyncCommand } from '../../cli/sync-command.ts'
import type { DriverReport } from '../../sync/merge-driver.ts'
import type { MergeDriverChange } from '../../sync/merge-driver-setup.ts'

/** The line about a conflict names so many fields; the markers show them all. */
const NAMED_FIELDS = 10

export default class MergeDriver extends SyncCommand<unknown> {
  static override summary = 'Merge one world file by field for plain git, or set git up to do so'
  static override description =
    `With --install, "git merge", "git rebase", "git cherry-pick" and "git stash pop" merge world files by field: what two sides changed in different fields of an object is no conflict, and a conflict has its markers around the contested fields. --install writes .gitattributes, which is yours to commit, and the configuration of this clone. Teammates run it too, once per clone: git takes no such configuration from a repository.

Then git itself runs the command, with the four arguments. It looks for "gamedev" on the PATH: when that is missing or fails, every file that both sides changed is left in an ordinary conflict, with your version in place and undamaged.`
  static override examples = [
    '<%= config.bin %> sync merge-driver --install',
    '<%= config.bin %> sync merge-driver --uninstall',
    '<%= config.bin %> sync merge-driver %O %A %B %P',
  ]
  static override args = {
    base: Args.string({ description: 'File with the base (git: %O)' }),
    ours: Args.string({ description: 'File with our version, replaced by the result (git: %A)' }),
    theirs: Args.string({ description: 'File with their version (git: %B)' }),
    path: Args.string({ description: 'Path of the file in the repository (git: %P)' }),
  }
  static override flags = {
    install: Flags.boolean({ description: 'Set git up to use this command', exclusive: ['uninstall'] }),
    uninstall: Flags.boolean({ description: 'Undo --install' }),
  }

  override async run(): Promise<unknown> {
    const { args, flags } = await this.parse(MergeDriver)
    const { base, ours, theirs, path } = args
    if (flags.install || flags.uninstall) {
      if (base !== undefined) this.error('--install and --uninstall take no arguments.', { exit: 1 })
      return this.#setUp(flags.install)
    }
    if (base === undefined || ours === undefined || theirs === undefined || path === undefined) {
      this.error('The four arguments that git gives, or --install, or --uninstall, are missing.', { exit: 1 })
    }
    const { runMergeDriver } = await import('../../sync/merge-driver.ts')
    const report = await runMergeDriver(process.cwd(), { base, ours, theirs, path })
    this.exitWith(report.exitCode)
    for (const line of await told(path, report)) process.stderr.write(`${printable(line)}\n`)
    return { kind: report.kind, path }
  }

  async #setUp(install: boolean): Promise<unknown> {
    const [{ openProject }, setup] = await Promise.all([
      import('../../sync/session.ts'),
      import('../../sync/merge-driver-setup.ts'),
    ])
    const project = await openProject(this.context())
    try {
      const change = install ? await setup.installMergeDriver(project) : await setup.uninstallMergeDriver(project)
      const onPath = await setup.isProgramOnPath(process.env)
      this.#tell(install, change, onPath)
      return { installed: install, ...change, onPath }
    } finally {
      await project.repository.close()
    }
  }

  #tell(install: boolean, { attributesFile, attributesChanged, configChanged }: MergeDriverChange, onPath: boolean) {
    if (!attributesChanged && !configChanged) {
      this.say(install ? 'git merges world files by field already.' : 'There is nothing to undo.')
    } else {
      this.say(install ? 'git merges world files by field from now on.' : 'git merges world files by line from now on.')
    }
    if (attributesChanged) this.say(`${attributesFile} was changed: commit it.`)
    if (install && attributesChanged)
      this.say('Teammates run "gamedev sync merge-driver --install" once in each clone of theirs.')
    if (install && !onPath) {
      const then = 'until it is, git leaves every world file that both sides changed in conflict.'
      process.stderr.write(`warning: "gamedev" is not on the PATH; ${then}\n`)
    }
  }
}

/** Nothing about what is clean; what a rule settled is never silent (M5). */
async function told(path: string, report: DriverReport): Promise<readonly string[]> {
  if (report.kind === 'lines') return []
  if (report.kind === 'conflict') return [`gamedev: ${path} is not merged by field: ${report.reason}`]
  const { fieldName, oneLine } = await import('../../cli/render.ts')
  const listed = (fields: readonly { readonly key: string; readonly path: readonly string[] }[]): string => {
    const names = fields.slice(0, NAMED_FIELDS).map(({ key, path: field }) => `${key} ${fieldName(field)}`.trimEnd())
    const more = fields.length - names.length
    return oneLine(more === 0 ? names.join(', ') : `${names.join(', ')} and ${more} more`, 1000)
  }
  const lines: string[] = []
  for (const [by, choice] of CHOICES) {
    const fields = report.resolved.filter((field) => field.by === by)
    if (fields.length > 0) lines.push(`gamedev: ${path}: both sides changed these, ${choice}: ${listed(fields)}`)
  }
  if (report.kind === 'contested') lines.push(`gamedev: ${path}: both sides changed ${listed(report.fields)}`)
  return lines
}

const CHOICES = [
  ['local', 'the project wins'],
  ['runtime', 'the world wins'],
  ['set', 'merged as sets'],
] as const
