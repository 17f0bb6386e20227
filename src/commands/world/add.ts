import { Args, Flags } from '@oclif/core'
import { SyncCommand } from '../../cli/sync-command.ts'

export default class WorldAdd extends SyncCommand<unknown> {
  static override writesToWorld = true
  static override summary = 'Add an entity to a live world'
  static override description =
    'Places an entity of a blueprint in the running world, at the origin unless a position is set. Values and the choice of the world are those of "world edit".'
  static override examples = [
    '<%= config.bin %> world add Lamp',
    '<%= config.bin %> world add Lamp --id lamp-entrance --set position=4,0,-2 --set props.color=red --as alice',
    'ADMIN_CODE=secret <%= config.bin %> world add Model --url http://localhost:3000 --json',
  ]
  static override args = { blueprint: Args.string({ required: true, description: 'Id of the blueprint' }) }
  static override flags = {
    id: Flags.string({ description: 'Id of the new entity; a random one by default' }),
    set: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'path=value',
      description: 'Set a field',
    }),
    as: Flags.string({ default: 'builder', description: 'Who makes the change' }),
    url: Flags.string({ exclusive: ['target'], description: 'URL of the world' }),
    'world-id': Flags.string({ dependsOn: ['url'], description: 'Refuse any world but this one' }),
  }

  override async run(): Promise<unknown> {
    const { args, flags } = await this.parse(WorldAdd)
    const { openWorld } = await import('../../sync/world-target.ts')
    const { addToWorld } = await import('../../sync/world-entities.ts')
    const choice = { url: flags.url, worldId: flags['world-id'], target: flags.target }
    const world = await openWorld(this.context(), choice)
    try {
      const options = { id: flags.id, set: flags.set ?? [], as: flags.as, confirm: this.asker(flags) }
      const report = await addToWorld(world, args.blueprint, options)
      this.say(`${report.actor} added ${report.object} of ${report.blueprint} to world ${report.worldId}.`)
      return report
    } finally {
      await world.close()
    }
  }
}
