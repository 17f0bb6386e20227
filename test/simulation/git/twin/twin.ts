import { spawnSync } from 'node:child_process'
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Disk } from '../../fs/disk.ts'
import { runCommand } from '../commands/run.ts'
import { doAll } from '../effects.ts'
import { GitModel } from '../model.ts'

const FOLDER = '/project'

export const PERSON = { name: 'Dev', email: 'dev@example.com' } as const

/** How a command ended. */
export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * A repository of the model and one of git's own in a real folder, to which the same is done. The clock of both goes on
 * by a second with each command.
 */
export class Twin {
  readonly model: GitModel
  readonly disk: Disk
  readonly folder: string
  #now = 1_700_000_000

  constructor(config: Readonly<Record<string, string>>) {
    this.disk = new Disk()
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'gamedev-twin-')))
    this.git('init', '-q', '-b', 'main')
    for (const [key, value] of Object.entries(config)) this.git('config', key, value)
    const user = { 'user.name': PERSON.name, 'user.email': PERSON.email, ...config }
    this.model = new GitModel(this.disk, FOLDER, { config: user, now: () => this.#now * 1000 })
  }

  tick(): void {
    this.#now += 1
  }

  /** git's own. */
  git(...args: readonly string[]): Ended {
    return this.#spawn(args)
  }

  /** A command as the product sends it, on both sides. */
  run(args: readonly string[], input = ''): { readonly git: Ended; readonly model: Ended } {
    const said = doAll(runCommand(this.model.repo, args, { input }))
    const model = { code: said.code, stdout: said.stdout.toString('utf8'), stderr: said.stderr }
    return { git: this.#spawn(args, input), model }
  }

  #spawn(args: readonly string[], input?: string): Ended {
    const date = `@${this.#now} +0000`
    const { status, stdout, stderr } = spawnSync('git', args, {
      cwd: this.folder,
      encoding: 'utf8',
      ...(input === undefined ? {} : { input }),
      env: {
        PATH: process.env.PATH,
        LC_ALL: 'C',
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_AUTHOR_NAME: PERSON.name,
        GIT_AUTHOR_EMAIL: PERSON.email,
        GIT_COMMITTER_NAME: PERSON.name,
        GIT_COMMITTER_EMAIL: PERSON.email,
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_DATE: date,
        GIT_EDITOR: ':',
        GIT_MERGE_AUTOEDIT: 'no',
      },
    })
    return { code: status ?? -1, stdout, stderr }
  }

  /** Writes a file, as a new one each time: that it was touched can be seen whatever the clock's grain. */
  write(path: string, content: string, mode = 0o644): void {
    const real = join(this.folder, path)
    mkdirSync(dirname(real), { recursive: true })
    // Beside the old one first, so that it cannot get the same inode.
    const next = join(this.folder, '.git', 'next')
    writeFileSync(next, content, { mode })
    rmSync(real, { recursive: true, force: true })
    renameSync(next, real)
    const full = `${FOLDER}/${path}`
    this.disk.rm(full, { recursive: true, force: true })
    this.disk.mkdir(dirname(full), { recursive: true })
    this.disk.writeFile(full, content, { mode: mode | 0o022 })
  }

  remove(path: string): void {
    rmSync(join(this.folder, path), { recursive: true, force: true })
    this.disk.rm(`${FOLDER}/${path}`, { recursive: true, force: true })
  }

  exists(path: string): boolean {
    return this.disk.find(`${FOLDER}/${path}`) !== undefined
  }

  read(path: string): string | undefined {
    return this.disk.readText(`${FOLDER}/${path}`)
  }

  /** What both sides have: refs and HEAD, index, work tree, what is under way. */
  states(): { readonly git: object; readonly model: object } {
    return { git: this.#gitState(), model: this.#modelState() }
  }

  #gitState(): object {
    const listed = this.git('for-each-ref', '--format=%(refname) %(objectname)').stdout.trim().split('\n')
    // Labels of a rebase that stopped are its own.
    const refs = listed.filter((line) => !line.startsWith('refs/rewritten/')).join('\n')
    const head = readFileSync(join(this.folder, '.git/HEAD'), 'latin1').trim()
    const files: Record<string, string> = {}
    const visit = (folder: string): void => {
      for (const name of readdirSync(join(this.folder, folder))) {
        const path = `${folder}${name}`
        if (path === '.git') continue
        const real = join(this.folder, path)
        const stat = lstatSync(real)
        if (stat.isDirectory()) visit(`${path}/`)
        else
          files[path] = stat.isSymbolicLink()
            ? `-> ${readlinkSync(real)}`
            : shown(readFileSync(real, 'latin1'), stat.mode)
      }
    }
    visit('')
    return {
      head,
      refs,
      index: this.git('ls-files', '-s', '-z').stdout.split('\0').slice(0, -1),
      files: sorted(files),
      underWay: UNDER_WAY.filter((name) => readdirSync(join(this.folder, '.git')).includes(name)),
    }
  }

  #modelState(): object {
    const { repo } = this.model
    const refs = [...repo.refs.list('refs')].map(([ref, oid]) => `${ref} ${oid}`).join('\n')
    const index = repo.index.paths().flatMap((path) => {
      const entry = repo.index.entries.get(path)
      const stages =
        entry === undefined
          ? repo.index.unmerged.get(path)!.map((item, n) => [item, n + 1] as const)
          : [[entry, 0] as const]
      return stages.flatMap(([item, n]) => (item === undefined ? [] : [`${item.mode} ${item.oid} ${n}\t${path}`]))
    })
    const files: Record<string, string> = {}
    const visit = (folder: string): void => {
      for (const name of this.disk.readdir(`${FOLDER}/${folder}`)) {
        const path = `${folder}${name}`
        if (path === '.git') continue
        const node = this.disk.find(`${FOLDER}/${path}`)!
        if (node.kind === 'folder') visit(`${path}/`)
        else
          files[path] =
            node.kind === 'link' ? `-> ${node.target}` : shown(Buffer.from(node.bytes).toString('latin1'), node.mode)
      }
    }
    visit('')
    return {
      head: this.disk.readText(`${FOLDER}/.git/HEAD`)?.trim(),
      refs,
      index,
      files: sorted(files),
      underWay: UNDER_WAY.filter((name) => this.disk.readdir(`${FOLDER}/.git`).includes(name)),
    }
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const UNDER_WAY = ['CHERRY_PICK_HEAD', 'MERGE_HEAD', 'REVERT_HEAD', 'rebase-merge']

function shown(content: string, mode: number): string {
  return `${(mode & 0o100) === 0 ? '' : '* '}${content}`
}

function sorted(files: Readonly<Record<string, string>>): object {
  return Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)))
}
