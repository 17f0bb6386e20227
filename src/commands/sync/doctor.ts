import { Flags } from '@oclif/core'
import { oneLine, plural } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'
import type { Unmarked } from '../../sync/doctor-marks.ts'

export default class Doctor extends SyncCommand<unknown> {
  static override summary = 'See whether a world is fit for syncing, and prepare it'
  static override description =
    `Lists the objects of the world that have no uid, scope or managedBy, as old worlds have them; exit code 1 when there are any. With --fix they get them: a new uid, the scope of their script root or blueprint, else their app folder's name where the project in this folder has it, else "global", and managedBy "shared"; no other field is touched. Needs no project, so that a world can be prepared before its first sync; in one, files that do not say whose they are are listed too.

The choice of the world is that of "world list".`
  static override examples = [
    '<%= config.bin %> sync doctor',
    '<%= config.bin %> sync doctor --dry-run',
    '<%= config.bin %> sync doctor --fix --yes',
    'ADMIN_CODE=secret <%= config.bin %> sync doctor --url https://host/worlds/plaza --fix',
  ]
  static override flags = {
    fix: Flags.boolean({ description: 'Write to the world what its objects lack' }),
    'dry-run': Flags.boolean({ description: 'Show what --fix would write, and write nothing' }),
    url: Flags.string({ exclusive: ['target'], description: 'URL of the world' }),
    'world-id': Flags.string({ dependsOn: ['url'], description: 'Refuse any world but this one' }),
  }

  override async run(): Promise<unknown> {
    const { flags } = await this.parse(Doctor)
    const { openWorld } = await import('../../sync/world-target.ts')
    const { examine } = await import('../../sync/doctor.ts')
    const context = this.context()
    const choice = { url: flags.url, worldId: flags['world-id'], target: flags.target }
    const fix = flags.fix && !flags['dry-run']
    const world = await openWorld({ ...context, writes: fix }, choice)
    try {
      const report = await examine(context, world, { fix, confirm: this.asker(flags) })
      const { worldId, url, objects, unmarked, fixed, refused, findings } = report
      const ill = unmarked.length > 0 || findings.some(({ kind }) => kind === 'problem')
      this.exitWith(ill ? 1 : 0)
      const of = plural(objects, 'object')
      const lacking = `${unmarked.length} of ${of}${fixed === undefined ? '' : ' still'} lack uid, scope or managedBy.`
      const well = `all of ${of} have uid, scope and managedBy.`
      this.say(`World ${worldId} (${url}): ${unmarked.length > 0 ? lacking : well}`)
      if (fixed !== undefined && fixed.length > 0) {
        this.say(`Written to ${plural(fixed.length, 'object')}:`)
        this.#table(fixed)
      }
      if (unmarked.length > 0) {
        if (fixed !== undefined) this.say('Still without:')
        this.#table(unmarked)
        for (const [key, error] of refused) this.say(`The world refused ${key}: ${error}.`)
        if (fixed === undefined && !flags['dry-run'])
          this.say('Run "gamedev sync doctor --fix" to write that to the world.')
      }
      for (const { kind, path, message } of findings)
        this.say(`${kind}: ${oneLine(path === undefined ? message : `${path}: ${message}`, 500)}`)
      return {
        ok: !ill,
        worldId,
        url,
        objects,
        unmarked: unmarked.map((one) => ({ ...json(one), refused: refused.get(one.key) })),
        ...(fixed === undefined ? {} : { fixed: fixed.map(json) }),
        findings,
      }
    } finally {
      await world.close()
    }
  }

  #table(objects: readonly Unmarked[]): void {
    const cells = [
      ['OBJECT', 'WITHOUT', 'GETS'],
      ...objects.map((one) => [one.key as string, one.lacks.join(', '), words(one)]),
    ].map((row) => row.map((cell) => oneLine(cell, 80)))
    const widths = [0, 1].map((column) => Math.max(...cells.map((row) => row[column]!.length)))
    for (const [object, lacks, gets] of cells)
      this.say(`  ${object!.padEnd(widths[0]!)}  ${lacks!.padEnd(widths[1]!)}  ${gets!}`)
  }
}

function words({ lacks, gets }: Unmarked): string {
  const said = Object.entries(gets).map(([field, value]) => `${field} ${JSON.stringify(value)}`)
  return [...(lacks.includes('uid') ? ['a new uid'] : []), ...said].join(', ')
}

function json({ key, lacks, gets }: Unmarked) {
  return { object: key, lacks, gets }
}
