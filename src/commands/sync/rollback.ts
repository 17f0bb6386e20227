import { Args, Flags } from '@oclif/core'
import { fetchJson, fieldName, plural, value } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'
import type { BlueprintChange, RollbackPlan, WantedSnapshot } from '../../sync/rollback.ts'

export default class Rollback extends SyncCommand<unknown> {
  static override writesToWorld = true
  static override summary = 'Put scripts in the world back to what they were before a push'
  static override description =
    'A push of scripts has the runtime keep the blueprints as they were. This has it put them back as a whole: edits that somebody made to them since go as well, and are named before. Without an argument, the newest push from this checkout that was not rolled back yet. The branch is not touched: "sync pull" brings the rollback into it.'
  static override examples = [
    '<%= config.bin %> sync rollback --dry-run',
    '<%= config.bin %> sync rollback',
    '<%= config.bin %> sync rollback 400273d4-7880-4f6d-9055-140c20507272 --yes',
  ]
  static override args = {
    snapshot: Args.string({ description: "A deploy snapshot's id, as the push said it" }),
  }
  static override flags = {
    'dry-run': Flags.boolean({ char: 'n', description: 'Show what would be put back and send nothing' }),
    'wait-lock': Flags.integer({ description: 'Wait for a deploy lock that is held', helpValue: '<seconds>', min: 0 }),
  }

  override async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Rollback)
    return this.withSession(flags, async (session) => {
      const { rollback } = await import('../../sync/rollback.ts')
      const report = await rollback(session, {
        snapshot: args.snapshot,
        dryRun: flags['dry-run'],
        waitLockMs: (flags['wait-lock'] ?? 0) * 1000,
        confirm: async (plan) => {
          this.#showPlan(plan)
          return this.asker(flags)(`Put these back in world "${plan.world}"?`)
        },
      })
      this.warnOf(report.fetched)
      const { plan } = report
      const facts = {
        kind: report.kind,
        snapshots: plan.snapshots.map(({ id, scope, ids, note, time, commit }) => ({
          id,
          scope,
          ids,
          note,
          time,
          commit,
        })),
        later: plan.later,
        fetched: fetchJson(report.fetched),
      }
      if (report.kind === 'planned') {
        this.#showPlan(plan)
        this.say('Nothing was sent.')
        return { ...facts, changes: changesJson(plan.changes) }
      }
      if (report.failed.length > 0) this.exitWith(1)
      for (const id of report.failed) this.say(`  failed: blueprint ${id}`)
      for (const line of changeLines(report.changes)) this.say(line)
      this.say(
        `Rolled back ${plural(report.restored.length, 'blueprint')} of world ${plan.world}. The branch still has the other scripts: "gamedev sync pull" brings these into it.`,
      )
      return { ...facts, restored: report.restored, failed: report.failed, changes: changesJson(report.changes) }
    })
  }

  #showPlan({ snapshots, changes, later }: RollbackPlan): void {
    for (const snapshot of snapshots) this.say(snapshotLine(snapshot))
    for (const line of changeLines(changes)) this.say(line)
    for (const { object, actor, commit } of later) {
      this.say(`  undone with it: an edit of ${object} by ${actor} (${commit.slice(0, 8)})`)
    }
  }
}

function snapshotLine({ id, scope, ids, note, time }: WantedSnapshot): string {
  if (ids === undefined) return `Deploy snapshot ${id}, which was not taken from here`
  return `Deploy snapshot ${id} (scope ${scope}, ${plural(ids.length, 'blueprint')}) of ${time}, before ${note}`
}

function changeLines(objects: readonly BlueprintChange[]): readonly string[] {
  return objects.flatMap(({ key, changes }) => [
    `  ${key}`,
    ...changes
      .filter(({ path }) => path.length > 0)
      .map(({ path, before, after }) => `    ${fieldName(path)}: ${value(before)} → ${value(after)}`),
  ])
}

function changesJson(objects: readonly BlueprintChange[]): unknown {
  return objects.map(({ key, changes }) => ({
    object: key,
    changes: changes.map(({ path, before, after }) => ({ field: fieldName(path), before, after })),
  }))
}
