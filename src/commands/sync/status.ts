import { contested, contestedJson, fetchJson, operation, operationJson, plural } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'

export default class Status extends SyncCommand<unknown> {
  static override summary = 'Show where the branch and the world stand'
  static override examples = ['<%= config.bin %> sync status', '<%= config.bin %> sync status --json']

  override async run(): Promise<unknown> {
    const { flags } = await this.parse(Status)
    return this.withSession(flags, async (session) => {
      const { statusLocked } = await import('../../sync/status.ts')
      const report = await statusLocked(session)
      const { fetched } = report
      this.warnOf(fetched)
      const behind = [...report.incoming.values()].reduce((sum, count) => sum + count, 0)
      this.say(
        `On branch ${report.branch}, world ${fetched.worldId} at ${fetched.cursor} (${session.target.address.url}).`,
      )
      if (behind > 0) {
        this.say(
          `To pull: ${plural(behind, 'change')} in ${plural(report.incomingFiles, 'file')}: ${[...report.incoming].map(([author, count]) => `${author} ${count}`).join(', ')}.`,
        )
      }
      if (report.outgoing.length > 0) {
        this.say(`To push: ${plural(report.outgoing.length, 'operation')}.`)
        for (const planned of report.outgoing.slice(0, 20)) for (const line of operation(planned)) this.say(line)
        if (report.outgoing.length > 20) this.say(`  … and ${report.outgoing.length - 20} more`)
      }
      if (report.contested.length > 0) {
        this.say('Contested:')
        for (const line of contested(report.contested)) this.say(line)
      }
      if (report.uncommitted.length > 0) this.say(`Not committed: ${plural(report.uncommitted.length, 'file')}.`)
      if (behind === 0 && report.outgoing.length === 0 && report.contested.length === 0)
        this.say('Both sides are the same.')
      return {
        branch: report.branch,
        url: session.target.address.url,
        behind,
        byAuthor: Object.fromEntries(report.incoming),
        outgoing: report.outgoing.map(operationJson),
        contested: contestedJson(report.contested),
        uncommitted: report.uncommitted,
        fetched: fetchJson(fetched),
      }
    })
  }
}
