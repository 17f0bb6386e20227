import { Args, Flags } from '@oclif/core'
import { adoptionJson, adoptionLines, bounded, policyLines } from '../../cli/adoption-view.ts'
import { conflictLines } from '../../cli/conflict-view.ts'
import { fetchJson, plural } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'
import type { Connected } from '../../sync/connect.ts'

const SIDES = ['local', 'remote'] as const

export default class Init extends SyncCommand<unknown> {
  static override summary = 'Connect this git repository with a live world'
  static override description =
    `The world joins the history of the current branch, and lobby.json remembers where it runs. Where both have the same objects, equal ones settle and no file is touched; different ones become git conflicts: settle them as after a pull, and "git commit" connects. --prefer settles all of them in favour of one side.

What only one side has stays: the next push adds to the world what only the files have. --mirror instead makes the other side follow: with "local", what only the world has is deleted there by the next push; with "remote", what only the files have is deleted from the files.`
  static override examples = [
    '<%= config.bin %> sync init http://localhost:3000',
    '<%= config.bin %> sync init http://localhost:3000 --dry-run',
    '<%= config.bin %> sync init http://localhost:3000 --prefer local',
    'WORLD_URL=http://localhost:3000 WORLD_ID=plaza <%= config.bin %> sync init',
    '<%= config.bin %> sync init https://host/worlds/staging --name staging',
  ]
  static override args = {
    url: Args.string({ description: 'URL of the world; by default that of WORLD_URL, .env or .lobby/targets.json' }),
  }
  static override flags = {
    'world-id': Flags.string({ description: 'Refuse any world but this one' }),
    name: Flags.string({ description: 'Name of the world in lobby.json; "main" by default' }),
    prefer: Flags.option({ options: SIDES, description: 'Whose values win where both have an object' })(),
    mirror: Flags.option({ options: SIDES, description: 'Whose objects are all there are; the other side follows' })(),
    'dry-run': Flags.boolean({
      char: 'n',
      description: 'Print what would settle, differ, come and go; change nothing',
    }),
    'merge-driver': Flags.boolean({
      allowNo: true,
      description: 'Let plain git merge world files by field (.gitattributes); asked when not said',
    }),
  }

  override async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Init)
    const { init } = await import('../../sync/init.ts')
    const ask = this.asker(flags)
    const report = await init(this.context(), {
      url: args.url,
      worldId: flags['world-id'],
      name: flags.name ?? flags.target,
      prefer: flags.prefer,
      mirror: flags.mirror,
      dryRun: flags['dry-run'],
      confirm: ask,
      mergeDriver: async () =>
        flags['merge-driver'] ?? (await ask('Let "git merge" and "git rebase" merge world files by field?')),
    })
    this.warnOf(report.fetched)
    if (report.policy !== undefined) for (const line of policyLines(report.policy)) this.say(line)
    const decided = flags.mirror ?? flags.prefer
    if (report.plan !== undefined) {
      for (const line of adoptionLines(report.plan, { ...report, decided, mirror: flags.mirror })) this.say(line)
    }
    this.#sayEnd(report)
    return {
      kind: report.kind,
      name: report.name,
      branch: report.branch,
      files: report.files,
      joined: report.joined,
      conflicts: report.conflicts,
      plan: report.plan === undefined ? null : adoptionJson(report.plan, flags.mirror),
      policy: report.policy ?? null,
      ...fetchJson(report.fetched),
    }
  }

  #sayEnd(report: Connected): void {
    if (report.kind === 'planned') this.say('Nothing was changed: this was a dry run.')
    else if (report.kind === 'contested') {
      this.exitWith(2)
      this.say('These objects differ between this project and the world:')
      for (const line of bounded(conflictLines(report.conflicts))) this.say(line)
      this.say(
        'Settle them in your merge tool, by hand, or with "gamedev sync resolve"; then "git commit". To give up: "git merge --abort".',
      )
    } else if (report.joined) {
      this.say(
        `Connected with world ${report.worldId} at ${report.fetched.cursor} (${plural(report.files, 'file')} from the world, branch ${report.branch}).`,
      )
    } else this.say(`Connected with world ${report.worldId} already, at ${report.fetched.cursor}; nothing to record.`)
  }
}
