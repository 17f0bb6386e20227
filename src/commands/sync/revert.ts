import { Args, Flags } from '@oclif/core'
import { fetchJson, operation, operationJson, plural } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'
import type { NotUndone } from '../../sync/revert-merge.ts'

const SIDES = { base: 'written', ours: 'before', theirs: 'now' }

export default class Revert extends SyncCommand<unknown> {
  static override writesToWorld = true
  static override summary = 'Undo commits of the world, as new operations'
  static override description =
    'Takes commits of the remote ref (see "sync log") and sends their inverse: each field that a commit wrote goes back to what it was before. Fields that were changed since are named, and nothing is sent (exit code 3); --partial undoes the others. The branch is not touched: "sync pull" brings the undoing into it like any change of the world. Ranges leave their first commit out, as in git.'
  static override examples = [
    '<%= config.bin %> sync revert refs/lobby/remote --dry-run',
    '<%= config.bin %> sync revert 1a2b3c4d',
    '<%= config.bin %> sync revert 1a2b3c4d..refs/lobby/remote --partial',
  ]
  static override strict = false
  static override args = {
    commit: Args.string({
      required: true,
      description: 'Commits of the remote ref, or ranges of them; more may follow',
    }),
  }
  static override flags = {
    'dry-run': Flags.boolean({ char: 'n', description: 'Print the plan and send nothing' }),
    partial: Flags.boolean({ description: 'Undo what can be undone, where other fields were changed since' }),
    'allow-mass-delete': Flags.boolean({ description: "Let it delete more than half of the world's objects" }),
    'wait-lock': Flags.integer({ description: 'Wait for a deploy lock that is held', helpValue: '<seconds>', min: 0 }),
    batch: Flags.boolean({ allowNo: true, default: true, description: 'Use transactions where the runtime has them' }),
  }

  override async run(): Promise<unknown> {
    const { argv, flags } = await this.parse(Revert)
    const revisions = argv.map(String)
    return this.withSession(flags, async (session) => {
      const [{ revert }, view] = await Promise.all([import('../../sync/revert.ts'), import('../../cli/sent-view.ts')])
      const report = await revert(session, {
        revisions,
        partial: flags.partial,
        dryRun: flags['dry-run'],
        allowMassDelete: flags['allow-mass-delete'],
        confirm: this.asker(flags),
        noBatch: !flags.batch,
        waitLockMs: (flags['wait-lock'] ?? 0) * 1000,
      })
      this.warnOf(report.fetched)
      const { worldId } = report.fetched
      const commits = plural(report.commits.length, 'commit')
      const lines = (notUndone: readonly NotUndone[]) =>
        notUndone.flatMap(({ commit, contested }) => [
          `${commit.oid.slice(0, 8)} ${commit.subject}`,
          ...view.contestedLines(contested, SIDES),
        ])
      const facts = {
        kind: report.kind,
        commits: report.commits.map(({ oid, object, subject }) => ({ commit: oid, object, subject })),
        changedSince: report.notUndone.map(({ commit, contested }) => ({
          commit: commit.oid,
          objects: view.contestedJson(contested, SIDES),
        })),
        fetched: fetchJson(report.fetched),
      }
      if (report.notUndone.length > 0) {
        this.say('Changed since, and not undone:')
        for (const line of lines(report.notUndone)) this.say(line)
        this.exitWith(3)
      }
      switch (report.kind) {
        case 'nothing':
          this.say(`Nothing to undo: world ${worldId} holds nothing of ${commits} any more.`)
          return facts
        case 'changed-since':
          this.say('Nothing was sent. With --partial, what can be undone is.')
          return facts
        case 'held':
          this.exitWith(1)
          for (const line of view.heldLines(report.held)) this.say(line)
          this.say('Nothing was sent.')
          return { ...facts, held: view.heldJson(report.held) }
        case 'planned':
          this.say(`Would undo ${commits} of world ${worldId}:`)
          for (const planned of report.operations) for (const line of operation(planned)) this.say(line)
          return { ...facts, operations: report.operations.map(operationJson) }
        case 'reverted':
          for (const line of view.troubleLines(report, report.unseen)) this.say(line)
          this.say(
            `Undid ${commits} of world ${worldId} with ${plural(report.landed, 'operation')}${view.leftText(report.left.length)}. "gamedev sync pull" brings that into the branch.`,
          )
          for (const line of view.snapshotLines(report)) this.say(line)
          if (report.unseen.length > 0) this.exitWith(2)
          else if (report.left.length + report.held.length > 0) this.exitWith(1)
          return { ...facts, ...view.sentJson(report, report.unseen), left: report.left.map(operationJson) }
      }
    })
  }
}
