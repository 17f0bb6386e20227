import { Flags } from '@oclif/core'
import { fetchJson, plural } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'

export default class Pull extends SyncCommand<unknown> {
  static override summary = 'Fetch what changed in the world and merge it into the current branch'
  static override description =
    'Objects are merged field by field. What both sides changed, differently, becomes a conflict as in "git merge" (exit code 2): settle it in a merge tool, by hand or with "sync resolve", then "git commit"; "git merge --abort" gives the pull up. With SYNC_STRICT_CONFLICTS=false the pull completes with your values, and the conflicts stay open in lobby.conflicts/. Local changes to files that the merge would write stop it, as in git. Every ten minutes the whole world is compared with what its feed said, unless the runtime is durable: state that went back behind the feed stops the pull (exit code 5), and is either kept here to be pushed again (--restore) or let go (--accept-loss).'
  static override examples = [
    '<%= config.bin %> sync pull',
    '<%= config.bin %> sync pull --autostash',
    '<%= config.bin %> sync pull --restore',
  ]
  static override flags = {
    autostash: Flags.boolean({ description: 'Put local changes aside during the merge and back afterwards' }),
    verify: Flags.boolean({
      allowNo: true,
      description: 'Compare the whole world with what its feed said, whenever that was done last; or do not',
    }),
    restore: Flags.boolean({
      description: 'Keep here what the world lost, to be pushed again',
      exclusive: ['accept-loss', 'verify'],
    }),
    'accept-loss': Flags.boolean({ description: 'Take over that the world lost state', exclusive: ['verify'] }),
  }

  override async run(): Promise<unknown> {
    const { flags } = await this.parse(Pull)
    return this.withSession(flags, async (session) => {
      const { pull } = await import('../../sync/pull.ts')
      const report = await pull(session, {
        confirm: this.asker(flags),
        autostash: flags.autostash,
        verify: flags.verify,
        loss: flags.restore ? 'restore' : flags['accept-loss'] ? 'accept' : undefined,
      })
      this.warnOf(report.fetched)
      const { loss, unannounced } = report
      const { renewed } = report.fetched
      // Mostly there is nothing of it to show.
      const view = report.kind === 'up-to-date' ? undefined : await import('../../cli/conflict-view.ts')
      const total = [...report.byAuthor.values()].reduce((sum, count) => sum + count, 0)
      switch (report.kind) {
        case 'up-to-date':
          this.say(`Already up to date with world ${report.fetched.worldId} (at ${report.fetched.cursor}).`)
          break
        case 'merged':
          this.say(
            `Merged ${plural(total, 'change')} of world ${report.fetched.worldId} into ${report.branch} (${plural(report.files, 'file')}): ${[...report.byAuthor].map(([author, count]) => `${author} ${count}`).join(', ')}.`,
          )
          break
        case 'contested':
          this.exitWith(2)
          this.say(`Both sides changed these fields of ${plural(report.conflicts.length, 'object')}, differently:`)
          for (const line of view?.conflictLines(report.conflicts) ?? []) this.say(line)
          this.say(
            'Settle them in your merge tool ("git mergetool"), by hand, or with "gamedev sync resolve"; then "git commit". To give up: "git merge --abort".',
          )
      }
      if (report.kind === 'merged' && report.conflicts.length > 0) {
        this.say(
          `Kept open, with your values: ${plural(report.conflicts.length, 'conflict')} (gamedev sync conflicts).`,
        )
        for (const line of view?.conflictLines(report.conflicts) ?? []) this.say(line)
      }
      for (const line of view?.resolvedLines(report.resolved) ?? []) this.say(line)
      if (unannounced > 0) {
        this.say(
          `The world changed ${plural(unannounced, 'object')} without an operation; that is a commit of its own.`,
        )
      }
      if (loss !== undefined) {
        const objects = plural(loss.objects.length, 'object')
        this.say(
          loss.choice === 'accept'
            ? `Accepted that the world lost state of ${objects}.`
            : `Restored ${objects} here; run "gamedev sync push" to send ${loss.objects.length === 1 ? 'it' : 'them'} again.`,
        )
      }
      return {
        kind: report.kind,
        branch: report.branch,
        head: report.head,
        files: report.files,
        byAuthor: Object.fromEntries(report.byAuthor),
        conflicts: report.conflicts,
        resolved: view?.resolvedJson(report.resolved) ?? [],
        unannounced,
        ...(loss === undefined ? {} : { loss }),
        ...(renewed === undefined ? {} : { renewed: { from: renewed.from, rewritten: renewed.rewritten } }),
        fetched: fetchJson(report.fetched),
      }
    })
  }
}
