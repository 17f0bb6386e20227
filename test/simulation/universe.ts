import type { Layout } from '../../src/git-bridge/materializer.ts'
import type { Oid } from '../../src/git-bridge/repository.ts'
import type { InitReport } from '../../src/sync/init.ts'
import type { LayoutReport } from '../../src/sync/layout.ts'
import type { PullReport } from '../../src/sync/pull.ts'
import type { PushReport } from '../../src/sync/push.ts'
import type { Context } from '../../src/sync/session.ts'
import { type Bits, beyond, intersection, members, NO_BITS, union } from './bits.ts'
import { chooseChange, draw, Memory, pick } from './changes.ts'
import { UserGit } from './checkout.ts'
import { adoptWorld, changeLayoutOf, cloneWorld, pullWorld, pushWorld, settle } from './commands.ts'
import { MANIFEST } from './files.ts'
import { Disk } from './fs/disk.ts'
import { useDisk } from './fs.ts'
import { GitModel } from './git/model.ts'
import { findRepository, forgetRepositories, onInit, registerRepository } from './git/registry.ts'
import { Happenings } from './happenings.ts'
import { different, Histories } from './history.ts'
import { type Random, type Strike, seeded } from './host.ts'
import { Edits, knowing, standAt } from './knowledge.ts'
import { CODE, errorCode, Machine } from './machine.ts'
import { type Running, Scheduler } from './scheduler.ts'
import { drawSecondWorld, type SecondWorld } from './second-world.ts'
import { drawModule, isOfModule } from './shared-module.ts'
import type { Case } from './shrink.ts'
import { Untold } from './untold.ts'
import { objectOf, PRESENCE, readable, type Values } from './values.ts'
import { WatchedWorld } from './watched-world.ts'
import { WorldModel } from './world/model.ts'
import { PUBLIC, REFERENCE } from './world/server-kind.ts'
import { forgetServers, registerServer, setGate } from './world/wire.ts'
import { type Target, Worlds } from './worlds.ts'

export interface Outcome {
  readonly seed: number
  readonly steps: readonly number[]
  /** What must never be: the first thing of each step that went wrong, the run ends there. */
  readonly defects: readonly string[]
  readonly trace: readonly string[]
  readonly counts: Readonly<Record<string, number>>
}

function configOf(name: string): Readonly<Record<string, string>> {
  return {
    'user.name': name,
    'user.email': `${name}@example.com`,
    'merge.gamedev.driver': 'gamedev sync merge-driver',
    'merge.gamedev.recursive': 'binary',
  }
}

const START = globalThis.Date.UTC(2026, 0, 1)
const URL = 'http://plaza.example'
/** Errors that a user meets when somebody else was faster, or something is to be settled first. */
const EXPECTED = new Set([
  'merge_in_progress',
  'local_changes',
  'unmerged_files',
  'unreachable',
  'connection_lost',
  'lost_state',
  'world_busy',
  'contested',
  'deploy_locked',
  'mass_deletion',
  'not_confirmed',
  'cursor_expired',
  'ref_moved',
  'locked',
  'invalid_files',
  'branch_moved',
  'detached_head',
  'stale_conflict',
  'unfit_file',
  'layout_mismatch',
])

/** A world, people in it, machines with clones of it, and a git server between them. */
export class Universe {
  readonly edits = new Edits()
  readonly histories: Histories
  readonly scheduler: Scheduler
  readonly machines: Machine[] = []
  readonly trace: string[] = []
  readonly counts: Record<string, number> = {}
  readonly defects: string[] = []
  readonly worlds = new Worlds()
  server!: GitModel
  readonly #memory = new Memory()
  readonly #happenings: Happenings
  readonly #untold: Untold
  readonly #disk: Disk
  readonly #seed: number
  readonly #setup: Random
  #token = 0
  #forgets = false
  /** Two branches stay apart: git cannot merge them alone. */
  #split = false
  readonly #losses: boolean
  readonly #plain: boolean
  readonly #moves: boolean
  /** A second world, and the machine whose user connects it. */
  #second: SecondWorld | undefined
  #connector: Machine | undefined
  /** All but the apps is in one file. */
  readonly #manifest: boolean
  /** The layout that somebody changes the project to, where one does (G8). */
  #wanted: 'split' | 'manifest' | undefined
  /** Edits that a rebase left out, because others had made them, or a squash. */
  #twice: Bits = NO_BITS

  constructor({ seed, losses = false, plain = false }: Omit<Case, 'steps'>) {
    this.#seed = seed
    this.#losses = losses
    this.#plain = plain
    this.#moves = seeded(seed ^ 0x30fe)() < 0.5
    this.#manifest = seeded(seed ^ 0x1a70)() < 0.25
    if (!plain && seeded(seed ^ 0x7a70)() < 0.2) this.#wanted = this.#manifest ? 'split' : 'manifest'
    this.#setup = seeded(seed)
    this.scheduler = new Scheduler(START, { random: seeded(seed ^ 0x5eed), jitter: seeded(seed ^ 0x717e) })
    this.#disk = new Disk(() => this.scheduler.host.now)
    useDisk(this.#disk)
    forgetRepositories()
    forgetServers()
    setGate(this.scheduler.gate)
    this.histories = new Histories(
      this.edits,
      (worldId, cursor) => this.worlds.at(worldId, cursor),
      (at) => this.worlds.dropped(at),
      (clone, at) => this.worlds.replacedBy(clone, at),
    )
    this.#happenings = new Happenings(this, { memory: this.#memory, host: this.scheduler.host, losses })
    this.#untold = new Untold(this.worlds, this.edits, this.histories)
  }

  say(text: string): void {
    this.trace.push(text)
  }

  count(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1
  }

  /** The world as it begins, and the machines' clones of it. */
  async begin(): Promise<void> {
    const random = this.#setup
    const kind = random() < 0.5 ? REFERENCE : PUBLIC
    const model = new WorldModel({ worldId: 'plaza', kind, adminCode: CODE })
    // What several worlds, or one that went back, make of editions is not played.
    const shares = !this.#plain && !this.#losses && drawSecondWorld(this.#seed) === undefined && drawModule(this.#seed)
    WatchedWorld.furnish(model, shares)
    this.#watch(undefined, URL, model)
    // A line that went on from a snapshot has forked, and git merges branches with two lines without knowing what the
    // younger one saw removed (docs/architecture.md, 'Not there yet'): a world forgets, or its people share branches.
    this.#forgets = this.#losses && random() < 0.25
    const [layout, memory] = [this.#manifest ? ' in one file' : '', this.#forgets ? ', of short memory' : '']
    this.say(`world ${kind.name}${layout}${memory}${shares ? ', whose apps share a module' : ''}`)
    if (shares) this.count('worlds with a shared module')
    this.#memory.remember(this.worlds.first.world.values)
    this.server = new GitModel(this.#disk, '/server', { bare: true })
    const count = 2 + Math.floor(random() * 2)
    for (const name of ['ann', 'bob', 'cid'].slice(0, count)) {
      await this.#join(name)
      if (name === 'ann') await this.#beginSecond()
    }
  }

  async #beginSecond(): Promise<void> {
    // Clones that share no branches may hand two values back and forth between two worlds for good.
    const second = this.#plain || this.#forgets ? undefined : drawSecondWorld(this.#seed)?.()
    if (second === undefined) return
    this.#second = second
    // The lines of two worlds would have to change theirs one after the other.
    this.#wanted = undefined
    const { name, url, model, holds, prefer, mirror, late } = second
    const { world } = this.#watch(name, url, model)
    this.#memory.remember(world.values)
    const how = prefer === undefined ? (mirror === undefined ? '' : `, mirror ${mirror}`) : `, prefer ${prefer}`
    this.say(`second world ${model.kind.name} with ${holds}${how}${late ? ', later' : ''}`)
    if (late) return
    const random = seeded(this.#seed ^ 0xadd)
    this.scheduler.faults = false
    const [machine] = this.machines as [Machine]
    await this.#connect(machine, random)
    await this.#complete(machine, random)
    this.scheduler.faults = true
    if (!machine.knows(this.worlds.named(name)) || machine.isMerging) throw new Error('the second init failed')
    machine.git.push(this.server)
  }

  /** A world of the project, which it knows by a name and reaches at a URL. */
  #watch(name: string | undefined, url: string, model: WorldModel): Target {
    const world = new WatchedWorld(this.edits, model, (process) => {
      const machine = this.machines.find(({ name }) => name === process.name)
      machine?.learn()
      return this.histories.siteOf(machine?.git.head())
    })
    registerServer(url, model)
    const target = { name, url, world }
    this.worlds.targets.push(target)
    for (const { watch } of this.worlds.all) watch.hasOthers = this.worlds.all.length > 1
    return target
  }

  async #join(name: string): Promise<void> {
    const folder = `/home/${name}/world`
    this.#disk.mkdir(`/home/${name}`, { recursive: true })
    const isFirst = this.machines.length === 0
    if (isFirst && this.#manifest) return this.#adopt(name, folder)
    if (isFirst) {
      onInit((place) => new GitModel(this.#disk, place, { config: configOf(name) }))
      const context = { ...this.#contextOf(name), cwd: `/home/${name}` }
      await this.#alone(name, 'clone', () => cloneWorld(context, URL, folder))
    }
    const model = isFirst ? findRepository(folder)! : this.#clone(folder, name)
    const git = new UserGit(model, folder)
    const machine = new Machine(name, git, this.#disk, this.worlds.first, this.edits, this.histories)
    this.machines.push(machine)
    machine.learn()
    if (isFirst) git.push(this.server)
  }

  /** A project that is older than its connection with the world, and has all of it in one file. */
  async #adopt(name: string, folder: string): Promise<void> {
    const model = new GitModel(this.#disk, folder, { config: configOf(name) })
    registerRepository(model)
    const git = new UserGit(model, folder)
    const machine = new Machine(name, git, this.#disk, this.worlds.first, this.edits, this.histories)
    this.machines.push(machine)
    const at = 'spawn position'
    const position = this.worlds.first.world.values.get(at)!
    const spawn = { position: JSON.parse(position), quaternion: [0, 0, 0, 1] }
    machine.files.write(MANIFEST, JSON.stringify({ formatVersion: 2, settings: {}, spawn, entities: [] }))
    machine.changed('a project', new Map([[at, position]]))
    git.commitAll('A project')
    machine.committed()
    await this.#alone(name, 'init', () => adoptWorld(machine.context(), URL, { mirror: 'remote' }))
    machine.learn()
    git.push(this.server)
  }

  #contextOf(name: string): Context {
    return { cwd: `/home/${name}`, env: { ADMIN_CODE: CODE }, progress: { step: () => {}, warn: () => {} } }
  }

  /** Before anything happens: a command that nobody disturbs. */
  async #alone(name: string, what: string, work: () => Promise<unknown>): Promise<void> {
    const running = await this.scheduler.start(name, what, work, { calm: 1, random: seeded(1) })
    await this.#finish(running)
    this.scheduler.takeEnded()
    if (running.ending?.kind !== 'returned') throw new Error(`the first ${what} failed`, { cause: running.ending })
  }

  #clone(folder: string, name: string): GitModel {
    const model = new GitModel(this.#disk, folder, { config: configOf(name) })
    registerRepository(model)
    const git = new UserGit(model, folder)
    git.start(git.fetch(this.server))
    return model
  }

  /** One thing that happens, by the randomness of its own number. */
  async step(number: number): Promise<void> {
    const random = seeded((this.#seed * 7919 + number * 104_729 + 1) >>> 0)
    this.#token = (number + 1) * 10
    this.scheduler.host.now += Math.floor(random() * 20_000)
    const before = this.trace.length
    await this.#act(random)
    await this.#settleEnded()
    this.#check()
    if (this.trace.length === before) this.say('nothing')
  }

  async #act(random: Random): Promise<void> {
    const busy = this.machines.filter(({ running }) => running !== undefined)
    if (busy.length > 0 && random() < 0.55) {
      const machine = pick(random, busy)
      return this.#advance(machine, random)
    }
    // Whoever saw a command die runs one before anything else.
    const idle = this.machines.filter(({ running }) => running === undefined)
    const sound = idle.filter(({ hurt }) => !hurt)
    const kind = draw(random, [
      [34, 'world'],
      [sound.length > 0 ? 22 : 0, 'file'],
      [idle.length > 0 ? 14 : 0, 'pull'],
      [idle.length > 0 ? 14 : 0, 'push'],
      [sound.length > 0 ? 8 : 0, 'share'],
      [sound.length > 0 ? 4 : 0, 'branch'],
      [2, 'carry'],
      [4, 'server'],
      [this.#wanted !== undefined && idle.length > 0 ? 3 : 0, 'layout'],
      [this.#toConnect(sound).length > 0 ? 8 : 0, 'connect'],
    ] as const)
    if (kind === 'world' || kind === 'carry' || kind === 'server') {
      const target = this.worlds.pick(random)
      if (kind === 'world') return this.#happenings.edit(target, random, this.#token)
      if (kind === 'carry') return this.#happenings.carry(target, random, this.#token)
      return this.#happenings.serverFault(target, random, this.#forgets)
    }
    if (kind === 'connect') return this.#connect(pick(random, this.#toConnect(sound)), random)
    const isCommand = kind === 'pull' || kind === 'push' || kind === 'layout'
    const machine = pick(random, isCommand ? idle : sound)
    if (kind === 'file') return this.#editFile(machine, random)
    if (kind === 'share') return this.#share(machine, random)
    if (kind === 'branch') return this.#branch(machine, random)
    await this.#prepare(machine, random)
    if (machine.running !== undefined || (machine.isMerging && !machine.hurt)) return
    if (kind === 'layout') return this.#layout(machine, random)
    const target = this.#target(machine, random)
    return kind === 'pull' ? this.#pull(machine, target, random) : this.#push(machine, target, random)
  }

  // People with files.

  #editFile(machine: Machine, random: Random): void {
    if (machine.isMerging) return
    if (this.#moves && machine.running === undefined && random() < 0.12) {
      this.#moveFile(machine, random)
      return
    }
    const { values } = machine.files.values()
    const change = chooseChange(random, values, this.#token, this.#memory)
    const done = machine.edit(change)
    this.say(`${machine.name} ${JSON.stringify(change)}${done ? '' : ' nothing'}`)
    this.#memory.remember(machine.files.values().values)
    this.count('edits of files')
    if (random() < 0.6) this.#commit(machine)
  }

  /** Somebody tidies up: no value is another (M8). */
  #moveFile(machine: Machine, random: Random): void {
    const from = machine.files.movable()
    if (from.length === 0) return
    const path = pick(random, from)
    this.say(`${machine.name} moves ${path} to ${machine.files.move(path, this.#token)}`)
    this.count('files moved')
    // A file that is missing and not committed as gone, git puts back where a merge writes to it.
    this.#commit(machine)
  }

  #commit(machine: Machine): void {
    if (machine.isMerging) return
    const made = machine.git.commitAll(`Edits of ${machine.name}`)
    if (made === undefined) return
    machine.committed()
    this.say(`${machine.name} commits ${made.slice(0, 8)}`)
  }

  /** Before a command: an open merge is settled or given up, edits are committed, as people do; mostly. */
  async #prepare(machine: Machine, random: Random): Promise<void> {
    if (machine.hurt) return
    if (machine.isMerging) return this.#settle(machine, random)
    if (random() < 0.8) this.#commit(machine)
  }

  async #settle(machine: Machine, random: Random): Promise<void> {
    if (this.scheduler.faults && random() < 0.15) {
      this.#giveUp(machine)
      return
    }
    const uses = new Map<string, 'local' | 'remote'>()
    const running = await this.scheduler.start(
      machine.name,
      'resolve',
      () =>
        settle({ context: machine.context(), target: this.#target(machine, random).name }, ({ decides, path }) => {
          for (const one of decides) machine.decide(one)
          // The files of an app belong together: half of each would be neither.
          const app = /^apps\/[^/]+/.exec(path)?.[0] ?? path
          const use = uses.get(app) ?? (random() < 0.5 ? 'local' : 'remote')
          uses.set(app, use)
          return use
        }),
      { calm: 1, random, strike: this.#strike(random, 30, 0.05) },
    )
    machine.running = running
    await this.#finish(running)
    await this.#settleEnded()
  }

  /** Settled one by one, conflicts may leave an entity without its blueprint: it is removed then. */
  #mend(machine: Machine): void {
    // After a squash, git takes a file that was moved for another: one of the two goes.
    for (const text of machine.said) {
      const twice = /: (\S+): the id ".*" is claimed by (\S+) as well/.exec(text)
      if (twice !== null) machine.removeOne(twice[1]!)
    }
    const { values } = machine.files.values()
    for (const [at, value] of values) {
      if (!at.startsWith('entity:') || !at.endsWith(' blueprint')) continue
      if (values.has(`blueprint:${JSON.parse(value)} ${PRESENCE}`)) continue
      machine.edit({ kind: 'remove', id: objectOf(at).slice('entity:'.length) })
    }
  }

  #giveUp(machine: Machine): void {
    machine.git.abort()
    machine.decided = new Set()
    machine.bases = []
    this.say(`${machine.name} aborts the merge`)
    this.count('merges given up')
  }

  // A second world.

  /** Who may connect the second world: one user, on the branch that all share. */
  #toConnect(machines: readonly Machine[]): readonly Machine[] {
    const second = this.#second
    // A line that begins while something is in a hand shows it where no operation has put it.
    if (second === undefined || this.worlds.named(second.name).world.inHand.length > 0) return []
    return machines.filter(
      (machine) =>
        (this.#connector ?? machine) === machine &&
        !machine.isMerging &&
        machine.git.branch() === 'main' &&
        !machine.knows(this.worlds.named(second.name)),
    )
  }

  /** `gamedev sync init <url> --name`: the documented way to a second world. */
  async #connect(machine: Machine, random: Random): Promise<void> {
    const { name, url, prefer, mirror } = this.#second!
    this.#connector = machine
    this.#commit(machine)
    machine.target = this.worlds.named(name)
    const how = { name, ...(prefer && { prefer }), ...(mirror && { mirror }) }
    this.#decideAll(machine)
    await this.#command(machine, 'init', random, () => adoptWorld(machine.context(), url, how))
  }

  /** An `init` that was told whose values to take has decided whatever differs, as it was when it looked. */
  #decideAll(machine: Machine): void {
    const { prefer, mirror } = this.#second!
    if (prefer === undefined && mirror === undefined) return
    for (const values of [machine.files.values().values, machine.target.world.values]) {
      for (const at of values.keys()) machine.decided.add(objectOf(at))
    }
  }

  /** One of the worlds that the project knows here. */
  #target(machine: Machine, random: Random): Target {
    const known = this.worlds.targets.filter((target) => machine.knows(target))
    return known.length === 1 ? known[0]! : pick(random, known)
  }

  async #pull(
    machine: Machine,
    target: Target,
    random: Random,
    options: { loss?: 'accept' | 'restore'; verify?: boolean } = {},
  ): Promise<void> {
    const loss = options.loss ?? (random() < 0.15 ? pick(random, ['accept', 'restore'] as const) : undefined)
    const { verify } = options
    machine.settling = loss !== undefined
    machine.target = target
    await this.#command(machine, 'pull', random, () =>
      pullWorld({ context: machine.context(), target: target.name }, { loss, verify, yes: true }),
    )
  }

  async #layout(machine: Machine, random: Random, calm = false, wanted = this.#wanted!): Promise<void> {
    machine.target = this.worlds.first
    await this.#command(
      machine,
      'layout',
      random,
      () => changeLayoutOf({ context: machine.context(), target: undefined }, wanted),
      calm,
    )
  }

  async #push(machine: Machine, target: Target, random: Random): Promise<void> {
    const noBatch = random() < 0.15
    machine.target = target
    await this.#command(machine, 'push', random, () =>
      pushWorld({ context: machine.context(), target: target.name }, { yes: true, noBatch }),
    )
  }

  /** `alone`: nothing else happens before it ends, and nothing happens to it. */
  async #command(
    machine: Machine,
    name: string,
    random: Random,
    work: () => Promise<unknown>,
    alone = false,
  ): Promise<void> {
    const { name: world } = machine.target
    const where = world === undefined ? '' : ` of ${world}`
    this.say(`${machine.name} ${name}${where} at ${machine.git.head()?.slice(0, 8)}`)
    this.count(name)
    machine.said.length = 0
    const faulty = this.scheduler.faults && !alone
    const calm = faulty ? pick(random, [1, 1, 0.8, 0.3]) : 1
    machine.running = await this.scheduler.start(machine.name, name, work, {
      calm,
      random,
      strike: alone ? undefined : this.#strike(random, name === 'push' ? 120 : 90, 0.06),
    })
    if (!alone) return
    await this.#finish(machine.running)
    await this.#settleEnded()
    for (let count = 0; machine.isMerging && !machine.hurt && count < 5; count++) await this.#settle(machine, random)
  }

  #strike(random: Random, effects: number, probability: number): Strike | undefined {
    if (!this.scheduler.faults || random() >= probability) return undefined
    return { effect: Math.floor(random() * effects), moment: pick(random, ['before', 'torn', 'after'] as const) }
  }

  async #advance(machine: Machine, random: Random): Promise<void> {
    const running = machine.running!
    if (random() < 0.02) {
      this.scheduler.kill(running)
      return
    }
    const moved = await this.scheduler.advance(running, 0.04)
    this.say(`${machine.name} goes on`)
    if (!moved && running.ending === undefined && !running.process.dead) {
      this.defects.push(`stuck: ${machine.name} ${running.name} waits for nothing`)
      this.scheduler.kill(running)
    }
  }

  async #finish(running: Running): Promise<void> {
    for (let count = 0; running.ending === undefined && !running.process.dead; count++) {
      const moved = await this.scheduler.advance(running)
      if ((!moved && running.ending === undefined && !running.process.dead) || count > 5_000) {
        this.defects.push(`stuck: ${running.process.name} ${running.name} does not end`)
        this.scheduler.kill(running)
      }
    }
  }

  // Between machines.

  /** Takes in what the others pushed, and pushes. */
  async #share(machine: Machine, random: Random): Promise<void> {
    if (machine.isMerging) return this.#settle(machine, random)
    this.#commit(machine)
    if (this.#forgets || machine.git.branch() !== 'main') return
    const theirs = machine.git.fetch(this.server)
    this.#know(machine, theirs)
    if (random() < 0.4) machine.git.fetchLobby(this.server)
    const alike = await this.#alike(machine, theirs, random)
    if (alike === undefined) return
    const style = draw(random, [
      [8, 'merge'],
      [1, 'rebase'],
    ] as const)
    const own = machine.git.since(theirs)
    if (style === 'rebase' && alike === theirs && own.every(({ parents }) => parents.length === 1)) {
      const pairs = machine.git.rebase(theirs)
      this.say(`${machine.name} rebases onto ${theirs.slice(0, 8)}: ${pairs?.length ?? 'given up'}`)
      for (const { made, original } of pairs ?? []) {
        this.defects.push(...this.histories.learn(machine.reading, made, { ...machine.origin, sources: [original] }))
      }
      if (pairs !== undefined)
        this.#dropped(
          machine,
          own.map(({ oid }) => oid).filter((oid) => !pairs.some(({ original }) => original === oid)),
        )
    } else await this.#merge(machine, alike, random)
    if (machine.isMerging) return
    if (machine.git.push(this.server) && random() < 0.3) machine.git.pushLobby(this.server)
    this.count('shares')
  }

  /**
   * A rebase leaves out what others did as well, a squash what comes to nothing: what stands there stands for it, and for
   * what it had superseded.
   */
  #dropped(machine: Machine, commits: readonly Oid[]): void {
    const head = this.histories.siteOf(machine.git.head())
    for (const oid of commits) {
      const { stands, seen } = this.histories.siteOf(oid)
      for (const [at, { value }] of stands) {
        if (standAt(head, at).value === value) this.#twice = union(this.#twice, intersection(seen, this.edits.mask(at)))
      }
    }
  }

  /**
   * Git cannot merge branches of two layouts that both changed what those differ in: the one that lags is brought to the
   * other's first. What to merge then; undefined where that is for another time.
   */
  async #alike(machine: Machine, theirs: Oid, random: Random): Promise<Oid | undefined> {
    const { git } = machine
    const head = git.head()!
    if (this.#wanted === undefined || git.basesWith(theirs).includes(theirs)) return theirs
    const layout = git.layoutOf(theirs)
    if (git.layoutOf(head) === layout && (layout !== this.#wanted || git.sharesLayout(head, theirs))) return theirs
    if (layout === this.#wanted) {
      await this.#layout(machine, random, true)
      const isDone = (): boolean => !machine.isMerging && !machine.hurt && git.layoutOf(git.head()!) === layout
      if (!isDone() || git.sharesLayout(git.head()!, theirs)) return isDone() ? theirs : undefined
      return this.#backTogether(machine, theirs, random)
    }
    return this.#inLayout(machine, theirs, this.#wanted, random)
  }

  /**
   * Two changes of the layout that no command joins: both branches go back to the layout that they came from, git merges
   * them in that, and the layout is changed once more.
   */
  async #backTogether(machine: Machine, theirs: Oid, random: Random): Promise<Oid | undefined> {
    const { git } = machine
    const old = this.#wanted === 'split' ? 'manifest' : 'split'
    await this.#layout(machine, random, true, old)
    if (machine.isMerging || machine.hurt || git.layoutOf(git.head()!) !== old) return undefined
    this.count('layouts changed twice')
    return this.#inLayout(machine, theirs, old, random)
  }

  /** A branch of others, brought to a layout on a branch of its own; undefined where that is for another time. */
  async #inLayout(machine: Machine, theirs: Oid, layout: Layout, random: Random): Promise<Oid | undefined> {
    const { git } = machine
    const here = git.branch()!
    git.putBranch('lagging', theirs)
    if (!git.switchTo('lagging', false)) return undefined
    this.say(`${machine.name} looks at ${theirs.slice(0, 8)}`)
    await this.#layout(machine, random, true, layout)
    if (machine.isMerging) this.#giveUp(machine)
    const converted = git.head()!
    if (!git.switchTo(here, false)) throw new Error(`${machine.name} cannot go back to ${here}`)
    git.deleteBranch('lagging')
    this.count('lagging branches')
    return git.layoutOf(converted) === layout ? converted : undefined
  }

  async #merge(machine: Machine, theirs: Oid, random: Random): Promise<void> {
    machine.bases = machine.git.basesWith(theirs)
    const merged = machine.git.merge(theirs, `Merge of ${machine.name}`)
    this.say(`${machine.name} merges ${theirs.slice(0, 8)}: ${merged}`)
    this.count(`git merge: ${merged}`)
    if (merged !== 'contested') {
      machine.learn()
      machine.bases = []
      return
    }
    for (const { path, text } of machine.git.halfConflicts()) {
      for (const at of readable(path, text).keys()) machine.decide(objectOf(at))
    }
    await this.#settle(machine, random)
  }

  /** Teammates' commits come with what is known of them. */
  #know(machine: Machine, oid: Oid): void {
    if (!this.histories.knows(oid)) this.defects.push(...this.histories.learn(machine.reading, oid, machine.origin))
  }

  async #branch(machine: Machine, random: Random): Promise<void> {
    if (machine.isMerging) return
    this.#commit(machine)
    const { git } = machine
    const left = this.#leftBranch(machine)
    if (left !== undefined && git.branch() === 'main') {
      const alike = await this.#alike(machine, left, random)
      if (alike !== undefined) await this.#merge(machine, alike, random)
      this.#leftBranch(machine)
      return
    }
    if (git.branch() === 'main') {
      if (random() < 0.3) return this.#revert(machine, random)
      if (random() < 0.3) return this.#amend(machine, random)
      git.switchTo('feature', true)
      this.say(`${machine.name} switches to a branch`)
      return
    }
    const feature = await this.#meet(machine, random)
    if (feature === undefined) return
    const kind = pick(random, ['squash', 'merge'] as const)
    if (kind === 'merge') await this.#merge(machine, feature, random)
    else {
      const squashed = git.squash(feature, `Squash of ${machine.name}`)
      this.say(`${machine.name} squashes ${feature.slice(0, 8)}: ${squashed}`)
      this.count(`squash: ${squashed}`)
      if (squashed === 'merged') {
        machine.sources = [feature]
        machine.committed()
      } else if (squashed === 'up-to-date') this.#dropped(machine, [feature])
      else await this.#merge(machine, feature, random)
      if (squashed !== 'given up') return git.deleteBranch('feature')
    }
    this.#leftBranch(machine)
  }

  /** A branch that is not merged yet, because its merge was given up; one that is, goes. */
  #leftBranch({ git }: Machine): Oid | undefined {
    const feature = git.ref('refs/heads/feature')
    if (feature === undefined || git.branch() !== 'main') return undefined
    if (!git.basesWith(feature).includes(feature)) return feature
    git.deleteBranch('feature')
    return undefined
  }

  /** Back to the main branch, to take in the other one; both say the world alike then. Undefined: another time. */
  async #meet(machine: Machine, random: Random): Promise<Oid | undefined> {
    const { git } = machine
    const lags = (oid: Oid) => this.#wanted !== undefined && git.layoutOf(oid) !== this.#wanted
    const other = git.ref('refs/heads/main')!
    if (lags(git.head()!) && !lags(other)) await this.#layout(machine, random, true)
    const feature = git.head()!
    if (machine.isMerging || (lags(feature) && !lags(other)) || !git.switchTo('main', false)) return undefined
    if (lags(other) && !lags(feature)) {
      await this.#layout(machine, random, true)
      if (machine.isMerging) this.#giveUp(machine)
      if (lags(git.head()!)) {
        git.switchTo('feature', false)
        return undefined
      }
    }
    return feature
  }

  #revert(machine: Machine, random: Random): void {
    // Who takes the connection back with a world has none to sync with.
    const own = machine.git
      .since(machine.git.fetch(this.server))
      .slice(-4)
      .filter(({ parents, message }) => parents.length > 0 && !message.startsWith('Connect with world'))
    if (own.length === 0) return
    const commit = pick(random, own).oid
    const before = machine.git.head()
    const reverted = machine.git.revert(commit)
    if (reverted === 'reverted' && machine.git.hasBothLayouts()) {
      // What went before the layout changed came back in the old one.
      machine.git.takeBack(before!)
      return
    }
    this.say(`${machine.name} reverts ${commit.slice(0, 8)}: ${reverted}`)
    if (reverted !== 'reverted' || before === machine.git.head()) return
    this.count('reverts')
    const old = this.histories.siteOf(before)
    const values = this.histories.values(
      machine.reading,
      machine.reading.commit(machine.git.head()!).tree,
      this.defects,
    )
    const places = new Set([...old.stands.keys(), ...values.keys()])
    const changed = [...places].filter((at) => old.stands.get(at)?.value !== values.get(at))
    machine.changed('revert', new Map(changed.map((at) => [at, values.get(at)])))
    machine.committed()
  }

  #amend(machine: Machine, random: Random): void {
    const { git } = machine
    const head = git.head()!
    if (git.isShared(this.server, head) || machine.hurt || git.parents(head).length !== 1) return
    this.#editFile(machine, random)
    machine.sources = [head]
    const made = git.amendAll()
    this.say(`${machine.name} amends ${head.slice(0, 8)}: ${made?.slice(0, 8)}`)
    machine.committed()
    this.count('amends')
  }

  // What became of commands.

  async #settleEnded(): Promise<void> {
    for (const running of this.scheduler.takeEnded()) {
      const machine = this.machines.find(({ name }) => name === running.process.name)
      if (machine === undefined) continue
      machine.running = undefined
      const { ending } = running
      if (ending === undefined) continue
      if (running.name === 'init') this.#decideAll(machine)
      if (ending.kind === 'killed') {
        machine.hurt = true
        this.say(`${machine.name} ${running.name} is killed: ${ending.at}`)
        this.count('kills')
        machine.readOpen()
        if (running.name === 'pull') machine.settled(machine.target.world.watch.dropped.keys())
        machine.learn()
        this.#own(machine)
        this.#untold.interrupt(machine)
        continue
      }
      if (ending.kind === 'failed') {
        const code = errorCode(ending.error)
        this.say(`${machine.name} ${running.name}: ${code ?? String(ending.error)}`)
        this.count(`error: ${code}`)
        if (code === undefined || !EXPECTED.has(code)) {
          const error = ending.error as Error
          this.defects.push(
            `error: ${machine.name} ${running.name}: ${code === undefined ? error.stack : `${code} ${error.message}`}`,
          )
        }
        machine.said.push(String(ending.error))
        machine.hurt = false
        if (code === 'invalid_files') this.#mend(machine)
        // Of a merge given up earlier something is left about the same object: this one is given up as well, as it says.
        if (code === 'stale_conflict') this.#giveUp(machine)
        // git took two files for one that was renamed: that is for a person to look at, here nobody does.
        if (code === 'unfit_file') {
          this.#giveUp(machine)
          this.#split = true
        }
        machine.readOpen()
        if (running.name === 'pull') machine.settled(machine.target.world.watch.dropped.keys())
        machine.learn()
        this.#own(machine)
        this.#untold.dropTold(machine)
        continue
      }
      this.#done(machine, running.name, ending.report)
    }
  }

  #done(machine: Machine, name: string, report: unknown): void {
    if (name === 'resolve') {
      if (machine.isMerging) {
        const made = machine.git.conclude()
        this.say(`${machine.name} concludes the merge ${typeof made === 'string' ? made.slice(0, 8) : made.join()}`)
        if (typeof made === 'string') machine.committed()
        else if (made.length > 0) this.defects.push(`resolve: ${machine.name} is left with ${made.join()}`)
      }
      return
    }
    const told = report as PullReport | PushReport | InitReport | LayoutReport
    this.say(`${machine.name} ${name}: ${told.kind} at ${told.fetched?.cursor}`)
    for (const text of machine.said) if (!text.startsWith('{')) this.say(`  warning: ${text}`)
    this.count(`${name}: ${told.kind}`)
    machine.hear(told)
    // Merges on the way there settled what is lost no more at the end.
    if ('loss' in told && told.loss !== undefined) machine.settled(machine.target.world.watch.dropped.keys())
    if (machine.isMerging) machine.readOpen()
    machine.learn()
    this.#own(machine)
    machine.hurt = false
    const { asked, defects } = this.#untold.answer(machine)
    for (let count = 0; count < asked; count++) this.count('unseen writes')
    this.defects.push(...defects)
    machine.shown.clear()
    if (!machine.isMerging) machine.decided = new Set()
  }

  /** A command may have committed on the branch: never anything but on top of what was there. */
  #own(machine: Machine): void {
    const moved = machine.git.rewritten()
    if (moved !== undefined) this.defects.push(`branch: ${machine.name}: ${moved}`)
  }

  /** What somebody had removed, git's merge keeps and a push brings back: it says so (P7). */
  #answerBrought(): void {
    for (const { object, clone } of this.worlds.takeAdded()) {
      const kept = this.histories.keptByGit.get(object)
      this.histories.keptByGit.delete(object)
      const said = this.machines.find(({ name }) => name === clone)?.hasUndone(object)
      if (kept === undefined || clone === undefined) continue
      this.count('objects brought back')
      if (said !== true) this.defects.push(`merge: ${kept}; and ${clone} pushed it without a word`)
    }
  }

  #check(): void {
    this.#answerBrought()
    this.defects.push(...this.worlds.takeDefects())
    for (const machine of this.machines) this.defects.push(...machine.defects.splice(0))
  }

  // At rest.

  /** No more faults: everybody finishes, settles, pulls and pushes until nothing is left to do. */
  async rest(): Promise<void> {
    const random = seeded(this.#seed ^ 0xbeef)
    this.say('rest')
    this.scheduler.faults = false
    for (const { model } of this.worlds.all) model.reachable = true
    // Locks that dead commands have left are over, also where the clock was put back since.
    this.scheduler.host.now += 6 * 3_600_000
    for (const world of this.worlds.all) {
      for (const object of world.inHand) world.putDown(object.slice('entity:'.length))
    }
    for (const machine of this.machines) if (machine.running !== undefined) await this.#finish(machine.running)
    await this.#settleEnded()
    this.#check()
    for (let round = 0; round < 12 && this.defects.length === 0; round++) {
      const before = this.#state()
      for (const machine of this.machines) {
        await this.#tidy(machine, random)
        if (this.defects.length > 0) return
      }
      if (before === this.#state() && round > 0) return this.#final()
    }
    if (this.defects.length === 0) this.defects.push(`rest: no end; ${this.trace.slice(-12).join(' / ')}`)
  }

  async #tidy(machine: Machine, random: Random): Promise<void> {
    const complete = () => this.#complete(machine, random)
    await complete()
    if (machine.hurt) {
      const target = machine.knows(machine.target) ? machine.target : this.worlds.first
      await this.#pull(machine, target, random, { loss: 'restore' })
      await complete()
    }
    this.#commit(machine)
    if (machine.git.branch() !== 'main' || this.#leftBranch(machine) !== undefined) await this.#branch(machine, random)
    await complete()
    if (this.#toConnect([machine]).length > 0) {
      await this.#connect(machine, random)
      await complete()
    }
    await this.#share(machine, random)
    await complete()
    for (const target of this.worlds.targets.filter((one) => machine.knows(one))) {
      await this.#pull(machine, target, random, { loss: 'restore', verify: true })
      await complete()
      await this.#push(machine, target, random)
      await complete()
    }
    await this.#share(machine, random)
    await complete()
  }

  /** A command goes on to its end, and what it leaves open is settled. */
  async #complete(machine: Machine, random: Random): Promise<void> {
    if (machine.running !== undefined) await this.#finish(machine.running)
    await this.#settleEnded()
    this.#check()
    if (machine.hurt) return
    for (let count = 0; machine.isMerging && count < 5 && this.defects.length === 0; count++) {
      await this.#settle(machine, random)
      this.#check()
    }
  }

  #state(): string {
    return [...this.worlds.all.map(({ model }) => model.head), ...this.machines.map(({ git }) => git.head())].join(' ')
  }

  #final(): void {
    // What nobody had to push came back with nobody saying so.
    for (const [object, text] of this.histories.keptByGit) {
      if (this.worlds.all.some(({ watch }) => watch.now.values.has(`${object} ${PRESENCE}`))) {
        this.defects.push(`merge: ${text}`)
      }
    }
    const everything = beyond(this.histories.everything(), union(this.worlds.lost, this.#twice))
    for (const machine of this.machines) {
      const head = machine.git.head()!
      const mine = this.histories.values(machine.reading, machine.reading.commit(head).tree, this.defects)
      for (const { name, world } of this.worlds.targets) this.#compare(machine, mine, name ?? 'the world', world)
      const site = this.histories.siteOf(head)
      // Without a server between them, nobody sees what others gave up before they pushed it.
      if (this.#forgets || this.#split) continue
      for (const edit of members(beyond(everything, site.seen))) {
        this.defects.push(`lost: ${machine.name} has never seen ${this.edits.describe([edit])}`)
      }
      if (machine.git.isDirty()) this.defects.push(`rest: ${machine.name} is left dirty`)
    }
    const among = knowing(...this.machines.map(({ git }) => this.histories.siteOf(git.head()).seen))
    for (const edit of members(beyond(everything, among))) {
      this.defects.push(`lost: nobody has ever seen ${this.edits.describe([edit])}`)
    }
    for (const world of this.worlds.all) for (const one of world.behind()) this.defects.push(`rest: ${one}`)
    const roots = this.machines.map(({ reading, git }) => [reading, [git.head()!, ...git.lobbyRefs()]] as const)
    for (const { watch } of this.worlds.all) {
      for (const one of this.histories.forgotten(watch.dropped, roots)) {
        this.defects.push(`lost: no commit that can be reached holds ${one}`)
      }
    }
    if (this.#untold.count > 0) this.defects.push(`unseen: ${this.#untold.count} writes were never told`)
  }

  #compare(machine: Machine, mine: Values, name: string, world: WatchedWorld): void {
    const { values } = world.watch.now
    for (const at of different(mine, values)) {
      // Somebody kept a script whose app is gone, or a module that no app imports: a file like any other.
      const isSeeming = () => world.watch.at(world.model.head).some((one) => one.values.get(at) === mine.get(at))
      if (isOfModule(at) && (world.sharing.length === 0 || isSeeming())) continue
      const app = /^script (\w+)_\d+$/.exec(at)?.[1]
      if (app !== undefined && !values.has(at) && !mine.has(`blueprint:${app} ${PRESENCE}`)) continue
      this.defects.push(`rest: ${machine.name} has ${at} = ${mine.get(at)}, ${name} ${values.get(at)}`)
    }
  }
}

/** Plays one seed; the same steps give the same trace. */
export async function play(options: Case): Promise<Outcome> {
  const { seed, steps } = options
  const universe = new Universe(options)
  await universe.begin()
  for (const number of steps) {
    await universe.step(number)
    if (universe.defects.length > 0) break
  }
  if (universe.defects.length === 0) await universe.rest()
  const { defects, trace, counts } = universe
  return { seed, steps, defects, trace, counts }
}
