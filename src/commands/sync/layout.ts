import { Args, Flags } from '@oclif/core'
import { fetchJson, plural } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'

export default class LayoutCommand extends SyncCommand<unknown> {
  static override summary = 'Keep the world in one file per entity, or all in world.json'
  static override description =
    'Takes over what the world has, as "sync pull" does, then says the same objects by other files: world/entities/, world/settings.json and world/spawn.json (split), or world.json (manifest). That is one commit on refs/lobby/remote, which changes no value, and a merge on this branch; nothing is sent to the world. Everybody else takes the change over with their next "sync pull"; before git merges a branch that has it with one that has not, run this command on the latter (after "git fetch", if it is yours): it takes over the very same change, or says how the two come together. Conflicts stop it (exit code 2): settle them, commit, and run it again.'
  static override examples = [
    '<%= config.bin %> sync layout split',
    '<%= config.bin %> sync layout split --dry-run',
    '<%= config.bin %> sync layout manifest --target staging',
  ]
  static override args = {
    layout: Args.string({ required: true, options: ['split', 'manifest'], description: 'How to keep the world' }),
  }
  static override flags = {
    autostash: Flags.boolean({ description: 'Put local changes aside during the merge and back afterwards' }),
    'dry-run': Flags.boolean({ char: 'n', description: 'Say what would change, and change nothing' }),
  }

  override async run(): Promise<unknown> {
    const { args, flags } = await this.parse(LayoutCommand)
    const layout = args.layout === 'split' ? 'split' : 'manifest'
    return this.withSession(flags, async (session) => {
      const { changeLayout } = await import('../../sync/layout.ts')
      const report = await changeLayout(session, layout, {
        dryRun: flags['dry-run'],
        autostash: flags.autostash,
        confirm: this.asker(flags),
      })
      if (report.fetched !== undefined) this.warnOf(report.fetched)
      const { conflictLines, resolvedJson, resolvedLines } = await import('../../cli/conflict-view.ts')
      const where = layout === 'split' ? 'a file each below world/entities/' : 'world.json'
      const entities = `${report.entities} ${report.entities === 1 ? 'entity' : 'entities'}`
      switch (report.kind) {
        case 'already':
          this.say(`Nothing to change: ${report.branch} has its ${entities} in ${where}.`)
          break
        case 'planned':
          this.say(`Would move ${entities} to ${where}, on ${report.branch} and on ${session.ref}.`)
          break
        case 'changed':
          this.say(`Moved ${entities} to ${where}, on ${report.branch} and on ${session.ref}.`)
          break
        case 'contested':
          this.exitWith(2)
          this.say(`Both sides changed these fields of ${plural(report.conflicts.length, 'object')}, differently:`)
          for (const line of conflictLines(report.conflicts)) this.say(line)
          this.say('Settle them, then "git commit", and run "gamedev sync layout" again. The layout is as it was.')
      }
      for (const line of resolvedLines(report.resolved)) this.say(line)
      const { fetched, resolved, ...said } = report
      return {
        ...said,
        resolved: resolvedJson(resolved),
        ...(fetched === undefined ? {} : { fetched: fetchJson(fetched) }),
      }
    })
  }
}
