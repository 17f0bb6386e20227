import { Flags } from '@oclif/core'
import { plural } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'
import type { LineDifference } from '../../sync/rebuild-difference.ts'

/** Files that are named; `--json` has all. */
const NAMED = 20

export default class Rebuild extends SyncCommand<unknown> {
  static override summary = "Make the remote ref anew from the world's feed"
  static override description =
    'Replays the feed beside refs/lobby/remote, from the newest commit that holds a whole snapshot or from --from, and compares the two. Where they are the same nothing happens; else the rebuilt line takes the place of the present one, unless it contradicts what the branch has taken in already (exit code 5). Where the feed does not reach back, a fresh snapshot goes on top. A ref that is gone or broken is made anew from the branch. Neither the branch nor the working tree is touched.'
  static override examples = [
    '<%= config.bin %> sync rebuild --dry-run',
    '<%= config.bin %> sync rebuild',
    '<%= config.bin %> sync rebuild --from refs/lobby/remote~20',
  ]
  static override flags = {
    from: Flags.string({ description: 'The commit of refs/lobby/remote to replay from' }),
    'dry-run': Flags.boolean({ char: 'n', description: 'Compare, and leave everything as it is' }),
  }

  override async run(): Promise<unknown> {
    const { flags } = await this.parse(Rebuild)
    return this.withSession(flags, async (session) => {
      const { rebuild } = await import('../../sync/rebuild.ts')
      const report = await rebuild(session, { from: flags.from, dryRun: flags['dry-run'] })
      const source =
        report.by === 'feed'
          ? `its feed since ${report.from.cursor}`
          : `a fresh snapshot, because its feed does not reach back to ${report.from.cursor}`
      if (report.kind === 'same') {
        this.say(`Nothing to rebuild: ${session.ref} is what ${source} makes.`)
        return report
      }
      for (const line of differenceLines(report.difference)) this.say(line)
      this.say(
        report.kind === 'differs'
          ? `Would make ${session.ref} anew from ${source}; nothing was changed.`
          : `Made ${session.ref} anew from ${source}; it is at ${report.cursor}${report.before === undefined ? '' : `, and was ${report.before.slice(0, 10)}`}.`,
      )
      return report
    })
  }
}

function differenceLines(difference: LineDifference | undefined): readonly string[] {
  if (difference === undefined) return ['There is no line of this world at present.']
  const { commits, first, cursor, paths } = difference
  const named = paths.slice(0, NAMED).map((path) => `    ${path}`)
  const more = paths.length > NAMED ? [`    and ${paths.length - NAMED} more`] : []
  return [
    `The present line has ${plural(commits.present, 'commit')} that the rebuilt one lacks, which has ${plural(commits.rebuilt, 'commit')} of its own.`,
    ...(['present', 'rebuilt'] as const).flatMap((side) => {
      const commit = first[side]
      return commit === undefined
        ? []
        : [`  first of the ${side}: ${commit.commit.slice(0, 10)} at ${commit.cursor}, ${commit.subject}`]
    }),
    paths.length === 0 ? `  At ${cursor} they hold the same files.` : `  At ${cursor} these files differ:`,
    ...named,
    ...more,
  ]
}
