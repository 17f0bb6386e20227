import { SyncCommand } from '../../../cli/sync-command.ts'

export default class Uninstall extends SyncCommand<unknown> {
  static override summary = 'Take the checks of "sync hooks install" out of the hooks again'
  static override description =
    'Removes exactly what was installed for this project: hooks that were there before are again what they were, and core.hooksPath what it was.'
  static override examples = ['<%= config.bin %> sync hooks uninstall', '<%= config.bin %> sync hooks uninstall --json']

  override async run(): Promise<unknown> {
    await this.parse(Uninstall)
    const { uninstallHooks } = await import('../../../sync/hooks.ts')
    const { hooks, hooksPathRestored } = await uninstallHooks(this.context())
    for (const { hook, outcome, path } of hooks) this.say(`${hook}: ${outcome.replaceAll('_', ' ')} (${path})`)
    if (hooksPathRestored) this.say('core.hooksPath is again what it was.')
    return { hooks, hooksPathRestored }
  }
}
