import { Args, Flags } from '@oclif/core'
import { SyncCommand } from '../../cli/sync-command.ts'

export default class WorldRemove extends SyncCommand<unknown> {
  static override writesToWorld = true
  static override summary = 'Remove an entity or an unused blueprint from a live world'
  static override description =
    'The choice of the world is that of "world edit". Over a public runtime the feed names "admin" for the removal of a blueprint, whatever --as says.'
  static override examples = [
    '<%= config.bin %> world remove lamp-entrance --as alice',
    '<%= config.bin %> world remove blueprint:Lamp',
  ]
  static override args = {
    object: Args.string({
      required: true,
      description: 'Id of an entity or a blueprint; "entity:" or "blueprint:" tells them apart',
    }),
  }
  static override flags = {
    as: Flags.string({ default: 'builder', description: 'Who makes the change' }),
    url: Flags.string({ exclusive: ['target'], description: 'URL of the world' }),
    'world-id': Flags.string({ dependsOn: ['url'], description: 'Refuse any world but this one' }),
  }

  override async run(): Promise<unknown> {
    const { args, flags } = await this.parse(WorldRemove)
    const { openWorld } = await import('../../sync/world-target.ts')
    const { removeFromWorld } = await import('../../sync/world-entities.ts')
    const choice = { url: flags.url, worldId: flags['world-id'], target: flags.target }
    const world = await openWorld(this.context(), choice)
    try {
      const report = await removeFromWorld(world, args.object, { as: flags.as, confirm: this.asker(flags) })
      this.say(`${report.actor} removed ${report.object} from world ${report.worldId}.`)
      return report
    } finally {
      await world.close()
    }
  }
}
