import { Args, Flags } from '@oclif/core'
import { plural } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'
import type { ResolveReport, Use } from '../../sync/resolve.ts'
import type { Project } from '../../sync/session.ts'
import type { Switches } from '../../sync/switches.ts'

const USES: ReadonlyMap<string, Use> = new Map([
  ['l', 'local'],
  ['r', 'remote'],
  ['m', 'merged'],
])

export default class Resolve extends SyncCommand<unknown> {
  static override summary = "Settle open conflicts: take your values, the world's, or the file as you have edited it"
  static override description =
    'Edits file and index together; all that was merged besides stays. Without arguments it walks through the open conflicts and asks. When the last one is settled, "git commit" concludes the merge.'
  static override examples = [
    '<%= config.bin %> sync resolve',
    '<%= config.bin %> sync resolve 3f2a91c0 --use remote',
    '<%= config.bin %> sync resolve entity:door-gate --use local --field props.angle',
    '<%= config.bin %> sync resolve --all --use local',
    '<%= config.bin %> sync resolve apps/Lamp/index.js --use merged',
  ]
  static override strict = false
  static override args = {
    id: Args.string({ description: 'Id of a conflict, of an object, or the path of a file; several may follow' }),
  }
  static override flags = {
    use: Flags.string({
      options: ['local', 'remote', 'merged'] as const,
      description: "Whose values: yours, the world's, or those of the file as it is now",
    }),
    field: Flags.string({ description: 'Only this contested field' }),
    all: Flags.boolean({ description: 'Every open conflict' }),
    restage: Flags.boolean({
      description:
        "After a plain git merge: merge by field, and turn git's conflicts into those of the contested fields",
      exclusive: ['use', 'field', 'all'],
    }),
  }

  override async run(): Promise<unknown> {
    const { flags, argv } = await this.parse(Resolve)
    const names = argv.map(String)
    const context = this.context()
    const [{ openProject }, { readSwitches }] = await Promise.all([
      import('../../sync/session.ts'),
      import('../../sync/switches.ts'),
    ])
    const project = await openProject(context)
    try {
      const switches = await readSwitches(project.folder, context.env)
      if (flags.restage) return await this.#restage(project, switches)
      if (flags.use === undefined && flags.all !== true && names.length === 0)
        return await this.#walk(project, switches)
      if (flags.use === undefined) this.error('Say which values to take: --use local, remote or merged.', { exit: 2 })
      const all = flags.all === true
      if (all === names.length > 0) {
        this.error(all ? '--all and ids exclude each other.' : 'Name a conflict, or pass --all.', { exit: 2 })
      }
      const { resolve } = await import('../../sync/resolve.ts')
      const { field } = flags
      return this.#tell(await resolve(project, switches, { names, all, use: flags.use as Use, field }))
    } finally {
      await project.repository.close()
    }
  }

  #tell(report: ResolveReport): unknown {
    for (const { id, object, path, fields } of report.resolved) {
      const what = fields.length === 0 ? '' : `: ${fields.join(', ')}`
      this.say(`${id}  ${object ?? path}${what}  settled with ${report.use}.`)
    }
    if (report.open.length > 0) {
      this.exitWith(2)
      this.say(`${plural(report.open.length, 'conflict')} still open (gamedev sync conflicts).`)
    } else
      this.say(
        report.merging
          ? 'No conflict is open: "git commit" concludes the merge.'
          : 'No conflict is open: commit the change.',
      )
    return {
      use: report.use,
      resolved: report.resolved,
      open: report.open.map(({ id, object, path }) => ({ id, object: object ?? null, path })),
      merging: report.merging,
    }
  }

  async #restage(project: Project, switches: Switches): Promise<unknown> {
    const { restage } = await import('../../sync/restage.ts')
    const report = await restage(project, switches)
    for (const path of report.merged) this.say(`${path}: merged by field.`)
    for (const path of report.restaged) this.say(`${path}: only the contested fields are in conflict now.`)
    for (const { path, reason } of report.left) this.say(`${path}: left as git has it, ${reason}.`)
    if (report.open > 0) this.exitWith(2)
    this.say(
      report.open === 0 ? 'No conflict is open.' : `${plural(report.open, 'conflict')} open (gamedev sync conflicts).`,
    )
    return report
  }

  /** Walks through the open conflicts, one question for each. */
  async #walk(project: Project, switches: Switches): Promise<unknown> {
    const [{ openConflicts, openConflictsNow }, { resolve }, { conflictTable }] = await Promise.all([
      import('../../sync/conflicts.ts'),
      import('../../sync/resolve.ts'),
      import('../../cli/conflict-view.ts'),
    ])
    const { conflicts } = await openConflictsNow(project, switches)
    if (conflicts.length === 0) {
      this.say('No conflict is open.')
      return { resolved: [], open: [] }
    }
    if (!this.canAsk) {
      this.error('Nobody can be asked here: pass ids or --all, and --use local, remote or merged.', { exit: 2 })
    }
    const resolved: unknown[] = []
    for (const conflict of conflicts) {
      for (const line of conflictTable([conflict])) this.say(line)
      const about = conflict.object ?? conflict.path
      const answer = await this.ask(`${about}: [l]ocal, [r]emote, [m]erged as the file is, [s]kip, [q]uit? `)
      const letter = answer.slice(0, 1).toLowerCase()
      // The end of the input ends the walk.
      if (letter === 'q' || letter === '') break
      const use = USES.get(letter)
      if (use === undefined) continue
      const { resolved: done } = await resolve(project, switches, {
        names: [conflict.id],
        all: false,
        use,
        field: undefined,
      })
      resolved.push(...done)
    }
    const { conflicts: open, mergeHead } = await openConflicts(project)
    if (open.length > 0) this.exitWith(2)
    this.say(
      open.length > 0
        ? `${plural(open.length, 'conflict')} still open.`
        : mergeHead === undefined
          ? 'No conflict is open: commit the change.'
          : 'No conflict is open: "git commit" concludes the merge.',
    )
    return { resolved, open: open.map(({ id }) => id) }
  }
}
