import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { classify, entityFile } from '../../src/projection/paths.ts'
import { type ConflictArtifact, sideValue } from '../../src/sync/conflict-artifact.ts'
import type { Json, JsonObject } from '../../src/world/json.ts'
import { listedFields } from '../e2e/race-history.ts'
import type { Listed } from '../e2e/race-judge.ts'
import {
  entityOf,
  fieldsOf,
  PRESENCE,
  PROPS,
  pick,
  randomFrom,
  SETTINGS_FIELDS,
  type Shared,
  tagPlace,
  tagText,
} from '../e2e/race-world.ts'
import { gamedev, git, must, type Place, type Ran } from './processes.ts'
import { scriptLine } from './world-project.ts'

/** What a developer met, counted. */
export interface DeveloperTally {
  commits: number
  edits: number
  pulls: number
  pushes: number
  /** Operations that landed. */
  sent: number
  /** Pushes that the world's changes stopped before anything was sent, and the fields that they named. */
  stopped: number
  prevented: number
  /** Fields that were held back, because somebody had the object in their hand. */
  held: number
  /** Fields that others wrote while a push was on its way, which the push reported (P5). */
  reported: number
  /** Conflicts settled, and how. */
  local: number
  remote: number
  merged: number
  withGit: number
  /** Fields that both sides changed and a rule settled, and texts that merged. */
  ruled: number
  texts: number
  /** Merges with the others' branch. */
  merges: number
  shared: number
}

type Use = 'local' | 'remote' | 'merged'

interface Conflict {
  readonly id: string
  readonly object: string | null
  readonly path: string
  readonly fields: ConflictArtifact['fields']
  readonly unmerged: readonly string[]
}

/** What a push may end with besides success: the world moved on, or somebody deploys. */
const PULL_FIRST = new Set(['world_busy', 'world_differs', 'contested', 'deploy_locked'])

/** Somebody with a clone and the built program: edits, commits, pulls, pushes, settles, merges with the others. */
export class Developer {
  readonly name: string
  readonly folder: string
  readonly tally: DeveloperTally = {
    ...{ commits: 0, edits: 0, pulls: 0, pushes: 0, sent: 0, stopped: 0, prevented: 0, held: 0, reported: 0 },
    ...{ local: 0, remote: 0, merged: 0, withGit: 0, ruled: 0, texts: 0, merges: 0, shared: 0 },
  }
  /** Both sides of everything that it was shown as contested. */
  readonly shown: Listed[] = []
  /** Operation → this developer, for what its pushes sent. */
  readonly sent = new Set<string>()
  /** Script → the value that its own line was committed with last. */
  readonly lines = new Map<string, string>()
  readonly log: string[] = []
  readonly #place: Place
  readonly #shared: Shared
  readonly #scripts: readonly string[]
  readonly #random: () => number
  readonly #index: number
  #count = 0

  constructor(index: number, seed: number, place: Place, shared: Shared, scripts: readonly string[]) {
    this.#index = index
    this.name = `p${index}`
    this.folder = join(place.folder, this.name)
    this.#place = place
    this.#shared = shared
    this.#scripts = scripts
    this.#random = randomFrom(seed)
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.work()
      const dice = this.#random()
      if (dice < 0.2) await this.pull()
      else if (dice < 0.7) await this.push()
      else if (dice < 0.95) await this.share()
      else await must(this.#gamedev('sync', 'check'), `${this.name}: sync check`)
    }
  }

  /** Edits a few things and commits them. */
  async work(): Promise<void> {
    const edits = 1 + Math.floor(this.#random() * 4)
    for (let n = 0; n < edits; n++) this.#edit()
    await must(this.#git('add', '-A'), `${this.name}: git add`)
    if ((await must(this.#git('status', '--porcelain'), 'git status')) === '') return
    await must(
      this.#git('commit', '--quiet', '-m', `${this.name} edits, to ${this.#count}`),
      `${this.name}: git commit`,
    )
    this.tally.commits++
    this.tally.edits += edits
  }

  async pull(): Promise<void> {
    this.tally.pulls++
    const ran = await this.#gamedev('sync', 'pull', '--yes', '--json')
    this.#ruled(this.#expect(ran, 'sync pull', [0, 2]))
    if (ran.code === 2) await this.settle()
  }

  /** Pushes until the world lets it; says whether anything was sent. */
  async push(): Promise<boolean> {
    for (let attempt = 0; attempt < 10; attempt++) {
      this.tally.pushes++
      const ran = await this.#gamedev('sync', 'push', '--yes', '--json')
      const document = this.#expect(ran, 'sync push', [0, 1, 2, 3])
      const error = (document.error as { readonly code: string } | undefined)?.code
      if (ran.code === 3) {
        if (error !== undefined && !PULL_FIRST.has(error)) throw this.#failure(ran, 'sync push')
        this.tally.stopped++
        const contested = (document.contested ?? []) as readonly { readonly fields: readonly unknown[] }[]
        this.tally.prevented += contested.reduce((sum, { fields }) => sum + fields.length, error === undefined ? 0 : 1)
        await this.pull()
        continue
      }
      if (error !== undefined) throw this.#failure(ran, 'sync push')
      this.#ruled(document)
      const landed = Number(document.landed ?? 0)
      this.tally.sent += landed
      this.tally.held += ((document.held ?? []) as readonly unknown[]).length
      for (const { opId } of (document.operations ?? []) as readonly { readonly opId: string }[]) this.sent.add(opId)
      type Unseen = { readonly object: string; readonly field: string; readonly remote?: Json }
      for (const { object, field, remote } of (document.unseen ?? []) as readonly Unseen[]) {
        this.tally.reported++
        for (const entry of listedFields(pathOf(field), remote)) this.shown.push({ object, ...entry })
      }
      if (ran.code === 2) await this.settle()
      return landed > 0
    }
    return false
  }

  /** Takes in what the others shared, and shares what is here. */
  async share(): Promise<void> {
    const before = await must(this.#git('rev-parse', 'HEAD'), 'git rev-parse')
    const ran = await this.#git('pull', '--quiet', '--no-rebase', '--no-ff', '--no-edit', 'origin', 'main')
    this.#say(`git pull: ${ran.code}`)
    if (ran.code !== 0) {
      if (!existsSync(join(this.folder, '.git/MERGE_HEAD'))) throw this.#failure(ran, 'git pull')
      await this.settle()
    }
    if ((await must(this.#git('rev-parse', 'HEAD'), 'git rev-parse')) !== before) this.tally.merges++
    const pushed = await this.#git('push', '--quiet', 'origin', 'HEAD:main')
    if (pushed.code === 0) this.tally.shared++
    else if (!/rejected|cannot lock ref/.test(pushed.err)) throw this.#failure(pushed, 'git push')
  }

  /** Settles the open merge, conflict by conflict, and concludes it. */
  async settle(): Promise<void> {
    for (let round = 0; ; round++) {
      if (round > 500) throw new Error(`${this.name}: the conflicts do not end`)
      const ran = await this.#gamedev('sync', 'conflicts', '--json')
      const { conflicts } = this.#expect(ran, 'sync conflicts', [0, 2]) as { readonly conflicts: readonly Conflict[] }
      for (const conflict of conflicts) await this.#note(conflict)
      const conflict = conflicts[0]
      if (conflict === undefined) break
      await this.#settleOne(conflict, conflicts.length)
    }
    if (existsSync(join(this.folder, '.git/MERGE_HEAD')))
      await must(this.#git('commit', '--quiet', '--no-edit'), `${this.name}: git commit of a merge`)
  }

  async #settleOne(conflict: Conflict, open: number): Promise<void> {
    const dice = this.#random()
    const use: Use = dice < 0.45 ? 'local' : dice < 0.9 ? 'remote' : 'merged'
    const name = conflict.id
    if (use === 'merged') {
      // As somebody with an editor would: the file with our side of every hunk, then said to be merged.
      await this.#ownSide(conflict)
      const ran = await this.#gamedev('sync', 'resolve', '--use', 'merged', ...conflict.unmerged)
      this.#say(`resolve ${conflict.object} with merged: ${ran.code}`)
      if (ran.code === 0 || ran.code === 2) this.tally.merged++
      if (ran.code === 0) return
    }
    const side = use === 'merged' ? 'local' : use
    const field =
      conflict.fields.length > 1 && this.#random() < 0.4 ? pick(this.#random, conflict.fields).field : undefined
    const args =
      open > 3 && this.#random() < 0.3 ? ['--all'] : [name, ...(field === undefined ? [] : ['--field', field])]
    const ran = await this.#gamedev('sync', 'resolve', ...args, '--use', side)
    this.#say(
      `resolve ${conflict.object ?? conflict.path} ${args.join(' ')} with ${side}: ${ran.code} ${ran.err.trim()}`,
    )
    if (ran.code === 0 || /settled/.test(ran.out)) {
      this.tally[side]++
      return
    }
    await this.#withGit(conflict, side)
  }

  /** What our command cannot settle, git can. */
  async #withGit({ unmerged, path }: Conflict, side: 'local' | 'remote'): Promise<void> {
    this.tally.withGit++
    for (const file of unmerged.length > 0 ? unmerged : [path]) {
      const taken = await this.#git('checkout', '--quiet', side === 'local' ? '--ours' : '--theirs', '--', file)
      await must(
        taken.code === 0 ? this.#git('add', '--', file) : this.#git('rm', '--quiet', '--', file),
        `settling ${file}`,
      )
    }
  }

  async #ownSide({ unmerged }: Conflict): Promise<void> {
    for (const file of unmerged) {
      const ours = await this.#git('show', `:2:${file}`)
      if (ours.code === 0) writeFileSync(join(this.folder, file), ours.out)
    }
  }

  /** Remembers both sides of what rules settled: it was said, so nobody's value went in silence (M5). */
  #ruled(document: Readonly<Record<string, unknown>>): void {
    type Field = { readonly field: string; readonly by: string; readonly local?: Json; readonly remote?: Json }
    const resolved = (document.resolved ?? []) as readonly {
      readonly object: string
      readonly fields: readonly Field[]
    }[]
    for (const { object, fields } of resolved) {
      for (const { field, by, local, remote } of fields) {
        this.tally[by === 'text' ? 'texts' : 'ruled']++
        for (const side of by === 'text' ? [] : [local, remote]) {
          for (const entry of listedFields(pathOf(field), side)) this.shown.push({ object, ...entry })
        }
      }
    }
  }

  /** Remembers both sides of what is contested. */
  async #note({ object, fields, unmerged }: Conflict): Promise<void> {
    for (const { path, local, remote } of object === null ? [] : fields) {
      for (const side of [local, remote]) {
        for (const entry of listedFields(path, sideValue(side))) this.shown.push({ object: object!, ...entry })
      }
    }
    if (fields.length > 0) return
    // Whole files: git's own conflicts, of a plain merge.
    for (const file of unmerged) {
      const kind = classify(file).kind
      if (kind !== 'entity' && kind !== 'blueprint') continue
      const sides = await Promise.all(['2', '3'].map((stage) => this.#git('show', `:${stage}:${file}`)))
      const documents = sides.map(({ code, out }) => (code === 0 ? (JSON.parse(out) as JsonObject) : undefined))
      const id = documents.find((document) => document !== undefined)?.id
      for (const document of documents) {
        const listed = document === undefined ? [[PRESENCE, undefined] as const] : [...fieldsOf(document)]
        for (const [field, value] of listed) this.shown.push({ object: `${kind}:${String(id)}`, field, value })
      }
    }
  }

  #edit(): void {
    const { entities, blueprints, extras } = this.#shared
    const tag = tagText('pusher', this.#index, ++this.#count)
    const place = [...tagPlace('pusher', this.#index, this.#count)]
    const dice = this.#random()
    if (dice < 0.05) {
      const id = `extra-${tag.replace('.', '-')}`
      const more = { position: place, props: { a: tag, b: tag, c: tag } }
      this.#write(entityFile(id), entityOf(id, pick(this.#random, blueprints), more))
      extras.push(id)
    } else if (dice < 0.08) {
      const here = extras.filter((id) => existsSync(join(this.folder, entityFile(id))))
      if (here.length > 0) rmSync(join(this.folder, entityFile(pick(this.#random, here))))
    } else if (dice < 0.12) this.#change('world/settings.json', { [pick(this.#random, SETTINGS_FIELDS)]: tag })
    else if (dice < 0.14) this.#change('world/spawn.json', { position: place })
    else if (dice < 0.24) {
      const id = pick(this.#random, blueprints)
      const file = `apps/${id}/${id}.json`
      if (this.#random() < 0.5) this.#change(file, { desc: tag })
      else this.#changeProp(file, tag)
    } else if (dice < 0.36) this.#script(pick(this.#random, this.#scripts), tag)
    else {
      const file = entityFile(pick(this.#random, entities))
      if (this.#random() < 0.4) this.#change(file, { position: place })
      else this.#changeProp(file, tag)
    }
  }

  #script(file: string, tag: string): void {
    const path = join(this.folder, file)
    const text = readFileSync(path, 'utf8')
    const line = new RegExp(`^export const of_${this.name} = .*$`, 'm')
    if (!line.test(text)) throw new Error(`${this.name}: ${file} lost its line`)
    writeFileSync(path, text.replace(line, scriptLine(this.name, tag)))
    this.lines.set(file, tag)
  }

  #change(file: string, fields: JsonObject): void {
    const path = join(this.folder, file)
    if (existsSync(path)) this.#write(file, { ...(JSON.parse(readFileSync(path, 'utf8')) as JsonObject), ...fields })
  }

  #changeProp(file: string, tag: string): void {
    const path = join(this.folder, file)
    if (!existsSync(path)) return
    const document = JSON.parse(readFileSync(path, 'utf8')) as JsonObject
    this.#write(file, { ...document, props: { ...(document.props as JsonObject), [pick(this.#random, PROPS)]: tag } })
  }

  #write(file: string, document: JsonObject): void {
    const path = join(this.folder, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`)
  }

  #gamedev(...args: readonly string[]): Promise<Ran> {
    return gamedev(this.#place, this.folder, ...args)
  }

  #git(...args: readonly string[]): Promise<Ran> {
    return git(this.#place, this.folder, ...args)
  }

  #expect(ran: Ran, what: string, codes: readonly number[]): Readonly<Record<string, unknown>> {
    this.#say(`${what}: ${ran.code}`)
    if (!codes.includes(ran.code)) throw this.#failure(ran, what)
    return JSON.parse(ran.out) as Readonly<Record<string, unknown>>
  }

  #failure({ code, out, err }: Ran, what: string): Error {
    const before = this.log.slice(-15).join('\n  ')
    return new Error(
      `${this.name}: ${what} ended with exit code ${code}:\n${out.slice(0, 4000)}${err.slice(0, 4000)}\n  ${before}`,
    )
  }

  #say(what: string): void {
    this.log.push(what)
  }
}

/** A field as commands name it; keys of props have no dots here. */
function pathOf(field: string): readonly string[] {
  return field === '' ? [] : field.split('.')
}
