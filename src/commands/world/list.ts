import { Flags } from '@oclif/core'
import { oneLine } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'
import type { Json } from '../../world/json.ts'

export default class WorldList extends SyncCommand<unknown> {
  static override summary = 'List the entities and blueprints of a live world'
  static override description = 'The choice of the world is that of "world edit".'
  static override examples = [
    '<%= config.bin %> world list',
    'ADMIN_CODE=secret <%= config.bin %> world list --url https://host/worlds/plaza --json',
  ]
  static override flags = {
    url: Flags.string({ exclusive: ['target'], description: 'URL of the world' }),
    'world-id': Flags.string({ dependsOn: ['url'], description: 'Refuse any world but this one' }),
  }

  override async run(): Promise<unknown> {
    const { flags } = await this.parse(WorldList)
    const { openWorld } = await import('../../sync/world-target.ts')
    const { listWorld } = await import('../../sync/world-list.ts')
    const choice = { url: flags.url, worldId: flags['world-id'], target: flags.target }
    const world = await openWorld(this.context(), choice)
    try {
      const list = await listWorld(world)
      const { worldId, url, entities, blueprints } = list
      this.say(
        `World ${worldId} (${url}): ${count(entities.length, 'entity', 'entities')}, ${count(blueprints.length, 'blueprint', 'blueprints')}`,
      )
      this.say()
      const entityRows = entities.map(({ id, blueprint, position }) => [id, blueprint, place(position)])
      for (const line of table(['ENTITY', 'BLUEPRINT', 'POSITION'], entityRows)) this.say(line)
      this.say()
      const blueprintRows = blueprints.map(({ id, name, entities: uses }) => [id, name, String(uses)])
      for (const line of table(['BLUEPRINT', 'NAME', 'ENTITIES'], blueprintRows)) this.say(line)
      return list
    } finally {
      await world.close()
    }
  }
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`
}

/** Three digits after the point are more than the eye can tell. */
function place(position: Json): string {
  if (!Array.isArray(position)) return '-'
  return position.map((n: unknown) => (typeof n === 'number' ? String(Math.round(n * 1000) / 1000) : '?')).join(', ')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const cells = [head, ...rows.map((row) => row.map((cell) => oneLine(cell, 60) || '-'))]
  const widths = head.map((_, column) => cells.reduce((width, row) => Math.max(width, row[column]!.length), 0))
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}
