import { Flags } from '@oclif/core'
import { oneLine, plural } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'
import type { CheckReport, CheckSource } from '../../sync/check.ts'
import { SyncError } from '../../world/errors.ts'

/** One finding, as both formats print it. */
interface Finding {
  readonly title: string
  readonly path?: string
  readonly line?: number
  readonly column?: number
  readonly message: string
}

const LONGEST_MESSAGE = 2000

export default class Check extends SyncCommand<unknown> {
  static override summary = 'Fail on open conflicts and on world files that are not valid'
  static override description =
    'Looks at the files as they are, tracked or not, and asks no server: for git hooks and for CI. Exit code 2 when conflicts are open (unmerged files, conflict markers, conflicts that a pull kept), 1 when world files are not valid, 5 when objects that the world sent were refused.'
  static override examples = [
    '<%= config.bin %> sync check',
    '<%= config.bin %> sync check --staged',
    '<%= config.bin %> sync check --commit origin/main --json',
    '<%= config.bin %> sync check --format github',
  ]
  static override flags = {
    staged: Flags.boolean({
      description: 'Check what a commit would record',
      exclusive: ['commit', 'pre-push'],
    }),
    commit: Flags.string({
      description: 'Check a commit',
      helpValue: 'rev',
      exclusive: ['pre-push'],
    }),
    'pre-push': Flags.boolean({
      description: 'Check the commits that git names on standard input, as it does for its pre-push hook',
    }),
    format: Flags.string({
      description: 'Lines for people, or workflow commands that annotate the files on GitHub',
      options: ['text', 'github'],
      default: 'text',
    }),
  }

  override async run(): Promise<unknown> {
    const { flags } = await this.parse(Check)
    const { check } = await import('../../sync/check.ts')
    const source: CheckSource = flags['pre-push']
      ? { kind: 'pre-push', lines: await standardInput() }
      : flags.commit !== undefined
        ? { kind: 'commit', revision: flags.commit }
        : { kind: flags.staged ? 'staged' : 'working' }
    const context = this.context()
    const report = await check(context, source)
    const { conflicts, problems, refused, warnings } = report
    const exitCode = conflicts.length > 0 ? 2 : problems.length > 0 ? 1 : refused.length > 0 ? 5 : 0
    this.exitWith(exitCode)
    if (flags.format === 'github') this.#annotate(report)
    else {
      for (const warning of warnings) context.progress.warn(warning)
      this.#list(report)
    }
    this.say(summary(report))
    return { ok: exitCode === 0, conflicts, problems, refused, warnings }
  }

  #list(report: CheckReport): void {
    let title: string | undefined
    for (const finding of findings(report)) {
      if (finding.title !== title) this.say(`${finding.title}:`)
      title = finding.title
      const { path, line, column, message } = finding
      const place = [path, line, column].filter((part) => part !== undefined).join(':')
      this.say(oneLine(place === '' ? message : `${place}: ${message}`, LONGEST_MESSAGE))
    }
  }

  #annotate(report: CheckReport): void {
    for (const { title, path, line, column, message } of findings(report)) {
      const properties = { file: path, line, col: column, title }
      const said = Object.entries(properties).flatMap(([key, value]) =>
        value === undefined ? [] : [`${key}=${property(String(value))}`],
      )
      this.say(`::error ${said.join(',')}::${data(message)}`)
    }
    for (const warning of report.warnings) this.say(`::warning title=gamedev sync::${data(warning)}`)
  }
}

function findings({ conflicts, problems, refused }: CheckReport): readonly Finding[] {
  return [
    ...conflicts.map((conflict) => ({ ...conflict, title: 'Open conflicts' })),
    ...problems.map((problem) => ({ ...problem, title: 'Invalid files' })),
    ...refused.map(({ object, reason }) => ({ title: 'Refused from the world', message: `${object}: ${reason}` })),
  ]
}

function summary({ conflicts, problems, refused, files }: CheckReport): string {
  const found = [
    conflicts.length > 0 ? plural(conflicts.length, 'open conflict') : '',
    problems.length > 0 ? plural(problems.length, 'invalid place') : '',
    refused.length > 0 ? plural(refused.length, 'refused object') : '',
  ].filter((part) => part !== '')
  const checked = `Checked ${plural(files, 'world file')}`
  return found.length === 0 ? `${checked}: no conflicts, all valid.` : `${checked}: ${found.join(', ')}.`
}

/** The message of a workflow command. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

/** A property of a workflow command. */
function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}

async function standardInput(): Promise<string> {
  if (process.stdin.isTTY) {
    throw new SyncError('no_input', '--pre-push reads from standard input what git tells its pre-push hook.', {
      hint: 'Let "gamedev sync hooks install" call it; by hand, use --commit.',
    })
  }
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array | string))
  return Buffer.concat(chunks).toString('utf8')
}
