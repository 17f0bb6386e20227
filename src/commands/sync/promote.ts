import { Args, Flags } from '@oclif/core'
import { fetchJson, fieldName, operation, operationJson, plural, value } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'
import type { PromotePlan } from '../../sync/promote.ts'

export default class Promote extends SyncCommand<unknown> {
  static override writesToWorld = true
  static override summary = 'Bring what changed in one world to another'
  static override description =
    'Merges the state of one target into another: what changed in the first since it was last promoted, field by field, where the second did not change it as well. The first promotion adds what is missing and deletes nothing. What both changed is named, and nothing is sent (exit code 2); --prefer decides it for one of the two. The plan is always printed and asked about. The branch is not touched: "sync pull --target <to>" brings the result into it.'
  static override examples = [
    '<%= config.bin %> sync promote staging production --dry-run',
    '<%= config.bin %> sync promote staging production',
    '<%= config.bin %> sync promote staging production --prefer staging --yes',
  ]
  static override args = {
    from: Args.string({ required: true, description: 'Target whose state is promoted' }),
    to: Args.string({ required: true, description: 'Target that it is brought to' }),
  }
  static override flags = {
    'dry-run': Flags.boolean({ char: 'n', description: 'Print the plan and send nothing' }),
    prefer: Flags.string({ description: 'Whose values stand where both worlds changed them', helpValue: '<target>' }),
    'allow-mass-delete': Flags.boolean({ description: "Let it delete more than half of the other world's objects" }),
    'wait-lock': Flags.integer({ description: 'Wait for a deploy lock that is held', helpValue: '<seconds>', min: 0 }),
    batch: Flags.boolean({ allowNo: true, default: true, description: 'Use transactions where the runtime has them' }),
  }

  override async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Promote)
    if (flags.target !== undefined) {
      const { SyncError } = await import('../../world/errors.ts')
      throw new SyncError('usage', 'A promotion names both of its worlds; --target would name a third.', {
        hint: 'Run "gamedev sync promote <from> <to>".',
      })
    }
    const [{ promote }, view] = await Promise.all([import('../../sync/promote.ts'), import('../../cli/sent-view.ts')])
    const sides = { base: 'promoted last', ours: `in ${args.from}`, theirs: `in ${args.to}` }
    const names = { base: 'base', ours: 'from', theirs: 'to' }
    const report = await promote(this.context(), {
      ...args,
      prefer: flags.prefer,
      dryRun: flags['dry-run'],
      allowMassDelete: flags['allow-mass-delete'],
      noBatch: !flags.batch,
      waitLockMs: (flags['wait-lock'] ?? 0) * 1000,
      confirm: async (plan) => {
        this.#showPlan(plan, args)
        return this.asker(flags)(`Send ${plural(plan.operations.length, 'operation')} to world "${plan.to.worldId}"?`)
      },
    })
    this.warnOf(report.from)
    this.warnOf(report.to)
    const facts = { kind: report.kind, from: fetchJson(report.from), to: fetchJson(report.to) }
    const worlds = `${args.from} (world ${report.from.worldId}) to ${args.to} (world ${report.to.worldId})`
    switch (report.kind) {
      case 'up-to-date':
        this.say(`Nothing to promote from ${worlds}.`)
        return { ...facts, resolved: view.resolvedJson(report.resolved, names) }
      case 'contested':
        this.exitWith(2)
        this.say(
          report.first
            ? `Nothing was promoted from ${worlds} before, and these differ:`
            : 'Both worlds changed these since the last promotion:',
        )
        for (const line of view.contestedLines(report.contested, sides)) this.say(line)
        if (report.first) {
          this.say(
            "If another clone promoted before, fetch what it knows: git fetch origin 'refs/lobby/*:refs/lobby/*'",
          )
        }
        this.say(`Nothing was sent. --prefer ${args.from} or --prefer ${args.to} decides them all.`)
        return { ...facts, first: report.first, contested: view.contestedJson(report.contested, names) }
      case 'held':
        this.exitWith(1)
        for (const line of view.heldLines(report.held)) this.say(line)
        this.say('Nothing was sent.')
        return { ...facts, held: view.heldJson(report.held) }
      case 'planned':
        this.#showPlan(report.plan, args)
        this.say('Nothing was sent.')
        return {
          ...facts,
          first: report.plan.first,
          operations: report.plan.operations.map(operationJson),
          resolved: view.resolvedJson(report.plan.resolved, names),
        }
      case 'promoted': {
        for (const line of view.troubleLines(report, report.unseen)) this.say(line)
        if (report.contested.length > 0) this.say(`Changed in ${args.to} meanwhile:`)
        for (const line of view.contestedLines(report.contested, sides)) this.say(line)
        this.say(
          `Promoted ${plural(report.landed, 'operation')} from ${worlds}${view.leftText(report.left.length)}. "gamedev sync pull --target ${args.to}" brings that into the branch.`,
        )
        for (const line of view.snapshotLines(report)) this.say(line)
        if (report.contested.length + report.unseen.length > 0) this.exitWith(2)
        else if (report.left.length + report.held.length > 0) this.exitWith(1)
        return {
          ...facts,
          first: report.plan.first,
          ...view.sentJson(report, report.unseen),
          left: report.left.map(operationJson),
          resolved: view.resolvedJson(report.plan.resolved, names),
          contested: view.contestedJson(report.contested, names),
        }
      }
    }
  }

  #showPlan({ from, to, first, operations, held, resolved }: PromotePlan, names: { from: string; to: string }): void {
    const since = first ? 'for the first time as far as this clone knows' : 'since the last time'
    this.say(
      `From ${names.from} (world ${from.worldId} at ${from.cursor}) to ${names.to} (world ${to.worldId} at ${to.cursor}), ${since}:`,
    )
    for (const planned of operations) for (const line of operation(planned)) this.say(line)
    for (const { key, fields } of resolved) {
      for (const { path, by, value: taken } of fields) {
        const winner = by === 'local' ? names.from : by === 'runtime' ? names.to : 'both'
        const shown = path.length === 0 ? 'the whole object' : `${fieldName(path)}: ${value(taken)}`
        this.say(`  settled for ${winner}: ${key} ${shown}`)
      }
    }
    for (const { key, field, reason } of held) this.say(`  held back: ${key} ${field}: ${reason}`)
  }
}
