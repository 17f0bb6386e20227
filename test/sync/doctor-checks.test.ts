import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import Doctor from '../../src/commands/sync/doctor.ts'
import { openRuntime } from '../../src/remote-runtime/open-runtime.ts'
import { skewOf } from '../../src/remote-runtime/server-clock.ts'
import { type DoctorReport, examine } from '../../src/sync/doctor.ts'
import { examineHooks, examineMergeDriver, examineRebase } from '../../src/sync/doctor-clone.ts'
import { examineSwitches } from '../../src/sync/doctor-config.ts'
import { examineState } from '../../src/sync/doctor-feed.ts'
import type { Said } from '../../src/sync/doctor-finding.ts'
import { examineConflicts, examineLeftovers } from '../../src/sync/doctor-leftovers.ts'
import { examineLine } from '../../src/sync/doctor-line.ts'
import { examinePolicy } from '../../src/sync/doctor-policy.ts'
import { examineClock, examineReach } from '../../src/sync/doctor-reach.ts'
import { examineSecrets } from '../../src/sync/doctor-secrets.ts'
import { installHooks } from '../../src/sync/hooks.ts'
import { knownTip } from '../../src/sync/known-tip.ts'
import { SILENT } from '../../src/sync/progress.ts'
import { openProject, type Project } from '../../src/sync/session.ts'
import { openWorld } from '../../src/sync/world-target.ts'
import { SyncError } from '../../src/world/errors.ts'
import { run } from '../commands/run.ts'
import { addLamps, Checkout, CODE, cloneWorld, startWorld, temporaryFolder, type World } from './support.ts'
import { withRuntime } from './unlucky-support.ts'

type Env = Record<string, string>

async function look(checkout: Checkout, options: { env?: Env; quick?: boolean } = {}): Promise<DoctorReport> {
  const context = checkout.context(options.env ?? {})
  const world = await openWorld(context, {}).catch((error: SyncError) => error)
  try {
    return await examine(context, world, { fix: false, quick: options.quick ?? false, confirm: async () => false })
  } finally {
    if (!(world instanceof SyncError)) await world.close()
  }
}

/** What a check said, as `kind message (hint)`. */
function said({ findings }: DoctorReport, check: string): string {
  const lines = findings.filter((one) => one.check === check)
  return lines
    .map(
      ({ kind, path, message, hint }) => `${kind} ${path === undefined ? '' : `${path}: `}${message} (${hint ?? ''})`,
    )
    .join('\n')
}

const problems = ({ findings }: DoctorReport) =>
  findings.filter(({ kind }) => kind === 'problem').map(({ check }) => check)

async function sound(): Promise<{ world: World; checkout: Checkout }> {
  const world = await startWorld()
  await addLamps(world)
  const checkout = await cloneWorld(world)
  await world.edit('ada', 'lamp0001', { position: [1, 1, 1] })
  await world.edit('ada', 'lamp0002', { props: { color: 'red' } })
  await checkout.pull()
  return { world, checkout }
}

/** One check on its own: what it says, as `kind path: message (hint)`. */
async function only(checkout: Checkout, check: (project: Project) => Promise<readonly Said[]>): Promise<string> {
  const project = await openProject(checkout.context())
  const report = { findings: (await check(project)).map((one) => ({ check: '', ...one })) } as unknown as DoctorReport
  await project.repository.close()
  return said(report, '')
}

it('what is sound is said to be, check by check; each thing that is broken, by the check that looks at it', async () => {
  const { world, checkout } = await sound()
  const first = await look(checkout)
  expect(problems(first)).toEqual([])
  expect(first.findings.filter(({ kind }) => kind === 'ok').map(({ check }) => check)).toEqual(
    expect.arrayContaining(
      'git targets switches secrets pull.rebase shallow leftovers conflicts layout ids line world clock feed objects state'.split(
        ' ',
      ),
    ),
  )
  expect(said(first, 'line')).toContain('3 commits of world plaza')
  expect(said(first, 'hooks')).toContain('Run "gamedev sync hooks install"')

  // The quick look leaves out what grows with the world.
  const quick = await look(checkout, { quick: true })
  const looked = new Set(quick.findings.map(({ check }) => check))
  expect(['layout', 'ids', 'objects', 'state'].filter((check) => looked.has(check))).toEqual([])
  expect(quick).toMatchObject({ worldId: 'plaza', objects: undefined })

  await installHooks(checkout.context())
  expect(await only(checkout, examineHooks)).toBe('ok installed ()')
  rmSync(join(checkout.folder, '.git/hooks/pre-push'))
  expect(await only(checkout, examineHooks)).toContain('not installed: pre-push')

  // The driver without the program, the program without the driver.
  const programs = temporaryFolder()
  writeFileSync(join(programs, 'gamedev'), '#!/bin/sh\n')
  chmodSync(join(programs, 'gamedev'), 0o755)
  checkout.git('config', 'merge.gamedev.driver', 'gamedev sync merge-driver %O %A %B %P')
  const path = process.env.PATH ?? ''
  const driver = (PATH: string) => only(checkout, (project) => examineMergeDriver(project, { PATH }))
  expect(await driver(`${programs}:${path}`)).toContain('ok world files are merged by field')
  expect(await driver('/nowhere')).toContain('problem it is installed, but "gamedev" is not on the PATH')
  checkout.git('config', '--unset', 'merge.gamedev.driver')
  expect(await driver(path)).toContain('this clone does not know it')
  const attributes = checkout.read('.gitattributes')
  // git falls back to what the index has of a file that is gone.
  checkout.write('.gitattributes', '')
  expect(await driver(path)).toContain('.gitattributes does not name it')
  checkout.write('.gitattributes', attributes)

  checkout.git('config', 'pull.rebase', 'true')
  expect(await only(checkout, examineRebase)).toMatch(/^problem pull.rebase .*git config pull.rebase merges/)
  checkout.git('config', 'pull.rebase', 'merges')
  expect(problems(await look(checkout, { quick: true }))).toEqual([])

  for (const [env, kind, text] of [
    [{ SYNC_STRICT_CONFLICTS: 'maybe' }, 'problem', 'neither on nor off'],
    [{ SYNC_STRICT_CONFLICTS: 'off' }, 'information', 'SYNC_STRICT_CONFLICTS is off in the environment'],
    [{ BIDIRECTIONAL_SYNC: '0' }, 'information', 'nothing is written, to either side'],
  ] as const) {
    const switches = await only(checkout, ({ folder }) => examineSwitches(folder, env))
    expect(switches).toContain(kind)
    expect(switches).toContain(text)
  }

  // lobby.json and its targets.
  const lobby = checkout.read('lobby.json')
  const { url } = world.runtime
  const targets = { main: { worldUrl: url, worldId: 'plaza' } }
  const config = async (text: string | object, secrets: object = {}) => {
    checkout.write('lobby.json', text)
    checkout.write('.lobby/targets.json', secrets)
    const report = await look(checkout)
    checkout.write('lobby.json', lobby)
    checkout.remove('.lobby/targets.json')
    return report
  }
  expect(said(await config('{ "targets": 7 }'), 'targets')).toContain(
    'problem lobby.json: lobby.json "targets" must be',
  )
  expect(said(await config({ targets: { ...targets, twin: targets.main } }), 'targets')).toContain('are one world')
  const moved = await config({ targets }, { main: { worldUrl: url, worldId: 'other', adminCode: 'x' } })
  expect(said(moved, 'targets')).toContain('target "main" has another worldId in .lobby/targets.json')
  const extra = await config({ targets }, { live: { worldUrl: url, worldId: 'live' } })
  expect(said(extra, 'targets')).toContain('only .lobby/targets.json knows live')
  const broken = await config({ targets }, [])
  expect([said(broken, 'targets'), said(broken, 'world')]).toEqual([
    expect.stringContaining('must hold one object'),
    '',
  ])
  const elsewhere = await look(checkout, { quick: true, env: { WORLD_URL: 'http://127.0.0.1:9' } })
  expect(said(elsewhere, 'targets')).toContain('WORLD_ID is not')
  expect(elsewhere.failure).toMatchObject({ code: 'incomplete_target' })
  const policy = { rules: [{ id: 'Nobody', owner: 'local' }] }
  expect(said(await config({ targets, policy }), 'policy')).toContain('policy.rules[0] is about no object')

  // Both layouts; ids are another test's.
  checkout.write('world.json', { formatVersion: 2, settings: {}, spawn: {}, entities: [] })
  expect(said(await look(checkout), 'layout')).toContain('problem world.json: both world.json and files below world/')
  checkout.remove('world.json')

  // The world moves on.
  await world.edit('ada', 'lamp0001', { position: [7, 7, 7] })
  const behind = await look(checkout)
  expect(said(behind, 'feed')).toMatch(/^information the world is at \d+, this clone at \d+/)
  expect(said(behind, 'state')).toContain('not compared')
  expect(problems(behind)).toEqual([])
})

it('G11: a world that went back behind its feed, or changed without a word, is told from one that is as fetched', async () => {
  const dataDir = temporaryFolder()
  const world = await startWorld({ publicLike: true, dataDir })
  await addLamps(world)
  world.runtime.save()
  const checkout = await cloneWorld(world)
  await world.edit('bob', 'lamp0001', { props: { color: 'red' } })
  await checkout.pull()
  expect(problems(await look(checkout))).toEqual([])
  const { port } = world.runtime
  const quiet = await checkout.session(async (session) => {
    const snapshot = async () => {
      const taken = await world.remote.snapshot()
      const entities = taken.entities.map((one) => (one.id === 'lamp0002' ? { ...one, pinned: true } : one))
      return { ...taken, entities }
    }
    const tip = (await knownTip(session, await session.repository.resolve('HEAD')))!
    return examineState(withRuntime(session, { snapshot }), tip)
  })
  expect(quiet).toMatchObject([
    { kind: 'information', message: 'the world changed 1 object without an operation: entity:lamp0002' },
  ])
  await world.runtime.kill()
  await startWorld({ publicLike: true, dataDir, port })
  const lost = await look(checkout)
  expect(problems(lost)).toEqual(['state'])
  expect(said(lost, 'feed')).toMatch(/^ok/)
  expect(said(lost, 'state')).toMatch(
    /^problem the world lost .* of 1 object: entity:lamp0001 .*"gamedev sync pull --verify"/,
  )
})

it('secrets are ignored, untracked, private and in no commit', async () => {
  const { checkout } = await sound()
  const secrets = () => only(checkout, (project) => examineSecrets(project, { quick: false }))
  checkout.write('.env', `ADMIN_CODE=${CODE}\n`)
  chmodSync(join(checkout.folder, '.env'), 0o644)
  expect(await secrets()).toBe(
    'information .env: others on this machine can read its admin code (Run "chmod 600 .env".)',
  )
  chmodSync(join(checkout.folder, '.env'), 0o600)
  expect(await secrets()).toContain('ok the files of admin codes are ignored by git, and no commit holds one')
  const ignore = checkout.read('.gitignore')
  checkout.write('.gitignore', 'node_modules\n')
  const open = await secrets()
  expect(open).toContain('problem .env: holds an admin code, and git does not ignore it (Add ".env" to .gitignore.)')
  expect(open).toContain('information .lobby/targets.json: git does not ignore it')
  expect(open).toContain('information .lobby: git does not ignore it')
  checkout.git('add', '--force', '.env')
  const tracked = await secrets()
  expect(tracked).toContain('problem .env: is tracked by git and holds an admin code (Run "git rm --cached .env"')
  checkout.git('commit', '--quiet', '-m', 'oops')
  checkout.git('rm', '--quiet', '--cached', '.env')
  checkout.write('.gitignore', ignore)
  checkout.commit('gone')
  const history = await secrets()
  expect(history).toContain('problem .env: an admin code that is in use stands in the history of HEAD')
  expect(`${open}${tracked}${history}`).not.toContain(CODE)
  checkout.write('.env', 'ADMIN_CODE=another-one\n')
  expect(await secrets()).toContain('information .env: is in the history of HEAD')
})

it('the remote ref is read commit by commit: trailers, parents, cursors, dates, its world', async () => {
  const { world, checkout } = await sound()
  const ref = 'refs/lobby/remote'
  const tip = checkout.git('rev-parse', ref)
  const message = checkout.git('log', '-1', '--format=%B', tip)
  /** The tip anew with a change of its own, as a commit on top of it. */
  const forge = (
    change: (text: string) => string,
    options: { parents?: readonly string[]; tree?: string; date?: string } = {},
  ) => {
    const parents = (options.parents ?? [tip]).flatMap((parent) => ['-p', parent])
    const date = options.date ?? checkout.git('log', '-1', '--format=%cI', tip)
    const made = execFileSync('git', ['commit-tree', options.tree ?? `${tip}^{tree}`, ...parents], {
      cwd: checkout.folder,
      input: change(message),
      env: { ...process.env, GIT_COMMITTER_DATE: date },
      encoding: 'utf8',
    }).trim()
    checkout.git('update-ref', ref, made)
  }
  const options = { quick: false, progress: SILENT }
  const line = () => only(checkout, async (project) => (await examineLine(project, ref, 'plaza', options)).said)
  const same = (text: string) => text
  const bad = async (...forged: Parameters<typeof forge>) => {
    forge(...forged)
    // Only what lies below the tip can be read with it: a sound commit goes on top.
    const below = checkout.git('rev-parse', ref)
    forge(same, { parents: [below], date: '2098-01-01T00:00:00Z' })
    const found = await line()
    checkout.git('update-ref', ref, tip)
    expect(found).toMatch(/^problem refs\/lobby\/remote: .*gamedev sync rebuild/)
    return found
  }
  expect(await line()).toMatch(/^ok 3 commits/)
  expect(await bad(same, { tree: checkout.git('rev-parse', 'HEAD^{tree}') })).toContain(
    'a tree that its Lobby-Tree does not name',
  )
  expect(await bad(() => 'Nothing\n')).toContain('1 commit of it has no trailers of a line')
  expect(await bad((text) => text.replace('Lobby-World: plaza', 'Lobby-World: other'))).toContain('another world')
  expect(await bad((text) => text.replace(/Lobby-Cursor: \d+/, 'Lobby-Cursor: 99'))).toContain('a cursor higher than')
  expect(await bad((text) => text.replace('Lobby-Format: 1', 'Lobby-Format: 7'))).toContain('a newer version')
  expect(await bad(same, { parents: [tip, checkout.git('rev-parse', 'HEAD')] })).toContain('more than one parent')
  expect(await bad(same, { date: '2099-01-01T00:00:00Z' })).toContain('a date later than')
  expect(await bad(same, { parents: [] })).toContain('no snapshot, though the line begins with it')

  checkout.git('update-ref', ref, checkout.git('rev-parse', 'HEAD'))
  expect(await line()).toContain("problem refs/lobby/remote: it points to no commit of a world's line")
  writeFileSync(join(checkout.folder, '.git', ref), '')
  expect(await line()).toContain('names no commit')
  writeFileSync(join(checkout.folder, '.git', ref), `${'1'.repeat(40)}\n`)
  expect(await line()).toContain('which is no commit of this repository')
  rmSync(join(checkout.folder, '.git', ref))
  expect(await line()).toContain('information refs/lobby/remote: not here yet, but the history of HEAD has the line')

  // An older ref than HEAD's history; a feed that is another one.
  checkout.git('update-ref', ref, `${tip}~1`)
  expect(await line()).toContain('HEAD has the line up to')
  checkout.git('update-ref', ref, tip)
  forge((text) => text.replace(/Lobby-Op: \S+/, 'Lobby-Op: never'))
  expect(said(await look(checkout, { quick: true }), 'feed')).toContain('was reset or replaced')
  forge((text) => text.replace(/Lobby-Cursor: \d+/, 'Lobby-Cursor: 999'))
  expect(said(await look(checkout), 'feed')).toMatch(/^problem .*its feed ends at \d+, before 999/)
  checkout.git('update-ref', ref, tip)

  // A clone whose history is cut.
  const shallow = new Checkout(join(temporaryFolder(), 'shallow'))
  checkout.git('clone', '--quiet', '--depth=1', `file://${checkout.folder}`, shallow.folder)
  expect(said(await look(shallow), 'shallow')).toContain('problem This clone is shallow')
  expect(await world.head()).toBeGreaterThan(0)
})

it('what interrupted commands left is named, with the command that ends it', async () => {
  const { checkout } = await sound()
  const state = join(checkout.folder, '.git/lobby')
  const left = async (name: string, text: string) => {
    writeFileSync(join(state, name), text)
    const report = await only(checkout, examineLeftovers)
    rmSync(join(state, name))
    return report
  }
  const lock = (holder: object) =>
    left('lock', JSON.stringify({ pid: 1, host: hostname(), command: 'sync push', ...holder }))
  expect(await lock({ pid: process.ppid })).toContain(`information ${join(state, 'lock')}: "gamedev sync push"`)
  expect(await lock({ pid: 2 ** 22 + 1 })).toContain('left its lock: the next command takes it over')
  expect(await lock({ host: 'elsewhere' })).toMatch(/^problem .*on another machine/)
  expect(await left('push-refs%2flobby%2fremote.json', '{}')).toMatch(
    /^problem .*a push was interrupted.*Run "gamedev sync pull"/,
  )
  expect(await left('merge-x.json', '{}')).toMatch(/^problem .*a merge with the world was interrupted/)
  expect(await left('push-x.json.damaged', '?')).toMatch(/^information .*was put aside/)
  expect(await left('autostash', 'x')).toContain('git stash list')
  writeFileSync(join(state, 'lock'), JSON.stringify({ pid: process.ppid, host: hostname(), command: 'sync push' }))
  expect(await left('push-x.json', '{}')).toContain('information')
  rmSync(join(state, 'lock'))
  expect(await left('../index.lock', '')).toMatch(/^problem .*git has left its lock of the index/)
  checkout.git('update-ref', 'refs/lobby/rebuild/x', 'HEAD')
  expect(await only(checkout, examineLeftovers)).toContain('a rebuild was interrupted')
  checkout.git('update-ref', '-d', 'refs/lobby/rebuild/x')
  expect(await only(checkout, examineLeftovers)).toMatch(/^ok/)

  mkdirSync(join(checkout.folder, '.lobby/conflicts'), { recursive: true })
  checkout.write('.lobby/conflicts/0123abcd.json', '{')
  expect(await only(checkout, examineConflicts)).toMatch(/^problem .*0123abcd.json: this artifact/)
  checkout.remove('.lobby/conflicts')
  const path = checkout.entityPath('lamp0001')
  const base = checkout.git('rev-parse', `HEAD:${path}`)
  const info = [1, 2, 3].map((stage) => `100644 ${base} ${stage}\t${path}\n`).join('')
  execFileSync('git', ['update-index', '--index-info'], {
    cwd: checkout.folder,
    input: `0 ${'0'.repeat(40)}\t${path}\n${info}`,
  })
  expect(await only(checkout, examineConflicts)).toMatch(/^problem 1 conflict open: .*"gamedev sync conflicts"/)
})

it('why a world cannot be reached is a sentence of its own each time, and local checks are done all the same', async () => {
  const reach = async (url: string, address: { worldId?: string; adminCode?: string } = {}) => {
    const full = { url, worldId: address.worldId, adminCode: address.adminCode }
    const runtime = openRuntime(full, { retries: 0, timeoutMs: 500 })
    const switches = { strictConflicts: true, bidirectional: true }
    const reached = await examineReach({ runtime, url, confirm: false, switches, close: () => runtime.close() })
    await runtime.close()
    return {
      kind: reached.kind,
      text: reached.said.map(({ kind, message, hint }) => `${kind} ${message} (${hint ?? ''})`).join(),
    }
  }
  const serve = async (answer: (path: string) => readonly [number, string] | undefined) => {
    const server = createServer((request, response) => {
      const [status, body] = answer(request.url ?? '') ?? []
      if (status !== undefined) response.writeHead(status, { 'content-type': 'application/json' }).end(body)
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return `127.0.0.1:${(server.address() as { port: number }).port}`
  }
  const { world, checkout } = await sound()
  const { url } = world.runtime
  expect((await reach(url, { adminCode: CODE })).text).toMatch(/^ok world plaza/)
  expect((await reach(url, { adminCode: 'wrong' })).text).toContain('refused the admin code')
  expect((await reach(url)).text).toContain('wants an admin code')
  expect((await reach(url, { worldId: 'other', adminCode: CODE })).text).toContain('is the world "plaza", not "other"')
  expect((await reach('http://127.0.0.1:9')).text).toContain(
    'nothing listens at 127.0.0.1:9: the connection is refused',
  )
  expect((await reach('http://no-such-host.invalid')).text).toContain(
    'no address is known for the name no-such-host.invalid',
  )
  const silent = await serve(() => undefined)
  expect((await reach(`http://${silent}`)).text).toContain('does not answer in time')
  const failing = await serve(() => [502, ''])
  expect((await reach(`http://${failing}`)).text).toContain('HTTP 502: the server, or a proxy before it, fails')
  expect((await reach(`https://${failing}`)).text).toContain('no trusted connection to')
  const other = await serve(() => [404, '{"error":"Not Found"}'])
  expect((await reach(`http://${other}`)).text).toContain('serves no lobby world')
  const page = { cursor: 0, headCursor: 0, operations: [], hasMore: false }
  const deaf = await serve((path) => [200, JSON.stringify(path === '/status' ? { ok: true, worldId: 'deaf' } : page)])
  expect(await reach(`http://${deaf}`)).toMatchObject({
    kind: 'reached',
    text: expect.stringContaining('its WebSocket cannot be used'),
  })

  // The command: exit code 4, the local findings beside it.
  await world.runtime.close()
  const offline = await run(Doctor, checkout.folder, ['--quick', '--json'], { ADMIN_CODE: CODE })
  const { ok, checks } = JSON.parse(offline.out) as { ok: boolean; checks: DoctorReport['findings'] }
  expect([offline.code, ok]).toEqual([4, false])
  expect(checks.filter(({ kind }) => kind === 'problem').map(({ check }) => check)).toEqual(['world'])
  expect(checks.find(({ check }) => check === 'line')).toMatchObject({ kind: 'ok' })
  const text = await run(Doctor, checkout.folder, ['--quick'], { ADMIN_CODE: CODE })
  expect(text.out).toContain('problem      world         nothing listens at')
  expect(text.out).toMatch(/1 problem found\.\n$/)
})

it('clocks that differ are measured no finer than the answer says', async () => {
  expect([skewOf(10_000, 10_300, 10_400), skewOf(10_000, 9_500, 9_700), skewOf(20_000, 9_000, 9_500)]).toEqual([
    0, 300, 10_500,
  ])
  expect(skewOf(5_000, 9_000, 9_500)).toBe(-3_001)
  const world = await startWorld()
  const target = await openWorld(new Checkout(temporaryFolder()).context(), { url: world.runtime.url })
  const clock = async (skew: number | undefined) => (await examineClock(target, async () => skew))[0]
  expect((await examineClock(target))[0]).toMatchObject({ kind: 'ok' })
  expect(await clock(9_000)).toMatchObject({ kind: 'ok' })
  expect(await clock(undefined)).toMatchObject({ kind: 'information' })
  expect(await clock(-95_000)).toMatchObject({
    kind: 'information',
    message: expect.stringContaining('95 seconds behind'),
  })
  expect(await clock(3 * 86_400_000)).toMatchObject({
    kind: 'problem',
    message: expect.stringContaining('3 days ahead'),
  })
  await target.close()
})

it('rules that never decide are found, and no others', () => {
  const dead = (...rules: Parameters<typeof examinePolicy>[0]['rules']) =>
    examinePolicy({ rules }, undefined).flatMap(({ kind, message }) => (kind === 'problem' ? [message] : []))
  expect(dead({ id: 'lamp-*', owner: 'local' }, { id: 'lamp*', owner: 'shared' })).toEqual([
    'policy.rules[0] never decides: policy.rules[1] matches whatever it does',
  ])
  expect(dead({ id: 'lamp*', owner: 'local' }, { id: 'lamp-*', owner: 'shared' })).toEqual([])
  expect(dead({ field: 'props.color', owner: 'local' }, { field: 'props', owner: 'runtime' })).toHaveLength(1)
  expect(dead({ field: ['props', 'a.b'], owner: 'local' }, { field: 'props', owner: 'runtime' })).toHaveLength(1)
  expect(dead({ field: 'props', owner: 'local' }, { field: 'props.color', owner: 'runtime' })).toEqual([])
  expect(dead({ owner: 'local' }, { field: 'props', owner: 'runtime' })).toEqual([])
  expect(dead({ field: 'props.tags', merge: 'set' }, { owner: 'runtime' })).toEqual([])
  expect(dead({ type: 'entity', scope: 'wood', owner: 'local' }, { type: 'entity', owner: 'runtime' })).toHaveLength(1)
  expect(dead({ scope: 'wood', owner: 'local' }, { type: 'entity', owner: 'runtime' })).toEqual([])
})
