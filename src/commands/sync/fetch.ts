import { fetchJson, plural } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'

export default class Fetch extends SyncCommand<unknown> {
  static override summary = "Bring refs/lobby/remote up to the head of the world's feed"
  static override description =
    'Each operation of the world becomes a commit of its own; where the feed does not reach back, one commit holds a new snapshot. Neither the branch nor the working tree is touched.'
  static override examples = [
    '<%= config.bin %> sync fetch',
    '<%= config.bin %> sync fetch --json',
    'git log refs/lobby/remote',
  ]

  override async run(): Promise<unknown> {
    const { flags } = await this.parse(Fetch)
    return this.withSession(flags, async (session) => {
      const { fetchLocked } = await import('../../sync/fetch.ts')
      const fetched = await fetchLocked(session)
      this.warnOf(fetched)
      this.say(
        fetched.before === fetched.tip
          ? `World ${fetched.worldId} has nothing new (at ${fetched.cursor}).`
          : `Fetched ${plural(fetched.operations, 'operation')} of world ${fetched.worldId} as ${plural(fetched.commits, 'commit')}; ${session.ref} is at ${fetched.cursor}.`,
      )
      const { renewed } = fetched
      return {
        ...fetchJson(fetched),
        ...(renewed === undefined ? {} : { renewed: { from: renewed.from, rewritten: renewed.rewritten } }),
      }
    })
  }
}
