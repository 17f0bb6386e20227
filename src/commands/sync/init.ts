import { Args, Flags } from '@oclif/core'
import { conflictLines } from '../../cli/conflict-view.ts'
import { fetchJson } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'

export default class Init extends SyncCommand<unknown> {
  static override summary = 'Connect this git repository with a live world'
  static override description =
    'The world joins the history of the current branch, and lobby.json remembers where it runs. Where both have the same objects, equal ones settle; different ones become git conflicts: settle them as after a pull, and "git commit" connects.'
  static override examples = [
    '<%= config.bin %> sync init http://localhost:3000',
    'WORLD_URL=http://localhost:3000 WORLD_ID=plaza <%= config.bin %> sync init',
    '<%= config.bin %> sync init https://host/worlds/staging --name staging',
  ]
  static override args = { url: Args.string({ description: 'URL of the world; WORLD_URL by default' }) }
  static override flags = {
    'world-id': Flags.string({ description: 'Refuse any world but this one' }),
    name: Flags.string({ description: 'Name of the world in lobby.json', default: 'main' }),
    'merge-driver': Flags.boolean({
      allowNo: true,
      description: 'Let plain git merge world files by field (.gitattributes); asked when not said',
    }),
  }

  override async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Init)
    const { init } = await import('../../sync/init.ts')
    const ask = this.asker(flags)
    const report = await init(this.context(), {
      url: args.url,
      worldId: flags['world-id'],
      name: flags.name,
      mergeDriver: async () =>
        flags['merge-driver'] ?? (await ask('Let "git merge" and "git rebase" merge world files by field?')),
    })
    this.warnOf(report.fetched)
    if (report.kind === 'contested') {
      this.exitWith(2)
      this.say('These objects differ between this project and the world:')
      for (const line of conflictLines(report.conflicts)) this.say(line)
      this.say(
        'Settle them in your merge tool, by hand, or with "gamedev sync resolve"; then "git commit". To give up: "git merge --abort".',
      )
    } else {
      this.say(
        `Connected with world ${report.worldId} at ${report.fetched.cursor} (${report.files} files from the world, branch ${report.branch}).`,
      )
    }
    return {
      kind: report.kind,
      branch: report.branch,
      files: report.files,
      conflicts: report.conflicts,
      ...fetchJson(report.fetched),
    }
  }
}
