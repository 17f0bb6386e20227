import type { Oid } from '../../src/git-bridge/repository.ts'
import type { InitReport } from '../../src/sync/init.ts'
import type { LayoutReport } from '../../src/sync/layout.ts'
import type { PullReport } from '../../src/sync/pull.ts'
import type { PushReport } from '../../src/sync/push.ts'
import type { Context } from '../../src/sync/session.ts'
import { SyncError } from '../../src/world/errors.ts'
import type { Change } from './changes.ts'
import type { UserGit } from './checkout.ts'
import { decides } from './commands.ts'
import { ProjectFiles } from './files.ts'
import type { Disk } from './fs/disk.ts'
import type { Histories, Origin, Pending, Reading } from './history.ts'
import type { Edits } from './knowledge.ts'
import type { Running } from './scheduler.ts'
import { namesObject, objectOf, type Place, PRESENCE, place, readable } from './values.ts'
import type { Target } from './worlds.ts'

export const CODE = 'the-admin-code-of-the-simulation'

/** The parts of a report that name every object of a push. */
const SENT = new Set(['fetched', 'operations', 'landed', 'missing', 'undone'])

/** Somebody's computer: a checkout, edits that are not committed yet, a command that runs. */
export class Machine {
  readonly name: string
  readonly folder: string
  readonly disk: Disk
  readonly git: UserGit
  readonly files: ProjectFiles
  readonly defects: string[] = []
  readonly said: string[] = []
  /** What its pushes said or asked about what they undo, until that is done. */
  undoing: string[] = []
  /** Edits of files that are in no commit yet. */
  pending = new Map<Place, Pending>()
  /** What is decided, or open to be decided, in the merge under way. */
  decided = new Set<string>()
  /** The same, since a command last ended by itself: what a killed one had to say, an open conflict does. */
  readonly shown = new Set<string>()
  /** Commits that the next one takes over without having them as parents. */
  sources: Oid[] = []
  /** Of a merge that git makes between two branches. */
  bases: readonly Oid[] = []
  running: Running | undefined
  /** The world that its last command was about. */
  target: Target
  /** The pull under way was told what to do about losses. */
  settling = false
  /** A command was killed since the last one that ended by itself. */
  hurt = false
  readonly #edits: Edits
  readonly #histories: Histories

  constructor(name: string, git: UserGit, disk: Disk, target: Target, edits: Edits, histories: Histories) {
    this.name = name
    this.target = target
    this.git = git
    this.folder = git.folder
    this.disk = disk
    this.files = new ProjectFiles(disk, git.folder)
    this.#edits = edits
    this.#histories = histories
  }

  context(env: Readonly<Record<string, string>> = {}): Context {
    return {
      cwd: this.folder,
      env: { ADMIN_CODE: CODE, ...env },
      progress: {
        step: () => {},
        warn: (text) => {
          this.said.push(text)
          if (text.includes('undoes')) this.undoing.push(text)
        },
      },
    }
  }

  get reading(): Reading {
    return this.git.reading
  }

  get isMerging(): boolean {
    return this.disk.exists(`${this.folder}/.git/MERGE_HEAD`)
  }

  /** A push was interrupted, and what landed of it is still to be looked for and told: its journal is there (P6). */
  get owesReport(): boolean {
    const folder = `${this.folder}/.git/lobby`
    const { name: target } = this.target
    const ref = target === undefined ? 'remote' : `targets%2f${target}`
    return this.disk.exists(folder) && this.disk.readdir(folder).includes(`push-refs%2flobby%2f${ref}.json`)
  }

  /** Whether the project, as it is here, knows a world by a name. */
  knows({ name }: Target): boolean {
    if (name === undefined) return true
    const { targets } = parsed(this.disk.readText(`${this.folder}/lobby.json`)) as { readonly targets?: object }
    return targets !== undefined && Object.hasOwn(targets, name)
  }

  /** Its user changes files; what another edit of theirs did to the same field is theirs to overwrite. */
  edit(change: Change): boolean {
    const changed = this.files.apply(change)
    if (changed.size === 0) return false
    this.changed(change.kind, changed)
    return true
  }

  /** Its user removes one of two files that say the same object, with its scripts: what the other says is what they want. */
  removeOne(path: string): void {
    const places = new Set<Place>()
    for (const file of [path, ...this.files.scriptsBeside(path)]) {
      for (const at of readable(file, this.files.read(file) ?? '').keys()) places.add(at)
      this.files.remove(file)
    }
    const { values } = this.files.values()
    this.changed('one of two files', new Map([...places].map((at) => [at, values.get(at)])))
  }

  /** Fields of its files are others now, by its user's doing. */
  changed(what: string, values: ReadonlyMap<Place, string | undefined>): void {
    const edit = this.#edits.make(this.name, what)
    for (const [at, value] of values) {
      this.#edits.about(edit, at, value)
      this.pending.set(at, { edit, value })
    }
  }

  get origin(): Origin {
    return { pending: this.pending, sources: this.sources, decided: this.decided, by: this.name, bases: this.bases }
  }

  /** Learns what HEAD and the refs are now; what was pending in a commit of the user's is so no more. */
  learn(): void {
    const { git } = this
    const head = git.head()
    for (const oid of [head, ...git.lobbyRefs()]) {
      if (oid !== undefined && !this.#histories.knows(oid)) {
        this.defects.push(...this.#histories.learn(this.reading, oid, this.origin))
      }
    }
  }

  /** After a commit of the user's: its edits are committed. */
  committed(): void {
    this.learn()
    const { stands } = this.#histories.siteOf(this.git.head())
    // A merge is concluded without what is not staged.
    this.pending = new Map([...this.pending].filter(([at, { edit }]) => !stands.get(at)?.edits.includes(edit)))
    this.sources = []
    if (this.isMerging) return
    this.decided = new Set()
    this.bases = []
  }

  /** A pull or push said what it leaves to be decided, or what a rule decided. */
  hear(report: PullReport | PushReport | InitReport | LayoutReport): void {
    if ('resolved' in report) {
      for (const { key, fields } of report.resolved) {
        for (const one of decides(
          key,
          '',
          fields.map(({ path }) => ({ path })),
        ))
          this.decide(one)
      }
    }
    if ('loss' in report && report.loss !== undefined) {
      for (const { object } of report.loss.objects) this.decide(object, 'script')
    }
    const conflicts = 'conflicts' in report ? report.conflicts : []
    for (const { object, path, fields } of conflicts) {
      for (const one of decides(object, path, fields)) this.decide(one)
    }
    if (report.kind === 'pushed') {
      for (const { key, path } of report.unseen) for (const one of decides(key, '', [{ path }])) this.decide(one)
    }
    this.said.push(
      JSON.stringify(report, (name, value: unknown) => {
        // What was sent says nothing about what that replaced.
        if (SENT.has(name)) return undefined
        return value instanceof Map ? [...value] : value
      }),
    )
  }

  /** These fields or objects are decided, or open to be. */
  decide(...names: readonly string[]): void {
    for (const name of names) {
      this.decided.add(name)
      this.shown.add(name)
    }
  }

  /** Whether an open conflict is about a field, or about the whole of its object. */
  hasShown(at: Place): boolean {
    return this.shown.has(at) || this.shown.has(objectOf(at))
  }

  /** What is open now, from the files that say so: a command that was interrupted may have had no chance to. */
  readOpen(): void {
    const folder = `${this.folder}/.lobby/conflicts`
    if (!this.disk.exists(folder)) return
    for (const { name } of this.disk.readEntries(folder)) {
      const artifact = parsed(this.disk.readText(`${folder}/${name}`)) as {
        readonly object: string
        readonly path: string
        readonly status: string
        readonly fields: readonly { readonly path: readonly string[] }[]
        readonly autoResolved?: readonly { readonly path: readonly string[] }[]
      }
      if (artifact.status !== 'open') continue
      for (const one of decides(artifact.object, artifact.path, artifact.fields)) this.decide(one)
      for (const one of artifact.autoResolved ?? []) {
        for (const at of decides(artifact.object, artifact.path, [one])) this.decide(at)
      }
    }
  }

  /** A pull that was told what to do about losses may have decided any of these, and may not have lived to say so. */
  settled(lost: Iterable<Place>): void {
    if (!this.settling) return
    for (const at of lost) this.decided.add(objectOf(at))
  }

  /** Whether a push said that it brings back what somebody had removed. */
  hasUndone(object: string): boolean {
    const before = this.undoing.length
    this.undoing = this.undoing.filter((text) => !namesObject(text, place(object, PRESENCE)))
    return this.undoing.length < before
  }

  /** Whether something that was said names an object. */
  hasSaid(at: Place): boolean {
    return this.said.some((text) => namesObject(text, at))
  }
}

/** A document, or an empty one where it is half written. */
function parsed(text = '{}'): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

/** An error that the product means to be read, or what is no such thing. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof SyncError ? error.code : undefined
}

export { PRESENCE }
