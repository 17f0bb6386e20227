import { Flags } from '@oclif/core'
import { printableText } from '../../cli/progress-view.ts'
import { contested, contestedJson, fetchJson, fieldName, operation, operationJson, plural } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'
import type { HeldBack } from '../../sync/hold-back.ts'
import type { UnseenWrite } from '../../sync/overwritten.ts'
import type { Pushed, PushReport } from '../../sync/push.ts'
import type { RecoveredPush } from '../../sync/recover-push.ts'
import type { UndoneEdit } from '../../sync/undone.ts'

export default class Push extends SyncCommand<unknown> {
  static override writesToWorld = true
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
    'wait-lock': Flags.integer({
      min: 0,
      helpValue: '<seconds>',
      description: 'How long to wait for a deploy lock that somebody else holds',
    }),
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
        waitLockMs: (flags['wait-lock'] ?? 0) * 1000,
      })
      const world = report.fetched.worldId
      this.warnOf(report.fetched)
      const facts = {
        kind: report.kind,
        branch: report.branch,
        fetched: fetchJson(report.fetched),
        ...(report.recovered === undefined ? {} : { recovered: recoveredJson(report.recovered) }),
        ...(await this.#resolved(report)),
      }
      switch (report.kind) {
        case 'up-to-date':
          this.say(`Nothing to push to world ${world}.`)
          return facts
        case 'planned':
          this.say(`Would send ${plural(report.operations.length, 'operation')} to world ${world}:`)
          for (const planned of report.operations) for (const line of operation(planned)) this.say(line)
          for (const line of heldLines(report.held)) this.say(line)
          for (const line of undoneLines(report.undone)) this.say(line)
          return {
            ...facts,
            operations: report.operations.map(operationJson),
            held: heldJson(report.held),
            undone: undoneJson(report.undone),
          }
        case 'contested':
          this.exitWith(3)
          this.say('The world changed the same fields meanwhile; pull first:')
          for (const line of contested(report.contested)) this.say(line)
          this.say('Nothing was sent.')
          return { ...facts, contested: contestedJson(report.contested) }
        case 'pushed':
          // Nobody read the question that --yes has answered.
          if (flags.yes && report.undone.length > 0) {
            const { isDoubtful } = await import('../../sync/push-guards.ts')
            if (isDoubtful(report.undone)) for (const line of undoneLines(report.undone)) this.say(line)
          }
          return { ...facts, ...(await this.#pushed(report, session.switches.strictConflicts, world)) }
      }
    })
  }

  /** What rules settled: said here, because the pull that would say it finds it settled (M5). */
  async #resolved({ kind, resolved }: PushReport): Promise<object> {
    if (resolved.length === 0 || kind === 'contested') return {}
    const { resolvedJson, resolvedLines } = await import('../../cli/conflict-view.ts')
    for (const line of resolvedLines(resolved)) this.say(line)
    return { resolved: resolvedJson(resolved) }
  }

  async #pushed(report: Pushed, strict: boolean, world: string): Promise<object> {
    for (const { operation: refused, error, unsent } of report.refused) {
      this.say(`  ${unsent ? 'not sent' : 'refused'}: ${refused.planned.kind} ${refused.planned.id}: ${error}`)
    }
    for (const line of heldLines(report.held)) this.say(line)
    const { unseenLines } = await import('../../sync/recover-push.ts')
    for (const line of unseenLines(report)) this.say(`  ${line}`)
    const left = report.operations.length - report.landed + report.held.length
    this.say(
      `Pushed ${plural(report.landed, 'operation')} to world ${world}${left === 0 ? '' : `; ${left} did not land and stay to be pushed`}.`,
    )
    if (report.lost !== undefined) {
      process.stderr.write(`warning: ${printableText(report.lost.message)}; what landed was read from the feed.\n`)
    }
    if (report.snapshots.length > 0) {
      this.say(`Deploy snapshots: ${report.snapshots.map(({ id, scope }) => `${id} (${scope})`).join(', ')}.`)
    }
    if (report.open !== undefined) {
      process.stderr.write(`warning: the closing merge is open: ${printableText(report.open.message)}\n`)
      if (report.open.hint !== undefined) process.stderr.write(`hint: ${printableText(report.open.hint)}\n`)
    }
    if (report.merge === 'contested') {
      const { conflictLines } = await import('../../cli/conflict-view.ts')
      this.say('Others changed the same fields while the push was on its way:')
      for (const line of conflictLines(report.conflicts)) this.say(line)
      this.say(
        'Settle them in your merge tool ("git mergetool"), by hand, or with "gamedev sync resolve"; then "git commit", and push again.',
      )
    } else if (report.conflicts.length > 0) {
      this.say(`Kept open: ${plural(report.conflicts.length, 'conflict')} (gamedev sync conflicts).`)
    }
    // What is kept open on purpose fails nothing where conflicts are not strict; `sync check` goes on telling.
    const kept = report.held.filter(({ why }) => why === 'conflict').length
    const unrestored = report.unseen.length > 0 && report.merge === 'left'
    const closed = left === kept && !unrestored ? (kept > 0 && strict ? 2 : 0) : 1
    const conflicts = report.merge === 'contested' || report.open?.exitCode === 2
    this.exitWith(conflicts ? 2 : report.open !== undefined ? 1 : closed)
    return {
      head: report.head,
      landed: report.landed,
      held: heldJson(report.held),
      refused: report.refused.map(({ operation: refused, error, unsent }) => ({
        kind: refused.planned.kind,
        id: refused.planned.id,
        error,
        sent: unsent !== true,
      })),
      merge: report.merge,
      conflicts: report.conflicts,
      undone: undoneJson(report.undone),
      unseen: unseenJson(report.unseen),
      snapshots: report.snapshots,
      ...(report.lost === undefined ? {} : { lost: { code: report.lost.code, message: report.lost.message } }),
      ...(report.open === undefined ? {} : { open: { code: report.open.code, message: report.open.message } }),
      operations: report.operations.map(operationJson),
    }
  }
}

function recoveredJson({ worldId, branch, operations, conclusion, message }: RecoveredPush): unknown {
  const { landed, missing, merge, unseen } = conclusion
  return {
    worldId,
    branch,
    operations,
    landed: landed.map(({ kind, id, opId }) => ({ kind, id, opId })),
    left: missing.map(({ kind, id, opId }) => ({ kind, id, opId })),
    merge,
    unseen: unseenJson(unseen),
    message,
  }
}

function unseenJson(unseen: readonly UnseenWrite[]): unknown {
  return unseen.map(({ key, path, by, commit, value, base }) => ({
    object: key,
    field: fieldName(path),
    by,
    commit,
    base,
    remote: value,
  }))
}

function undoneLines(undone: readonly UndoneEdit[]): readonly string[] {
  return undone.map(({ key, path, change, by, commit }) => {
    const what = path.length > 0 ? fieldName(path) : (change ?? 'addition or removal')
    return `  undoes: ${by} ${key} ${what} (${commit.slice(0, 8)})`
  })
}

function undoneJson(undone: readonly UndoneEdit[]): unknown {
  return undone.map(({ key, path, change, by, commit }) => ({
    object: key,
    field: fieldName(path),
    ...(change === undefined ? {} : { change }),
    by,
    commit,
  }))
}

function heldLines(held: readonly HeldBack[]): readonly string[] {
  return held.map(({ key, field, reason }) => `  held back: ${field === '' ? key : `${key} ${field}`}: ${reason}`)
}

function heldJson(held: readonly HeldBack[]): unknown {
  return held.map(({ key, field, reason, why }) => ({ object: key, field, reason, conflict: why === 'conflict' }))
}
