import { get } from 'node:http'
import { SyncCommand } from '../src/cli/sync-command.ts'

/**
 * The floor of every command: what node, oclif and our base class cost, with nothing to do. URLs are asked for one after
 * the other by plain node:http, for the floor of a command that only asks.
 */
export default class Empty extends SyncCommand<void> {
  static override hidden = true
  static override strict = false

  override async run(): Promise<void> {
    const { argv } = await this.parse(Empty)
    for (const url of argv as readonly string[]) {
      await new Promise<void>((resolve, reject) => {
        get(url, (answer) => void answer.resume().on('end', resolve)).on('error', reject)
      })
    }
  }
}
