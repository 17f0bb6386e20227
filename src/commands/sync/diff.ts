import { Flags } from '@oclif/core'
import { fieldName, value } from '../../cli/render.ts'
import { SyncCommand } from '../../cli/sync-command.ts'
import type { ObjectDiff } from '../../sync/diff.ts'
import type { Session } from '../../sync/session.ts'

export default class Diff extends SyncCommand<unknown> {
  static override summary = 'Show what differs between the branch and the world, object by object'
  static override description =
    'Compares commits: what is not committed is not in it. The world is taken as it was fetched last; --fetch asks it first. Without --incoming and --outgoing, both are shown.'
  static override examples = [
    '<%= config.bin %> sync diff',
    '<%= config.bin %> sync diff --fetch --incoming',
    '<%= config.bin %> sync diff --outgoing --json',
  ]
  static override flags = {
    incoming: Flags.boolean({ description: 'What a pull would bring' }),
    outgoing: Flags.boolean({ description: 'What a push would change' }),
    fetch: Flags.boolean({ description: 'Ask the world first' }),
  }

  override async run(): Promise<unknown> {
    const { flags } = await this.parse(Diff)
    const both = flags.incoming === flags.outgoing
    return this.withSession(flags, async (session) => {
      const { worldDiff } = await import('../../sync/diff.ts')
      const options = { incoming: both || flags.incoming, outgoing: both || flags.outgoing, fetch: flags.fetch }
      const { incoming, outgoing, ...facts } = await worldDiff(session, options)
      if (!this.jsonEnabled()) {
        const world = `world ${facts.worldId} at ${facts.cursor}`
        if (incoming !== undefined) await this.#show(session, `To pull from ${world}`, incoming)
        if (outgoing !== undefined) await this.#show(session, `To push to ${world}`, outgoing)
      }
      return {
        ...facts,
        ...(incoming === undefined ? {} : { incoming: incoming.map(diffJson) }),
        ...(outgoing === undefined ? {} : { outgoing: outgoing.map(diffJson) }),
      }
    })
  }

  async #show(session: Session, title: string, diffs: readonly ObjectDiff[]): Promise<void> {
    const { textDiff } = await import('../../sync/text-diff.ts')
    this.say(diffs.length === 0 ? `${title}: nothing.` : `${title}:`)
    for (const { key, kind, path, changes, contested } of diffs) {
      this.say(`  ${kind} ${key}  ${path}`)
      const open = new Set(contested.map(fieldName))
      if (open.has('')) this.say('    (deleted on one side, changed on the other)')
      for (const change of changes) {
        const name = fieldName(change.path)
        const mark = open.has(name) ? '  (contested)' : ''
        const text = isScript(key, change.path)
          ? await textDiff(session.repository, change.before, change.after)
          : undefined
        if (text === undefined) this.say(`    ${name}: ${sides(kind, change)}${mark}`)
        else {
          this.say(`    ${name}:${mark}`)
          for (const line of text) this.say(`      ${line}`)
        }
      }
    }
  }
}

function sides(kind: ObjectDiff['kind'], { before, after }: ObjectDiff['changes'][number]): string {
  if (kind === 'added') return value(after)
  return kind === 'removed' ? value(before) : `${value(before)} → ${value(after)}`
}

function isScript(key: string, path: readonly string[]): boolean {
  return key.startsWith('shared:') || (key.startsWith('blueprint:') && path[0] === 'scriptFiles')
}

function diffJson({ key, kind, path, changes, contested }: ObjectDiff): unknown {
  return {
    object: key,
    kind,
    path,
    contested: contested.map(fieldName),
    changes: changes.map((change) => ({ field: fieldName(change.path), before: change.before, after: change.after })),
  }
}
