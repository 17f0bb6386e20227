import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { entityFile } from '../../src/projection/paths.ts'
import { type OpenConflict, openConflicts } from '../../src/sync/conflicts.ts'
import { resolve } from '../../src/sync/resolve.ts'
import { SyncError } from '../../src/world/errors.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { Checkout } from '../sync/support.ts'
import { git, listedFields } from './race-history.ts'
import type { Listed } from './race-judge.ts'
import { entityOf, PROPS, pick, randomFrom, SETTINGS_FIELDS, type Shared, tagPlace, tagText } from './race-world.ts'

/** Counts of what a pusher met. */
export interface PusherTally {
  commits: number
  pulls: number
  pushes: number
  /** Pushes that landed something. */
  landed: number
  operations: number
  /** Pushes that stopped before anything was sent (P1). */
  contested: number
  /** Pushes that gave up because the world did not stand still. */
  busy: number
  /** Operations that the runtime refused. */
  refused: number
  /** Fields that somebody else wrote while a push was on its way, unseen (P5). */
  unseen: number
  /** Pushes that ended in conflicts of such. */
  reports: number
  /** Conflicts that were settled. */
  resolved: number
}

/** Somebody with a checkout: edits files, commits, pulls, pushes, settles what is contested this way or that. */
export class Pusher {
  readonly name: string
  readonly checkout: Checkout
  readonly tally: PusherTally = {
    commits: 0,
    pulls: 0,
    pushes: 0,
    landed: 0,
    operations: 0,
    contested: 0,
    busy: 0,
    refused: 0,
    unseen: 0,
    reports: 0,
    resolved: 0,
  }
  /** What its pushes said that they had overwritten, or others over them, neither having seen the other (P5). */
  readonly reported: Listed[] = []
  readonly #index: number
  readonly #shared: Shared
  readonly #random: () => number
  readonly #log: string[] = []
  #count = 0

  constructor(index: number, seed: number, folder: string, shared: Shared) {
    this.#index = index
    this.name = `p${index}`
    this.checkout = new Checkout(folder)
    this.#shared = shared
    this.#random = randomFrom(seed)
  }

  /** The last things it did, for the story of an edit that was lost. */
  get log(): readonly string[] {
    return this.#log
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const edits = 1 + Math.floor(this.#random() * 4)
      for (let n = 0; n < edits; n++) await this.#edit()
      await this.#commit()
      if (this.#random() < 0.15) await this.pull()
      else await this.push()
    }
  }

  async pull(): Promise<void> {
    this.tally.pulls++
    const report = await this.checkout.pull({ yes: true })
    this.#say(`pull: ${report.kind} at ${report.fetched.cursor}`)
    await this.settle()
  }

  /** Pushes until nothing is contested; says whether anything was sent. */
  async push(): Promise<boolean> {
    for (let attempt = 0; attempt < 10; attempt++) {
      this.tally.pushes++
      const report = await this.#tryPush()
      if (report === undefined || report.kind === 'contested') {
        if (report !== undefined) this.tally.contested++
        await this.pull()
        continue
      }
      if (report.kind !== 'pushed') return false
      this.tally.landed++
      this.tally.operations += report.landed
      this.tally.refused += report.refused.length
      for (const { key, path, value } of report.unseen) {
        this.tally.unseen++
        for (const entry of listedFields(path, value)) this.reported.push({ object: key, ...entry })
      }
      if (await this.settle()) this.tally.reports++
      return report.landed > 0
    }
    return false
  }

  async #tryPush() {
    this.#shared.pace.hurry(this.#random)
    try {
      const report = await this.checkout.push({ yes: true })
      const landed = report.kind === 'pushed' ? ` ${report.landed} of ${report.operations.length}` : ''
      this.#say(`push: ${report.kind}${landed} at ${report.fetched.cursor}`)
      return report
    } catch (error) {
      // It does not wait for the world to stand still: nothing was sent (P5).
      if (!(error instanceof SyncError) || error.exitCode !== 3) throw error
      this.#say(`push: ${error.code}`)
      this.tally.busy++
      return undefined
    }
  }

  /** Settles the open merge, if there is one: each conflict with one of its sides, by our command or with git's own. */
  async settle(): Promise<boolean> {
    const { checkout } = this
    if (!existsSync(join(checkout.folder, '.git/MERGE_HEAD'))) return false
    await checkout.session(async (session) => {
      for (let round = 0; ; round++) {
        const { conflicts } = await openConflicts(session)
        const conflict = conflicts[0]
        if (conflict === undefined) return
        if (round > 1000) throw new Error(`${this.name}: ${conflict.id} does not close`)
        const use = this.#random() < 0.5 ? 'local' : 'remote'
        this.tally.resolved++
        this.#say(`resolve ${conflict.object} ${conflict.fields.map(({ field }) => field)} with ${use}`)
        if (this.#random() < 0.2 && (await this.#takeWithGit(conflict, use))) continue
        const { object, id, fields } = conflict
        const field = this.#random() < 0.5 || fields.length === 0 ? undefined : pick(this.#random, fields).field
        await resolve(session, session.switches, { names: [object ?? id], all: false, use, field })
      }
    })
    await git(checkout.folder, 'commit', '--quiet', '--no-edit')
    return true
  }

  /** As people who know git would: a whole file as one side has it. */
  async #takeWithGit({ unmerged }: OpenConflict, use: 'local' | 'remote'): Promise<boolean> {
    if (unmerged.some(({ ours, theirs }) => ours === undefined || theirs === undefined)) return false
    const paths = unmerged.map(({ path }) => path)
    await git(this.checkout.folder, 'checkout', '--quiet', use === 'local' ? '--ours' : '--theirs', '--', ...paths)
    await git(this.checkout.folder, 'add', '--', ...paths)
    return true
  }

  async #edit(): Promise<void> {
    const { entities, blueprints, extras } = this.#shared
    const tag = tagText('pusher', this.#index, ++this.#count)
    const place = tagPlace('pusher', this.#index, this.#count)
    const dice = this.#random()
    if (dice < 0.05) {
      const id = `extra-${tag.replace('.', '-')}`
      const more = { position: [...place], props: { a: tag, b: tag, c: tag } }
      const blueprint = pick(this.#random, blueprints)
      this.checkout.write(entityFile(id), entityOf(id, blueprint, more))
      extras.push(id)
      return
    }
    if (dice < 0.09) {
      const here = extras.filter((id) => this.checkout.exists(entityFile(id)))
      if (here.length > 0) this.checkout.remove(entityFile(pick(this.#random, here)))
      return
    }
    if (dice < 0.13) return this.#change('world/settings.json', { [pick(this.#random, SETTINGS_FIELDS)]: tag })
    if (dice < 0.16) return this.#change('world/spawn.json', { position: [...place] })
    if (dice < 0.28) {
      const id = pick(this.#random, blueprints)
      const path = `apps/${id}/${id}.json`
      return this.#random() < 0.5 ? this.#change(path, { desc: tag }) : this.#changeProp(path, tag)
    }
    const id = this.#random() < 0.15 && extras.length > 0 ? pick(this.#random, extras) : pick(this.#random, entities)
    const path = entityFile(id)
    if (this.#random() < 0.4) this.#change(path, { position: [...place] })
    else this.#changeProp(path, tag)
  }

  #change(path: string, fields: JsonObject): void {
    if (this.checkout.exists(path)) this.checkout.change(path, (document) => void Object.assign(document, fields))
  }

  #changeProp(path: string, tag: string): void {
    if (!this.checkout.exists(path)) return
    this.checkout.change(path, (document) => {
      document.props = { ...(document.props as JsonObject), [pick(this.#random, PROPS)]: tag }
    })
  }

  async #commit(): Promise<void> {
    const { folder } = this.checkout
    await git(folder, 'add', '-A')
    if ((await git(folder, 'status', '--porcelain', '--untracked-files=no')) === '') return
    await git(folder, 'commit', '--quiet', '-m', `${this.name} edits, to ${this.#count}`)
    this.tally.commits++
  }

  #say(what: string): void {
    this.#log.push(what)
  }
}
