import { SyncCommand } from '../../../cli/sync-command.ts'

export default class Install extends SyncCommand<unknown> {
  static override summary = 'Let git check the project before each commit and each push'
  static override description =
    'Puts "gamedev sync check" into the hooks pre-commit and pre-push, beside what is there: open conflicts and world files that are not valid are then neither committed nor pushed. Into pre-rebase goes a check that refuses a rebase which would flatten commits of the world; "git rebase --rebase-merges" and GAMEDEV_ALLOW_REBASE=1 pass it. Where core.hooksPath names a folder outside of this repository, nothing is written there: a folder of this repository takes its place, and its hooks call the ones of that folder.'
  static override examples = ['<%= config.bin %> sync hooks install', '<%= config.bin %> sync hooks install --json']

  override async run(): Promise<unknown> {
    await this.parse(Install)
    const { installHooks } = await import('../../../sync/hooks.ts')
    const { hooks, from, hooksPath } = await installHooks(this.context())
    for (const { hook, outcome, path, aside } of hooks) {
      this.say(`${hook}: ${outcome.replaceAll('_', ' ')} (${path})`)
      if (aside !== undefined) this.say(`  The hook that was there is called from ${aside}.`)
    }
    if (hooksPath !== undefined) {
      this.say(`core.hooksPath of this repository is now ${hooksPath}.`)
      if (from !== undefined) this.say(`The hooks of ${from} are called from there; that folder was not changed.`)
    }
    return {
      hooks,
      ...(from === undefined ? {} : { from }),
      ...(hooksPath === undefined ? {} : { hooksPath }),
    }
  }
}
