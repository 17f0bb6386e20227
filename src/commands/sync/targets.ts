import { SyncCommand } from '../../cli/sync-command.ts'

export default class Targets extends SyncCommand<unknown> {
  static override summary = 'List the worlds that this project syncs with'
  static override description =
    'Names, addresses and ids stand in lobby.json, codes in .lobby/targets.json or the environment; codes are never shown. The world with a star is the one that commands take without --target. Nothing is sent.'
  static override examples = ['<%= config.bin %> sync targets', '<%= config.bin %> sync targets --json']

  override async run(): Promise<unknown> {
    await this.parse(Targets)
    const { listTargets } = await import('../../sync/targets.ts')
    const { targets, chosen } = await listTargets(this.context())
    if (targets.length === 0) this.say('This project has no targets yet: run "gamedev sync init <url>".')
    else {
      const rows = targets.map((target) => [
        `${target.name === chosen?.name ? '*' : ' '} ${target.name ?? '(unnamed)'}`,
        target.isDefault ? 'yes' : '',
        target.worldUrl,
        target.worldId ?? '',
        target.confirm ? 'asks' : '',
        target.hasCode ? 'yes' : 'no',
        target.from,
      ])
      for (const line of table([['  NAME', 'DEFAULT', 'URL', 'WORLD', 'CONFIRM', 'CODE', 'FROM'], ...rows]))
        this.say(line)
    }
    return { targets, chosen: chosen?.name ?? null }
  }
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}
