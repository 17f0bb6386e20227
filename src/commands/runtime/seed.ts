import { Args, Flags } from '@oclif/core'
import { SyncCommand } from '../../cli/sync-command.ts'
import { SyncError } from '../../world/errors.ts'

export default class RuntimeSeed extends SyncCommand<unknown> {
  static override summary = 'Fill an empty world of the reference runtime from a project'
  static override description =
    'Reads the files below apps/, shared/, assets/ and world/ (or world.json) and writes them into a data folder that no runtime is using. A world that has a history already is left as it is.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> fixtures/sample-world --data ./world-data --world-id my-world',
  ]
  static override args = { project: Args.string({ required: true, description: 'Folder of the project' }) }
  static override flags = {
    data: Flags.string({ required: true, description: 'Folder that holds the world' }),
    'world-id': Flags.string({ required: true, description: 'Identity of the world' }),
  }
  // No world is chosen here and nothing is asked.
  static override baseFlags = {} as (typeof SyncCommand)['baseFlags']

  override async run(): Promise<unknown> {
    const { args, flags } = await this.parse(RuntimeSeed)
    const { readSeed } = await import('../../runtime/seed.ts')
    const reading = await readSeed(args.project)
    if (reading.kind === 'invalid') {
      const lines = reading.problems.map(
        ({ path, line, column, message }) =>
          `${path}${line === undefined ? '' : `:${line}:${column ?? 1}`}: ${message}`,
      )
      throw new SyncError('invalid_files', `The project cannot be read:\n${lines.join('\n')}`, {
        hint: 'Correct the files and run the command again. Nothing was written.',
        data: { problems: reading.problems },
      })
    }
    const { seedWorld } = await import('../../runtime/index.ts')
    const seeded = await seedWorld(flags.data, flags['world-id'], reading.seed)
    const { blueprints, entities, assets, cursor } = seeded
    this.say(
      `Seeded world ${flags['world-id']} at ${cursor}: ${blueprints} blueprints, ${entities} entities, ${assets} files.`,
    )
    return { worldId: flags['world-id'], ...seeded }
  }
}
