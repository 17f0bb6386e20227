import { Args, Flags } from '@oclif/core'
import { oneLine } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'

export default class Log extends SyncCommand<unknown> {
  static override summary = "Show the world's own history: who changed what, newest first"
  static override description =
    'Reads what was fetched last and asks no server. The same commits are in "git log refs/lobby/remote".'
  static override examples = [
    '<%= config.bin %> sync log',
    '<%= config.bin %> sync log lamp-entrance -n 5',
    '<%= config.bin %> sync log settings --json',
  ]
  static override args = {
    object: Args.string({
      description:
        'Only what is about this: id of an entity or a blueprint ("entity:" or "blueprint:" tells them apart), "settings" or "spawn"',
    }),
  }
  static override flags = {
    limit: Flags.integer({ char: 'n', default: 20, min: 1, description: 'The most entries to show' }),
  }

  override async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Log)
    return this.withSession(flags, async (session) => {
      const { worldLog } = await import('../../sync/log.ts')
      const entries = await worldLog(session, { object: args.object, limit: flags.limit })
      if (entries.length === 0) this.say(`No operation about ${args.object ?? 'the world'} was fetched.`)
      const width = entries.reduce((most, { cursor }) => Math.max(most, String(cursor).length), 0)
      const actorWidth = entries.reduce((most, { actor }) => Math.max(most, Math.min(actor.length, 20)), 0)
      for (const { cursor, time, actor, words, object } of entries) {
        const who = oneLine(actor, 20).padEnd(actorWidth)
        const when = time.replace('T', ' ')
        this.say(`${String(cursor).padStart(width)}  ${when}  ${who}  ${words}  (${oneLine(object, 80)})`)
      }
      return entries.map((entry) => ({ ...entry, opId: entry.opId ?? null }))
    })
  }
}
