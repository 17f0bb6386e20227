import { Args, Flags } from '@oclif/core'
import { contested, contestedJson, fetchJson } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'

export default class Init extends SyncCommand<unknown> {
  static override summary = 'Connect this git repository with a live world'
  static override description =
    'The world joins the history of the current branch, and lobby.json remembers where it runs. Where both have the same objects, equal ones settle; different ones are named and nothing is changed.'
  static override examples = [
    '<%= config.bin %> sync init http://localhost:3000',
    'WORLD_URL=http://localhost:3000 WORLD_ID=plaza <%= config.bin %> sync init',
    '<%= config.bin %> sync init https://host/worlds/staging --name staging',
  ]
  static override args = { url: Args.string({ description: 'URL of the world; WORLD_URL by default' }) }
  static override flags = {
    'world-id': Flags.string({ description: 'Refuse any world but this one' }),
    name: Flags.string({ description: 'Name of the world in lobby.json', default: 'main' }),
  }

  override async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Init)
    const { init } = await import('../../sync/init.ts')
    const report = await init(this.context(), { url: args.url, worldId: flags['world-id'], name: flags.name })
    this.warnOf(report.fetched)
    if (report.kind === 'contested') {
      this.exitWith(2)
      this.say('These objects differ between this project and the world:')
      for (const line of contested(report.contested)) this.say(line)
      this.say('Nothing was merged. Make them equal on one side, commit, and run the command again.')
    } else {
      this.say(
        `Connected with world ${report.worldId} at ${report.fetched.cursor} (${report.files} files from the world, branch ${report.branch}).`,
      )
    }
    return {
      kind: report.kind,
      branch: report.branch,
      files: report.files,
      contested: contestedJson(report.contested),
      ...fetchJson(report.fetched),
    }
  }
}
