import { conflictTable } from '../../cli/conflict-view.ts'
import { plural } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'

export default class Conflicts extends SyncCommand<unknown> {
  static override summary = 'List the open conflicts: field by field, with the values of both sides, who and when'
  static override description =
    'Open is what git says is unmerged, and what a pull without strict conflicts has kept open in lobby.conflicts/. Asks no server. Exit code 2 while any is open.'
  static override examples = ['<%= config.bin %> sync conflicts', '<%= config.bin %> sync conflicts --json']

  override async run(): Promise<unknown> {
    await this.parse(Conflicts)
    const [{ openProject }, { openConflictsNow, markersStaged }, { readSwitches }] = await Promise.all([
      import('../../sync/session.ts'),
      import('../../sync/conflicts.ts'),
      import('../../sync/switches.ts'),
    ])
    const context = this.context()
    const project = await openProject(context)
    try {
      const switches = await readSwitches(project.folder, context.env)
      const { conflicts, mergeHead, invalid } = await openConflictsNow(project, switches)
      for (const file of invalid)
        this.warn(`${file} is no conflict artifact: correct it, or remove it if its conflict is settled`)
      const marked = conflicts.length === 0 && mergeHead !== undefined ? await markersStaged(project) : []
      if (conflicts.length > 0) {
        this.exitWith(2)
        for (const line of conflictTable(conflicts)) this.say(line)
        this.say(
          `${plural(conflicts.length, 'conflict')} open. Settle with "gamedev sync resolve <id> --use local|remote|merged".`,
        )
      } else if (marked.length > 0) {
        this.exitWith(2)
        this.say(`Conflict markers are staged as if they were settled: ${marked.join(', ')}.`)
        this.say('Edit these files, or bring their conflicts back with "git checkout --merge -- <file>".')
      } else if (invalid.some((file) => file.startsWith('lobby.conflicts/'))) {
        this.exitWith(2)
        this.say('What lobby.conflicts/ keeps open cannot be told: a push refuses, "gamedev sync check" fails.')
      } else if (mergeHead !== undefined) this.say('No conflict is open; "git commit" concludes the merge.')
      else this.say('No conflict is open.')
      return {
        merging: mergeHead ?? null,
        marked,
        invalid,
        conflicts: conflicts.map(({ id, object, path, source, fields, artifact, unmerged }) => ({
          id,
          object: object ?? null,
          path,
          source,
          fields,
          unmerged: unmerged.map((entry) => entry.path),
          autoResolved: artifact?.autoResolved ?? [],
          openedAt: artifact?.openedAt ?? null,
        })),
      }
    } finally {
      await project.repository.close()
    }
  }
}
