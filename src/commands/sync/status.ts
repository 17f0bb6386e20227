import { contested, contestedJson, fetchJson, operation, operationJson, plural } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'
import type { OpenConflict } from '../../sync/conflicts.ts'

export default class Status extends SyncCommand<unknown> {
  static override summary = 'Show where the branch and the world stand'
  static override examples = ['<%= config.bin %> sync status', '<%= config.bin %> sync status --json']

  override async run(): Promise<unknown> {
    const { flags } = await this.parse(Status)
    return this.withSession(flags, async (session) => {
      const { statusLocked } = await import('../../sync/status.ts')
      const report = await statusLocked(session)
      if (report.kind === 'merging') return this.#merging(report.conflicts)
      const { fetched } = report
      this.warnOf(fetched)
      const behind = [...report.incoming.values()].reduce((sum, count) => sum + count, 0)
      this.say(
        `On branch ${report.branch}, world ${fetched.worldId} at ${fetched.cursor} (${session.target.address.url}).`,
      )
      if (report.interrupted !== undefined) {
        this.say(
          `Interrupted: a push of ${plural(report.interrupted.operations, 'operation')} from ${report.interrupted.branch}; the next push or pull finds out what landed and ends it.`,
        )
      }
      if (behind > 0) {
        // None where all of it is contested.
        const files = report.incomingFiles === 0 ? '' : ` in ${plural(report.incomingFiles, 'file')}`
        this.say(
          `To pull: ${plural(behind, 'change')}${files}: ${[...report.incoming].map(([author, count]) => `${author} ${count}`).join(', ')}.`,
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
      if (report.kept.length > 0) {
        this.say(
          `Open: ${plural(report.kept.length, 'conflict')} (gamedev sync conflicts); a push holds back what is kept open.`,
        )
      }
      if (report.uncommitted.length > 0) this.say(`Not committed: ${plural(report.uncommitted.length, 'file')}.`)
      const { outgoing, contested: both, kept, interrupted } = report
      if (behind + outgoing.length + both.length + kept.length === 0 && interrupted === undefined)
        this.say('Both sides are the same.')
      return {
        kind: report.kind,
        branch: report.branch,
        url: session.target.address.url,
        behind,
        byAuthor: Object.fromEntries(report.incoming),
        outgoing: report.outgoing.map(operationJson),
        contested: contestedJson(report.contested),
        interrupted: report.interrupted ?? null,
        kept: report.kept.map(({ id, object }) => ({ id, object })),
        uncommitted: report.uncommitted,
        fetched: fetchJson(fetched),
      }
    })
  }

  async #merging(conflicts: readonly OpenConflict[]): Promise<unknown> {
    const { conflictTable } = await import('../../cli/conflict-view.ts')
    this.say('A merge is in progress in this checkout.')
    if (conflicts.length > 0) {
      this.exitWith(2)
      for (const line of conflictTable(conflicts)) this.say(line)
      this.say('Settle what is open (gamedev sync resolve), then "git commit"; "git merge --abort" gives the merge up.')
    } else this.say('No conflict is open: "git commit" concludes it, "git merge --abort" gives it up.')
    return {
      kind: 'merging',
      conflicts: conflicts.map(({ id, object, path, fields }) => ({ id, object, path, fields })),
    }
  }
}
