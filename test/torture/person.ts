import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { entityFile } from '../../src/projection/paths.ts'
import { isJsonObject, type JsonObject } from '../../src/world/json.ts'
import { entityOf, PROPS, pick, randomFrom, SETTINGS_FIELDS, tagPlace, tagText } from '../e2e/race-world.ts'
import { type Blow, type Rack, type Ran, runStruck, type Sent } from './command.ts'
import { readSides } from './sides.ts'
import { BLUEPRINTS, ENTITIES, SCRIPTS, withLine } from './template.ts'

/** Somebody with a clone: edits files, commits, runs commands that may be struck, settles what is contested. */
export class Person {
  readonly name: string
  readonly folder: string
  /** What they wrote to the world, and from where. */
  readonly sent: Sent[] = []
  readonly commits: string[] = []
  /** Sides of conflicts that they saw before they settled them, and what their pushes reported: `object field value`. */
  readonly told = new Set<string>()
  readonly log: string[] = []
  readonly #rack: Rack
  readonly #index: number
  readonly #extras: string[]
  readonly #random: () => number
  #count = 0

  constructor(rack: Rack, index: number, folder: string, seed: number, extras: string[]) {
    this.#rack = rack
    this.#index = index
    this.name = `p${index}`
    this.folder = folder
    this.#extras = extras
    this.#random = randomFrom(seed)
  }

  get isMerging(): boolean {
    return existsSync(join(this.folder, '.git/MERGE_HEAD'))
  }

  /** Runs git, which must succeed. */
  async git(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run('git', args)
    if (code !== 0) throw new Error(`${this.name}: git ${args.join(' ')} failed with ${code}: ${stdout}${stderr}`)
    return stdout.trimEnd()
  }

  sync(args: readonly string[], blow?: Blow): Promise<Ran> {
    return this.run(process.execPath, [this.#rack.place.cli, 'sync', ...args, '--json'], blow)
  }

  async run(program: string, args: readonly string[], blow?: Blow): Promise<Ran> {
    const who = { name: this.name, folder: this.folder, onSent: (sent: Sent) => void this.sent.push(sent) }
    const ran = await runStruck(this.#rack, who, program, args, blow)
    if (program !== 'git' || blow !== undefined || ran.code !== 0) this.#say(ran)
    this.#hear(ran)
    return ran
  }

  /** Edits some files and commits them. */
  async edit(edits: number): Promise<void> {
    for (let n = 0; n < edits; n++) this.#change()()
    await this.git('add', '-A')
    if ((await this.git('diff', '--cached', '--name-only')) === '') return
    await this.git('commit', '--quiet', '-m', `${this.name} edits, to ${this.#count}`)
    this.commits.push(await this.git('rev-parse', 'HEAD'))
  }

  /**
   * Settles the open merge, each conflict with one of its sides, by our command or with git's own, and concludes it. A
   * blow strikes the first command of ours. False when that left it open.
   */
  async settle(blow?: Blow): Promise<boolean> {
    for (const side of await readSides(this.folder)) this.told.add(side)
    let strike = blow
    for (let round = 0; ; round++) {
      const listed = await this.sync(['conflicts'])
      const { conflicts = [] } = parse(listed.stdout) as { conflicts?: readonly Conflict[] }
      const conflict = conflicts[0]
      if (conflict === undefined && listed.code === 0) break
      if (conflict === undefined || round > 100)
        throw new Error(`${this.name}: conflicts do not close: ${listed.stdout}${listed.stderr}`)
      const side = this.#random() < 0.5 ? 'local' : 'remote'
      if (this.#random() < 0.2 && (await this.#takeWithGit(conflict, side))) continue
      const names = this.#random() < 0.5 ? ['--all'] : [conflict.id]
      const ran = await this.sync(['resolve', ...names, '--use', side], strike)
      if (ran.struck !== undefined) return false
      if (ran.code !== 0 && ran.code !== 2)
        throw new Error(`${this.name}: resolve exited with ${ran.code}: ${ran.stdout}${ran.stderr}`)
      strike = undefined
    }
    // Where there was none, the command may have completed what another had left half done (C1).
    if (!this.isMerging) return true
    await this.git('add', '-A')
    await this.git('commit', '--quiet', '--no-edit')
    return true
  }

  /** As people who know git would: whole files as one side has them. */
  async #takeWithGit({ unmerged }: Conflict, side: 'local' | 'remote'): Promise<boolean> {
    const stages = (await this.git('ls-files', '--unmerged', '--', ...unmerged)).split('\n')
    const stage = side === 'local' ? '2' : '3'
    const there = unmerged.filter((path) => stages.some((row) => row.endsWith(` ${stage}\t${path}`)))
    if (there.length !== unmerged.length || unmerged.length === 0) return false
    await this.git('checkout', '--quiet', side === 'local' ? '--ours' : '--theirs', '--', ...unmerged)
    await this.git('add', '--', ...unmerged)
    return true
  }

  /** An edit by chance. */
  #change(): () => void {
    const tag = tagText('pusher', this.#index, ++this.#count)
    const place = [...tagPlace('pusher', this.#index, this.#count)]
    const dice = this.#random()
    if (dice < 0.07) return () => this.#add(tag, place)
    if (dice < 0.11) return () => this.#remove()
    if (dice < 0.17) return () => this.#set('world/settings.json', { [pick(this.#random, SETTINGS_FIELDS)]: tag })
    if (dice < 0.2) return () => this.#set('world/spawn.json', { position: place })
    if (dice < 0.36) {
      const script = pick(this.#random, SCRIPTS)
      return () => this.#write(script, withLine(this.#read(script), this.name, tag))
    }
    if (dice < 0.42) return () => this.#useAsset(tag)
    const props = { [pick(this.#random, PROPS)]: tag }
    if (dice < 0.54) {
      const file = blueprintFile(pick(this.#random, BLUEPRINTS))
      return () => (this.#random() < 0.5 ? this.#set(file, { desc: tag }) : this.#set(file, {}, props))
    }
    const file = entityFile(pick(this.#random, ENTITIES))
    return () => (this.#random() < 0.4 ? this.#set(file, { position: place }) : this.#set(file, {}, props))
  }

  #add(tag: string, place: readonly number[]): void {
    const id = `extra-${tag.replace('.', '-')}`
    const more = { position: [...place], props: { a: tag, b: tag, c: tag } }
    this.#write(entityFile(id), `${JSON.stringify(entityOf(id, pick(this.#random, BLUEPRINTS), more), null, 2)}\n`)
    this.#extras.push(id)
  }

  #remove(): void {
    const here = this.#extras.filter((id) => existsSync(join(this.folder, entityFile(id))))
    if (here.length > 0) rmSync(join(this.folder, entityFile(pick(this.#random, here))))
  }

  #useAsset(tag: string): void {
    // The name under which the world's own copy of it comes to the other clones.
    const name = tag.replace('.', '-')
    const url = `assets/${name}.glb`
    this.#write(url, randomBytes(1 + Math.floor(this.#random() * 200_000)))
    this.#set(blueprintFile('Thing2'), {}, { [`file${this.#index}`]: { type: 'model', name, url } })
  }

  #set(path: string, fields: JsonObject, props: JsonObject = {}): void {
    if (!existsSync(join(this.folder, path))) return
    const document = JSON.parse(this.#read(path)) as JsonObject
    const changed = { ...document, ...fields }
    if (Object.keys(props).length > 0) changed.props = { ...(document.props as JsonObject), ...props }
    this.#write(path, `${JSON.stringify(changed, null, 2)}\n`)
  }

  #read(path: string): string {
    return readFileSync(join(this.folder, path), 'utf8')
  }

  #write(path: string, content: string | Buffer): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true })
    writeFileSync(join(this.folder, path), content)
  }

  #say({ args, code, struck, stdout, stderr }: Ran): void {
    const what = args.filter((arg) => !arg.endsWith('run.js') && arg !== '--json').join(' ')
    const how = struck === undefined ? '' : `, struck ${struck}`
    const said = code === 0 ? '' : `\n${brief(stdout)}${stderr.slice(0, 2000)}`.trimEnd()
    this.log.push(`${what} → ${code}${how}${said}`)
  }

  /** What a push found to be overwritten, either way (P5). */
  #hear({ stdout }: Ran): void {
    if (!stdout.includes('"unseen"')) return
    const said = parse(stdout)
    const recovered = isJsonObject(said.recovered) ? said.recovered : {}
    for (const unseen of [said.unseen, recovered.unseen].flatMap((list) => (Array.isArray(list) ? list : []))) {
      const { object, field, remote } = unseen as { object: string; field: string; remote: unknown }
      this.told.add(`${object} ${field} ${remote === undefined ? undefined : JSON.stringify(remote)}`)
    }
  }
}

interface Conflict {
  readonly id: string
  readonly unmerged: readonly string[]
}

function blueprintFile(id: string): string {
  return `apps/${id}/${id}.json`
}

/** What a command printed, on one line if it is JSON. */
function brief(stdout: string): string {
  const document = parse(stdout)
  const text = Object.keys(document).length === 0 ? stdout : `${JSON.stringify(document)}\n`
  return text.slice(0, 2000)
}

function parse(stdout: string): JsonObject {
  try {
    const document: unknown = JSON.parse(stdout)
    return isJsonObject(document) ? document : {}
  } catch {
    return {}
  }
}
