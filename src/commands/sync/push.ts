import { Flags } from '@oclif/core'
import { contested, contestedJson, fetchJson, operation, operationJson, plural } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'
import type { HeldBack } from '../../sync/hold-back.ts'

export default class Push extends SyncCommand<unknown> {
  static override summary = 'Send local commits to the world as operations'
  static override description =
    'Only what the branch changed since it last met the world is sent, field by field, under the name of the commit that changed it. If the world changed the same fields, nothing is sent (exit code 3): pull first.'
  static override examples = [
    '<%= config.bin %> sync push --dry-run',
    '<%= config.bin %> sync push',
    '<%= config.bin %> sync push --target production --yes',
  ]
  static override flags = {
    'dry-run': Flags.boolean({ char: 'n', description: 'Print the plan and send nothing' }),
    'allow-mass-delete': Flags.boolean({ description: "Let the push delete more than half of the world's objects" }),
    autostash: Flags.boolean({ description: 'Put local changes aside during the closing merge and back afterwards' }),
    batch: Flags.boolean({ allowNo: true, default: true, description: 'Use transactions where the runtime has them' }),
  }

  override async run(): Promise<unknown> {
    const { flags } = await this.parse(Push)
    return this.withSession(flags, async (session) => {
      const { push } = await import('../../sync/push.ts')
      const report = await push(session, {
        dryRun: flags['dry-run'],
        allowMassDelete: flags['allow-mass-delete'],
        autostash: flags.autostash,
        confirm: this.asker(flags),
        noBatch: !flags.batch,
      })
      const world = report.fetched.worldId
      this.warnOf(report.fetched)
      const facts = { kind: report.kind, branch: report.branch, fetched: fetchJson(report.fetched) }
      switch (report.kind) {
        case 'up-to-date':
          this.say(`Nothing to push to world ${world}.`)
          return facts
        case 'planned':
          this.say(`Would send ${plural(report.operations.length, 'operation')} to world ${world}:`)
          for (const planned of report.operations) for (const line of operation(planned)) this.say(line)
          for (const line of heldLines(report.held)) this.say(line)
          return { ...facts, operations: report.operations.map(operationJson), held: heldJson(report.held) }
        case 'contested':
          this.exitWith(3)
          this.say('The world changed the same fields meanwhile; pull first:')
          for (const line of contested(report.contested)) this.say(line)
          this.say('Nothing was sent.')
          return { ...facts, contested: contestedJson(report.contested) }
        case 'pushed': {
          for (const { operation: refused, error } of report.refused) {
            this.say(`  refused: ${refused.planned.kind} ${refused.planned.id}: ${error}`)
          }
          for (const line of heldLines(report.held)) this.say(line)
          if (report.refused.length > 0 && report.landed + report.refused.length < report.operations.length) {
            this.say('  What was to land together with it was not sent either.')
          }
          const left = report.operations.length - report.landed + report.held.length
          this.say(
            `Pushed ${plural(report.landed, 'operation')} to world ${world}${left === 0 ? '' : `; ${left} did not land and stay to be pushed`}.`,
          )
          if (report.open !== undefined) {
            process.stderr.write(`warning: the closing merge is open: ${report.open.message}\n`)
            if (report.open.hint !== undefined) process.stderr.write(`hint: ${report.open.hint}\n`)
          }
          // What is kept open on purpose fails nothing where conflicts are not strict; `sync check` goes on telling.
          const kept = report.held.filter(({ conflict }) => conflict === true).length
          const closed = left === kept ? (kept > 0 && session.switches.strictConflicts ? 2 : 0) : 1
          this.exitWith(report.open !== undefined ? (report.open.exitCode === 2 ? 2 : 1) : closed)
          return {
            ...facts,
            head: report.head,
            landed: report.landed,
            held: heldJson(report.held),
            refused: report.refused.map(({ operation: refused, error }) => ({
              kind: refused.planned.kind,
              id: refused.planned.id,
              error,
            })),
            operations: report.operations.map(operationJson),
          }
        }
      }
    })
  }
}

function heldLines(held: readonly HeldBack[]): readonly string[] {
  return held.map(({ key, field, reason }) => `  held back: ${field === '' ? key : `${key} ${field}`}: ${reason}`)
}

function heldJson(held: readonly HeldBack[]): unknown {
  return held.map(({ key, field, reason, conflict }) => ({ object: key, field, reason, conflict: conflict === true }))
}
