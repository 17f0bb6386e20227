import { Args, Flags } from '@oclif/core'
import { fetchJson } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'

export default class Clone extends SyncCommand<unknown> {
  static override summary = 'Make a git repository with a live world in it'
  static override description =
    'The world becomes files below apps/, shared/, assets/ and world/; its history continues as refs/lobby/remote. The admin code comes from ADMIN_CODE and is never written down.'
  static override examples = [
    '<%= config.bin %> sync clone http://localhost:3000 my-world',
    'ADMIN_CODE=secret <%= config.bin %> sync clone https://host/worlds/plaza --world-id plaza',
  ]
  static override args = {
    url: Args.string({ required: true, description: 'URL of the world' }),
    dir: Args.string({ description: 'Folder to create; named after the world by default' }),
  }
  static override flags = { 'world-id': Flags.string({ description: 'Refuse any world but this one' }) }

  override async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Clone)
    const { clone } = await import('../../sync/clone.ts')
    const report = await clone(this.context(), { url: args.url, folder: args.dir, worldId: flags['world-id'] })
    this.warnOf(report.fetched)
    this.say(
      `Cloned world ${report.worldId} at ${report.fetched.cursor} into ${report.folder} (${report.files} files, branch ${report.branch}).`,
    )
    return { folder: report.folder, branch: report.branch, files: report.files, ...fetchJson(report.fetched) }
  }
}
