import { Flags } from '@oclif/core'
import { oneLine, plural } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'
import type { Unmarked } from '../../sync/doctor-marks.ts'
import { SyncError } from '../../world/errors.ts'

export default class Doctor extends SyncCommand<unknown> {
  static override summary = 'See whether a world, the project and this machine are fit for syncing'
  static override description =
    `Looks at git, lobby.json and its targets, the ownership policy, the switches, ignored secrets, the merge driver, hooks and settings of this clone, what interrupted commands left, open conflicts, every commit of the remote ref; then whether the world answers and takes the code, its clock, its feed, its objects, and whether it still is what was fetched. Each line says what was found, and what to do; exit code 1 when there is a problem, 4 when the world cannot be reached. Outside of a project only git and the world are looked at.

Objects of old worlds have no uid, scope or managedBy. With --fix they get them: a new uid, the scope of their script root or blueprint, else their app folder's name where the project in this folder has it, else "global", and managedBy "shared"; no other field is touched. Nothing else is ever written.

The choice of the world is that of "world list".`
  static override examples = [
    '<%= config.bin %> sync doctor',
    '<%= config.bin %> sync doctor --quick --json',
    '<%= config.bin %> sync doctor --fix --dry-run',
    '<%= config.bin %> sync doctor --fix --yes',
    'ADMIN_CODE=secret <%= config.bin %> sync doctor --url https://host/worlds/plaza --fix',
  ]
  static override flags = {
    fix: Flags.boolean({ description: 'Write to the world what its objects lack' }),
    'dry-run': Flags.boolean({ description: 'Show what --fix would write, and write nothing' }),
    quick: Flags.boolean({
      exclusive: ['fix'],
      description: "Leave out what takes long in a large world: its objects, all but the line's newest 1000 commits",
    }),
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
    const world = await openWorld({ ...context, writes: fix }, choice).catch((error: unknown) => {
      // A project can be looked at without its world; a fix cannot be made.
      if (error instanceof SyncError && !fix) return error
      throw error
    })
    try {
      const options = { fix, quick: flags.quick, target: flags.target, confirm: this.asker(flags) }
      const { worldId, url, objects, unmarked, fixed, refused, findings, failure } = await examine(
        context,
        world,
        options,
      )
      const problems = findings.filter(({ kind }) => kind === 'problem').length
      this.exitWith(failure?.exitCode ?? (problems > 0 ? 1 : 0))
      for (const { check, kind, path, message, hint } of findings) {
        const text = oneLine(path === undefined ? message : `${path}: ${message}`, 500)
        this.say(`${kind.padEnd(11)}  ${check.padEnd(12)}  ${text}`)
        if (hint !== undefined) this.say(`${' '.repeat(27)}${oneLine(hint, 500)}`)
      }
      if (fixed !== undefined && fixed.length > 0) {
        this.say(`Written to ${plural(fixed.length, 'object')}:`)
        this.#table(fixed)
      }
      if (unmarked.length > 0) {
        this.say(fixed === undefined ? 'What --fix writes:' : 'Still without:')
        this.#table(unmarked)
        for (const [key, error] of refused) this.say(`The world refused ${key}: ${error}.`)
      }
      this.say(problems === 0 ? 'No problem was found.' : `${plural(problems, 'problem')} found.`)
      return {
        ok: problems === 0,
        worldId,
        url,
        objects,
        unmarked: unmarked.map((one) => ({ ...json(one), refused: refused.get(one.key) })),
        ...(fixed === undefined ? {} : { fixed: fixed.map(json) }),
        checks: findings,
      }
    } finally {
      if (!(world instanceof SyncError)) await world.close()
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
