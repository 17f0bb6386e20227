import { Args, Flags } from '@oclif/core'
import { fieldName, value } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'

export default class WorldEdit extends SyncCommand<unknown> {
  static override writesToWorld = true
  static override summary = 'Change an entity, a blueprint, the settings or the spawn of a live world'
  static override description =
    `Edits the running world as somebody inside it would, over the admin connection; no repository is needed. A value is JSON where it parses, a list of numbers where it is numbers with commas, else text. Paths are dotted; "\\." is a dot inside a key.

The world is the one of --url (with ADMIN_CODE), else the project's, else the one of WORLD_URL and WORLD_ID. Over a public runtime the feed names "admin" for changes of the spawn, whatever --as says.`
  static override examples = [
    '<%= config.bin %> world edit lamp --set position=1,2,3 --set props.color=red --unset props.size',
    '<%= config.bin %> world edit blueprint:Lamp --set name="Red Lamp" --as alice',
    '<%= config.bin %> world edit settings --set title=Plaza',
    'ADMIN_CODE=secret <%= config.bin %> world edit spawn --set position=0,1,0 --url http://localhost:3000',
  ]
  static override args = {
    object: Args.string({
      required: true,
      description: 'Id of an entity or a blueprint ("entity:" or "blueprint:" tells them apart), "settings" or "spawn"',
    }),
  }
  static override flags = {
    set: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'path=value',
      description: 'Set a field',
    }),
    unset: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'path',
      description: 'Remove a field; done before anything is set',
    }),
    as: Flags.string({ default: 'builder', description: 'Who makes the change' }),
    url: Flags.string({ exclusive: ['target'], description: 'URL of the world' }),
    'world-id': Flags.string({ dependsOn: ['url'], description: 'Refuse any world but this one' }),
  }

  override async run(): Promise<unknown> {
    const { args, flags } = await this.parse(WorldEdit)
    const { openWorld } = await import('../../sync/world-target.ts')
    const { editWorld } = await import('../../sync/world-edit.ts')
    const choice = { url: flags.url, worldId: flags['world-id'], target: flags.target }
    const world = await openWorld(this.context(), choice)
    try {
      const options = { set: flags.set ?? [], unset: flags.unset ?? [], as: flags.as, confirm: this.asker(flags) }
      const report = await editWorld(world, args.object, options)
      const { kind, worldId, object, actor, opIds, changes } = report
      if (kind === 'unchanged') this.say(`${object} of world ${worldId} has these values already; nothing was sent.`)
      else {
        this.say(`${actor} changed ${object} of world ${worldId}:`)
        for (const { path, before, after } of changes)
          this.say(`    ${fieldName(path)}: ${value(before)} → ${value(after)}`)
      }
      return {
        kind,
        worldId,
        object,
        actor,
        opIds,
        changes: changes.map(({ path, before, after }) => ({ field: fieldName(path), before, after })),
      }
    } finally {
      await world.close()
    }
  }
}
